using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Queries;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>Says how lines of a log are read, and which records they go into.</summary>
/// <remarks>
/// The sources are read as an import reads them, by the same tokenizer and tracker, from their
/// beginnings and in the same order, but nothing is kept: rows are thrown away batch by batch
/// unless a line that was asked for is part of them. Reading ends when no later line can change
/// what is told. So memory does not grow with the sources.
/// </remarks>
public sealed class LineExplainer
{
    /// <summary>At most so many lines are explained at once.</summary>
    public const int LinesMax = 1_000;

    private const int EventsMax = 256;
    private const int NotAsked = -1;

    private readonly ExplainOptions _options;
    private readonly HostZones _zones;
    private readonly HostTable _hosts = new();
    private readonly Tokenizer _tokenizer;
    private readonly Tracker _tracker;
    private readonly LineWatch _watch;
    private readonly LogEvent[] _events = new LogEvent[EventsMax];
    private readonly List<RetentionException> _faults = [];
    private readonly ExplainedLine[] _lines;
    private readonly List<RetentionRecord>[] _records;

    // Of deliveries and fates: the queue id, if the line has one, and the recipient it speaks of.
    private readonly (string? QueueId, string Recipient)?[] _deliveries;
    private RecordBatch _batch;
    private RecordBatch _spare;

    // Number of the first line that was not read yet, in the source that is being read.
    private long _nextLine;
    private bool _isDone;

