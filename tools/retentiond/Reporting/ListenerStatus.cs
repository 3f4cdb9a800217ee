using RetentionEngine.Daemon.Configuration;

namespace RetentionEngine.Daemon.Reporting;

/// <summary>Why a listener did not take something. The names are those of the metrics.</summary>
internal enum RefusalReason
{
    TooManyConnections,
    HandshakeFailed,
    HandshakeTimeout,
    CertificateMissing,
    CertificateInvalid,
    ClientName,
    FrameTooLong,
    FrameTimeout,

    /// <summary>More control characters than any log has.</summary>
    Malformed,

    /// <summary>The connection ended within a counted frame.</summary>
    Incomplete,

    /// <summary>The connection was cut because its lines could not be made durable.</summary>
    NotDurable,
}

/// <summary>Counters of one listener; any thread may add.</summary>
internal sealed class ListenerStatus(string name, SyslogProtocol protocol)
{
    private readonly long[] _refused = new long[Enum.GetValues<RefusalReason>().Length];
    private long _connections;
    private long _accepted;
    private long _frames;
    private long _bytes;
    private long _drops;

    public string Name { get; } = name;

    public SyslogProtocol Protocol { get; } = protocol;

    /// <summary>Connections that are open.</summary>
    public long Connections => Volatile.Read(ref _connections);

    /// <summary>Connections that were ever taken.</summary>
    public long ConnectionsAccepted => Volatile.Read(ref _accepted);

    /// <summary>Messages that are durable.</summary>
    public long Frames => Volatile.Read(ref _frames);

    /// <summary>Bytes of their lines.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Datagrams that the kernel threw away because its buffer was full.</summary>
    public long Drops => Volatile.Read(ref _drops);

    public long Refused(RefusalReason reason) => Volatile.Read(ref _refused[(int)reason]);

    public void Opened()
    {
        Interlocked.Increment(ref _connections);
        Interlocked.Increment(ref _accepted);
    }

    public void Closed() => Interlocked.Decrement(ref _connections);

    public void Took(long frames, long bytes)
    {
        Interlocked.Add(ref _frames, frames);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Refuse(RefusalReason reason) => Interlocked.Increment(ref _refused[(int)reason]);

    public void Dropped(long datagrams) => Interlocked.Add(ref _drops, datagrams);
}
