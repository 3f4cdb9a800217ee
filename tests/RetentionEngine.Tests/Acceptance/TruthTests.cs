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
        int seed = Environment.TickCount;
        var random = new Random(seed);
        // An import that nothing stopped between its commits shows nothing: once more then.
        const int AttemptsMax = 10;
        int stops = 0;
        for (int attempt = 0; attempt < AttemptsMax && stops < StopsMin; attempt++)
        {
            stops = await ImportAndKill(log, isOneByOne, random, seed);
        }
        Assert.InRange(stops, StopsMin, int.MaxValue);
    }

    /// <summary>Imports with kills between, compares, and tells at how many places it was stopped.</summary>
    private static async Task<int> ImportAndKill(
        TruthLog log, bool isOneByOne, Random random, int seed)
    {
        using FacadeStore store = log.MakeStore();
        store.Close();
        var job = new ImportProcess.Job(
            store.Path, TruthLog.Now, CommitBytes, isOneByOne, log.Files);
        int kills = 0;
        var stops = new HashSet<long>();
        while (!await RunAndKill(job, kills < KillsMax ? random : null))
        {
            kills++;
            stops.Add(Reached(store));
            Assert.Empty(store.Store.Verify().Faults);
            store.Close();
        }
        stops.Remove(0);
        Tell(log, $"{kills} kills left {stops.Count} positions, seed of their moments {seed}");
        log.AssertSame(store);
        Assert.Equal(0, store.Import(log.Files).Lines);
        return stops.Count;
    }

    /// <summary>Runs an import; with <paramref name="random"/> it is killed at some moment.</summary>
    /// <returns>Whether it came to its end.</returns>
    private static async Task<bool> RunAndKill(ImportProcess.Job job, Random? random)
    {
        using Process process = ImportProcess.Start(job);
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (random is not null)
        {
            // Some commits later and a little more; now and then while it opens the store.
            // A file that is known already has a commit of its own, too.
            int commitsMax = 5 + (job.IsOneByOne ? job.Files.Length : 0);
            const int DelayMaxMilliseconds = 30;
            var manifest = new FileInfo(Path.Combine(job.Store, "manifest"));
            int commits = random.Next(4) == 0 ? 0 : random.Next(1, commitsMax + 1);
            for (long length = manifest.Length; commits > 0 && !process.HasExited;)
            {
                await Task.Delay(1);
                manifest.Refresh();
                commits -= manifest.Length == length ? 0 : 1;
                length = manifest.Length;
            }
            await Task.Delay(random.Next(DelayMaxMilliseconds));
            process.Kill();
        }
        ToolProcess.Wait(process);
        bool isDone = (await output).EndsWith("done\n", StringComparison.Ordinal);
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