    private LineExplainer(ExplainOptions options)
    {
        long count = options.LastLine - options.FirstLine + 1;
        if (options.FirstLine < 1 || count is < 1 or > LinesMax)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), "Lines count from 1; the last is not before the first.");
        }
        _options = options;
        _zones = options.Policy.Zones(options.Zone, options.HostZones);
        long seed = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));
        _batch = new RecordBatch(seed);
        _spare = new RecordBatch(seed);
        _tokenizer = new Tokenizer(_hosts);
        _tracker = new Tracker(
            _hosts, new LocalDomains(options.Policy.LocalDomains), _batch, seed);
        _watch = _tracker.Watch();
        _lines = new ExplainedLine[count];
        _records = new List<RetentionRecord>[count];
        _deliveries = new (string?, string)?[count];
        for (int i = 0; i < count; i++)
        {
            _lines[i] = new ExplainedLine { Number = options.FirstLine + i };
            _records[i] = [];
        }
    }

    /// <summary>Explains lines of one source.</summary>
    /// <param name="sources">
    /// The source of the lines, and those beside it whose lines may belong to the same records, as
    /// for <see cref="RetentionStore.Import"/>.
    /// </param>
    /// <param name="options">Which lines; zone, year, policy.</param>
    /// <param name="cancel">Ends it without a result.</param>
    /// <exception cref="RetentionException">The source of the lines can't be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LineExplanation Explain(
        IReadOnlyList<LogSource> sources, ExplainOptions options, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(options);
        return new LineExplainer(options).Run(sources, cancel);
    }

    private LineExplanation Run(IReadOnlyList<LogSource> sources, CancellationToken cancel)
    {
        List<OpenSource> ordered =
            SourceOrder.Open(sources, _zones, (_, fault) => _faults.Add(fault));
        try
        {
            if (!ordered.Exists(source => source.Source == _options.Source))
            {
                throw _faults.Count > 0
                    ? _faults[0]
                    : new ArgumentException(
                        "The source of the lines is not among them.", nameof(sources));
            }
            long previous = 0;
            foreach (OpenSource source in ordered)
            {
                if (!_isDone)
                {
                    Read(source, previous, cancel);
                    previous = _tokenizer.Clock.State;
                }
            }
        }
        finally
        {
            ordered.ForEach(source => source.Dispose());
        }
        _tracker.Sweep();
        TakeRows();
        _tracker.EmitWatchedInFlight();
        TakeRows();
        for (int i = 0; i < _lines.Length; i++)
        {
            _lines[i] = _lines[i] with { Records = RecordsOf(i) };
        }
        return new LineExplanation { Lines = _lines, Faults = _faults };
    }

    /// <summary>A delivery is part of its recipient's record alone, unless that was handed on.</summary>
    private List<RetentionRecord> RecordsOf(int asked)
    {
        List<RetentionRecord> all = _records[asked];
        if (_deliveries[asked] is not { } delivery)
        {
            return all;
        }
        List<RetentionRecord> own = all.FindAll(
            record => (delivery.QueueId is null
                    || string.Equals(record.QueueId, delivery.QueueId, StringComparison.Ordinal))
                && string.Equals(record.Recipient, delivery.Recipient, StringComparison.Ordinal));
        return own.Count > 0 ? own : all;
    }

    private void Read(OpenSource source, long clockStateBefore, CancellationToken cancel)
    {
        bool isAsked = source.Source == _options.Source;
        _nextLine = 1;
        try
        {
            source.Resume();
            using var reader = new BlockReader(source.Stream);
            int year = source.Year(_options.Year, _zones.Zone);
            _tokenizer.Begin(_zones, source.LatestUnixMicros(_options.TimeProvider), year);
            for (int host = 0; host < _hosts.Count; host++)
            {
                _tokenizer.FollowHost(host, _tracker.LatestOf(host));
            }
            _tokenizer.Clock.Follow(clockStateBefore);
            _tokenizer.BeginHour(source.ClockState(_zones, _options.TimeProvider, year));
            long overlong = 0;
            while (!_isDone && reader.TryRead(out ReadOnlySpan<byte> block, out int first))
            {
                cancel.ThrowIfCancellationRequested();
                PassOverlong(reader.OverlongLines - overlong, isAsked);
                overlong = reader.OverlongLines;
                ReadBlock(block, first, isAsked);
                reader.Advance(block.Length - first);
                _isDone = isAsked && _nextLine > _options.LastLine && _watch.IsIdle;
            }
            PassOverlong(reader.OverlongLines - overlong, isAsked);
        }
        catch (Exception e) when (SourceFault.TryDescribe(e, source.Name, out RetentionException fault))
        {
            _faults.Add(fault);
        }
    }

    private void PassOverlong(long count, bool isAsked)
    {
        for (; count > 0; count--)
        {
            int asked = isAsked ? AskedAt(_nextLine) : NotAsked;
            _nextLine++;
            if (asked >= 0)
            {
                _lines[asked] = _lines[asked] with
                {
                    Use = LineUse.Overlong,
                    Reason = ImportTally.Words(LineOutcome.Overlong),
                };
            }
        }
    }

    private int AskedAt(long number) =>
        number >= _options.FirstLine && number <= _options.LastLine
            ? (int)(number - _options.FirstLine)
            : NotAsked;

    private void ReadBlock(ReadOnlySpan<byte> block, int at, bool isAsked)
    {
        long count = block[at..].Count((byte)'\n') + (block[^1] == '\n' ? 0 : 1);
        if (isAsked && _nextLine <= _options.LastLine && _nextLine + count > _options.FirstLine)
        {
            for (; at < block.Length && _nextLine <= _options.LastLine; _nextLine++, count--)
            {
                int end = block[at..].IndexOf((byte)'\n');
                end = end < 0 ? block.Length : at + end + 1;
                int asked = AskedAt(_nextLine);
                if (asked >= 0)
                {
                    ReadAsked(block[..end], at, asked);
                }
                else
                {
                    ReadLines(block[..end], at);
                }
                at = end;
            }
        }
        ReadLines(block, at);
        _nextLine += count;
    }

    private void ReadLines(ReadOnlySpan<byte> block, int at)
    {
        while (at < block.Length)
        {
            at = _tokenizer.Read(block, at, _events, out int count);
            _tracker.Add(_events.AsSpan(0, count), block);
            if (_batch.IsFull)
            {
                SwitchBatch();
            }
        }
    }

    private void SwitchBatch()
    {
        TakeRows();
        _spare.Clear();
        _tracker.SwitchTo(_spare);
        (_batch, _spare) = (_spare, _batch);
    }

    /// <summary>Reads one line by itself, which changes nothing of how it is read.</summary>
    /// <param name="block">Ends behind the line.</param>
    /// <param name="at">Its first byte.</param>
    /// <param name="asked">Index among the lines that were asked for.</param>
    private void ReadAsked(ReadOnlySpan<byte> block, int at, int asked)
    {
        ReadOnlySpan<byte> line = block[at..];
        line = line.EndsWith("\n"u8) ? line[..^1] : line;
        line = line.EndsWith("\r"u8) ? line[..^1] : line;
        (long strange, long gaps) = (_tokenizer.Strange, _tokenizer.GapLines);
        Span<long> counts = stackalloc long[(int)LineOutcome.Count];
        CountStrange(counts);
        _tokenizer.Read(block, at, _events, out int events);
        if (line.IsEmpty)
        {
            _lines[asked] = _lines[asked] with { Use = LineUse.Empty };
            return;
        }
        var fields = new LineFields();
        var padded = new byte[line.Length + BlockReader.PaddingBytes];
        line.CopyTo(padded);
        (long UnixMicros, short OffsetMinutes, RecordFlags Flags) time = _tokenizer.LastTime;
        time = events > 0 ? (_events[0].TimeUnixMicros, _events[0].OffsetMinutes, time.Flags) : time;
        string? notNeeded = fields.AddPrefix(padded, line.Length, _zones, time);
        ExplainedLine told = _lines[asked] with
        {
            Text = RecordMaker.TextOf(line),
            Use = LineUse.NotNeeded,
            Reason = notNeeded ?? "it is no log line but a remark of a tool",
        };
        if (events > 0)
        {
            ref readonly LogEvent e = ref _events[0];
            fields.AddEvent(in e, block);
            _deliveries[asked] = e.Kind switch
            {
                EventKind.Delivery => (RecordMaker.QueueIdText(e.QueueId),
                    RecordMaker.TextOf(e.Recipient.Of(block))),
                EventKind.Fate => (null, RecordMaker.TextOf(e.User.Of(block))),
                _ => null,
            };
            _tracker.AddWatched(_events.AsSpan(0, 1), block, asked);
            told = told with { Use = LineUse.Used, Reason = null };
        }
        else if (_tokenizer.GapLines > gaps)
        {
            ReadOnlySpan<SyslogGap> known = _tokenizer.Gaps;
            told = told with
            {
                Use = LineUse.Gap,
                Reason = known.Length == _tokenizer.GapLines
                    ? ImportTally.Words(known[^1].Kind)
                    : "it says that lines are missing",
            };
        }
        else if (_tokenizer.Strange > strange)
        {
            told = told with
            {
                Use = LineUse.NotUnderstood,
                Reason = ImportTally.Words(NewlyStrange(counts)),
                Shape = ShapeOf(line),
            };
        }
        _lines[asked] = told with { Fields = fields.All };
    }

    private static string ShapeOf(ReadOnlySpan<byte> line)
    {
        Span<byte> shape = stackalloc byte[ShapeTable.LengthMax];
        return Encoding.ASCII.GetString(shape[..ShapeTable.Write(line, shape)]);
    }

    private void CountStrange(Span<long> counts)
    {
        for (LineOutcome reason = LineOutcome.NoPrefix; reason < LineOutcome.Count; reason++)
        {
            counts[(int)reason] = _tokenizer.StrangeOf(reason).Count;
        }
    }

    private LineOutcome NewlyStrange(ReadOnlySpan<long> counts)
    {
        LineOutcome reason = LineOutcome.NoPrefix;
        while (_tokenizer.StrangeOf(reason).Count == counts[(int)reason])
        {
            reason++;
        }
        return reason;
    }

    /// <summary>Makes records of the rows that the lines went into, and forgets all rows.</summary>
    private void TakeRows()
    {
        var maker = new RecordMaker();
        foreach ((int row, int line) in CollectionsMarshal.AsSpan(_watch.Rows))
        {
            ref readonly RecordRow source = ref _batch.Rows[row];
            RetentionRecord record = maker.Make(
                in source, _batch.Strings, _options.Policy[source.Kind.Class()]);

            // The fingerprint is keyed by the store, and there is none here.
            _records[line].Add(record with { MessageIdFingerprint = null });
        }
        _watch.Rows.Clear();
        _batch.Truncate(0);
    }
}
