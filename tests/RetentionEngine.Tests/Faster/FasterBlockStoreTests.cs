using RetentionEngine.Tests.Buckets;

namespace RetentionEngine.Tests.Faster;

public sealed class FasterBlockStoreTests : BlockStoreContract
{
    private readonly TestDirectory _directory = new();
    private int _copies;

    protected override BlockStore Open()
    {
        Directory.CreateDirectory(_directory["0"]);
        return FasterBlockStore.Open(_directory["0"], readOnly: false);
    }

    /// <summary>The files as they are now are what a killed process leaves.</summary>
    protected override BlockStore Reopen(BlockStore store)
    {
        string source = _directory[$"{_copies++}"];
        string target = _directory[$"{_copies}"];
        TestDirectory.Copy(source, target);
        store.Dispose();
        Directory.Delete(source, recursive: true);
        return FasterBlockStore.Open(target, readOnly: false);
    }

    protected override void Clean() => _directory.Dispose();
}
