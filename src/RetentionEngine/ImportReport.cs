namespace RetentionEngine;

/// <summary>How to read the sources of one import.</summary>
public sealed record ImportOptions
{
    /// <summary>Zone of stamps that name none; null = the policy's.</summary>
    public TimeZoneInfo? Zone { get; init; }

    /// <summary>
    /// Zones of single hosts, by their names as logged; they go before the policy's of the same host.
    /// </summary>
    public IReadOnlyDictionary<string, TimeZoneInfo> HostZones { get; init; } =
        new Dictionary<string, TimeZoneInfo>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Year of the first line of sources without years; null = inferred.</summary>
    public int? Year { get; init; }

    /// <summary>A commit is made after this many bytes at the latest; tests make it small.</summary>
    internal long CommitBytesMax { get; init; } = Importer.CommitBytesMax;

    /// <summary>Called at most some ten times a second, on the reading thread.</summary>
    public Action<ImportProgress>? Progress { get; init; }
}

/// <summary>How far an import has come.</summary>
/// <param name="Source">Name of the source being read.</param>
/// <param name="BytesRead">Decompressed bytes read, of all sources.</param>
/// <param name="BytesTotal">Decompressed bytes expected; -1 when not known.</param>
/// <param name="Lines">Lines read.</param>
/// <param name="Records">Records written.</param>
public sealed record ImportProgress(
    string Source, long BytesRead, long BytesTotal, long Lines, long Records);

/// <summary>What one source gave.</summary>
public sealed record SourceReport
{
    /// <summary>Name of the source.</summary>
    public required string Name { get; init; }

    /// <summary>Decompressed bytes read.</summary>
    public long Bytes { get; init; }

    /// <summary>Lines read.</summary>
    public long Lines { get; init; }

    /// <summary>Lines that said something a record needs.</summary>
    public long Events { get; init; }

    /// <summary>Decompressed bytes at the beginning that an earlier import had read.</summary>
    public long AlreadyKnownBytes { get; init; }

    /// <summary>Why the source was not read, or not to its end; null when it was.</summary>
    public RetentionException? Error { get; init; }
}

/// <summary>Lines of a program we read that have a form we do not know, by reason.</summary>
/// <param name="Reason">What was expected; never a piece of the line.</param>
/// <param name="Count">How many.</param>
/// <param name="FirstSource">Source of the first.</param>
/// <param name="FirstLine">Its line number, from 1.</param>
/// <param name="FirstOffsetBytes">Position of its first byte in the decompressed source.</param>
public sealed record StrangeLine(
    string Reason, long Count, string FirstSource, long FirstLine, long FirstOffsetBytes);

/// <summary>A place where the logs themselves say that lines are missing.</summary>
/// <param name="Host">Host that the line names.</param>
/// <param name="Time">When the line was written.</param>
/// <param name="Reason">What happened; never a piece of the line.</param>
/// <param name="LostLines">How many lines are missing; -1 when that is not said.</param>
/// <param name="Source">Source of the line.</param>
/// <param name="Line">Its line number, from 1.</param>
public sealed record LogGap(
    string Host, DateTimeOffset Time, string Reason, long LostLines, string Source, long Line);

/// <summary>A daemon whose stamps are off from those of its host, such as UTC in a chroot.</summary>
/// <param name="Host">Host that the lines name.</param>
/// <param name="Program">The daemon, without its instance: <c>smtp</c>.</param>
/// <param name="Lines">Lines that show it.</param>
/// <param name="Offset">How far the stamps are in front of the host's, in quarters of an hour.</param>
/// <remarks>Times of records that rest on such lines are as logged; they bear ZoneInferred.</remarks>
public sealed record OffClock(string Host, string Program, long Lines, TimeSpan Offset);

/// <summary>Lines not understood that look alike.</summary>
/// <param name="Shape">
/// Punctuation and words of the daemons; everything else, be it a name, a number or an address, is
/// <c>*</c>.
/// </param>
/// <param name="Count">How many.</param>
/// <param name="FirstSource">Source of the first.</param>
/// <param name="FirstLine">Its line number, from 1.</param>
public sealed record StrangeShape(string Shape, long Count, string FirstSource, long FirstLine);

