using LogGen;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Records;

namespace RetentionEngine.Bench.Macro;

/// <summary>A commit beside one plain write and flush of as many bytes.</summary>
internal static class CommitSection
{
    private const long Seed = 7;
    private const int SmallRows = 500;
    private const int SnapshotBytes = 100_000;

    public static void Run(Scale scale, string folder, Figures figures)
    {
        LogInput input = LogInput.Make(folder, new Options { Bytes = scale.ParseBytes });
        byte[] bytes = input.Load();
        var loop = new ParseLoop();
        loop.Correlate(bytes.AsSpan(0, (int)input.Bytes));
        RecordBatch batch = loop.Batch;
        List<SealedRun> large = Seal(batch);
        batch.Truncate(Math.Min(batch.Count, SmallRows));
        List<SealedRun> small = Seal(batch);
        string path = Path.Combine(folder, "commit-store");
        string raw = Path.Combine(folder, "commit-raw");
        StoreSetup.Delete(path);
        using (BucketStore store = BucketStore.Create(
            path, StoreSetup.Policy(TimeSpan.FromDays(7)),
            StoreSetup.Options(new SetClock(StoreSetup.Now))))
        using (SafeFileHandle file = File.OpenHandle(raw, FileMode.Create, FileAccess.Write))
        {
            Measure(scale, figures, "commit", store, file, large);
            Measure(scale, figures, "commit.small", store, file, small);
        }
        File.Delete(raw);
        StoreSetup.Delete(path);
    }

    private static List<SealedRun> Seal(RecordBatch batch)
    {
        var planner = new RunPlanner(Seed);
        var encoder = new RunEncoder(Seed);
        planner.Plan(batch, StoreSetup.Policy(TimeSpan.FromDays(7)));
        var runs = new List<SealedRun>();
        for (int i = 0; i < planner.RunCount; i++)
        {
            var run = new SealedRun();
            encoder.Encode(planner, i, run);
            runs.Add(run);
        }
        return runs;
    }

    private static void Measure(
        Scale scale, Figures figures, string name, BucketStore store, SafeFileHandle file,
        List<SealedRun> runs)
    {
        byte[] snapshot = new byte[SnapshotBytes];
        new Random(1).NextBytes(snapshot);
        byte[] same = new byte[runs.Sum(run => run.SizeBytes) + snapshot.Length];
        new Random(2).NextBytes(same);
        var sources = new SourceState[1];
        long position = 0;
        var rounds = new Rounds();
        rounds.Add("commit", () =>
        {
            foreach (SealedRun run in runs)
            {
                _ = store.Add(run);
            }
            sources[0] = new SourceState(1, 4096, ++position, 2, 4096, 0, position);
            store.Commit(sources, snapshot);
        });
        rounds.Add("raw", () =>
        {
            RandomAccess.Write(file, same, position * same.Length);
            DurableFile.Flush(file, "commit-raw");
        });
        // Commits go on for as long as a store is written to: what counts is compiled code.
        rounds.Run(scale.QueryRounds, warm: scale.QueryRounds);
        Timing commit = rounds["commit"];
        Timing raw = rounds["raw"];
        string separator = name.Contains('.', StringComparison.Ordinal) ? "" : ".";
        string Key(string what) => separator.Length > 0
            ? name + separator + what
            : name + char.ToUpperInvariant(what[0]) + what[1..];
        figures.Add(Key("MB"), same.Length / 1e6, "MB", $"in {runs.Count} runs and a snapshot");
        figures.Add(Key("ms"), commit.MedianWallMs, "ms", "encrypt, put, commit; median");
        figures.Add(Key("rawMs"), raw.MedianWallMs, "ms", "pwrite + fdatasync of as much; median");
        figures.Add(
            Key("ratioToRaw"), commit.MedianWallMs / raw.MedianWallMs, "x raw", "medians");
        figures.Add(
            Key("ratioToRawMin"), commit.WallMs / raw.WallMs, "x raw", "best rounds of each");
    }
}
