using RetentionEngine.Buckets;
using RetentionEngine.Events;
using RetentionEngine.Messages;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>Counts of an import, for its report and its progress.</summary>
internal sealed partial class ImportTally(Tokenizer tokenizer, Tracker tracker, HostTable hosts)
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
    private long _noPrefixBefore;
    private long _overlongHere;
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
        _knownLines = 0;
        _overlongHere = 0;
        _noPrefixBefore = tokenizer.StrangeOf(LineOutcome.NoPrefix).Count;
        _linesBefore = tokenizer.Lines;
        _eventsBefore = tokenizer.Events;
    }

    public void AlreadyKnown(long bytes, long lines)
    {
        _known = bytes;
        _knownLines = lines;
    }

    public void Overlong(long lines)
    {
        _overlong += lines;
        _overlongHere = lines;
    }

    public void Fault(RetentionException fault) => _fault = fault;

    public void End(long position)
    {
        _bytesRead += position - _known;
        if (_fault is null && IsNoLog())
        {
            _fault = new RetentionException(
                RetentionError.SourceDamaged,
                $"'{_source!.Name}' is not a log: its lines do not begin with stamp, host and program.",
                _source.Name);
        }
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
        TakeShapes();
        TakeGaps();
    }

    /// <summary>Whether a source that was read from its beginning holds nothing like log lines.</summary>
    private bool IsNoLog()
    {
        long lines = tokenizer.Lines - _linesBefore + _overlongHere;
        long strange = tokenizer.StrangeOf(LineOutcome.NoPrefix).Count - _noPrefixBefore + _overlongHere;
        return _known == 0 && lines > 0 && tokenizer.Events == _eventsBefore && strange * 2 > lines;
    }

    /// <summary>Takes the strange lines; the tokenizer counts them over all sources.</summary>
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
                    Words(reason),
                    lines.Count,
                    _source!.Name,
                    lines.FirstLineNumber + _knownLines,
                    lines.FirstOffset + _known)
                : sum with { Count = lines.Count };
        }
    }

    /// <summary>What a line that is strange for this reason lacks; never a piece of the line.</summary>
    public static string Words(LineOutcome reason) => reason switch
    {
        LineOutcome.NoPrefix => "no known stamp, host and program at the beginning",
        LineOutcome.Overlong => "too long for a log line",
        LineOutcome.Client => "smtpd: client= of unknown form",
        LineOutcome.Pickup => "pickup: uid= of unknown form",
        LineOutcome.MessageId => "cleanup: message-id= of unknown form",
        LineOutcome.Queue => "qmgr: from= of unknown form",
        LineOutcome.Delivery => "delivery: cut, or its status is not known",
        LineOutcome.Removed => "qmgr: removed with something behind it",
        LineOutcome.Notification => "bounce: notification without a queue id",
        LineOutcome.Reject => "smtpd: reject, cut or of unknown form",
        LineOutcome.Login => "login without user or address",
        _ => "end of a session, cut or of unknown form",
    };

    public ImportProgress Progress(OpenSource source, long position, long records) => new(
        source.Name,
        _bytesRead + position,
        source.LengthBytes,
        tokenizer.Lines,
        records);

    private SourceReport[] TakeSources()
    {
        SourceReport[] sources = [.. _sources];
        _sources.Clear();
        return sources;
    }

    public ImportReport Report(
        BucketStore store, Sealer sealer, HostZones zones, TimeSpan elapsed) => new()
    {
        Sources = TakeSources(),
        BytesRead = _bytesRead,
        Lines = tokenizer.Lines,
        Events = tokenizer.Events,
        IgnoredLines = tokenizer.Ignored,
        StrangeLines = tokenizer.Strange,
        OverlongLines = _overlong,
        Strange = [.. _strange.OfType<StrangeLine>()],
        Shapes = [.. Shapes()],
        GapLines = tokenizer.GapLines,
        Gaps = _gaps,
        OffClocks = [.. OffClocks()],
        Messages = tracker.Messages - _messagesBefore,
        Records = sealer.RecordsByKind(),
        RecordsByStatus = sealer.RecordsByStatus(),
        RecordsByHost = sealer.RecordsByHost(),
        AbandonedMessages = tracker.Abandoned - _abandonedBefore,
        InFlight = tracker.MailsInFlight,
        OpenSessions = tracker.SessionsOpen,
        PastPeriodRecords = sealer.PastPeriod(),
        PastPeriodInFlight = PastPeriodInFlight,
        LateDropped = sealer.LateDropped,
        YearInferred = (sealer.Flags & RecordFlags.YearInferred) != 0,
        ZoneInferred = (sealer.Flags & RecordFlags.ZoneInferred) != 0,
        TimeZone = zones.Zone.Id,
        HostTimeZones = zones.Names(),
        EarliestTime = sealer.Earliest,
        LatestTime = sealer.Latest,
        BytesStored = sealer.BytesStored,
        Elapsed = elapsed,
    };
}
