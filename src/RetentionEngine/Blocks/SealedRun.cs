using System.Buffers;

namespace RetentionEngine.Blocks;

/// <summary>What a block of a run holds. Values are part of the store's format.</summary>
internal enum BlockKind : byte
{
    /// <summary>Counts, column descriptions, bounds: read first. One per run, number 0.</summary>
    Header = 0,

    /// <summary>A row group's columns.</summary>
    Rows = 1,

    /// <summary>A page of the text dictionary.</summary>
    Texts = 2,

    /// <summary>A page of the tables that tell which row groups hold a text, address or id.</summary>
    Terms = 4,

    /// <summary>The addresses of clients.</summary>
    Addresses = 5,
}

/// <summary>Reads one block of a run, decrypted. Valid until the next call.</summary>
internal delegate ReadOnlyMemory<byte> BlockFetch(BlockKind kind, int number);

/// <summary>The blocks of one encoded run, not yet encrypted, in one buffer that is used again.</summary>
internal sealed class SealedRun
{
    private readonly ArrayBufferWriter<byte> _bytes = new(1 << 16);
    private (BlockKind Kind, int Number, int Start, int Length)[] _blocks = new (BlockKind, int, int, int)[16];
    private int _start;

    public BucketId Bucket { get; set; }

    public int Rows { get; set; }

    /// <summary>Earliest and latest TimeUnixMicros of the rows.</summary>
    public long FirstUnixMicros { get; set; }

    public long LastUnixMicros { get; set; }

    public int BlockCount { get; private set; }

    public int SizeBytes => _bytes.WrittenCount;

    public IBufferWriter<byte> Writer => _bytes;

    /// <summary>Adds to the block that began after the last one.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    /// <summary>Ends the block that began after the last one.</summary>
    public void EndBlock(BlockKind kind, int number)
    {
        if (BlockCount == _blocks.Length)
        {
            Array.Resize(ref _blocks, _blocks.Length * 2);
        }
        _blocks[BlockCount++] = (kind, number, _start, _bytes.WrittenCount - _start);
        _start = _bytes.WrittenCount;
    }

    public ReadOnlySpan<byte> Block(int index, out BlockKind kind, out int number)
    {
        (kind, number, int start, int length) = _blocks[index];
        return _bytes.WrittenSpan.Slice(start, length);
    }

    public void Clear()
    {
        _bytes.ResetWrittenCount();
        BlockCount = 0;
        _start = 0;
    }
}