/// <summary>What an import read, what it kept, and what it did not and why.</summary>
public sealed record ImportReport
{
    /// <summary>Each source, in the order read.</summary>
    public IReadOnlyList<SourceReport> Sources { get; init; } = [];

    /// <summary>Decompressed bytes read.</summary>
    public long BytesRead { get; init; }

    /// <summary>Lines read.</summary>
    public long Lines { get; init; }

    /// <summary>Lines that said something a record needs.</summary>
    public long Events { get; init; }

    /// <summary>Lines of other programs, or of kinds no record needs.</summary>
    public long IgnoredLines { get; init; }

    /// <summary>Lines not understood; see <see cref="Strange"/>.</summary>
    public long StrangeLines { get; init; }

    /// <summary>Lines longer than the longest that is read.</summary>
    public long OverlongLines { get; init; }

    /// <summary>Lines not understood, by reason, most frequent first.</summary>
    public IReadOnlyList<StrangeLine> Strange { get; init; } = [];

    /// <summary>Lines not understood, by shape, most frequent first; at most 256 shapes.</summary>
    public IReadOnlyList<StrangeShape> Shapes { get; init; } = [];

    /// <summary>Lines that say that lines are missing.</summary>
    public long GapLines { get; init; }

    /// <summary>The first 1,000 of them.</summary>
    public IReadOnlyList<LogGap> Gaps { get; init; } = [];

    /// <summary>Daemons that seem to run on another clock than their hosts.</summary>
    public IReadOnlyList<OffClock> OffClocks { get; init; } = [];

    /// <summary>Mails whose records were written.</summary>
    public long Messages { get; init; }

    /// <summary>Records written, by kind; a kind without records may be missing.</summary>
    public IReadOnlyDictionary<RecordKind, long> Records { get; init; } =
        new Dictionary<RecordKind, long>();

    /// <summary>Mails that never reached the queue: no record.</summary>
    public long AbandonedMessages { get; init; }

    /// <summary>Mails still in the queue when the logs ended; later logs go on with them.</summary>
    public long InFlight { get; init; }

    /// <summary>Sessions still open when the logs ended.</summary>
    public long OpenSessions { get; init; }

    /// <summary>Records written, by the last fate of their mail or session.</summary>
    public IReadOnlyDictionary<RecordStatus, long> RecordsByStatus { get; init; } =
        new Dictionary<RecordStatus, long>();

    /// <summary>Records written, by the host that wrote the log; of the first 1,000 hosts.</summary>
    public IReadOnlyDictionary<string, long> RecordsByHost { get; init; } =
        new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>Records not kept because their period is over, by class.</summary>
    public IReadOnlyDictionary<RecordClass, long> PastPeriodRecords { get; init; } =
        new Dictionary<RecordClass, long>();

    /// <summary>Mails in the queue and open sessions that were forgotten as past their period.</summary>
    public long PastPeriodInFlight { get; init; }

    /// <summary>Records not kept because their bucket's key is already destroyed.</summary>
    public long LateDropped { get; init; }

    /// <summary>Whether some stamps had no year.</summary>
    public bool YearInferred { get; init; }

    /// <summary>Whether some stamps had no zone.</summary>
    public bool ZoneInferred { get; init; }

    /// <summary>Zone that was taken for stamps without one; IANA name.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>Hosts with a zone of their own, and its name.</summary>
    public IReadOnlyDictionary<string, string> HostTimeZones { get; init; } =
        new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Time of the earliest record, kept or not; null without records.</summary>
    public DateTimeOffset? EarliestTime { get; init; }

    /// <summary>Time of the latest record, kept or not; null without records.</summary>
    public DateTimeOffset? LatestTime { get; init; }

    /// <summary>Bytes that the new records take in the store, indexes included.</summary>
    public long BytesStored { get; init; }

    /// <summary>From the first read to the last commit.</summary>
    public TimeSpan Elapsed { get; init; }
}
