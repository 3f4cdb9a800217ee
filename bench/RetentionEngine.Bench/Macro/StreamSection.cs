using LogGen;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Macro;

/// <summary>More log than memory or disk would take, straight from loggen through a pipe.</summary>
internal static class StreamSection
{
    public static void Run(Scale scale, string folder, Figures figures)
    {
        if (scale.StreamBytes == 0)
        {
            figures.Note("Peak memory of a 20 GB import is measured by 'full' only.");
            return;
        }
        // So fast that it fits into the period of seven days.
        long rate = Math.Max(scale.StreamBytes / 6, new Options().RateBytesPerDay);
        string store = Path.Combine(folder, "stream-store");
        ImportOutcome outcome = ImportWorker.StartPiped(
            store, StoreSetup.Now, TimeSpan.FromDays(7),
            [
                ChildProcess.DotNet, ChildProcess.Assembly("loggen"), "--bytes",
                $"{scale.StreamBytes}", "--seed", $"{LogInput.Seed}", "--rate", $"{rate}",
            ]);
        figures.Add(
            "import.streamGB", outcome.BytesRead / 1e9, "GB", "log through a pipe from loggen");
        figures.Add("import.streamRecords", outcome.Records, "records", "records in the store");
        figures.Add("import.streamStoreMB", outcome.StoreBytes / 1e6, "MB", "its store on disk");
        figures.Add(
            "import.peakStreamMiB", outcome.PeakMiB, "MiB", "VmHWM of the importing process");
        figures.Add(
            "import.streamCpuMBps", outcome.CpuMBps, "MB/CPU s",
            "raw log per CPU second (by the clock it waits for loggen)");
        StoreSetup.Delete(store);
    }
}
