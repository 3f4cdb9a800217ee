namespace RetentionEngine;

/// <summary>Names one block: bucket, run within the store, kind and number within the run.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Run">The run, unique in the store and ascending.</param>
/// <param name="Kind">Kind of block, see the format.</param>
/// <param name="Number">Counts from 0 within (run, kind).</param>
public readonly record struct BlockKey(BucketId Bucket, int Run, byte Kind, int Number);

/// <summary>Keeps encrypted blocks. Knows nothing of what is in them.</summary>
/// <remarks>
/// One writer thread; any number of reader threads beside it. Duties: a block that was put before
/// <see cref="Flush"/> returned survives the loss of the process and of power; a block that was not
/// may be gone, but is never returned altered without the caller's own authentication noticing.
/// </remarks>
public abstract class BlockStore : IDisposable
{
    /// <summary>Puts a block; an existing one under the key is replaced.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="value">1 byte to 1 MiB.</param>
    public abstract void Put(in BlockKey key, ReadOnlySpan<byte> value);

    /// <summary>Reads a block.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="buffer">Receives the bytes; is replaced by a larger array when too small.</param>
    /// <returns>Count of bytes, or -1 when there is no such block.</returns>
    public abstract int Read(in BlockKey key, ref byte[] buffer);

    /// <summary>Makes all that was put and dropped durable.</summary>
    public abstract void Flush();

    /// <summary>Forgets the blocks of a run and frees room when it can.</summary>
    /// <param name="keys">Every key of the run.</param>
    public abstract void Drop(ReadOnlySpan<BlockKey> keys);

    /// <summary>Bytes on disk, blocks that wait to be freed included.</summary>
    public abstract long SizeBytes { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes files.</summary>
    /// <param name="disposing">Whether called from Dispose.</param>
    protected abstract void Dispose(bool disposing);
}
