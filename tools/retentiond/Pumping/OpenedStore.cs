using RetentionEngine.Daemon.Configuration;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>The store as the pump's thread has it open, with its spool and its pump.</summary>
internal sealed class OpenedStore : IDisposable
{
    private OpenedStore(RetentionStore store, FasterSpool spool, RetentionPump pump)
    {
        Store = store;
        Spool = spool;
        Pump = pump;
    }

    public RetentionStore Store { get; }

    public FasterSpool Spool { get; }

    public RetentionPump Pump { get; private set; }

    /// <summary>Opens the store, or makes it, and gives it the configured policy.</summary>
    /// <exception cref="RetentionException">It can't be used.</exception>
    public static OpenedStore Open(Settings settings, TrustedClock clock, Action progress)
    {
        RetentionStore store = OpenStore(settings, clock);
        FasterSpool? spool = null;
        try
        {
            spool = FasterSpool.Open(
                store, clock, settings.Spool.SizeMaxBytes, settings.Spool.DiskReserveBytes);
            RetentionPump pump = store.OpenPump(Options(progress));
            pump.KeepOnly(spool.Identities());
            return new OpenedStore(store, spool, pump);
        }
        catch
        {
            spool?.Dispose();
            store.Dispose();
            throw;
        }
    }

    /// <summary>Expires what is due in a store that is full: deletion needs no room.</summary>
    /// <exception cref="RetentionException">It can't be used.</exception>
    public static ExpireReport Expire(Settings settings, TrustedClock clock)
    {
        using RetentionStore store = OpenStore(settings, clock);
        return store.Expire(dryRun: false);
    }

    /// <summary>Takes a changed policy; what was read must be committed.</summary>
    public void SetPolicy(RetentionPolicy policy, Action progress)
    {
        if (!Store.Policy.Equals(policy))
        {
            Pump.Dispose();
            Store.SetPolicy(policy);
            Pump = Store.OpenPump(Options(progress));
        }
    }

    public void Dispose()
    {
        Pump.Dispose();
        Spool.Dispose();
        Store.Dispose();
    }

    private static RetentionStore OpenStore(Settings settings, TrustedClock clock)
    {
        var options = new RetentionOptions
        {
            MasterKeyPath = settings.Store.MasterKeyPath,
            OpenBlocks = FasterBlockStore.Open,
            TimeProvider = clock,
        };
        string path = settings.Store.Path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        bool isThere = Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any();
        RetentionStore store = isThere
            ? RetentionStore.Open(path, options)
            : RetentionStore.Create(path, settings.Policy, options);
        clock.Begin(store.LastCommit);
        if (!store.Policy.Equals(settings.Policy))
        {
            store.SetPolicy(settings.Policy);
        }
        return store;
    }

    private static ImportOptions Options(Action progress) => new() { Progress = _ => progress() };
}
