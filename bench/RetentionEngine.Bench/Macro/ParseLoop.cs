using System.IO.Hashing;
using System.Runtime.InteropServices;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Bench.Macro;

/// <summary>What one pass over a log found.</summary>
/// <param name="Lines">Lines read.</param>
/// <param name="Events">Lines that gave an event.</param>
/// <param name="Rows">Rows written; what is still alive at the end is not.</param>
internal readonly record struct ParseCounts(long Lines, long Events, long Rows);

/// <summary>Tokenizer and tracker, driven as the importer drives them, on one thread.</summary>
/// <remarks>Arrays live as long as the loop: a second pass finds them grown.</remarks>
internal sealed class ParseLoop
{
    private const long HashSeed = 42;
    private const int EventsMax = 256;

    private static readonly DateTimeOffset s_latest = LogInput.Start.AddDays(3650);

    private readonly HostTable _hosts = new();
    private readonly LocalDomains _domains = new(LogInput.LocalDomains);
    private readonly Tokenizer _tokenizer;
    private readonly LogEvent[] _events = new LogEvent[EventsMax];
    private RecordBatch _batch = new(HashSeed);
    private RecordBatch _spare = new(HashSeed);
    private Tracker _tracker;
    private long _rows;

    public ParseLoop()
    {
        _tokenizer = new Tokenizer(_hosts);
        _tracker = new Tracker(_hosts, _domains, _batch, HashSeed);
        Begin();
    }

    /// <summary>The rows of the last pass that a batch is not yet full of.</summary>
    public RecordBatch Batch => _batch;

    /// <summary>Hash of these rows, to compare two passes.</summary>
    public ulong Digest() => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(_batch.Rows));

    /// <summary>Only the tokenizer, over whole lines with padding behind them.</summary>
    public ParseCounts Tokenize(ReadOnlySpan<byte> block)
    {
        Begin();
        (long lines, long events) = (_tokenizer.Lines, _tokenizer.Events);
        int at = 0;
        while (at < block.Length)
        {
            at = _tokenizer.Read(block, at, _events, out _);
        }
        return new ParseCounts(_tokenizer.Lines - lines, _tokenizer.Events - events, 0);
    }

    /// <summary>Tokenizer and tracker, over whole lines with padding behind them.</summary>
    public ParseCounts Correlate(ReadOnlySpan<byte> block)
    {
        BeginTracker();
        (long lines, long events) = (_tokenizer.Lines, _tokenizer.Events);
        Track(block);
        return Finish(lines, events);
    }

    /// <summary>Tokenizer and tracker over a file, opened as the command line opens it.</summary>
    public ParseCounts CorrelateFile(string path)
    {
        using Stream stream = SourceFinder.Find([path], s_latest).Sources[0].Open();
        return CorrelateStream(stream);
    }

    private ParseCounts CorrelateStream(Stream stream)
    {
        BeginTracker();
        (long lines, long events) = (_tokenizer.Lines, _tokenizer.Events);
        using var reader = new BlockReader(stream);
        while (reader.TryRead(out ReadOnlySpan<byte> block))
        {
            Track(block);
            reader.Advance(block.Length);
        }
        return Finish(lines, events);
    }

    /// <summary>Only the tokenizer, over a log in memory that something wraps.</summary>
    public ParseCounts TokenizeWrapped(byte[] bytes, int length)
    {
        Begin();
        (long lines, long events) = (_tokenizer.Lines, _tokenizer.Events);
        using var reader = new BlockReader(new FormStream(new MemoryStream(bytes, 0, length)));
        while (reader.TryRead(out ReadOnlySpan<byte> block))
        {
            for (int at = 0; at < block.Length;)
            {
                at = _tokenizer.Read(block, at, _events, out _);
            }
            reader.Advance(block.Length);
        }
        return new ParseCounts(_tokenizer.Lines - lines, _tokenizer.Events - events, 0);
    }

    /// <summary>Tokenizer and tracker, over a log in memory that something wraps.</summary>
    public ParseCounts CorrelateWrapped(byte[] bytes, int length) =>
        CorrelateStream(new FormStream(new MemoryStream(bytes, 0, length)));

    /// <summary>What a pass allocates when those before it have let every array grow.</summary>
    /// <returns>Managed bytes allocated, lines read and rows written meanwhile.</returns>
    /// <remarks>
    /// The least of some passes: each leaves a few mails in flight, so that a table of them doubles
    /// now and then. What a line or a row cost would be in all of them.
    /// </remarks>
    public (long Bytes, long Lines, long Rows) Allocations(ReadOnlySpan<byte> block, bool tracks)
    {
        const int WarmPasses = 3;
        const int Passes = 5;
        BeginTracker();
        (long Bytes, long Lines, long Rows) least = (long.MaxValue, 0, 0);
        for (int pass = 0; pass < WarmPasses + Passes; pass++)
        {
            long lines = _tokenizer.Lines;
            long rows = _rows + _batch.Count;
            long before = GC.GetAllocatedBytesForCurrentThread();
            Pass(block, tracks);
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (pass >= WarmPasses && bytes < least.Bytes)
            {
                least = (bytes, _tokenizer.Lines - lines, _rows + _batch.Count - rows);
            }
            // Each of the two batches has to grow.
            Switch();
        }
        return least;
    }

    private void Pass(ReadOnlySpan<byte> block, bool tracks)
    {
        if (tracks)
        {
            Track(block);
            return;
        }
        for (int at = 0; at < block.Length;)
        {
            at = _tokenizer.Read(block, at, _events, out _);
        }
    }

    private void Begin() =>
        _tokenizer.Begin(LogInput.Zone, s_latest.UnixMicros(), LogInput.Start.Year);

    private void BeginTracker()
    {
        Begin();
        _batch.Clear();
        _spare.Clear();
        _tracker = new Tracker(_hosts, _domains, _batch, HashSeed);
        _rows = 0;
    }

    private void Track(ReadOnlySpan<byte> block)
    {
        int at = 0;
        while (at < block.Length)
        {
            at = _tokenizer.Read(block, at, _events, out int count);
            _tracker.Add(_events.AsSpan(0, count), block);
            if (_batch.IsFull)
            {
                Switch();
            }
        }
    }

    private void Switch()
    {
        _spare.Clear();
        _tracker.SwitchTo(_spare);
        (_batch, _spare) = (_spare, _batch);
        _rows += _spare.Count;
    }

    private ParseCounts Finish(long lines, long events)
    {
        _tracker.Sweep();
        return new ParseCounts(
            _tokenizer.Lines - lines, _tokenizer.Events - events, _rows + _batch.Count);
    }
}
