using LogGen;
using RetentionEngine.Bench.Comparison;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Macro;

/// <summary>The whole import: from a file in the page cache to a durable, encrypted store.</summary>
internal static class ImportSection
{
    private const int DistinctAddresses = 10_000_000;

    private static readonly TimeSpan s_period = TimeSpan.FromDays(7);

    public static void Run(Scale scale, string folder, Figures figures)
    {
        LogInput standard = LogInput.Make(folder, new Options { Bytes = scale.ImportBytes });
        LogInput distinct = LogInput.Make(
            folder,
            new Options
            {
                Bytes = scale.ImportBytes,
                Peers = DistinctAddresses,
                HasUniformPeers = true,
            });
        string store = Path.Combine(folder, "import-store");
        string other = Path.Combine(folder, "distinct-store");
        var outcomes = new List<ImportOutcome>();
        var distinctOutcomes = new List<ImportOutcome>();
        var rounds = new Rounds();
        rounds.AddProcess("import", () => outcomes.Add(Import(store, standard)));
        rounds.AddProcess("distinct", () => distinctOutcomes.Add(Import(other, distinct)));
        if (ChildProcess.Exists("grep"))
        {
            rounds.AddProcess("grep", () => Scanners.Grep(standard.Path));
        }
        rounds.Run(scale.ImportRounds, warm: 0);
        (double MBps, string Kind) published = PublishedImport.Run(scale, folder, figures);
        Report(figures, standard, outcomes, published);
        ReportDistinct(figures, outcomes, distinctOutcomes);
        if (rounds.Has("grep"))
        {
            figures.Add(
                "import.cpuRatioToGrep", outcomes.Min(o => o.CpuMs) / rounds["grep"].CpuMs,
                "x grep", "CPU, against grep -c status=sent on the same file");
        }
        else
        {
            figures.Note("grep is not installed: no ratio to it.");
        }
        StoreSetup.Delete(other);
        distinct.Delete();
        SizeSection.Run(scale, folder, standard, store, outcomes[^1], figures);
        StoreSetup.Delete(store);
    }

    private static ImportOutcome Import(string store, LogInput input)
    {
        ImportOutcome outcome = ImportWorker.Start(store, StoreSetup.Now, s_period, input.Path);
        if (outcome.Lines != input.Lines || outcome.BytesRead != input.Bytes
            || outcome.Records + outcome.InFlight == 0)
        {
            throw new InvalidOperationException("The import did not read the whole log.");
        }
        return outcome;
    }

    private static void Report(
        Figures figures, LogInput input, List<ImportOutcome> outcomes,
        (double MBps, string Kind) published)
    {
        ImportOutcome last = outcomes[^1];
        figures.Add("import.MB", input.Bytes / 1e6, "MB", "log, traditional stamps, page cache");
        figures.Add("import.lines", last.Lines, "lines", "lines read");
        figures.Add("import.strangeLines", last.StrangeLines, "lines", "lines not understood");
        figures.Add("import.records", last.Records, "records", "records in the store");
        figures.Add("import.buckets", last.Buckets, "buckets", "buckets of all classes");
        double jit = outcomes.Max(o => o.MBps);
        figures.Add(
            "import.jitWallMBps", jit, "MB/s",
            "raw log by the clock, durable and encrypted, just-in-time compiler, best round");
        figures.Add(
            "import.jitWallMedianMBps", Rounds.Median(outcomes.Select(o => o.MBps)), "MB/s",
            "the same, median round");
        figures.Add(
            "import.wallMBps", Math.Max(jit, published.MBps), "MB/s",
            $"the best of them: {(published.MBps > jit ? published.Kind : "jit")}");
        figures.Add(
            "import.cpuMBps", outcomes.Max(o => o.CpuMBps), "MB/CPU s",
            "raw log per CPU second of all threads, just-in-time compiler included");
        figures.Add(
            "import.nsPerRecord", outcomes.Min(o => o.CpuMs) * 1e6 / last.Records, "ns",
            "CPU per record, all stages");
        figures.Add(
            "import.peakMiB", outcomes.Max(o => o.PeakMiB), "MiB",
            "VmHWM of the importing process, just-in-time compiler and all");
        figures.Add(
            "import.allocatedPerLine", outcomes.Min(o => (double)o.AllocatedBytes / o.Lines),
            "bytes", "managed, whole import with its start, all threads");
    }

    private static void ReportDistinct(
        Figures figures, List<ImportOutcome> standard, List<ImportOutcome> distinct)
    {
        figures.Add(
            "import.distinctMBps", distinct.Max(o => o.MBps), "MB/s",
            "addresses drawn evenly from 10 million, by the clock");
        figures.Add(
            "import.distinctRatio",
            standard.Min(o => o.WallMs / o.BytesRead) / distinct.Min(o => o.WallMs / o.BytesRead),
            "x standard", "its speed against the standard mix");
        figures.Add(
            "import.distinctPeakMiB", distinct.Max(o => o.PeakMiB), "MiB", "VmHWM");
    }
}
