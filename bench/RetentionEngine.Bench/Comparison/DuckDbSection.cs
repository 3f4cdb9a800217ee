using System.Diagnostics;
using LogGen;
using RetentionEngine.Bench.Macro;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Comparison;

/// <summary>The same records here, in DuckDB, in Parquet and in SQLite: size, CPU, queries, deletion.</summary>
internal static class DuckDbSection
{
    private const int InsertBatch = 20_000;
    private const int Rounds = 7;

    public static void Run(Scale scale, string folder, Figures figures)
    {
        if (scale.CompareBytes == 0)
        {
            return;
        }
        LogInput input = LogInput.Make(folder, new Options { Bytes = scale.CompareBytes });
        string path = Path.Combine(folder, "compare-store");
        StoreSetup.Delete(path);
        ImportOutcome import = ImportWorker.Start(path, StoreSetup.Now, TimeSpan.FromDays(7), input.Path);
        var clock = new SetClock(StoreSetup.Now);
        using (RetentionStore store = RetentionStore.Open(path, StoreSetup.Options(clock)))
        using (var duck = new DuckDbStore(Path.Combine(folder, "compare.duckdb")))
        using (var sqlite = new SqliteStore(Path.Combine(folder, "compare.sqlite")))
        {
            Compare(figures, import, store, clock, duck, sqlite);
        }
        File.Delete(Path.Combine(folder, "compare.sqlite"));
        StoreSetup.Delete(path);
    }

    private static void Compare(
        Figures figures, ImportOutcome import, RetentionStore store, SetClock clock,
        DuckDbStore duck, SqliteStore sqlite)
    {
        long count = 0;
        string? mailbox = null;
        foreach (RetentionRecord[] chunk in store.Query(new RetentionQuery()).Chunk(InsertBatch))
        {
            RetentionRecord[] kept = Array.FindAll(chunk, r => (r.Flags & RecordFlags.InFlight) == 0);
            duck.Insert(kept);
            sqlite.Insert(kept);
            count += kept.Length;
            mailbox ??= kept.GroupBy(r => r.Recipient, StringComparer.Ordinal)
                .MaxBy(g => g.Key is { } key && key.Contains('@', StringComparison.Ordinal) ? g.Count() : 0)!.Key;
        }
        (long plain, long sorted, long indexed, long parquet) = duck.Finish();
        (long five, _) = sqlite.Finish();
        double ours = (double)import.StoreBytes / count;
        figures.Add("duckdb.records", count, "records", "");
        figures.Add("duckdb.bytesPerRecord", (double)plain / count, "bytes", "as they come");
        figures.Add("duckdb.sortedBytesPerRecord", (double)sorted / count, "bytes", "sorted by mailbox");
        figures.Add("duckdb.indexedBytesPerRecord", (double)indexed / count, "bytes", "and five indexes");
        figures.Add("parquet.bytesPerRecord", (double)parquet / count, "bytes", "sorted, zstd");
        figures.Add("store.ratioToDuckDb", ours * count / plain, "x DuckDB", "without its indexes, ours with");
        figures.Add("store.ratioToParquet", ours * count / parquet, "x Parquet", "ours with all indexes");
        figures.Add("duckdb.usPerRecord", duck.CpuMs * 1000 / count, "us CPU", "append and checkpoint");
        figures.Add("compare.sqliteUsPerRecord", sqlite.CpuMs * 1000 / count, "us CPU", "insert and index");
        Query(figures, store, duck, sqlite, mailbox!);
        Delete(figures, store, clock, duck, sqlite);
        figures.Add("compare.sqliteBytesPerRecord", (double)five / count, "bytes", "five indexes, packed");
    }

    private static void Query(
        Figures figures, RetentionStore store, DuckDbStore duck, SqliteStore sqlite, string mailbox)
    {
        int ours = 0;
        double oursMs = Best(() => ours = store.Query(new RetentionQuery { Mailbox = mailbox })
            .Count(r => (r.Flags & RecordFlags.InFlight) == 0));
        int theirs = 0;
        double duckMs = Best(() => theirs = duck.ReadMailbox(mailbox));
        double sqliteMs = Best(() => sqlite.ReadMailbox(mailbox));
        if (ours == 0 || ours != theirs)
        {
            throw new InvalidOperationException("DuckDB finds other records of a mailbox.");
        }
        figures.Add("compare.mailboxHits", ours, "records", "of one mailbox, any role");
        figures.Add("compare.mailboxMs", oursMs, "ms", "here, warm");
        figures.Add("compare.mailboxDuckDbMs", duckMs, "ms", "DuckDB, warm");
        figures.Add("compare.mailboxSqliteMs", sqliteMs, "ms", "SQLite, warm");
    }

    private static void Delete(
        Figures figures, RetentionStore store, SetClock clock, DuckDbStore duck, SqliteStore sqlite)
    {
        // The first hour is for warming up: what counts is that the code is compiled.
        double duckMs = 0;
        double sqliteMs = 0;
        double ours = 0;
        int buckets = 0;
        for (int hour = 1; hour <= 3; hour++)
        {
            DateTimeOffset end = LogInput.Start.AddHours(hour);
            duckMs = duck.DeleteBefore(end);
            sqliteMs = sqlite.DeleteBefore(end);
            clock.Now = end.AddDays(7);
            long started = Stopwatch.GetTimestamp();
            buckets = store.Expire(dryRun: false).Buckets.Count;
            ours = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }
        figures.Add("compare.expireBuckets", buckets, "buckets", "of the third hour");
        figures.Add("compare.expireMs", ours, "ms", "here: keys destroyed");
        figures.Add("compare.expireDuckDbMs", duckMs, "ms", "DuckDB: DELETE and checkpoint");
        figures.Add("compare.expireSqliteMs", sqliteMs, "ms", "SQLite: DELETE and commit");
        figures.Add("compare.expireRatioToSqlite", sqliteMs / ours, "x", "how much faster");
    }

    private static double Best(Action action)
    {
        double best = double.MaxValue;
        for (int i = 0; i < Rounds; i++)
        {
            long started = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        return best;
    }
}
