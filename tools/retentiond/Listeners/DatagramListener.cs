using System.Net;
using System.Net.Sockets;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>Syslog over UDP: one datagram, one line.</summary>
/// <remarks>
/// While a batch is made durable, the next one is collected; then datagrams wait in the kernel's
/// buffer, and what has no room there is lost and counted. UDP has no way to make a sender wait.
/// </remarks>
internal sealed class DatagramListener : SyslogListener
{
    private const int DatagramMax = 64 << 10;

    private readonly Socket _socket;
    private readonly LineSink _sink;
    private readonly ListenerStatus _status;
    private readonly Log _log;
    private readonly UdpDrops _drops;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly byte[] _datagram = new byte[DatagramMax];
    private LineBatch _filling = new();
    private LineBatch _flushing = new();
    private Task _receiving = Task.CompletedTask;

    public DatagramListener(
        SyslogSettings settings, LineSink sink, ListenerStatus status, Log log)
        : base(settings)
    {
        (_sink, _status, _log) = (sink, status, log);
        _socket = new Socket(
            settings.EndPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (settings.EndPoint.Address.Equals(IPAddress.IPv6Any))
            {
                _socket.DualMode = true;
            }
            _socket.Blocking = false;
            _socket.ReceiveBufferSize = settings.ReceiveBufferBytes;
            _socket.Bind(settings.EndPoint);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        // The kernel gives twice what is asked for, and no more than net.core.rmem_max.
        if (_socket.ReceiveBufferSize < settings.ReceiveBufferBytes)
        {
            log.Warning(
                "the kernel grants a smaller receive buffer, see net.core.rmem_max",
                ("listener", settings.Name), ("bytes", _socket.ReceiveBufferSize));
        }
        _drops = new UdpDrops(_socket);
    }

    public override IPEndPoint LocalEndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public override void Start() => _receiving = Task.Run(ReceiveAsync);

    public override void Sweep() => _status.Dropped(_drops.ReadNew());

    public override async Task StopAsync()
    {
        await _stop.CancelAsync();
        // When the disk is full this would wait for ever.
        _abort.CancelAfter(TimeSpan.FromSeconds(5));
        await _receiving;
        Sweep();
        _socket.Dispose();
    }

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _abort.CancelAsync();
        await _receiving;
        _socket.Dispose();
        _filling.Dispose();
        _flushing.Dispose();
        _stop.Dispose();
        _abort.Dispose();
    }

    private async Task ReceiveAsync()
    {
        Task flush = Task.CompletedTask;
        try
        {
            bool isOver = false;
            while (!isOver)
            {
                isOver = !await FillAsync();
                await flush;
                (_filling, _flushing) = (_flushing, _filling);
                flush = FlushAsync(_flushing);
            }
            await flush;
        }
        catch (OperationCanceledException)
        {
            _status.Refuse(RefusalReason.NotDurable);
        }
    }

    /// <summary>Waits for a datagram and takes all that are there, up to one batch.</summary>
    /// <returns>False when it is to stop; what was there is taken nevertheless.</returns>
    private async Task<bool> FillAsync()
    {
        bool isLast = false;
        if (_filling.Count == 0)
        {
            try
            {
                Take(await _socket.ReceiveAsync(_datagram, SocketFlags.None, _stop.Token));
            }
            catch (OperationCanceledException)
            {
                isLast = true;
            }
            catch (SocketException)
            {
                // Such as an ICMP answer to nobody; the socket itself is well.
            }
        }
        while (_filling.Memory.Length <= LineBatch.BytesMax / 2)
        {
            int length = _socket.Receive(_datagram, SocketFlags.None, out SocketError error);
            if (error != SocketError.Success)
            {
                return !isLast;
            }
            Take(length);
        }
        return true;
    }

    private void Take(int length)
    {
        if (length > Settings.FrameMaxBytes)
        {
            _status.Refuse(RefusalReason.FrameTooLong);
        }
        else if (_filling.TryAdd(_datagram.AsSpan(0, length))
            is AddResult.TooLong or AddResult.Full)
        {
            _status.Refuse(RefusalReason.Malformed);
        }
    }

    private async Task FlushAsync(LineBatch batch)
    {
        if (batch.Count == 0)
        {
            return;
        }
        try
        {
            await _sink.WriteAsync(batch, _status, _abort.Token);
        }
        catch (RetentionException e)
        {
            // Nobody can be told to send it again.
            _status.Refuse(RefusalReason.NotDurable);
            _log.Error(
                "datagrams could not be made durable", ("listener", _status.Name),
                ("lines", batch.Count), ("code", e.Error));
            batch.Clear();
        }
    }
}
