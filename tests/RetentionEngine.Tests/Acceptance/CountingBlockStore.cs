using RetentionEngine.Buckets;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>Blocks in memory that count how often one is read.</summary>
internal sealed class CountingBlockStore : BlockStore
{
    private readonly MemoryBlockStore _blocks = new();

    public int Reads { get; set; }

    public override long Generation => _blocks.Generation;

    public override long SizeBytes => _blocks.SizeBytes;

    public override long DeadBytesOf(RecordClass recordClass) => 0;

    public override void Put(in BlockKey key, ReadOnlySpan<byte> value) => _blocks.Put(key, value);

    public override int Read(in BlockKey key, ref byte[] buffer)
    {
        Reads++;
        return _blocks.Read(key, ref buffer);
    }

    public override void Flush() => _blocks.Flush();

    public override void Drop(ReadOnlySpan<BlockKey> keys) => _blocks.Drop(keys);

    public override int Retain(IReadOnlySet<int> runs) => _blocks.Retain(runs);

    protected override void Dispose(bool disposing)
    {
        // The next opening gets the same blocks.
    }
}
