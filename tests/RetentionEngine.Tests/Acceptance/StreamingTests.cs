using RetentionEngine.Buckets;
using RetentionEngine.Queries;
using RetentionEngine.Records;
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatExpiresWhileAQueryIsUnderWayIsLeftOut(bool inMemory)
    {
        using var log = new TruthLog(isRfc3339: true, 20_000, seed: 2);
        var time = new FakeTime(TruthLog.Now);
        var period = TimeSpan.FromDays(90);
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(period, log.Truth.LocalDomains), time, inMemory);
        store.Import(log.Files);
        List<DateTimeOffset> times = [.. store.Store.Query(new RetentionQuery()).Select(r => r.Time)];
        DateTimeOffset middle = times[times.Count / 2];

        using IEnumerator<RetentionRecord> query =
            store.Store.Query(new RetentionQuery()).GetEnumerator();
        Assert.True(query.MoveNext());
        time.Now = middle + period;
        Assert.NotEmpty(store.Store.Expire(dryRun: false).Buckets);
        var rest = new List<DateTimeOffset>();
        while (query.MoveNext())
        {
            rest.Add(query.Current.Time);
        }
        Assert.Equal(times.Where(t => t > middle), rest);
    }

    [Fact]
    public void WhatReadersHoldIsCountedAndGivenBack()
    {
        using var log = new TruthLog(isRfc3339: true, 20_000, seed: 3);
        var time = new FakeTime(TruthLog.Now);
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(90), log.Truth.LocalDomains), time);
        store.Import(log.Files);
        store.Close();
        using BucketStore buckets = BucketStore.Open(store.Path, store.Options, readOnly: true);
        var readers = new RunReaders(buckets);
        long counted = 0;
        foreach (RunInfo run in buckets.Runs)
        {
            readers.Read(run, (_, reader) => counted += reader.CachedBytes);
        }
        Assert.True(counted > 0);
        Assert.Equal(counted, readers.CachedBytes);
        // Each is read anew, and more of it: what was counted before is not counted twice.
        long again = 0;
        foreach (RunInfo run in buckets.Runs)
        {
            readers.Read(run, (_, reader) =>
            {
                reader.FindTexts(AddressPattern.OfAddress("nobody@example.org"u8));
                again += reader.CachedBytes;
            });
        }
        Assert.True(again > counted);
        Assert.Equal(again, readers.CachedBytes);
    }
}
