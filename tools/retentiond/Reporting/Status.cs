using System.Collections.Concurrent;
using RetentionEngine.Daemon.Configuration;

namespace RetentionEngine.Daemon.Reporting;

/// <summary>How the daemon is and what it has done; read by health checks and metrics.</summary>
/// <remarks>Every value is one word that one thread sets, so none is torn.</remarks>
internal sealed class Status(TimeProvider clock)
{
    private readonly ConcurrentDictionary<(SourceKind, string), SourceStatus> _sources = new();
    private readonly ConcurrentDictionary<string, ListenerStatus> _listeners =
        new(StringComparer.Ordinal);

    public PumpStatus Pump { get; } = new(clock);

    public StoreStatus Store { get; } = new();

    /// <summary>Configurations that were read again: taken, and refused.</summary>
    public long Reloads { get; set; }

    public long ReloadsRefused { get; set; }

    public IEnumerable<SourceStatus> Sources => _sources.Values
        .OrderBy(static s => s.Kind).ThenBy(static s => s.Name, StringComparer.Ordinal);

    public IEnumerable<ListenerStatus> Listeners => _listeners.Values
        .OrderBy(static s => s.Name, StringComparer.Ordinal);

    /// <summary>That of a source; made when it is asked for first.</summary>
    public SourceStatus Source(SourceKind kind, string name) =>
        _sources.GetOrAdd((kind, name), static k => new SourceStatus(k.Item1, k.Item2));

    public void Forget(SourceKind kind, string name) => _sources.TryRemove((kind, name), out _);

    /// <summary>That of a listener; made when it is asked for first.</summary>
    public ListenerStatus Listener(string name, SyslogProtocol protocol) =>
        _listeners.GetOrAdd(name, n => new ListenerStatus(n, protocol));

    public void ForgetListener(string name) => _listeners.TryRemove(name, out _);
}

internal enum PumpState
{
    Starting,
    Running,

    /// <summary>Nothing is taken in until there is room.</summary>
    DiskFull,

    /// <summary>The store can't be used; see the log.</summary>
    StoreError,
    Stopping,
}

/// <summary>What the pump says of itself.</summary>
internal sealed class PumpStatus(TimeProvider clock)
{
    private long _moved = clock.GetTimestamp();

    public PumpState State { get; set; }

    /// <summary>Lines read.</summary>
    public long Lines { get; set; }

    /// <summary>Bytes of these lines.</summary>
    public long Bytes { get; set; }

    /// <summary>Records made, those of mail in the queue apart.</summary>
    public long Records { get; set; }

    /// <summary>Records made, by kind.</summary>
    public IReadOnlyDictionary<string, long> RecordsByKind { get; set; } =
        new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>Records made, by the last fate of their mail or session.</summary>
    public IReadOnlyDictionary<string, long> RecordsByStatus { get; set; } =
        new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>Records made, by the host that wrote the log.</summary>
    public IReadOnlyDictionary<string, long> RecordsByHost { get; set; } =
        new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>Lines of mail programs that no form fits.</summary>
    public long UnknownShapes { get; set; }

    /// <summary>Places where a source had lost lines before we came to them.</summary>
    public long Gaps { get; set; }

    public long Commits { get; set; }

    /// <summary>Seconds since 1970 of the last commit; 0 = none yet.</summary>
    public double LastCommitUnixSeconds { get; set; }

    /// <summary>Mails in the queue and sessions that are open.</summary>
    public long InFlight { get; set; }

    /// <summary>Bytes that wait in the spool.</summary>
    public long SpoolBytes { get; set; }

    /// <summary>Says that the pump lives; to be called at every turn, also an idle one.</summary>
    public void Move() => Volatile.Write(ref _moved, clock.GetTimestamp());

    /// <summary>Time since the last turn.</summary>
    public TimeSpan Still => clock.GetElapsedTime(Volatile.Read(ref _moved));
}

internal enum KeyState
{
    Unknown,
    Loaded,
    Missing,
}

/// <summary>What the pump says of the store.</summary>
internal sealed class StoreStatus
{
    public long Buckets { get; set; }

    /// <summary>Records that are kept.</summary>
    public long Records { get; set; }

    /// <summary>Bytes of the store on disk.</summary>
    public long SizeBytes { get; set; }

    /// <summary>Seconds since 1970 when the next key is destroyed; 0 = there is none.</summary>
    public double NextExpiryUnixSeconds { get; set; }

    /// <summary>Buckets that were destroyed.</summary>
    public long Expired { get; set; }

    public KeyState Key { get; set; }

    /// <summary>Free bytes of the disk of the store; -1 = not known.</summary>
    public long DiskFreeBytes { get; set; } = -1;
}

internal enum SourceKind
{
    File,
    Journal,
    Fifo,

    /// <summary>What the listeners took in, by way of the spool.</summary>
    Spool,
}

/// <summary>One source that the pump reads.</summary>
internal sealed class SourceStatus(SourceKind kind, string name)
{
    public SourceKind Kind { get; } = kind;

    /// <summary>A path or a name of the configuration; nothing of a line.</summary>
    public string Name { get; } = name;

    public long Lines { get; set; }

    public long Bytes { get; set; }

    /// <summary>Bytes that are there and not read yet; 0 where it can't be known.</summary>
    public long BytesBehind { get; set; }

    /// <summary>Seconds from the time of the last line read until it was committed.</summary>
    public double LagSeconds { get; set; }

    /// <summary>Whether it can be read now.</summary>
    public bool IsUp { get; set; }
}
