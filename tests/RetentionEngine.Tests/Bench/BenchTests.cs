using System.Diagnostics;
using System.Text.Json;
using LogGen;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Bench;

/// <summary>The benchmarks at their smallest: every workload runs and finds what is there.</summary>
public sealed class BenchTests
{
    private const int ParseBytes = 1_000_000;
    private const int ImportBytes = 3_000_000;

    [Fact]
    public void EveryWorkloadCountsWhatLogGenWrote()
    {
        using var folder = new TestDirectory();
        string json = Path.Combine(folder.Path, "figures.json");
        Run(folder.Path, "tiny", "--work", folder.Path, "--json", json);
        using var figures = JsonDocument.Parse(File.ReadAllText(json));
        double Figure(string name) => figures.RootElement.GetProperty(name).GetDouble();

        Assert.Equal(Lines(ParseBytes, isRfc3339: false), Figure("input.lines"));
        Assert.Equal(Lines(ParseBytes, isRfc3339: true), Figure("input.rfc3339Lines"));
        Assert.Equal(Lines(ImportBytes, isRfc3339: false), Figure("import.lines"));
        Assert.Equal(0, Figure("import.strangeLines"));
        Assert.Equal(0, Figure("import.truthDifference"));
        Assert.Equal(0, Figure("alloc.bytesPerLine"));
        Assert.Equal(700, Figure("query.messageIdHits"));
        Assert.Equal(0, Figure("query.absentHits"));
        Assert.Equal(0, Figure("query.sqliteDifference"));
        Assert.InRange(Figure("query.mailboxHits"), 1, Figure("query.hotHits"));
        Assert.True(Figure("expire.buckets") > 0);
        Assert.InRange(Figure("forms.postscreenEventShare"), 0.02, 0.08);
        Assert.Equal(
            Figure("forms.standardEventShare"), Figure("forms.journalEventShare"), tolerance: 0.05);
        foreach (string name in (string[])
            ["tokenize.ratioToFloor", "correlate.ratioToFloor", "file.GBps", "import.wallMBps",
            "import.cpuMBps", "import.peakMiB", "import.peakStreamMiB", "import.distinctRatio",
            "store.bytesPerDelivery", "store.ratioToSqlite", "query.mailboxWarmMs",
            "forms.postscreenTokenizeRatioToFloor", "forms.postscreenCorrelateGBps",
            "forms.journalTokenizeRatioToFloor", "forms.journalCorrelateGBps",
            "query.mailboxColdMs", "query.processMs", "expire.bucketMs", "commit.ratioToRaw"])
        {
            Assert.True(Figure(name) > 0, name);
        }
    }

    [Fact]
    public void AnUnknownSectionIsRefused()
    {
        using var folder = new TestDirectory();
        using Process process = Start(folder.Path, ["quick", "everything"]);
        ToolProcess.Wait(process);
        Assert.Equal(64, process.ExitCode);
    }

    private static long Lines(long bytes, bool isRfc3339) => Generator.Run(
        new Options { Seed = 20_261_101, Bytes = bytes, IsRfc3339 = isRfc3339 },
        _ => Stream.Null,
        null).Lines;

    private static void Run(string directory, params string[] args)
    {
        using Process process = Start(directory, args);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        ToolProcess.Wait(process);
        Assert.True(process.ExitCode == 0, error.Result + output.Result);
    }

    private static Process Start(string directory, string[] args)
    {
        // Built into a folder of its own beside ours, in the same configuration.
        string ours = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        string bench = Path.GetFullPath(Path.Combine(
            ours, "..", "..", "RetentionEngine.Bench", Path.GetFileName(ours)));
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory,
        };
        start.ArgumentList.Add(Path.Combine(bench, "RetentionEngine.Bench.dll"));
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }
        return Process.Start(start)!;
    }
}
