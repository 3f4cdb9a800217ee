using RetentionEngine.Bench.Macro;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Comparison;

/// <summary>The store's size beside compressors of the same lines, and SQLite with its records.</summary>
internal static class SizeSection
{
    private const int InsertBatch = 20_000;

    public static void Run(
        Scale scale, string folder, LogInput input, string storePath, ImportOutcome import,
        Figures figures)
    {
        double records = import.Records;
        figures.Add("store.MB", import.StoreBytes / 1e6, "MB", "all files of the store");
        figures.Add("store.bytesPerRecord", import.StoreBytes / records, "bytes", "all classes");
        figures.Add(
            "store.bytesPerDelivery", (double)import.DeliveryBytes / import.Deliveries, "bytes",
            "blocks of the classes sent and received");
        figures.Add(
            "store.bytesPerLogByte", (double)import.StoreBytes / input.Bytes, "bytes", "");
        Compress(scale, input, import, figures);
        Sqlite(folder, input, storePath, import, figures);
    }

    private static void Compress(
        Scale scale, LogInput input, ImportOutcome import, Figures figures)
    {
        foreach ((string program, string level, long bytes, string name) in
            ((string, string, long, string)[])
            [
                ("gzip", "-6", input.Bytes, "Gzip"),
                ("zstd", "-3", input.Bytes, "Zstd3"),
                ("zstd", "-19", Math.Min(input.Bytes, scale.SlowBytes), "Zstd19"),
            ])
        {
            if (!ChildProcess.Exists(program))
            {
                figures.Note($"{program} is not installed: no ratio to {program} {level}.");
                continue;
            }
            (long packed, _) = Compressors.Size(program, level, input.Path, bytes);
            double ofAll = packed * ((double)input.Bytes / bytes);
            string of = bytes == input.Bytes
                ? "the same lines" : $"the same lines, by their first {bytes / 1e6:0} MB";
            figures.Add(
                $"store.ratioTo{name}", import.StoreBytes / ofAll, $"x {program} {level}", of);
        }
    }

    private static void Sqlite(
        string folder, LogInput input, string storePath, ImportOutcome import, Figures figures)
    {
        string path = Path.Combine(folder, "comparison.sqlite");
        long count = 0;
        long inFlight = 0;
        long five;
        long all;
        double cpuMs;
        using (var sqlite = new SqliteStore(path))
        using (RetentionStore store = RetentionStore.Open(
            storePath, StoreSetup.Options(new SetClock(StoreSetup.Now)), readOnly: true))
        {
            var chunks = store.Query(new RetentionQuery()).Chunk(InsertBatch);
            string? mailbox = null;
            foreach (RetentionRecord[] chunk in chunks)
            {
                RetentionRecord[] kept =
                    Array.FindAll(chunk, r => (r.Flags & RecordFlags.InFlight) == 0);
                sqlite.Insert(kept);
                count += kept.Length;
                inFlight += chunk.Length - kept.Length;
                mailbox ??= Array.Find(chunk, r => r.Kind == RecordKind.Access)?.Recipient;
            }
            (five, all) = sqlite.Finish();
            cpuMs = sqlite.CpuMs;
            Compare(sqlite, store, mailbox!);
        }
        File.Delete(path);
        if (count != import.Records)
        {
            throw new InvalidOperationException("A query for everything did not yield everything.");
        }
        figures.Add(
            "import.truthDifference", count + inFlight - input.Records, "records",
            "records of a query for all, less those that loggen knows");
        figures.Add("sqlite.bytesPerRecord", (double)all / count, "bytes", "all indexes, packed");
        figures.Add("store.ratioToSqlite", (double)import.StoreBytes / all, "x SQLite",
            "text columns, indexes for all that we find");
        figures.Add("store.ratioToSqliteFive", (double)import.StoreBytes / five, "x SQLite",
            "only sender, recipient, IP, message-id, queue id indexed");
        figures.Add("sqlite.usPerRecord", cpuMs * 1000 / count, "us CPU",
            "insert and index, from records made already");
        figures.Add("sqlite.cpuMBps", import.BytesRead / 1e3 / cpuMs, "MB/CPU s",
            "raw log, parsing not included");
    }

    /// <summary>Both must find the same records.</summary>
    private static void Compare(SqliteStore sqlite, RetentionStore store, string mailbox)
    {
        long ours = store.Query(new RetentionQuery { Mailbox = mailbox })
            .LongCount(record => (record.Flags & RecordFlags.InFlight) == 0);
        if (ours == 0 || sqlite.ReadMailbox(mailbox) != ours)
        {
            throw new InvalidOperationException("SQLite finds other records of a mailbox.");
        }
    }
}
