using System.Diagnostics;
using System.Globalization;
using LogGen;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Macro;

/// <summary>The whole import by the published binary, as users run it: a process and its end.</summary>
/// <remarks>
/// The command line goes by the real clock, so the log is made to end in the last days.
/// </remarks>
internal static class PublishedImport
{
    private const int LogAgeDays = 3;

    /// <summary>Measures the binary of each kind that is there.</summary>
    /// <returns>The best wall speed of any, in MB/s, and its kind; 0 without one.</returns>
    public static (double MBps, string Kind) Run(Scale scale, string folder, Figures figures)
    {
        long hour = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600;
        LogInput? input = null;
        (double MBps, string Kind) best = (0, "");
        foreach (string kind in PublishedTool.Kinds)
        {
            if (PublishedTool.Find(kind) is not { } program)
            {
                figures.Note($"No published binary of kind {kind}: no import by it.");
                continue;
            }
            input ??= LogInput.Make(folder, new Options
            {
                Bytes = scale.ImportBytes,
                Start = DateTimeOffset.FromUnixTimeSeconds((hour - (LogAgeDays * 24)) * 3600),
                RateBytesPerDay = Math.Max(scale.ImportBytes, new Options().RateBytesPerDay),
            });
            double mbps = Measure(scale, folder, figures, kind, program, input);
            best = mbps > best.MBps ? (mbps, kind) : best;
        }
        input?.Delete();
        return best;
    }

    private static double Measure(
        Scale scale, string folder, Figures figures, string kind, string program, LogInput input)
    {
        string store = Path.Combine(folder, "published-store");
        double peak = 0;
        var rounds = new Rounds();
        rounds.AddProcess(kind, () =>
        {
            StoreSetup.Delete(store);
            peak = Math.Max(peak, Import(program, store, input));
        });
        rounds.Run(scale.ImportRounds, warm: 0);
        StoreSetup.Delete(store);
        double megabytes = input.Bytes / 1e3;
        figures.Add(
            $"import.{kind}WallMBps", megabytes / rounds[kind].WallMs, "MB/s",
            "published binary, from its start to its end, best round");
        figures.Add(
            $"import.{kind}WallMedianMBps", megabytes / rounds[kind].MedianWallMs, "MB/s",
            "the same, median round");
        figures.Add(
            $"import.{kind}CpuMBps", megabytes / rounds[kind].CpuMs, "MB/CPU s",
            "raw log per CPU second of all its threads");
        figures.Add($"import.{kind}PeakMiB", peak, "MiB", "its VmHWM, looked at every 5 ms");
        return megabytes / rounds[kind].WallMs;
    }

    /// <returns>Its highest resident memory, MiB.</returns>
    private static double Import(string program, string store, LogInput input)
    {
        string[] domains = [.. LogInput.LocalDomains.SelectMany(d => (string[])["--local-domain", d])];
        ProcessStartInfo start = ChildProcess.Describe(
            program,
            [
                "import", input.Path, "--store", store, "--retain", "all=7d",
                "--timezone", LogInput.Zone.Id, .. domains, "--json", "--quiet",
            ]);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        double peak = 0;
        while (!process.WaitForExit(5))
        {
            peak = Math.Max(peak, Machine.PeakMiB(process.Id));
        }
        string lines = string.Create(CultureInfo.InvariantCulture, $"\"lines\":{input.Lines},");
        return process.ExitCode == 0 && output.Result.Contains(lines, StringComparison.Ordinal)
            ? peak
            : throw new InvalidOperationException($"{program} did not import the whole log.");
    }
}
