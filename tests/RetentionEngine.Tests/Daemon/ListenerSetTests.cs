using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Listeners;
using RetentionEngine.Daemon.Reporting;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>From one configuration to the next without losing a line.</summary>
public sealed class ListenerSetTests : IAsyncDisposable
{
    private readonly Status _status = new(TimeProvider.System);
    private readonly StringWriter _log = new();
    private readonly StringBuilder _lines = new();
    private readonly ListenerSet _set;

    public ListenerSetTests()
    {
        var log = new Log(_log, hasPriority: false);
        var sink = new LineSink(Append, TimeProvider.System, log);
        _set = new ListenerSet(sink, _status, log, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _set.DisposeAsync();
        await _log.DisposeAsync();
    }

    [Fact]
    public async Task A_listener_that_stays_keeps_its_connections()
    {
        SyslogSettings settings = At("a", FreePort());
        await _set.ApplyAsync([settings]);
        using Socket socket = Connect(settings);
        await socket.SendAsync("one\n"u8.ToArray());
        await _set.ApplyAsync([settings with { FrameMaxBytes = 500 }]);
        Assert.True(await ListenerFixture.FinishAsync(socket, "two\n"u8.ToArray()));
        using Socket later = Connect(settings);
        Assert.False(await ListenerFixture.FinishAsync(later, new byte[501]));
        Assert.Equal("one\ntwo\n", _lines.ToString());
        Assert.Equal(1, _status.Listener("a", SyslogProtocol.Tcp).Refused(RefusalReason.FrameTooLong));
    }

    [Fact]
    public async Task A_new_one_is_open_and_an_old_one_ends_when_all_it_was_sent_is_durable()
    {
        SyslogSettings before = At("a", FreePort());
        SyslogSettings after = At("b", FreePort());
        await _set.ApplyAsync([before]);
        using Socket old = Connect(before);
        await old.SendAsync("one\n"u8.ToArray());
        Task change = _set.ApplyAsync([after]);
        Assert.True(await ListenerFixture.EndAsync(old));
        Assert.True(await ListenerFixture.FinishAsync(old, "two\n"u8.ToArray()));
        using Socket fresh = Connect(after);
        Assert.True(await ListenerFixture.FinishAsync(fresh, "three\n"u8.ToArray()));
        await change;
        Assert.Equal(["one", "three", "two"], _lines.ToString().TrimEnd('\n').Split('\n').Order());
        Assert.Equal(["b"], _status.Listeners.Select(static l => l.Name));
        Assert.Throws<SocketException>(() => Connect(before));
    }

    [Fact]
    public async Task What_can_not_be_opened_changes_nothing()
    {
        SyslogSettings settings = At("a", FreePort());
        await _set.ApplyAsync([settings]);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        int free = FreePort();
        await Assert.ThrowsAsync<ConfigException>(
            () => _set.ApplyAsync([At("b", free), At("c", port)]));
        using Socket socket = Connect(settings);
        Assert.True(await ListenerFixture.FinishAsync(socket, "one\n"u8.ToArray()));
        Assert.Equal("one\n", _lines.ToString());
        Assert.Throws<SocketException>(() => Connect(At("b", free)));
    }

    private static SyslogSettings At(string name, int port) => ListenerFixture.Tcp() with
    {
        Name = name,
        EndPoint = new IPEndPoint(IPAddress.Loopback, port),
    };

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static Socket Connect(SyslogSettings settings)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(settings.EndPoint);
        return socket;
    }

    private ValueTask Append(ReadOnlyMemory<byte> lines, CancellationToken cancel)
    {
        lock (_lines)
        {
            _lines.Append(Encoding.ASCII.GetString(lines.Span));
        }
        return ValueTask.CompletedTask;
    }
}
