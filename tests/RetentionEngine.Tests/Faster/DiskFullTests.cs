using RetentionEngine.Buckets;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Faster;

public sealed class DiskFullTests : IDisposable
{
    private const int NoSpace = 28;

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void AFullDiskLosesNothingCommitted()
    {
        long room = long.MaxValue;
        RetentionOptions options = new()
        {
            OpenBlocks = (path, readOnly) =>
            {
                FasterBlockStore blocks = FasterBlockStore.Open(path, readOnly);
                blocks.BeforeWrite = (_, length) =>
                {
                    room -= length;
                    if (room < 0)
                    {
                        throw new IOException("No space left on device", NoSpace);
                    }
                };
                return blocks;
            },
        };
        int commits = 0;
        using (BucketStore store = BucketStore.Create(
            _directory["store"], StoreFixture.HourPolicy, options))
        {
            for (; commits < 5; commits++)
            {
                StoreFixture.Commit(store, commits + 1);
            }
            room = 40_000;
            RetentionException e = Assert.Throws<RetentionException>(() =>
            {
                while (commits < 1000)
                {
                    StoreFixture.Commit(store, commits + 1);
                    commits++;
                }
            });
            Assert.Equal(RetentionError.DiskFull, e.Error);
            Assert.Throws<RetentionException>(() => StoreFixture.Commit(store, commits + 1));
        }
        room = long.MaxValue;
        using BucketStore again = BucketStore.Open(_directory["store"], options, readOnly: false);
        BucketStoreTests.Check(again, commits);
        StoreFixture.Commit(again, commits + 1);
        BucketStoreTests.Check(again, commits + 1);
        Assert.Empty(again.Verify(null).Faults);
    }
}
