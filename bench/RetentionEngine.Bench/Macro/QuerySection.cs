using System.Diagnostics;
using System.Net;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Macro;

/// <summary>Queries over 170 buckets, warm and cold, in the library and as a process; expiry.</summary>
internal static class QuerySection
{
    private const int WarmRounds = 20;
    private const int ExpiredHours = 10;

    public static void Run(Scale scale, string folder, Figures figures)
    {
        using QueryInput input = QueryInput.Make(folder, scale.QueryBytes);
        figures.Add("query.records", input.Import.Records, "records", "records in the store");
        figures.Add(
            "query.buckets", input.Import.Buckets, "buckets", "hourly buckets of four classes");
        Warm(scale, input, figures);
        Cold(scale, input, figures);
        Processes(scale, input, figures);
        Expire(scale, input, figures);
    }

    private static void Warm(Scale scale, QueryInput input, Figures figures)
    {
        using RetentionStore store = input.Open();
        var hits = new Dictionary<string, int>(StringComparer.Ordinal);
        (string Name, RetentionQuery Query)[] queries =
        [
            ("mailbox", new() { Mailbox = input.Mailbox }),
            ("messageId", new() { MessageId = QueryInput.MessageId }),
            ("ip", new() { Network = new IPNetwork(
                IPAddress.Parse(input.Ip), input.Ip.Contains(':', StringComparison.Ordinal) ? 128 : 32) }),
            ("absent", new() { Mailbox = QueryInput.Absent }),
            ("hot", new() { Mailbox = input.HotMailbox }),
        ];
        var rounds = new Rounds();
        foreach ((string name, RetentionQuery query) in queries)
        {
            rounds.Add(name, () => hits[name] = store.Query(query).Count());
        }
        rounds.Add("reopen", () =>
        {
            using RetentionStore reopened = input.Open();
            _ = reopened.Query(queries[0].Query).Count();
        });
        int sqliteMailbox = 0;
        rounds.Add("sqliteMailbox", () => sqliteMailbox = input.Sqlite.ReadMailbox(input.Mailbox));
        int sqliteMessageId = 0;
        rounds.Add(
            "sqliteMessageId", () => sqliteMessageId = input.Sqlite.ReadMessageId(input.Fingerprint));
        rounds.Run(scale.QueryRounds, Math.Min(WarmRounds, scale.QueryRounds));
        figures.Add(
            "query.sqliteDifference",
            Math.Abs(sqliteMailbox - CommittedHits(store, queries[0].Query))
                + Math.Abs(sqliteMessageId - CommittedHits(store, queries[1].Query)),
            "records",
            "records that one finds and SQLite, asked the same, does not");
        if (hits["messageId"] != QueryInput.NewsletterMails || hits["absent"] != 0)
        {
            throw new InvalidOperationException("A query found other records than there are.");
        }
        foreach ((string name, _) in queries)
        {
            Timing timing = rounds[name];
            figures.Add($"query.{name}Hits", hits[name], "records", "found");
            figures.Add($"query.{name}WarmMs", timing.WallMs, "ms", "in the library, open store, min");
            figures.Add($"query.{name}WarmMedianMs", timing.MedianWallMs, "ms", "the same, median");
        }
        figures.Add(
            "sqlite.mailboxWarmMs", rounds["sqliteMailbox"].WallMs, "ms",
            "the same mailbox, one file of all buckets, min");
        figures.Add(
            "sqlite.messageIdWarmMs", rounds["sqliteMessageId"].WallMs, "ms",
            "the same message-id, min");
        figures.Add(
            "query.hotUsPerHit", rounds["hot"].WallMs * 1000 / hits["hot"], "us", "per record found");
        figures.Add(
            "query.mailboxReopenMs", rounds["reopen"].WallMs, "ms",
            "store opened anew, pages cached, compiled code, min");
    }

    /// <summary>SQLite holds no mail that is still in flight.</summary>
    private static int CommittedHits(RetentionStore store, RetentionQuery query) =>
        store.Query(query).Count(record => (record.Flags & RecordFlags.InFlight) == 0);

