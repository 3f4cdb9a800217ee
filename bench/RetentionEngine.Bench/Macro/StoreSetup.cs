namespace RetentionEngine.Bench.Macro;

/// <summary>A clock that stands where it is put.</summary>
internal sealed class SetClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>The stores that are measured: durable, encrypted, seven days of every class.</summary>
internal static class StoreSetup
{
    /// <summary>Now, for stores of inputs that begin at <see cref="LogInput.Start"/>.</summary>
    public static DateTimeOffset Now { get; } = LogInput.Start.AddDays(7).AddHours(-2);

    /// <summary>Keeps every class for <paramref name="period"/>; hourly buckets up to 10 days.</summary>
    public static RetentionPolicy Policy(TimeSpan period)
    {
        var kept = new ClassPolicy(period, "benchmark");
        return new RetentionPolicy
        {
            Sent = kept,
            Received = kept,
            Access = kept,
            Rejected = kept,
            LocalDomains = LogInput.LocalDomains,
            TimeZone = LogInput.Zone.Id,
        };
    }

    public static RetentionOptions Options(TimeProvider clock) => new()
    {
        OpenBlocks = FasterBlockStore.Open,
        TimeProvider = clock,
    };

    /// <summary>Removes a store and the key beside it.</summary>
    public static void Delete(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
        File.Delete(KeyRing.DefaultMasterKeyPath(path));
    }

    /// <summary>Bytes of all files of a store.</summary>
    public static long BytesOnDisk(string path) =>
        new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
