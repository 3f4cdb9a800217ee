namespace RetentionEngine.Tests.Readme;

/// <summary>The example of README.md, which a test compares with this text.</summary>
internal static class EmbedExample
{
    public static List<RetentionRecord> Run(
        string logPath, string storePath, RetentionPolicy policy)
    {
        return Import(logPath, storePath, policy);

        // Begin
        static List<RetentionRecord> Import(string logPath, string storePath, RetentionPolicy policy)
        {
            var options = new RetentionOptions { OpenBlocks = FasterBlockStore.Open };
            using var store = RetentionStore.Create(storePath, policy, options);
            var log = new FileInfo(logPath);
            var source = new LogSource(
                log.Name, log.OpenRead, new DateTimeOffset(log.LastWriteTimeUtc), false, log.Length);
            ImportReport report = store.Import([source], new ImportOptions(), CancellationToken.None);
            Console.WriteLine($"{report.Lines} lines, {report.Messages} mails");
            return [.. store.Query(new RetentionQuery { Mailbox = "anna@example.org" })];
        }
        // End
    }

    public static void RunPump(
        RetentionStore store, Func<IReadOnlyList<LogSource>> logs, CancellationToken stop)
    {
        Follow(store, logs, stop);

        // Begin
        static void Follow(RetentionStore store, Func<IReadOnlyList<LogSource>> logs, CancellationToken stop)
        {
            using RetentionPump pump = store.OpenPump(new ImportOptions());
            while (!stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(1)))
            {
                pump.Read(logs(), CancellationToken.None);
                pump.Commit();
            }
        }
        // End
    }
}
