using System.Diagnostics;
using System.Globalization;
using RetentionEngine.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Buckets;

public sealed class KillTests
{
    private const int Rounds = 20;

    [Fact]
    public async Task AKilledWriterLeavesExactlyItsLastCommit()
    {
        using var directory = new TestDirectory();
        string path = directory["store"];
        BucketStore.Create(path, StoreFixture.HourPolicy, StoreFixture.Options).Dispose();
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int round = 0; round < Rounds; round++)
        {
            int acknowledged = await RunAndKill(path, random.Next(150));
            // Every other time a reader comes first: it must not need the writer's clean-up.
            if (round % 2 == 0)
            {
                using BucketStore reader = BucketStore.Open(path, StoreFixture.Options, readOnly: true);
                Check(reader, acknowledged);
            }
            using BucketStore store = BucketStore.Open(path, StoreFixture.Options, readOnly: false);
            Check(store, acknowledged);
            Assert.Empty(store.Verify(null).Faults);
        }
    }

    private static async Task<int> RunAndKill(string path, int milliseconds)
    {
        using Process writer = KilledWriter.Start(path);
        string last = await writer.StandardOutput.ReadLineAsync() ?? "0";
        await Task.Delay(milliseconds);
        writer.Kill();
        while (await writer.StandardOutput.ReadLineAsync() is { } line)
        {
            last = line;
        }
        await writer.WaitForExitAsync();
        int acknowledged = int.Parse(last, CultureInfo.InvariantCulture);
        Assert.True(acknowledged > 0, "The writer did not come to its first commit.");
        return acknowledged;
    }

    private static void Check(BucketStore store, int acknowledged)
    {
        int reached = (int)store.Sources[0].PositionBytes;
        Assert.InRange(reached, acknowledged, acknowledged + 1);
        Assert.Equal(StoreFixture.Sources(reached), store.Sources);
        Assert.Equal(StoreFixture.InFlight(reached), store.InFlight.ToArray());
        int lastSurelyGone = KilledWriter.LastExpiredHour(reached - 1);
        int lastMaybeGone = KilledWriter.LastExpiredHour(reached);
        ILookup<int, RunInfo> runs = store.Runs.ToLookup(r => r.Rows);
        for (int commit = 1; commit <= reached; commit++)
        {
            int hour = StoreFixture.BucketOf(commit, 0).StartHour;
            int expected = hour <= lastSurelyGone ? 0 : 2;
            if (hour <= lastSurelyGone || hour > lastMaybeGone)
            {
                Assert.Equal(expected, runs[commit].Count());
            }
            foreach (RunInfo run in runs[commit])
            {
                // Between its two steps an expiry may have taken the key and not yet the name.
                Assert.True(StoreFixture.IsRight(store, run) || hour <= lastMaybeGone);
            }
        }
        Assert.Empty(runs[reached + 1]);
    }
}
