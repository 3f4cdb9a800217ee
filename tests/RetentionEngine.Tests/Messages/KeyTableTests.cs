using RetentionEngine.Messages;
using Xunit;

namespace RetentionEngine.Tests.Messages;

public sealed class KeyTableTests
{
    [Fact]
    public void AgreesWithAListUnderRandomChanges()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var table = new KeyTable();
        var truth = new List<(ulong Hash, int Index)>();
        for (int step = 0; step < 60_000; step++)
        {
            if (truth.Count == 0 || random.Next(100) < 52)
            {
                // Few distinct low bits: long probe runs, and equal hashes.
                ulong hash = (uint)random.Next(64) | ((ulong)(uint)random.Next(4) << 40);
                hash = random.Next(2) == 0 ? hash : (ulong)random.NextInt64();
                truth.Add((hash, step));
                table.Add(hash, step);
            }
            else
            {
                int victim = random.Next(truth.Count);
                table.Remove(truth[victim].Hash, truth[victim].Index);
                truth.RemoveAt(victim);
            }
            if (step % 500 == 0)
            {
                foreach (IGrouping<ulong, (ulong Hash, int Index)> group in truth.GroupBy(t => t.Hash))
                {
                    var found = new List<int>();
                    for (int p = table.First(group.Key); p >= 0; p = table.Next(p, group.Key))
                    {
                        found.Add(table.IndexAt(p));
                    }
                    Assert.True(
                        group.Select(t => t.Index).Order().SequenceEqual(found.Order()),
                        $"seed {seed}, step {step}");
                }
            }
        }
        Assert.Equal(truth.Count, table.Count);
    }
}
