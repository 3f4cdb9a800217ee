using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tool.Sources;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>A query reads what it yields, when it yields it.</summary>
public sealed class StreamingTests
{
    [Fact]
    public void TheFirstRecordNeedsAFewBlocksOnly()
    {
        using var log = new TruthLog(isRfc3339: true, 20_000, seed: 1);
        using var directory = new TestDirectory();
        var blocks = new CountingBlockStore();
        var time = new FakeTime(TruthLog.Now);
        var options = new RetentionOptions { OpenBlocks = (_, _) => blocks, TimeProvider = time };
        // An hour a bucket: 10 days have some 240 of each class.
        RetentionPolicy policy = FacadeStore.PolicyOf(TimeSpan.FromDays(90), log.Truth.LocalDomains);
        using (RetentionStore store = RetentionStore.Create(directory["store"], policy, options))
        {
            store.Import(
                SourceFinder.Find(log.Files, time.Now).Sources, new ImportOptions(), CancellationToken.None);
        }
        blocks.Reads = 0;
        List<RetentionRecord> all;
        using (RetentionStore store = RetentionStore.Open(directory["store"], options, readOnly: true))
        {
            all = [.. store.Query(new RetentionQuery())];
        }
        int readsOfAll = blocks.Reads;
        blocks.Reads = 0;
        using (RetentionStore store = RetentionStore.Open(directory["store"], options, readOnly: true))
        {
            IEnumerable<RetentionRecord> query = store.Query(new RetentionQuery());
            Assert.Equal(0, blocks.Reads);
            Assert.Equal(all[0], query.First() with { Retries = all[0].Retries, Via = all[0].Via });
        }
        Assert.InRange(blocks.Reads, 1, readsOfAll / 20);
        Assert.Equal(all.OrderBy(r => r.Time), all);
    }
}
