using RetentionEngine.Blocks;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Blocks;

public sealed class RunRoundTripTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 1023)]
    [InlineData(4, 1024)]
    [InlineData(5, 30_000)]
    public void PlausibleRowsComeBack(int seed, int rows)
    {
        RecordBatch batch = BatchMaker.Plausible(seed, rows, hours: 2, mailboxes: 2000, seed % 2 == 0);
        AssertComesBack(batch);
    }

    [Fact]
    public void AnyRowsComeBack()
    {
        for (int seed = 0; seed < 150; seed++)
        {
            AssertComesBack(BatchMaker.Extreme(seed, seed % 30 == 29 ? 5000 : seed));
        }
    }

    [Fact]
    public void AnEmptyBatchGivesNoRun() => Assert.Empty(BatchMaker.Encode(new RecordBatch(1)));

    [Fact]
    public void RowsLieInTheBucketOfTheirTimeAndClass()
    {
        RecordBatch batch = BatchMaker.Extreme(7, 3000);
        foreach (MadeRun run in BatchMaker.Encode(batch))
        {
            foreach (int row in run.Rows)
            {
                long time = batch.Rows[row].TimeUnixMicros;
                Assert.InRange(time, run.Bucket.StartUnixMicros, run.Bucket.EndUnixMicros - 1);
                Assert.Equal(RunPlanner.ClassOf(batch.Rows[row].Kind), run.Bucket.Class);
            }
        }
    }

    [Fact]
    public void AHeaderTooLongForABlockIsCutIntoSeveral()
    {
        var batch = new RecordBatch(9);
        for (int i = 0; i < 3000; i++)
        {
            ref RecordRow row = ref batch.Add();
            row.Kind = RecordKind.Received;
            row.TimeUnixMicros = BatchMaker.Start + i;
            row.Sender = BatchMaker.Intern(batch.Strings, $"{i:D4}{new string('x', 1000)}@example.net");
            row.Recipient = BatchMaker.Intern(batch.Strings, "anna@example.org");
            row.Uid = i;
        }
        MadeRun run = Assert.Single(BatchMaker.Encode(batch));
        Assert.Contains((BlockKind.Header, 1), run.Blocks.Keys);
        Assert.All(run.Blocks.Values, b => Assert.InRange(b.Length, 1, RunFormat.HeaderBlockMax * 3 / 2));
        AssertComesBack(batch);
    }

    private static void AssertComesBack(RecordBatch batch)
    {
        var seen = new HashSet<int>();
        var rows = new RecordRow[RunFormat.GroupRows];
        foreach (MadeRun run in BatchMaker.Encode(batch))
        {
            RunReader reader = run.Open();
            Assert.Equal(run.Bucket, reader.Bucket);
            Assert.Equal(run.Rows.Length, reader.Rows);
            int at = 0;
            for (int g = 0; g < reader.GroupCount; g++)
            {
                int count = reader.ReadGroup(g, rows);
                for (int i = 0; i < count; i++, at++)
                {
                    Assert.InRange(rows[i].TimeUnixMicros, reader.FirstUnixMicros, reader.LastUnixMicros);
                    Assert.Equal(BatchMaker.Show(batch, run.Rows[at]), BatchMaker.Show(reader, rows[i]));
                    Assert.True(seen.Add(run.Rows[at]));
                }
            }
            Assert.Equal(run.Rows.Length, at);
        }
        Assert.Equal(batch.Count, seen.Count);
    }
}
