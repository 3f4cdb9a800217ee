using System.Net.Sockets;
using System.Text;
using RetentionEngine.Daemon.Pumping;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Control;

/// <summary>The local socket by which queries see what is not committed yet.</summary>
/// <remarks>
/// One command a connection, ended by LF. <c>sync</c>: all that was read so far is committed, then
/// <c>ok</c>; <c>metrics</c>: what /metrics shows. Everything a query then needs is in the store.
/// </remarks>
internal sealed class ControlServer : IAsyncDisposable
{
    private const int CommandBytesMax = 64;
    private const int ClientsMax = 16;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly string _path;
    private readonly Socket _socket;
    private readonly PumpService _pump;
    private readonly Status _status;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _clients = new(ClientsMax);
    private readonly Task _accepting;

    private ControlServer(string path, Socket socket, PumpService pump, Status status)
    {
        (_path, _socket, _pump, _status) = (path, socket, pump, status);
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Listens; only the user and the group of the daemon may connect.</summary>
    /// <exception cref="SocketException">The path can't be used.</exception>
    public static ControlServer Start(string path, PumpService pump, Status status)
    {
        // The store is locked for us alone, so what lies there is of a process that died.
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(
                    path,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite
                    | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
            }
            socket.Listen(ClientsMax);
            return new ControlServer(path, socket, pump, status);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        File.Delete(_path);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await _clients.WaitAsync(_stop.Token);
            Socket client = await _socket.AcceptAsync(_stop.Token);
            _ = Task.Run(() => ServeAsync(client));
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        patience.CancelAfter(s_patience);
        try
        {
            using (client)
            {
                await AnswerAsync(client, patience.Token);
                client.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The client is gone, or was asked to wait for too long: it does without.
        }
        finally
        {
            _clients.Release();
        }
    }

    private async Task AnswerAsync(Socket client, CancellationToken cancel)
    {
        byte[] buffer = new byte[CommandBytesMax];
        int length = 0;
        while (length < buffer.Length && !buffer.AsSpan(0, length).Contains((byte)'\n'))
        {
            int read = await client.ReceiveAsync(buffer.AsMemory(length), cancel);
            if (read == 0)
            {
                break;
            }
            length += read;
        }
        string command = Encoding.ASCII.GetString(buffer, 0, length).Trim();
        string answer;
        switch (command)
        {
            case "sync":
                await _pump.SyncAsync(cancel);
                answer = "ok\n";
                break;
            case "metrics":
                answer = MetricsText.Of(_status);
                break;
            default:
                answer = "unknown command\n";
                break;
        }
        await client.SendAsync(Encoding.UTF8.GetBytes(answer), cancel);
    }
}
