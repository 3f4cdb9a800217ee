using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Syslog over UDP on a real socket.</summary>
public sealed class DatagramListenerTests
{
    [Fact]
    public async Task Each_datagram_is_one_line()
    {
        await using var fixture = new ListenerFixture(Udp());
        using Socket socket = Connect(fixture);
        foreach (string text in (string[])["<22>one\n", "<22>1 two\nforged", "", "7 <22>thr"])
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(text));
        }
        await ListenerFixture.UntilAsync(() => fixture.Own.Frames == 3);
        Assert.Equal("<22>one\n<22>1 two#012forged\n7 <22>thr\n", fixture.Lines);
    }

    [Fact]
    public async Task A_long_datagram_is_refused_and_the_next_taken()
    {
        await using var fixture = new ListenerFixture(Udp() with { FrameMaxBytes = 1000 });
        using Socket socket = Connect(fixture);
        await socket.SendAsync(new byte[1001]);
        await socket.SendAsync("<22>one"u8.ToArray());
        await ListenerFixture.UntilAsync(() => fixture.Own.Frames == 1);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.FrameTooLong));
        Assert.Equal("<22>one\n", fixture.Lines);
    }

    [Fact]
    public async Task What_the_kernel_has_no_room_for_is_counted()
    {
        const int Sent = 5000;
        await using var fixture = new ListenerFixture(
            Udp() with { ReceiveBufferBytes = 64 << 10 }, isHeld: true);
        using Socket socket = Connect(fixture);
        byte[] datagram = new byte[1000];
        Array.Fill(datagram, (byte)'a');
        for (int i = 0; i < Sent; i++)
        {
            await socket.SendAsync(datagram);
        }
        fixture.Listener.Sweep();
        Assert.InRange(fixture.Own.Drops, 1, Sent);
        fixture.Release();
        await ListenerFixture.UntilAsync(
            () => fixture.Own.Frames + fixture.Own.Drops == Sent);
        fixture.Listener.Sweep();
        Assert.Equal(Sent, fixture.Own.Frames + fixture.Own.Drops);
    }

    [Fact]
    public async Task Stopping_takes_what_has_come()
    {
        await using var fixture = new ListenerFixture(Udp(), isHeld: true);
        using Socket socket = Connect(fixture);
        for (int i = 0; i < 100; i++)
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes($"<22>line {i}"));
        }
        await fixture.Entered;
        Task stop = fixture.Listener.StopAsync();
        fixture.Release();
        await stop.WaitAsync(ListenerFixture.HangTimeout);
        Assert.Equal(
            Enumerable.Range(0, 100).Select(static i => $"<22>line {i}"),
            fixture.Lines.TrimEnd('\n').Split('\n'));
    }

    private static SyslogSettings Udp() => ListenerFixture.Tcp() with
    {
        Protocol = SyslogProtocol.Udp,
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
    };

    private static Socket Connect(ListenerFixture fixture)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(fixture.Listener.LocalEndPoint);
        return socket;
    }
}