    private static void Cold(Scale scale, QueryInput input, Figures figures)
    {
        var cold = new List<ColdQuery>();
        var coldIo = new List<double>();
        bool isDropped = true;
        for (int i = 0; i < scale.ProcessRounds; i++)
        {
            isDropped &= QueryWorker.DropCache(input.StorePath);
            cold.Add(QueryWorker.Start(input, input.Mailbox));
            isDropped &= QueryWorker.DropCache(input.StorePath);
            long start = Stopwatch.GetTimestamp();
            using RetentionStore store = input.Open();
            _ = store.Query(new RetentionQuery { Mailbox = input.Mailbox }).Count();
            coldIo.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        if (!isDropped)
        {
            figures.Note("The page cache could not be dropped: cold queries read cached pages.");
        }
        double[] whole = [.. cold.Select(c => c.OpenMs + c.FirstMs)];
        figures.Add(
            "query.mailboxColdJitMs", whole.Min(), "ms",
            "fresh process, dropped cache: open + first query, just-in-time compiler, min");
        figures.Add("query.mailboxColdJitMedianMs", Rounds.Median(whole), "ms", "the same, median");
        double published = ColdProcess(scale, input, figures);
        figures.Add(
            "query.mailboxColdMs", Math.Min(whole.Min(), published), "ms",
            $"the best of them: {(published < whole.Min() ? "published" : "jit")}");
        figures.Add("query.openColdMs", cold.Min(c => c.OpenMs), "ms", "of it, opening the store");
        figures.Add(
            "query.mailboxColdIoMs", coldIo.Min(), "ms",
            "dropped cache, compiled code: open + query, min");
    }

    /// <summary>The published binary from its start to its end, with the store out of the cache.</summary>
    /// <returns>Its best round in ms; the highest number when there is none.</returns>
    private static double ColdProcess(Scale scale, QueryInput input, Figures figures)
    {
        if (PublishedTool.Kinds.Select(PublishedTool.Find).OfType<string>().LastOrDefault()
            is not { } program)
        {
            return double.MaxValue;
        }
        var times = new List<double>();
        for (int i = 0; i < scale.ProcessRounds; i++)
        {
            QueryWorker.DropCache(input.StorePath);
            long start = Stopwatch.GetTimestamp();
            CountLines(program, input);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        figures.Add(
            "query.processColdMs", times.Min(), "ms",
            "published binary as a process, store dropped from the cache, min");
        figures.Add("query.processColdMedianMs", Rounds.Median(times), "ms", "the same, median");
        return times.Min();
    }

    private static void Processes(Scale scale, QueryInput input, Figures figures)
    {
        var rounds = new Rounds();
        foreach ((string name, string program) in Programs())
        {
            // The last line is a summary of its own.
            rounds.AddProcess(name, () => CountLines(program, input));
        }
        rounds.Run(scale.ProcessRounds, warm: 1);
        figures.Add(
            "query.processJitMs", rounds["jit"].WallMs, "ms",
            "retention query as a process, built by dotnet build, min");
        figures.Add(
            "query.processJitMedianMs", rounds["jit"].MedianWallMs, "ms", "the same, median");
        string best = "jit";
        foreach (string kind in PublishedTool.Kinds)
        {
            if (!rounds.Has(kind))
            {
                figures.Note($"No published binary of kind {kind}: see tools/retention/publish.sh.");
                continue;
            }
            best = kind;
            string name = $"query.process{char.ToUpperInvariant(kind[0])}{kind[1..]}";
            figures.Add($"{name}Ms", rounds[kind].WallMs, "ms", $"published, {kind}, min");
            figures.Add($"{name}MedianMs", rounds[kind].MedianWallMs, "ms", "the same, median");
        }
        figures.Add(
            "query.processMs", rounds[best].WallMs, "ms", $"the best of them: {best}");
        figures.Add(
            "query.processCpuMs", rounds[best].CpuMs, "ms", "its CPU time, which neighbours disturb less");
    }

    private static IEnumerable<(string Name, string Program)> Programs()
    {
        yield return ("jit", Path.Combine(AppContext.BaseDirectory, "retention"));
        foreach (string kind in PublishedTool.Kinds)
        {
            if (PublishedTool.Find(kind) is { } path)
            {
                yield return (kind, path);
            }
        }
    }

    private static void CountLines(string program, QueryInput input)
    {
        string output = ChildProcess.Output(
            program,
            [
                "query", "--store", input.StorePath, "--mailbox", input.Mailbox, "--format", "ndjson",
            ]);
        if (!output.Contains(input.Mailbox, StringComparison.Ordinal))
        {
            throw new InvalidOperationException("retention query did not find the mailbox.");
        }
    }

    private static void Expire(Scale scale, QueryInput input, Figures figures)
    {
        var clock = new SetClock(input.Now);
        using RetentionStore store = input.Open(clock, readOnly: false);
        var times = new List<double>();
        int buckets = 0;
        for (int i = 0; i < Math.Min(ExpiredHours, scale.QueryRounds); i++)
        {
            ExpireReport next = store.Expire(dryRun: true);
            clock.Now = next.NextExpiry!.Value.AddTicks(10);
            long start = Stopwatch.GetTimestamp();
            ExpireReport report = store.Expire(dryRun: false);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            buckets += report.Buckets.Count;
        }
        figures.Add("expire.buckets", buckets, "buckets", "dropped, one hour of four classes a time");
        figures.Add(
            "expire.hourMs", Rounds.Median(times), "ms", "one hour: up to four buckets, median");
        figures.Add(
            "expire.bucketMs", times.Sum() / buckets, "ms",
            "key destroyed and blocks dropped, per bucket, mean");
    }
}
