using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>Syslog over TCP and TLS.</summary>
internal sealed class StreamListener : SyslogListener
{
    private const int Backlog = 256;

    /// <summary>A sender that was told to end is given so long, whatever it sends.</summary>
    private static readonly TimeSpan s_drainMax = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_drainTick = TimeSpan.FromMilliseconds(50);

    private readonly Socket _socket;
    private readonly LineSink _sink;
    private readonly ListenerStatus _status;
    private readonly Log _log;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stopAccepting = new();
    private readonly ConcurrentDictionary<StreamConnection, Task> _connections = new();
    private TlsOptions? _tls;
    private Task _accepting = Task.CompletedTask;

    public StreamListener(
        SyslogSettings settings, LineSink sink, ListenerStatus status, Log log, TimeProvider clock)
        : base(settings)
    {
        (_sink, _status, _log, _clock) = (sink, status, log, clock);
        _tls = settings.Protocol == SyslogProtocol.Tls ? new TlsOptions(settings) : null;
        _socket = new Socket(
            settings.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (settings.EndPoint.Address.Equals(IPAddress.IPv6Any))
            {
                _socket.DualMode = true;
            }
            _socket.Bind(settings.EndPoint);
            _socket.Listen(Backlog);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    public override IPEndPoint LocalEndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public override void Start() => _accepting = Task.Run(AcceptAsync);

    public override void Sweep()
    {
        foreach (StreamConnection connection in _connections.Keys)
        {
            connection.EndIfStuck();
        }
    }

    public override void Change(SyslogSettings settings)
    {
        TlsOptions? tls = settings.Protocol == SyslogProtocol.Tls ? new TlsOptions(settings) : null;
        base.Change(settings);
        Volatile.Write(ref _tls, tls);
    }

    public override async Task StopAsync()
    {
        await _stopAccepting.CancelAsync();
        await _accepting;
        // Who was let in by the kernel already has sent, and believes that it has arrived.
        while (_socket.Poll(TimeSpan.Zero, SelectMode.SelectRead))
        {
            Take(_socket.Accept());
        }
        _socket.Dispose();
        long began = _clock.GetTimestamp();
        while (!_connections.IsEmpty)
        {
            bool isOver = _clock.GetElapsedTime(began) > s_drainMax;
            foreach (StreamConnection connection in _connections.Keys)
            {
                if (isOver)
                {
                    connection.Abort();
                }
                else
                {
                    connection.EndWhenQuiet();
                }
            }
            await Task.WhenAny(
                Task.WhenAll(_connections.Values), Task.Delay(s_drainTick, _clock));
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _stopAccepting.CancelAsync();
        _socket.Dispose();
        foreach ((StreamConnection connection, Task task) in _connections)
        {
            connection.Abort();
            await task;
        }
        await _accepting;
        _stopAccepting.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopAccepting.IsCancellationRequested)
        {
            try
            {
                Take(await _socket.AcceptAsync(_stopAccepting.Token));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (!_stopAccepting.IsCancellationRequested)
            {
                // Such as no descriptor left: others may be closed soon.
                _log.Error(
                    "no connection can be taken", ("listener", _status.Name),
                    ("code", e.SocketErrorCode));
                await Task.Delay(TimeSpan.FromSeconds(1), _clock, CancellationToken.None);
            }
        }
    }

    private void Take(Socket socket)
    {
        if (_connections.Count >= Settings.ConnectionsMax)
        {
            _status.Refuse(RefusalReason.TooManyConnections);
            socket.Close(0);
            return;
        }
        _status.Opened();
        var connection = new StreamConnection(
            socket, Settings, Volatile.Read(ref _tls), _sink, _status, _log, _clock);
        // It takes itself out when it is done, so it must be in before it begins.
        var begin = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[connection] = RunAsync(connection, begin.Task);
        begin.SetResult();
    }

    private async Task RunAsync(StreamConnection connection, Task begin)
    {
        await begin;
        try
        {
            await connection.RunAsync();
        }
        catch (Exception e)
        {
            // A mistake of ours ends this connection and no other. The trace names our code only.
            _log.Error(
                "connection failed, this is a bug", ("listener", _status.Name),
                ("type", e.GetType().Name), ("trace", e.StackTrace));
        }
        finally
        {
            connection.Dispose();
            _status.Closed();
            _connections.TryRemove(connection, out _);
        }
    }
}
