using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Listeners;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Tests.Daemon;

/// <summary>A listener on a port of its own, and a sink that can be held up.</summary>
internal sealed class ListenerFixture : IAsyncDisposable
{
    /// <summary>Guards against what hangs; not a measure.</summary>
    public static readonly TimeSpan HangTimeout = TimeSpan.FromSeconds(60);

    private readonly MemoryStream _durable = new();
    private readonly TaskCompletionSource _entered = new(
        TaskCreationOptions.RunContinuationsAsynchronously);

    private TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _failures;

    public ListenerFixture(SyslogSettings settings, bool isHeld = false)
    {
        Log = new Log(LogText, hasPriority: false);
        Status = new Status(TimeProvider.System);
        if (!isHeld)
        {
            _gate.SetResult();
        }
        Sink = new LineSink(AppendAsync, TimeProvider.System, Log);
        Listener = SyslogListener.Open(settings, Sink, Status, Log, TimeProvider.System);
        Listener.Start();
    }

    public StringWriter LogText { get; } = new();

    public Log Log { get; }

    public Status Status { get; }

    public LineSink Sink { get; }

    public SyslogListener Listener { get; }

    public ListenerStatus Own => Status.Listener(
        Listener.Settings.Name, Listener.Settings.Protocol);

    /// <summary>Completes when the first batch has come to the sink.</summary>
    public Task Entered => _entered.Task.WaitAsync(HangTimeout);

    /// <summary>All that is durable.</summary>
    public string Lines
    {
        get
        {
            lock (_durable)
            {
                return Encoding.Latin1.GetString(_durable.GetBuffer(), 0, (int)_durable.Length);
            }
        }
    }

    public int BatchBytesMax { get; private set; }

    public static SyslogSettings Tcp() => new()
    {
        Name = "test",
        Protocol = SyslogProtocol.Tcp,
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
    };

    public void Release() => _gate.TrySetResult();

    /// <summary>Says that the disk is full for the next so many batches.</summary>
    public void Fail(int times) => Volatile.Write(ref _failures, times);

    public Socket Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(Listener.LocalEndPoint);
        return socket;
    }

    /// <summary>Sends, ends our side, and waits for the listener's end.</summary>
    /// <returns>Whether it ended without a reset.</returns>
    public static async Task<bool> FinishAsync(Socket socket, byte[] bytes)
    {
        try
        {
            await socket.SendAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
            return await EndAsync(socket);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Waits for the listener's end.</summary>
    /// <returns>Whether it ended without a reset.</returns>
    public static async Task<bool> EndAsync(Socket socket)
    {
        try
        {
            using var hang = new CancellationTokenSource(HangTimeout);
            return await socket.ReceiveAsync(new byte[1], SocketFlags.None, hang.Token) == 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Waits for something that another thread brings about.</summary>
    public static async Task UntilAsync(Func<bool> isSo)
    {
        using var hang = new CancellationTokenSource(HangTimeout);
        while (!isSo())
        {
            await Task.Delay(5, hang.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _gate.TrySetResult();
        await Listener.DisposeAsync();
        await _durable.DisposeAsync();
        await LogText.DisposeAsync();
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> lines, CancellationToken cancel)
    {
        _entered.TrySetResult();
        await _gate.Task.WaitAsync(cancel);
        if (Interlocked.Decrement(ref _failures) >= 0)
        {
            throw new RetentionException(RetentionError.DiskFull, "The disk is full.");
        }
        lock (_durable)
        {
            _durable.Write(lines.Span);
            BatchBytesMax = Math.Max(BatchBytesMax, lines.Length);
        }
    }
}
