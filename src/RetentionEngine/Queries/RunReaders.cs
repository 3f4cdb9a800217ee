using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>Open runs and in-flight rows, kept so that the next query need not read them again.</summary>
/// <remarks>Of one commit: to be made anew after a commit.</remarks>
internal sealed class RunReaders(BucketStore store)
{
    /// <summary>When the readers hold more than this, all are forgotten.</summary>
    private const long CachedBytesMax = 64 << 20;

    private readonly Dictionary<int, RunReader> _readers = [];
    private long _cachedBytes;
    private RecordBatch? _inFlight;

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

    public RunReader Open(RunInfo run)
    {
        if (!_readers.TryGetValue(run.Run, out RunReader? reader))
        {
            byte[] buffer = [];
            reader = new RunReader((kind, number) =>
            {
                int length = store.ReadBlock(run, kind, number, ref buffer);
                return buffer.AsMemory(0, length);
            });
            _readers.Add(run.Run, reader);
        }
        return reader;
    }

    /// <summary>Call when done with a reader, its size may have grown.</summary>
    /// <param name="grownBytes">By how much.</param>
    public void Trim(long grownBytes)
    {
        _cachedBytes += grownBytes;
        if (_cachedBytes > CachedBytesMax)
        {
            _readers.Clear();
            _cachedBytes = 0;
        }
    }
}
