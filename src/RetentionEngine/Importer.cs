using System.Buffers;
using System.Diagnostics;
using RetentionEngine.Buckets;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>The pump: reads sources, drives tokenizer and tracker, hands full batches to the sealer.</summary>
/// <remarks>
/// Two threads, two batches. This thread fills a batch; when it is full, all that is alive moves to
/// the other batch, and the full one goes to the sealing thread together with the snapshot of the
/// tracker and the positions reached, which become one commit. So a commit always holds what the
/// lines before its positions say, no more and no less, and reading can go on from there.
/// </remarks>
internal sealed class Importer : IDisposable
{
    /// <summary>A log that gives no records still moves its position after this many bytes.</summary>
    internal const long CommitBytesMax = 1L << 30;

    private const int EventsMax = 256;

    private readonly BucketStore _store;
    private readonly ImportOptions _options;
    private readonly RetentionPolicy _policy;
    private readonly TimeProvider _clock;
    private readonly Sealer _sealer;
    private readonly HostTable _hosts = new();
    private readonly Tokenizer _tokenizer;
    private readonly Tracker _tracker;
    private readonly KnownSources _known;
    private readonly LogEvent[] _events = new LogEvent[EventsMax];
    private readonly BlockBuffers _buffers = new();
    private readonly ImportTally _tally;
    private readonly HostZones _zones;
    private readonly long _started = Stopwatch.GetTimestamp();
    private RecordBatch _batch;
    private RecordBatch _spare;
    private ArrayBufferWriter<byte> _snapshot = new(1 << 16);
    private ArrayBufferWriter<byte> _spareSnapshot = new(1 << 16);
    private long _bytesSinceCommit;
    private long _lastProgress;

    public Importer(BucketStore store, ImportOptions options, TimeProvider clock)
    {
        _store = store;
        _options = options;
        _policy = store.Policy;
        _zones = _policy.Zones(options.Zone, options.HostZones);
        _clock = clock;
        _batch = new RecordBatch(store.Seed);
        _spare = new RecordBatch(store.Seed);
        _tokenizer = new Tokenizer(_hosts);
        _tracker = new Tracker(_hosts, new LocalDomains(_policy.LocalDomains), _batch, store.Seed);
        _tracker.Load(store.InFlight.Span);
        _known = new KnownSources(store.Sources, store.Seed);
        _sealer = new Sealer(store, clock);
        _tally = new ImportTally(_tokenizer, _tracker, _hosts);
    }

    /// <summary>Reads all sources, oldest first, and commits.</summary>
    /// <exception cref="OperationCanceledException">After what was read has been committed.</exception>
    /// <exception cref="RetentionException">The store can't take more; what was committed stays.</exception>
    public ImportReport Run(IReadOnlyList<LogSource> sources, CancellationToken cancel)
    {
        ReadAll(sources, cancel);
        Commit();
        _sealer.Finish();
        cancel.ThrowIfCancellationRequested();
        return Report();
    }

    /// <summary>Reads what is new in all sources, oldest first.</summary>
    /// <param name="sources">The sources.</param>
    /// <param name="cancel">Ends reading behind a block.</param>
    /// <exception cref="RetentionException">The store can't take more; what was committed stays.</exception>
    public void ReadAll(IReadOnlyList<LogSource> sources, CancellationToken cancel)
    {
        List<OpenSource> ordered = SourceOrder.Open(sources, _zones, _tally.Unreadable);
        try
        {
            foreach (OpenSource source in ordered)
            {
                if (cancel.IsCancellationRequested)
                {
                    break;
                }
                Read(source, _zones, cancel);
            }
        }
        finally
        {
            ordered.ForEach(source => source.Dispose());
        }
    }

    /// <summary>Makes what was read durable; returns when it is.</summary>
    /// <exception cref="RetentionException">The store can't take more; what was committed stays.</exception>
    public void Commit()
    {
        _tracker.Sweep();
        Switch(isLast: true);
        _sealer.Wait();
    }

    /// <summary>Records that were read and are not sealed yet.</summary>
    public int RecordsWaiting => _batch.Count;

    /// <summary>What became of the lines so far; the sources are told once.</summary>
    public ImportReport Report() =>
        _tally.Report(_store, _sealer, _zones, Stopwatch.GetElapsedTime(_started));

