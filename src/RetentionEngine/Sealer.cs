using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>The second thread: turns a batch into runs and commits them.</summary>
internal sealed class Sealer : IDisposable
{
    /// <summary>Hosts whose records are counted; a log that names more is hostile.</summary>
    internal const int HostsMax = 1000;

    private readonly BucketStore _store;
    private readonly RetentionPolicy _policy;
    private readonly TimeProvider _clock;
    private readonly RunPlanner _planner;
    private readonly RunEncoder _encoder;
    private readonly SealedRun _run = new();
    private readonly Thread _thread;
    private readonly SemaphoreSlim _full = new(0);
    private readonly SemaphoreSlim _free = new(1);
    private readonly long[] _byKind = new long[(int)RecordKind.Rejected + 1];
    private readonly long[] _byStatus = new long[byte.MaxValue + 1];
    private readonly Dictionary<string, long> _byHost = new(StringComparer.Ordinal);
    private readonly long[] _past = new long[(int)RecordClass.Rejected + 1];
    private RecordBatch? _batch;
    private IReadOnlyList<SourceState> _sources = [];
    private ReadOnlyMemory<byte> _snapshot;
    private Exception? _fault;
    private int _mails;
    private int _sessions;
    private long _first = long.MaxValue;
    private long _last = long.MinValue;
    private bool _isRunning = true;

    public Sealer(BucketStore store, TimeProvider clock)
    {
        _store = store;
        _policy = store.Policy;
        _clock = clock;
        _planner = new RunPlanner(store.Seed);
        _encoder = new RunEncoder(store.Seed);
        _thread = new Thread(Loop) { IsBackground = true, Name = "sealer" };
        _thread.Start();
    }

    /// <summary>Records sealed; may lag behind.</summary>
    public long Records { get; private set; }

    public long BytesStored { get; private set; }

    /// <summary>Records of buckets that are gone already.</summary>
    public long LateDropped { get; private set; }

    /// <summary>All flags that any record bore.</summary>
    public RecordFlags Flags { get; private set; }

    public DateTimeOffset? Earliest =>
        _first > _last ? null : TimeConversions.ToTime(_first);

    public DateTimeOffset? Latest =>
        _first > _last ? null : TimeConversions.ToTime(_last);

    /// <summary>Returns when the last batch is committed; throws what went wrong with it.</summary>
    public void Wait()
    {
        _free.Wait();
        _free.Release();
        if (_fault is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_fault);
        }
    }

    /// <summary>Takes a batch; it is the sealer's until <see cref="Wait"/> returns.</summary>
    public void Seal(
        RecordBatch batch,
        IReadOnlyList<SourceState> sources,
        ReadOnlyMemory<byte> snapshot,
        int mailsInFlight,
        int sessionsOpen)
    {
        _free.Wait();
        _mails = mailsInFlight;
        _sessions = sessionsOpen;
        _batch = batch;
        _sources = sources;
        _snapshot = snapshot;
        _full.Release();
    }

    /// <summary>Waits for the last commit and ends the thread.</summary>
    public void Finish()
    {
        Wait();
        Stop();
    }

    public void Dispose()
    {
        Stop();
        _full.Dispose();
        _free.Dispose();
    }

    public Dictionary<RecordKind, long> RecordsByKind()
    {
        var counts = new Dictionary<RecordKind, long>();
        for (int kind = 0; kind < _byKind.Length; kind++)
        {
            counts.Add((RecordKind)kind, _byKind[kind]);
        }
        return counts;
    }

    public Dictionary<RecordStatus, long> RecordsByStatus()
    {
        var counts = new Dictionary<RecordStatus, long>();
        for (int status = 0; status < _byStatus.Length; status++)
        {
            if (_byStatus[status] > 0)
            {
                counts.Add((RecordStatus)status, _byStatus[status]);
            }
        }
        return counts;
    }

    /// <summary>Records by the host that wrote the log; at most <see cref="HostsMax"/>.</summary>
    public Dictionary<string, long> RecordsByHost()
    {
        lock (_byHost)
        {
            return new Dictionary<string, long>(_byHost, StringComparer.Ordinal);
        }
    }

    public Dictionary<RecordClass, long> PastPeriod()
    {
        var counts = new Dictionary<RecordClass, long>();
        for (int recordClass = 0; recordClass < _past.Length; recordClass++)
        {
            counts.Add((RecordClass)recordClass, _past[recordClass]);
        }
        return counts;
    }

    private void Stop()
    {
        if (_isRunning)
        {
            _isRunning = false;
            _full.Release();
            _thread.Join();
        }
    }

    private void Loop()
    {
        while (true)
        {
            _full.Wait();
            if (_batch is null)
            {
                return;
            }
            try
            {
                if (_fault is null)
                {
                    SealBatch(_batch);
                }
            }
            catch (Exception e)
            {
                _fault = e;
            }
            _batch = null;
            _free.Release();
        }
    }

    private void SealBatch(RecordBatch batch)
    {
        foreach (ref readonly RecordRow row in batch.Rows)
        {
            _first = Math.Min(_first, row.TimeUnixMicros);
            _last = Math.Max(_last, row.TimeUnixMicros);
        }
        DropPastPeriod(batch);
        Count(batch);
        _planner.Plan(batch, _policy);
        for (int run = 0; run < _planner.RunCount; run++)
        {
            _encoder.Encode(_planner, run, _run);
            if (_store.Add(_run))
            {
                BytesStored += _run.SizeBytes;
            }
            else
            {
                // The bucket's key is gone: by an earlier, shorter policy its time is over.
                LateDropped += _run.Rows;
            }
        }
        _store.Commit(_sources, _snapshot.Span, _mails, _sessions);
        Records += batch.Count;
    }

    private void Count(RecordBatch batch)
    {
        // Neighbours are mostly of one host.
        uint host = 0;
        long ofHost = 0;
        foreach (ref readonly RecordRow row in batch.Rows)
        {
            _byKind[(int)row.Kind]++;
            _byStatus[(int)row.Status]++;
            Flags |= row.Flags;
            if (row.Host != host)
            {
                CountHost(batch, host, ofHost);
                (host, ofHost) = (row.Host, 0);
            }
            ofHost++;
        }
        CountHost(batch, host, ofHost);
    }

    private void CountHost(RecordBatch batch, uint host, long records)
    {
        // Below 2 there is no text.
        if (records == 0 || host < 2)
        {
            return;
        }
        lock (_byHost)
        {
            string name = Encoding.Latin1.GetString(batch.Strings[host]);
            if (_byHost.Count < HostsMax || _byHost.ContainsKey(name))
            {
                _byHost[name] = _byHost.GetValueOrDefault(name) + records;
            }
        }
    }

    /// <summary>What is past its period when it is read is counted and not kept.</summary>
    private void DropPastPeriod(RecordBatch batch)
    {
        long now = _clock.GetUtcNow().UnixMicros();
        Span<long> limits = stackalloc long[_past.Length];
        for (int i = 0; i < limits.Length; i++)
        {
            limits[i] = now - (_policy[(RecordClass)i].Period.Ticks / 10);
        }
        Span<RecordRow> rows = batch.Rows;
        int kept = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            int recordClass = (int)rows[i].Kind.Class();
            if (rows[i].TimeUnixMicros <= limits[recordClass])
            {
                _past[recordClass]++;
                continue;
            }
            if (kept != i)
            {
                rows[kept] = rows[i];
            }
            kept++;
        }
        batch.Truncate(kept);
    }
}
