using RetentionEngine.Buckets;
using RetentionEngine.Events;
using RetentionEngine.Messages;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>Counts of an import, for its report and its progress.</summary>
internal sealed class ImportTally(Tokenizer tokenizer, Tracker tracker)
{
    private readonly List<SourceReport> _sources = [];
    private readonly StrangeLine?[] _strange = new StrangeLine?[(int)LineOutcome.Count];
    private readonly long _messagesBefore = tracker.Messages;
    private readonly long _abandonedBefore = tracker.Abandoned;
    private OpenSource? _source;
    private RetentionException? _fault;
    private long _linesBefore;
    private long _eventsBefore;
    private long _known;
    private long _knownLines;
    private long _bytesRead;
    private long _overlong;

    public long PastPeriodInFlight { get; set; }

    public void Unreadable(string name, RetentionException fault) =>
        _sources.Add(new SourceReport { Name = name, Error = fault });

    public void Begin(OpenSource source)
    {
        _source = source;
        _fault = null;
        _known = 0;
        _linesBefore = tokenizer.Lines;
        _eventsBefore = tokenizer.Events;
    }

    public void AlreadyKnown(long bytes, long lines)
    {
        _known = bytes;
        _knownLines = lines;
    }

    public void Overlong(long lines) => _overlong += lines;

    public void Fault(RetentionException fault) => _fault = fault;

    public void End(long position)
    {
        _bytesRead += position - _known;
        _sources.Add(new SourceReport
        {
            Name = _source!.Name,
            Bytes = position,
            AlreadyKnownBytes = _known,
            Lines = tokenizer.Lines - _linesBefore,
            Events = tokenizer.Events - _eventsBefore,
            Error = _fault,
        });
        TakeStrange();
    }

    /// <summary>Adds the strange lines of the source that ends to those of the ones before.</summary>
    private void TakeStrange()
    {
        for (LineOutcome reason = LineOutcome.NoPrefix; reason < LineOutcome.Count; reason++)
        {
            StrangeLines lines = tokenizer.StrangeOf(reason);
            ref StrangeLine? sum = ref _strange[(int)reason];
            if (lines.Count == 0)
            {
                continue;
            }
            sum = sum is null
                ? new StrangeLine(
                    reason.ToString(),
                    lines.Count,
                    _source!.Name,
                    lines.FirstLineNumber + _knownLines,
                    lines.FirstOffset + _known)
                : sum with { Count = sum.Count + lines.Count };
        }
    }

    public ImportProgress Progress(OpenSource source, long position, long records) => new(
        source.Name,
        _bytesRead + position,
        source.LengthBytes,
        tokenizer.Lines,
        records);

    public ImportReport Report(
        BucketStore store, Sealer sealer, TimeZoneInfo zone, TimeSpan elapsed) => new()
    {
        Sources = _sources,
        BytesRead = _bytesRead,
        Lines = tokenizer.Lines,
        Events = tokenizer.Events,
        IgnoredLines = tokenizer.Ignored,
        StrangeLines = tokenizer.Strange,
        OverlongLines = _overlong,
        Strange = [.. _strange.OfType<StrangeLine>()],
        Messages = tracker.Messages - _messagesBefore,
        Records = sealer.RecordsByKind(),
        AbandonedMessages = tracker.Abandoned - _abandonedBefore,
        InFlight = tracker.MailsInFlight,
        OpenSessions = tracker.SessionsOpen,
        PastPeriodRecords = sealer.PastPeriod(),
        LateDropped = sealer.LateDropped,
        YearInferred = (sealer.Flags & RecordFlags.YearInferred) != 0,
        ZoneInferred = (sealer.Flags & RecordFlags.ZoneInferred) != 0,
        TimeZone = zone.Id,
        EarliestTime = sealer.Earliest,
        LatestTime = sealer.Latest,
        BytesStored = sealer.BytesStored,
        Elapsed = elapsed,
    };
}
