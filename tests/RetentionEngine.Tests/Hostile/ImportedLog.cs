using System.Text;
using RetentionEngine.Tests.Buckets;

namespace RetentionEngine.Tests.Hostile;

/// <summary>Logs given as text, imported into a store of their own.</summary>
internal static class ImportedLog
{
    /// <summary>When the import takes place, and the time of its files.</summary>
    public static readonly DateTimeOffset Now = new(2026, 11, 2, 0, 0, 0, TimeSpan.Zero);

    private static readonly ClassPolicy s_decade = new(TimeSpan.FromDays(3650), "test");

    public static List<RetentionRecord> RecordsOf(string log) => RecordsOf(log, out _);

    public static List<RetentionRecord> RecordsOf(string log, out ImportReport report) =>
        RecordsOf([("log", log)], new ImportOptions(), out report);

    /// <summary>The records of several sources, which are read in the order of their first lines.</summary>
    /// <param name="sources">Name and text of each; texts are Latin-1, so that every byte survives.</param>
    /// <param name="options">How to read them.</param>
    /// <param name="report">What the import says.</param>
    public static List<RetentionRecord> RecordsOf(
        (string Name, string Log)[] sources, ImportOptions options, out ImportReport report)
    {
        using var directory = new TestDirectory();
        using RetentionStore store = Create(directory);
        report = Import(store, options, sources);
        return [.. store.Query(new RetentionQuery())];
    }

    /// <summary>Makes a store that keeps everything for ten years; example.org is local.</summary>
    public static RetentionStore Create(TestDirectory directory) => RetentionStore.Create(
        directory["store"],
        new RetentionPolicy
        {
            Sent = s_decade, Received = s_decade, Access = s_decade, Rejected = s_decade,
            LocalDomains = ["example.org"],
        },
        new RetentionOptions
        {
            OpenBlocks = (_, _) => new MemoryBlockStore(),
            TimeProvider = new FixedTime(),
        });

    public static ImportReport Import(
        RetentionStore store, ImportOptions options, params (string Name, string Log)[] sources)
    {
        IEnumerable<LogSource> opened = sources.Select(source =>
        {
            byte[] bytes = Encoding.Latin1.GetBytes(source.Log.ReplaceLineEndings("\n"));
            return new LogSource(
                source.Name, () => new MemoryStream(bytes), Now, isComplete: true, bytes.Length);
        });
        return store.Import([.. opened], options, CancellationToken.None);
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