    /// <summary>Forgets how far named sources were read that are gone.</summary>
    public void KeepOnly(IEnumerable<Guid> named) => _known.KeepOnly(named);

    public void Dispose() => _sealer.Dispose();

    private void Read(OpenSource source, HostZones zones, CancellationToken cancel)
    {
        _tally.Begin(source);
        try
        {
            long start = _known.Begin(source, _tokenizer.Lines);
            _tally.AlreadyKnown(start, _known.Lines);
            using var reader = new BlockReader(source.Stream, _buffers, _known.Before);
            int year = source.Year(_options.Year, zones.Zone);
            _tokenizer.Begin(zones, source.LatestUnixMicros(_clock), year);
            for (int host = 0; zones.Count > 0 && host < _hosts.Count; host++)
            {
                _tokenizer.FollowHost(host, _tracker.LatestOf(host));
            }
            _tokenizer.Clock.Resume(_known.ClockState);
            _tokenizer.Clock.Follow(_known.ClockStateBefore);
            if (start == 0)
            {
                _tokenizer.BeginHour(source.ClockState(zones, _clock, year));
            }
            ReadBlocks(source, reader, start, cancel);
            _tally.Overlong(reader.OverlongLines);
        }
        catch (Exception e) when (SourceFault.TryDescribe(e, source.Name, out RetentionException fault))
        {
            _tally.Fault(fault);
        }
        _known.End(_tokenizer.Clock.State);
        _tally.End(_known.Position);
    }

    private void ReadBlocks(
        OpenSource source, BlockReader reader, long start, CancellationToken cancel)
    {
        bool readsUnterminated = source.IsQuiet(_clock);
        long overlong = 0;
        while (!cancel.IsCancellationRequested
            && reader.TryRead(out ReadOnlySpan<byte> block, out int first))
        {
            if (block[^1] != (byte)'\n' && !readsUnterminated)
            {
                // The last line is still being written: the next import reads it whole.
                block = block[..(block.LastIndexOf((byte)'\n') + 1)];
                if (block.Length <= first)
                {
                    return;
                }
            }
            _tokenizer.Skip(
                start + reader.Offset - _known.Position, reader.OverlongLines - overlong);
            overlong = reader.OverlongLines;
            _known.SkipTo(start + reader.Offset);
            int at = first;
            while (at < block.Length)
            {
                at = _tokenizer.Read(block, at, _events, out int count);
                _tracker.Add(_events.AsSpan(0, count), block);
                if (_batch.IsFull)
                {
                    break;
                }
            }
            _known.Advance(block[first..at], _tokenizer.Lines, _tokenizer.Clock.State);
            reader.Advance(at - first);
            _bytesSinceCommit += at - first;
            if (_batch.IsFull || _bytesSinceCommit >= _options.CommitBytesMax)
            {
                Switch();
            }
            Progress(source, start + reader.Offset);
        }
    }

    /// <summary>Hands the batch over for sealing and goes on with the other one.</summary>
    /// <param name="isLast">Whether the import ends: then a commit that says nothing is left out.</param>
    private void Switch(bool isLast = false)
    {
        // The other batch and snapshot are in use until the sealer has taken its last commit in.
        _sealer.Wait();
        long purged = _tracker.Purge(_clock.GetUtcNow().UnixMicros(), _policy);
        _tally.PastPeriodInFlight += purged;
        SourceState[] states = _known.States();
        if (isLast && purged == 0 && _batch.Count == 0 && states.SequenceEqual(_store.Sources))
        {
            return;
        }
        _spare.Clear();
        _tracker.SwitchTo(_spare);
        (_batch, _spare) = (_spare, _batch);
        (_snapshot, _spareSnapshot) = (_spareSnapshot, _snapshot);
        _spareSnapshot.ResetWrittenCount();
        _tracker.Save(_spareSnapshot);
        _bytesSinceCommit = 0;
        _sealer.Seal(
            _spare,
            states,
            _spareSnapshot.WrittenMemory,
            _tracker.MailsInFlight,
            _tracker.SessionsOpen);
    }

    private void Progress(OpenSource source, long position)
    {
        if (_options.Progress is not null
            && Stopwatch.GetElapsedTime(_lastProgress).TotalMilliseconds >= 100)
        {
            _lastProgress = Stopwatch.GetTimestamp();
            _options.Progress(_tally.Progress(source, position, _sealer.Records + _batch.Count));
        }
    }
}
