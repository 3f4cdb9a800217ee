using System.Diagnostics;
using System.Text.Json;
using RetentionEngine.Bench.Measuring;

namespace RetentionEngine.Bench.Macro;

/// <summary>What a process that has just begun took for its first query.</summary>
/// <param name="OpenMs">Opening the store.</param>
/// <param name="FirstMs">The query, the compiler's work included.</param>
/// <param name="Hits">Records found.</param>
internal sealed record ColdQuery(double OpenMs, double FirstMs, int Hits);

/// <summary>A query in a process of its own.</summary>
internal static class QueryWorker
{
    private const string Name = "query-worker";

    /// <summary>Asks for a mailbox in a child process.</summary>
    public static ColdQuery Start(QueryInput input, string mailbox) =>
        JsonSerializer.Deserialize<ColdQuery>(ChildProcess.OutputOfSelf(
            Name, input.StorePath, $"{input.Now.ToUnixTimeSeconds()}", mailbox))!;

    /// <summary>Has the kernel forget the cached pages of a store.</summary>
    public static bool DropCache(string store)
    {
        bool isDropped = true;
        foreach (string path in Directory.GetFiles(store, "*", SearchOption.AllDirectories))
        {
            isDropped &= Posix.DropCache(path);
        }
        return isDropped;
    }

    /// <summary>The child's side.</summary>
    public static int? TryRun(string[] args)
    {
        if (args is not [Name, var path, var now, var mailbox])
        {
            return null;
        }
        var clock = new SetClock(DateTimeOffset.FromUnixTimeSeconds(
            long.Parse(now, System.Globalization.CultureInfo.InvariantCulture)));
        long start = Stopwatch.GetTimestamp();
        using RetentionStore store =
            RetentionStore.Open(path, StoreSetup.Options(clock), readOnly: true);
        double openMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        start = Stopwatch.GetTimestamp();
        int hits = store.Query(new RetentionQuery { Mailbox = mailbox }).Count();
        double firstMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        Console.WriteLine(JsonSerializer.Serialize(new ColdQuery(openMs, firstMs, hits)));
        return 0;
    }
}
