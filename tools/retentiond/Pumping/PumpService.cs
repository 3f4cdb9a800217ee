using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Takes lines in, makes them durable, and brings them into the store.</summary>
/// <remarks>Lines wait in one file, which is read into the store when the service stops.</remarks>
internal sealed class PumpService(Settings settings, Status status, TimeProvider clock, Log log)
    : IAsyncDisposable
{
    private readonly SemaphoreSlim _writing = new(1, 1);
    private Settings _settings = settings;
    private RetentionStore? _store;
    private FileStream? _spool;

    /// <summary>Opens or creates the store; from here on, lines may come.</summary>
    /// <exception cref="RetentionException">The store can't be used.</exception>
    public void Start()
    {
        var options = new RetentionOptions
        {
            MasterKeyPath = _settings.Store.MasterKeyPath,
            OpenBlocks = FasterBlockStore.Open,
            TimeProvider = clock,
        };
        string path = _settings.Store.Path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _store = Directory.Exists(path)
            ? RetentionStore.Open(path, options)
            : RetentionStore.Create(path, _settings.Policy, options);
        _spool = new FileStream(
            _settings.Spool.Path, FileMode.Append, FileAccess.Write, FileShare.Read);
        status.Store.Key = KeyState.Loaded;
        status.Pump.State = PumpState.Running;
        status.Pump.Move();
    }

    /// <summary>Makes lines durable.</summary>
    /// <param name="lines">Whole lines, each with its line end.</param>
    /// <param name="cancel">Gives up waiting; the lines may be durable nevertheless.</param>
    /// <exception cref="RetentionException">DiskFull: try again later.</exception>
    public async ValueTask AppendAsync(ReadOnlyMemory<byte> lines, CancellationToken cancel)
    {
        await _writing.WaitAsync(cancel);
        try
        {
            await _spool!.WriteAsync(lines, cancel);
            _spool.Flush(flushToDisk: true);
            status.Pump.Move();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Takes a changed configuration.</summary>
    public void Reload(Settings settings)
    {
        _settings = settings;
        _store!.SetPolicy(settings.Policy);
    }

    /// <summary>Brings what waits into the store and closes it.</summary>
    public Task StopAsync()
    {
        status.Pump.State = PumpState.Stopping;
        if (_spool is not null && _store is not null)
        {
            _spool.Dispose();
            var file = new FileInfo(_spool.Name);
            var source = new LogSource(
                file.Name, file.OpenRead, clock.GetUtcNow(), isComplete: true, file.Length);
            ImportReport report = _store.Import(
                [source], new ImportOptions(), CancellationToken.None);
            log.Info("committed", ("lines", report.Lines));
            file.Delete();
            _spool = null;
        }
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _spool?.Dispose();
        _store?.Dispose();
        _writing.Dispose();
        return ValueTask.CompletedTask;
    }
}
