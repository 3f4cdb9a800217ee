using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>One sender of a stream of syslog frames.</summary>
/// <remarks>
/// Reads, splits into frames, collects lines, and reads on only when they are durable: the sender's
/// TCP waits meanwhile. What it holds is bounded by the reader's buffers and one batch. When the
/// sender ends its side, ours is closed only after all that came is durable.
/// </remarks>
internal sealed class StreamConnection : IDisposable
{
    private const int ReadBytes = 128 << 10;

    /// <summary>A sender that is silent for so long is told that we end.</summary>
    private static readonly TimeSpan s_tellAfter = TimeSpan.FromMilliseconds(50);

    /// <summary>One that then is silent for so long has nothing on its way any more.</summary>
    private static readonly TimeSpan s_endAfter = TimeSpan.FromMilliseconds(500);

    private readonly Socket _socket;
    private readonly SyslogSettings _settings;
    private readonly TlsOptions? _tls;
    private readonly LineSink _sink;
    private readonly ListenerStatus _status;
    private readonly Log _log;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _abort = new();
    private readonly LineBatch _batch = new();
    private Stream _stream;
    private PipeReader? _reader;

    // Time stamps of the clock; 0 = none. Read by the listener's thread.
    private long _partialSince;
    private long _waitingSince;
    private volatile bool _isHolding;
    private volatile bool _isTelling;
    private volatile bool _isEnding;
    private volatile bool _isTimedOut;

    public StreamConnection(
        Socket socket, SyslogSettings settings, TlsOptions? tls, LineSink sink,
        ListenerStatus status, Log log, TimeProvider clock)
    {
        (_socket, _settings, _tls, _sink) = (socket, settings, tls, sink);
        (_status, _log, _clock) = (status, log, clock);
        _waitingSince = clock.GetTimestamp();
        _stream = new NetworkStream(socket, ownsSocket: true);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        // Should this process die, the sender must not take its end for our confirmation.
        socket.LingerState = new LingerOption(true, 0);
    }

