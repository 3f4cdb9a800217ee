using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>Open runs and in-flight rows, kept so that the next query need not read them again.</summary>
/// <remarks>Of one commit: to be made anew after a commit.</remarks>
internal sealed class RunReaders(BucketStore store)
{
    /// <summary>When the readers hold more than this, all are forgotten.</summary>
    public const long CachedBytesMax = 64 << 20;

    private readonly Dictionary<int, RunReader> _readers = [];

    private readonly GroupBuffer _group = new();

    // Readers copy what they keep, so one buffer serves them all.
    private byte[] _block = [];
    private RunInfo[]? _runsByTime;
    private RecordBatch? _inFlight;

    /// <summary>Memory held by all readers that were handed back.</summary>
    public long CachedBytes { get; private set; }

    /// <summary>The committed runs in the order of their first records.</summary>
    public IReadOnlyList<RunInfo> RunsByTime =>
        _runsByTime ??= [.. store.Runs.OrderBy(run => run.FirstUnixMicros)];

    /// <summary>The rows of what is in flight, with their texts.</summary>
    public RecordBatch InFlight
    {
        get
        {
            if (_inFlight is null)
            {
                Queries.InFlight.Load(store, out _inFlight).EmitInFlight();
            }
            return _inFlight;
        }
    }

    /// <summary>Lets a query read a run, and remembers what was read of it.</summary>
    /// <param name="run">The run.</param>
    /// <param name="read">
    /// Called with the run and its reader; cut short when the run is not there any more.
    /// </param>
    /// <exception cref="RetentionException">StoreDamaged, InputOutput.</exception>
    public void Read(RunInfo run, Action<RunInfo, RunReader> read)
    {
        long before = 0;
        try
        {
            if (_readers.TryGetValue(run.Run, out RunReader? reader))
            {
                before = reader.CachedBytes;
            }
            else
            {
                reader = new RunReader((kind, number) => Fetch(run, kind, number), _group);
                _readers.Add(run.Run, reader);
            }
            read(run, reader);
            CachedBytes += reader.CachedBytes - before;
        }
        catch (RunGoneException)
        {
            CachedBytes -= before;
            _readers.Remove(run.Run);
        }
        if (CachedBytes > CachedBytesMax)
        {
            _readers.Clear();
            CachedBytes = 0;
        }
    }

    private ReadOnlyMemory<byte> Fetch(RunInfo run, BlockKind kind, int number)
    {
        int length = store.ReadBlock(run, kind, number, ref _block);
        return length < 0 ? throw new RunGoneException() : _block.AsMemory(0, length);
    }

    /// <summary>The run expired or was replaced while a query was under way: it holds nothing.</summary>
    private sealed class RunGoneException : Exception;
}
