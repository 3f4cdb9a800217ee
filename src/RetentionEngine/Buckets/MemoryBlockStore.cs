using System.Collections.Concurrent;

namespace RetentionEngine;

/// <summary>Blocks in memory: for tests, and for stores that need not outlive the process.</summary>
public sealed class MemoryBlockStore : BlockStore
{
    private readonly ConcurrentDictionary<BlockKey, byte[]> _blocks = new();
    private KeyValuePair<BlockKey, byte[]>[] _flushed = [];
    private long _sizeBytes;
    private bool _isDirty;
    private long _generation;

    /// <inheritdoc/>
    public override long Generation => _generation;

    /// <inheritdoc/>
    public override long SizeBytes => _sizeBytes;

    /// <inheritdoc/>
    public override long DeadBytesOf(RecordClass recordClass) => 0;

    /// <inheritdoc/>
    public override void Put(in BlockKey key, ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfZero(value.Length, nameof(value));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, ValueLengthMax, nameof(value));
        Remove(key);
        _blocks[key] = value.ToArray();
        _sizeBytes += value.Length;
        _isDirty = true;
    }

    /// <inheritdoc/>
    public override int Read(in BlockKey key, ref byte[] buffer)
    {
        if (!_blocks.TryGetValue(key, out byte[]? value))
        {
            return -1;
        }
        if (buffer.Length < value.Length)
        {
            buffer = new byte[value.Length];
        }
        value.CopyTo(buffer, 0);
        return value.Length;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (!_isDirty)
        {
            return;
        }
        _flushed = [.. _blocks];
        _generation++;
        _isDirty = false;
    }

    /// <inheritdoc/>
    public override void Drop(ReadOnlySpan<BlockKey> keys)
    {
        foreach (ref readonly BlockKey key in keys)
        {
            Remove(key);
        }
    }

    /// <inheritdoc/>
    public override int Retain(IReadOnlySet<int> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        int highest = 0;
        foreach (BlockKey key in _blocks.Keys)
        {
            highest = Math.Max(highest, key.Run);
            if (!runs.Contains(key.Run))
            {
                Remove(key);
            }
        }
        return highest;
    }

    /// <summary>What a crash now would leave: a store with the flushed blocks only.</summary>
    internal MemoryBlockStore AfterCrash()
    {
        var store = new MemoryBlockStore { _generation = _generation, _flushed = _flushed };
        foreach ((BlockKey key, byte[] value) in _flushed)
        {
            store._blocks[key] = value;
            store._sizeBytes += value.Length;
        }
        return store;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // Nothing is open, and a test may hand the same blocks to the next opening.
    }

    private void Remove(in BlockKey key)
    {
        if (_blocks.TryRemove(key, out byte[]? old))
        {
            _sizeBytes -= old.Length;
            _isDirty = true;
        }
    }
}