    /// <summary>Runs until the connection is over; never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            if (_tls is not null && !await HandshakeAsync(_tls))
            {
                return;
            }
            // Nothing is held for a sender that is silent: a buffer is taken when bytes are there.
            _reader = PipeReader.Create(_stream, new StreamPipeReaderOptions(
                bufferSize: ReadBytes, minimumReadSize: ReadBytes / 4, leaveOpen: true,
                useZeroByteReads: true));
            bool isClean = await ReadAsync(_reader);
            await CloseAsync(isClean);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException
            or OperationCanceledException)
        {
            await SaveRestAsync();
            _socket.Close(0);
        }
        catch (RetentionException e)
        {
            _status.Refuse(RefusalReason.NotDurable);
            _log.Error(
                "lines could not be made durable, connection cut", ("listener", _status.Name),
                ("code", e.Error));
            _socket.Close(0);
        }
    }

    /// <summary>
    /// Ends a connection that leaves a frame unfinished for too long; and has lines made durable
    /// that wait for more only because a TLS record behind them is not whole.
    /// </summary>
    public void EndIfStuck()
    {
        long since = Volatile.Read(ref _partialSince);
        if (since != 0 && _clock.GetElapsedTime(since) > _settings.FrameTimeout)
        {
            _isTimedOut = true;
            _reader?.CancelPendingRead();
        }
        else if (_isHolding && Volatile.Read(ref _waitingSince) != 0)
        {
            _reader?.CancelPendingRead();
        }
    }

    /// <summary>Ends a connection whose sender is silent; to be called again and again.</summary>
    /// <remarks>
    /// First the sender is told that we want no more, which it may take for a confirmation: so this
    /// waits until all that came is durable. What is on its way is still read.
    /// </remarks>
    public void EndWhenQuiet()
    {
        long since = Volatile.Read(ref _waitingSince);
        if (since == 0)
        {
            return;
        }
        TimeSpan silence = _clock.GetElapsedTime(since);
        if (!_isTelling && silence >= s_tellAfter)
        {
            _isTelling = true;
            _reader?.CancelPendingRead();
        }
        else if (_isTelling && silence >= s_endAfter)
        {
            _isEnding = true;
            _reader?.CancelPendingRead();
        }
    }

    /// <summary>Ends at once; lines that are not durable are lost to us.</summary>
    public void Abort()
    {
        _isEnding = true;
        _reader?.CancelPendingRead();
        try
        {
            _abort.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended itself.
        }
    }

    public void Dispose()
    {
        _reader?.Complete();
        _stream.Dispose();
        _batch.Dispose();
        _abort.Dispose();
    }

    private async Task<bool> HandshakeAsync(TlsOptions options)
    {
        var tls = new SslStream(_stream, leaveInnerStreamOpen: false);
        _stream = tls;
        RefusalReason reason = RefusalReason.HandshakeFailed;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_abort.Token);
        end.CancelAfter(_settings.HandshakeTimeout);
        try
        {
            await tls.AuthenticateAsServerAsync(
                options.ForHandshake(found => reason = found), end.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            reason = RefusalReason.HandshakeTimeout;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // The reason is counted; what the other side said is of no use to anybody.
        }
        if (!_abort.IsCancellationRequested)
        {
            _status.Refuse(reason);
            _log.Warning(
                "handshake refused", ("listener", _status.Name),
                ("reason", MetricsText.Snake(reason.ToString())));
        }
        return false;
    }

    /// <summary>Reads to the end.</summary>
    /// <returns>Whether the sender can take our end for a confirmation of all it sent.</returns>
    private async Task<bool> ReadAsync(PipeReader reader)
    {
        while (true)
        {
            _isHolding = _batch.Count > 0;
            Volatile.Write(ref _waitingSince, _clock.GetTimestamp());
            ReadResult read = await reader.ReadAsync(_abort.Token);
            Volatile.Write(ref _waitingSince, 0);
            ReadOnlySequence<byte> rest = read.Buffer;
            bool isEnd = read.IsCompleted;
            FrameKind kind;
            while ((kind = Collect(ref rest, isEnd)) == FrameKind.Whole)
            {
                await FlushAsync();
            }
            bool isLast = isEnd || read.IsCanceled || kind != FrameKind.NeedsMore;
            if (_batch.Count > 0 && (isLast || _socket.Available == 0))
            {
                await FlushAsync();
            }
            bool isSame = rest.Length == read.Buffer.Length;
            Follow(rest.Length, isSame);
            reader.AdvanceTo(rest.Start, rest.End);
            if (kind != FrameKind.NeedsMore)
            {
                _status.Refuse(kind == FrameKind.TooLong
                    ? RefusalReason.FrameTooLong : RefusalReason.Incomplete);
                return false;
            }
            if (_isTimedOut && isSame && !rest.IsEmpty)
            {
                _status.Refuse(RefusalReason.FrameTimeout);
                return false;
            }
            _isTimedOut = false;
            bool isSilent = read.IsCanceled && _socket.Available == 0;
            if (isEnd || (_isEnding && isSilent))
            {
                return rest.IsEmpty;
            }
            if (_isTelling && isSilent && rest.IsEmpty)
            {
                // A TLS alert would have to wait for its turn; the stream's end says it as well.
                _socket.Shutdown(SocketShutdown.Send);
            }
        }
    }

    /// <summary>Takes frames into the batch.</summary>
    /// <returns>Whole when the batch is full and must be flushed first.</returns>
    private FrameKind Collect(ref ReadOnlySequence<byte> rest, bool isEnd)
    {
        while (true)
        {
            bool isSingle = rest.IsSingleSegment;
            int firstBytes = rest.FirstSpan.Length;
            FrameKind kind = Collect(
                rest.FirstSpan, isEnd && isSingle, int.MaxValue, out int consumed);
            rest = rest.Slice(consumed);
            if (kind != FrameKind.NeedsMore || isSingle)
            {
                return kind;
            }
            if (consumed == firstBytes)
            {
                continue;
            }
            kind = CollectSplit(rest, isEnd, out consumed);
            rest = rest.Slice(consumed);
            if (kind != FrameKind.NeedsMore || consumed == 0)
            {
                return kind;
            }
        }
    }

    private FrameKind Collect(
        ReadOnlySpan<byte> input, bool isEnd, int framesMax, out int consumed)
    {
        int frameMax = _settings.FrameMaxBytes;
        consumed = 0;
        for (int i = 0; i < framesMax; i++)
        {
            FrameKind kind = Framing.Next(
                input[consumed..], frameMax, isEnd, out ReadOnlySpan<byte> frame, out int length);
            if (kind != FrameKind.Whole)
            {
                return kind;
            }
            AddResult added = _batch.TryAdd(frame);
            if (added == AddResult.Full)
            {
                return FrameKind.Whole;
            }
            if (added == AddResult.TooLong)
            {
                _status.Refuse(RefusalReason.Malformed);
            }
            consumed += length;
        }
        return FrameKind.NeedsMore;
    }

    /// <summary>Takes the one frame that lies in more than one segment.</summary>
    private FrameKind CollectSplit(ReadOnlySequence<byte> rest, bool isEnd, out int consumed)
    {
        int needed = (int)Math.Min(rest.Length, _settings.FrameMaxBytes + Framing.PrefixMax + 1);
        byte[] head = ArrayPool<byte>.Shared.Rent(needed);
        try
        {
            rest.Slice(0, needed).CopyTo(head);
            return Collect(
                head.AsSpan(0, needed), isEnd && needed == rest.Length, framesMax: 1, out consumed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(head);
        }
    }

    /// <summary>Notes since when a frame is unfinished.</summary>
    private void Follow(long restBytes, bool isSame)
    {
        if (restBytes == 0)
        {
            Volatile.Write(ref _partialSince, 0);
        }
        else if (!isSame || Volatile.Read(ref _partialSince) == 0)
        {
            Volatile.Write(ref _partialSince, _clock.GetTimestamp());
        }
    }

    private ValueTask FlushAsync() => _sink.WriteAsync(_batch, _status, _abort.Token);

    /// <summary>The connection broke: what came whole before is kept nevertheless.</summary>
    private async Task SaveRestAsync()
    {
        if (_batch.Count == 0 || _abort.IsCancellationRequested)
        {
            return;
        }
        try
        {
            await FlushAsync();
        }
        catch (Exception e) when (e is RetentionException or OperationCanceledException)
        {
            _status.Refuse(RefusalReason.NotDurable);
        }
    }

    private async Task CloseAsync(bool isClean)
    {
        if (!isClean)
        {
            // A reset: what is not durable was not taken, and the sender can know.
            _socket.Close(0);
            return;
        }
        if (_stream is SslStream tls && !_isTelling)
        {
            await tls.ShutdownAsync();
        }
        _socket.LingerState = new LingerOption(false, 0);
        _socket.Shutdown(SocketShutdown.Both);
    }
}
