namespace RetentionEngine;

/// <summary>Names one block: bucket, run within the store, kind and number within the run.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Run">The run, unique in the store, ascending, never used again.</param>
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
    /// <summary>Longest value: 256 KiB.</summary>
    public const int ValueLengthMax = 1 << 18;

    /// <summary>Puts a block; an existing one under the key is replaced.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="value">1 byte to 256 KiB.</param>
    /// <exception cref="RetentionException">The device failed; nothing flushed is lost.</exception>
    public abstract void Put(in BlockKey key, ReadOnlySpan<byte> value);

    /// <summary>Reads a block.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="buffer">Receives the bytes; is replaced by a larger array when too small.</param>
    /// <returns>Count of bytes, or -1 when there is no such block.</returns>
    /// <exception cref="RetentionException">The device failed.</exception>
    public abstract int Read(in BlockKey key, ref byte[] buffer);

    /// <summary>Makes all that was put and dropped durable.</summary>
    /// <exception cref="RetentionException">The device failed; the last flush still holds.</exception>
    public abstract void Flush();

    /// <summary>Forgets the blocks of a run and frees room when it can.</summary>
    /// <param name="keys">Every key of the run.</param>
    public abstract void Drop(ReadOnlySpan<BlockKey> keys);

    /// <summary>Forgets every run that is not listed: what a crash left behind.</summary>
    /// <param name="runs">The runs to keep.</param>
    /// <returns>The highest run of which there ever was a trace; 0 without any.</returns>
    public abstract int Retain(IReadOnlySet<int> runs);

    /// <summary>Rises with each <see cref="Flush"/> that made something durable.</summary>
    /// <remarks>
    /// The manifest remembers it. A store that opens with a smaller one has lost blocks, however
    /// well its own recovery went.
    /// </remarks>
    public abstract long Generation { get; }

    /// <summary>Bytes on disk, blocks that wait to be freed included.</summary>
    public abstract long SizeBytes { get; }

    /// <summary>Bytes of a class's dropped blocks whose room is not free yet.</summary>
    /// <param name="recordClass">The class.</param>
    /// <returns>0 when the store frees room at once.</returns>
    public abstract long DeadBytesOf(RecordClass recordClass);

    /// <summary>Puts the blocks of a run anew, so that room before or behind them can be freed.</summary>
    /// <param name="keys">Every key of the run.</param>
    /// <exception cref="RetentionException">The device failed; nothing flushed is lost.</exception>
    /// <remarks>Readers find the run all the time. A store that needs no such thing does nothing.</remarks>
    public virtual void Move(ReadOnlySpan<BlockKey> keys)
    {
    }

    /// <summary>Where a block lies, to name it when it is damaged.</summary>
    /// <param name="key">Its name.</param>
    /// <returns>File and offset; null when the store can't tell.</returns>
    public virtual (string Path, long OffsetBytes)? Locate(in BlockKey key) => null;

    /// <summary>Checks what a writer needs to open the store, and reading alone may not.</summary>
    /// <exception cref="RetentionException">StoreDamaged, naming the file; InputOutput.</exception>
    public virtual void CheckRecovery()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes files. What was not flushed may be gone.</summary>
    /// <param name="disposing">Whether called from Dispose.</param>
    protected abstract void Dispose(bool disposing);
}
