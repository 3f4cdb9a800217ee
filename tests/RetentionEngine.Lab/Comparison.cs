using RetentionEngine.Tests.Acceptance;
using Xunit;

namespace RetentionEngine.Lab;

internal static class Comparison
{
    /// <summary>
    /// Imports logs of a run and checks that exactly the records that were driven come out of
    /// them, every field, and that no line remains not understood.
    /// </summary>
    /// <param name="run">The run; its folder holds <c>expected.tsv</c> beside the logs.</param>
    /// <param name="directory">Below the run's folder.</param>
    /// <param name="pattern">Of the names of the logs.</param>
    public static void AssertExact(LabRun run, string directory, string pattern)
    {
        var truth = new TruthFile(Path.Combine(run[directory], "expected.tsv"));
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(3650), truth.LocalDomains));
        string what = $"{directory}, LAB_SEED={run.Seed}";
        string[] logs = Logs(run, directory, pattern);
        ImportReport report = store.Import(logs);
        int count = truth.AssertSame(
            () => store.Store.Query(new RetentionQuery()), store.Seed, what);
        Assert.True(count > 0, $"{what}: nothing was driven");
        Assert.True(report.StrangeLines == 0, $"{what}: {report.StrangeLines} strange lines");

        // Once more from what was committed; and the same logs again add nothing.
        store.Reopen();
        store.Import(logs);
        truth.AssertSame(() => store.Store.Query(new RetentionQuery()), store.Seed, what);
        Assert.Empty(store.Store.Verify().Faults);
    }

    private static string[] Logs(LabRun run, string directory, string pattern)
    {
        string[] logs = Directory.GetFiles(run[directory], pattern);
        return logs.Length > 0 ? logs : throw new FileNotFoundException(run[directory]);
    }
}
