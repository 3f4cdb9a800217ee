namespace RetentionEngine.Tests.Buckets;

public sealed class MemoryBlockStoreTests : BlockStoreContract
{
    protected override BlockStore Open() => new MemoryBlockStore();

    protected override BlockStore Reopen(BlockStore store) =>
        ((MemoryBlockStore)store).AfterCrash();
}
