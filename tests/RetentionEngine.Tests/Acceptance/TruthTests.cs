using System.Diagnostics;
using RetentionEngine.Buckets;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>What goes through the whole store is what the generator knows, exactly.</summary>
public sealed class TruthTests(TruthLogs logs) : IClassFixture<TruthLogs>
{
    private const long CommitBytes = 1 << 20;
    private const int KillsMax = 40;
    private const int StopsMin = 2;

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void AllFilesAtOnce(bool isRfc3339, bool inMemory)
    {
        TruthLog log = logs.Of(isRfc3339);
        using FacadeStore store = log.MakeStore(inMemory);
        // Any order will do: the first lines tell it.
        ImportReport report = store.Import([.. log.Files.Reverse()]);
        Assert.Equal(0, report.StrangeLines);
        Assert.InRange(report.Lines, log.Lines, log.Lines + 1000);
        store.Reopen();
        int count = log.AssertSame(store);
        Assert.InRange(count, log.Lines / 10, log.Lines);
        Assert.Empty(store.Store.Verify().Faults);
        Tell(log, $"{count} records of {report.Lines} lines in {report.Elapsed.TotalSeconds:0.0} s");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OneFileAfterTheOther(bool isRfc3339)
    {
        TruthLog log = logs.Of(isRfc3339);
        using FacadeStore store = log.MakeStore();
        long lines = 0;
        for (int i = 0; i < log.Files.Length; i++)
        {
            lines += store.Import([log.Files[i]], new ImportOptions { CommitBytesMax = CommitBytes }).Lines;
            store.Reopen();
            // What was read already is given again with every import.
            Assert.Equal(0, store.Import(log.Files[..(i + 1)]).Lines);
        }
        Assert.InRange(lines, log.Lines, log.Lines + 1000);
        log.AssertSame(store);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task KilledAtRandomMoments(bool isRfc3339, bool isOneByOne)
    {
        TruthLog log = logs.Of(isRfc3339);
        using FacadeStore store = log.MakeStore();
        store.Close();
        var job = new ImportProcess.Job(
            store.Path, TruthLog.Now, CommitBytes, isOneByOne, log.Files);
        int seed = Environment.TickCount;
        var random = new Random(seed);
        double delayMax = 50 + (log.Lines / 5000.0);
        int kills = 0;
        var stops = new HashSet<long>();
        while (!await RunAndKill(job, kills < KillsMax ? random : null, (int)delayMax))
        {
            kills++;
            // A busy machine needs longer for the same piece.
            delayMax *= stops.Add(Reached(store)) ? 1 : 1.2;
            Assert.Empty(store.Store.Verify().Faults);
            store.Close();
        }
        Tell(log, $"{kills} kills left {stops.Count} positions, seed of their moments {seed}");
        log.AssertSame(store);
        Assert.Equal(0, store.Import(log.Files).Lines);
        Assert.True(stops.Count >= StopsMin, "The import was not killed between its commits.");
    }

    /// <summary>Runs an import; with <paramref name="random"/> it is killed at some moment.</summary>
    /// <returns>Whether it came to its end.</returns>
    private static async Task<bool> RunAndKill(
        ImportProcess.Job job, Random? random, int delayMaxMilliseconds)
    {
        using Process process = ImportProcess.Start(job);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = "";
        if (random is not null)
        {
            // Now and then it dies while it opens the store and sweeps.
            if (random.Next(4) > 0)
            {
                output = await process.StandardOutput.ReadLineAsync() ?? "";
            }
            await Task.Delay(random.Next(delayMaxMilliseconds));
            process.Kill();
        }
        output += await process.StandardOutput.ReadToEndAsync();
        ToolProcess.Wait(process);
        bool isDone = output.EndsWith("done\n", StringComparison.Ordinal);
        const int Killed = 137;
        Assert.True(isDone || process.ExitCode == Killed, await error);
        return isDone;
    }

    private static long Reached(FacadeStore store)
    {
        using BucketStore buckets = BucketStore.Open(store.Path, store.Options, readOnly: true);
        return buckets.Sources.Sum(source => source.PositionBytes);
    }

    private static void Tell(TruthLog log, string text) =>
        TestContext.Current.SendDiagnosticMessage($"{log.What}: {text}");
}
