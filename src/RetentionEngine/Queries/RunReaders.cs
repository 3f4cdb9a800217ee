using RetentionEngine.Blocks;
using RetentionEngine.Buckets;

namespace RetentionEngine.Queries;

/// <summary>Open runs, kept so that the next query need not read their headers again.</summary>
internal sealed class RunReaders(BucketStore store)
{
    /// <summary>When the readers hold more than this, all are forgotten.</summary>
    private const long CachedBytesMax = 64 << 20;

    private readonly Dictionary<int, RunReader> _readers = [];
    private long _cachedBytes;

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
