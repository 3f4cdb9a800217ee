using System.Diagnostics;
using System.Text.Json;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Bench.Macro;

/// <summary>What one import took, and what it left.</summary>
internal sealed record ImportOutcome
{
    public double WallMs { get; init; }

    /// <summary>CPU of all threads while importing, the compiler's work included.</summary>
    public double CpuMs { get; init; }

    /// <summary>Highest resident memory of the process, runtime and compiler included.</summary>
    public double PeakMiB { get; init; }

    /// <summary>Managed bytes allocated while importing, on all threads.</summary>
    public long AllocatedBytes { get; init; }

    public long BytesRead { get; init; }

    public long Lines { get; init; }

    public long StrangeLines { get; init; }

    /// <summary>Records in the store.</summary>
    public long Records { get; init; }

    /// <summary>Mails in the queue and sessions still open: not in <see cref="Records"/>.</summary>
    public long InFlight { get; init; }

    /// <summary>Records of the classes sent and received.</summary>
    public long Deliveries { get; init; }

    /// <summary>Bytes of their blocks.</summary>
    public long DeliveryBytes { get; init; }

    /// <summary>Buckets with records, of all classes.</summary>
    public int Buckets { get; init; }

    /// <summary>All bytes of the store on disk.</summary>
    public long StoreBytes { get; init; }

    public double MBps => BytesRead / 1e3 / WallMs;

    public double CpuMBps => BytesRead / 1e3 / CpuMs;
}

/// <summary>One import in a process of its own, so that its memory is nobody else's.</summary>
internal static class ImportWorker
{
    private const string Mark = "outcome ";
    private const string Name = "import-worker";

    /// <summary>Imports logs into a new store, in a child process.</summary>
    /// <param name="store">Where the store is made; an old one there is removed.</param>
    /// <param name="now">The clock of the store.</param>
    /// <param name="period">How long it keeps.</param>
    /// <param name="paths">Logs.</param>
    public static ImportOutcome Start(
        string store, DateTimeOffset now, TimeSpan period, params string[] paths)
    {
        StoreSetup.Delete(store);
        return Parse(ChildProcess.OutputOfSelf([.. Arguments(store, now, period), .. paths]));
    }

    /// <summary>The same from standard input that a shell command writes.</summary>
    public static ImportOutcome StartPiped(
        string store, DateTimeOffset now, TimeSpan period, IReadOnlyList<string> producer)
    {
        StoreSetup.Delete(store);
        string[] self = [.. ChildProcess.Self, .. Arguments(store, now, period), "-"];
        string line = $"{Quote(producer)} | {Quote(self)}";
        return Parse(ChildProcess.Output("/bin/sh", ["-c", line]));
    }

    /// <summary>The child's side.</summary>
    public static int? TryRun(string[] args)
    {
        if (args is not [Name, var store, var now, var period, .. var paths])
        {
            return null;
        }
        var clock = new SetClock(DateTimeOffset.FromUnixTimeSeconds(Number(now)));
        ImportOutcome outcome =
            Import(store, clock, TimeSpan.FromHours(Number(period)), paths);
        Console.WriteLine(Mark + JsonSerializer.Serialize(outcome));
        return 0;
    }

    private static ImportOutcome Import(
        string path, SetClock clock, TimeSpan period, string[] paths)
    {
        FoundSources found = SourceFinder.Find(paths, clock.Now);
        if (found.Errors.Count > 0)
        {
            throw found.Errors[0];
        }
        using RetentionStore store = RetentionStore.Create(
            path, StoreSetup.Policy(period), StoreSetup.Options(clock));
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        double cpu = Posix.ProcessCpuMs();
        long wall = Stopwatch.GetTimestamp();
        ImportReport report = store.Import(found.Sources, new ImportOptions(), default);
        double wallMs = Stopwatch.GetElapsedTime(wall).TotalMilliseconds;
        cpu = Posix.ProcessCpuMs() - cpu;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        if (report.Sources.Any(source => source.Error is not null)
            || report.PastPeriodRecords.Values.Sum() + report.LateDropped > 0)
        {
            throw new InvalidOperationException("The import left something out.");
        }
        StoreStats stats = store.Stats();
        ClassStats[] mail =
            [.. stats.Classes.Where(c => c.Class is RecordClass.Sent or RecordClass.Received)];
        return new ImportOutcome
        {
            WallMs = wallMs,
            CpuMs = cpu,
            PeakMiB = Machine.PeakMiB(),
            AllocatedBytes = allocated,
            BytesRead = report.BytesRead,
            Lines = report.Lines,
            StrangeLines = report.StrangeLines,
            Records = stats.Classes.Sum(c => c.Records),
            InFlight = stats.InFlight + stats.OpenSessions,
            Deliveries = mail.Sum(c => c.Records),
            DeliveryBytes = mail.Sum(c => c.SizeBytes),
            Buckets = stats.Classes.Sum(c => c.Buckets),
            StoreBytes = StoreSetup.BytesOnDisk(path),
        };
    }

    private static string[] Arguments(string store, DateTimeOffset now, TimeSpan period) =>
        [Name, store, $"{now.ToUnixTimeSeconds()}", $"{(long)period.TotalHours}"];

    private static ImportOutcome Parse(string output)
    {
        string line = output.Split('\n').First(l => l.StartsWith(Mark, StringComparison.Ordinal));
        return JsonSerializer.Deserialize<ImportOutcome>(line[Mark.Length..])!;
    }

    private static long Number(string text) =>
        long.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static string Quote(IEnumerable<string> words) =>
        string.Join(' ', words.Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
}
