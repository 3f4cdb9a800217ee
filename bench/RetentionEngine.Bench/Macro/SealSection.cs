using LogGen;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Records;

namespace RetentionEngine.Bench.Macro;

/// <summary>Rows to durable, encrypted runs: deliveries and logins by themselves.</summary>
internal static class SealSection
{
    private const long Seed = 7;
    private const int BatchBytes = 60_000_000;

    public static void Run(Scale scale, string folder, Figures figures)
    {
        LogInput input = LogInput.Make(folder, new Options { Bytes = scale.ParseBytes });
        byte[] bytes = input.Load();
        var loop = new ParseLoop();
        // As much as one batch takes: what is left of a full log behind the last one is little.
        int most = (int)Math.Min(input.Bytes, BatchBytes);
        loop.Correlate(bytes.AsSpan(0, bytes.AsSpan(0, most).LastIndexOf((byte)'\n') + 1));
        RecordBatch deliveries = Only(loop.Batch, kind => kind <= RecordKind.Relayed);
        RecordBatch logins = Only(loop.Batch, kind => kind == RecordKind.Access);
        string path = Path.Combine(folder, "seal-store");
        StoreSetup.Delete(path);
        using (BucketStore store = BucketStore.Create(
            path, StoreSetup.Policy(TimeSpan.FromDays(7)),
            StoreSetup.Options(new SetClock(StoreSetup.Now))))
        {
            Measure(scale, figures, store, "seal.deliveries", deliveries);
            Measure(scale, figures, store, "seal.logins", logins);
        }
        StoreSetup.Delete(path);
    }

    private static void Measure(
        Scale scale, Figures figures, BucketStore store, string name, RecordBatch batch)
    {
        var planner = new RunPlanner(Seed);
        var encoder = new RunEncoder(Seed);
        var run = new SealedRun();
        double bestMs = double.MaxValue;
        long size = 0;
        for (int round = 0; round < scale.QueryRounds; round++)
        {
            double cpu = Posix.ThreadCpuMs();
            planner.Plan(batch, store.Policy);
            size = 0;
            for (int i = 0; i < planner.RunCount; i++)
            {
                encoder.Encode(planner, i, run);
                size += run.SizeBytes;
                _ = store.Add(run);
            }
            bestMs = Math.Min(bestMs, Posix.ThreadCpuMs() - cpu);
            store.Commit([], []);
        }
        figures.Add($"{name}Rows", batch.Count, "rows", $"a batch, {planner.RunCount} runs");
        figures.Add(
            $"{name}PerSecond", batch.Count * 1000.0 / bestMs, "rows/CPU s", "plan, encode, encrypt, put; best");
        figures.Add($"{name}Us", bestMs * 1000 / batch.Count, "us CPU", "a row");
        figures.Add($"{name}Bytes", (double)size / batch.Count, "bytes", "a row, all indexes");
    }

    private static RecordBatch Only(RecordBatch all, Func<RecordKind, bool> wanted)
    {
        var batch = new RecordBatch(Seed);
        foreach (ref readonly RecordRow source in all.Rows)
        {
            if (!wanted(source.Kind))
            {
                continue;
            }
            ref RecordRow row = ref batch.Add();
            row = source;
            uint Copy(uint text) => text < 2 ? text : batch.Strings.Intern(all.Strings[text]);
            row.Sender = Copy(source.Sender);
            row.Recipient = Copy(source.Recipient);
            row.OrigTo = Copy(source.OrigTo);
            row.Sasl = Copy(source.Sasl);
            row.Relay = Copy(source.Relay);
            row.Via = Copy(source.Via);
            row.Retries = Copy(source.Retries);
            row.Host = Copy(source.Host);
        }
        return batch;
    }
}
