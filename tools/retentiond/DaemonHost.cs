using System.Net;
using System.Net.Sockets;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Control;
using RetentionEngine.Daemon.Listeners;
using RetentionEngine.Daemon.Pumping;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon;

/// <summary>All parts of the running daemon, put together from its settings.</summary>
internal sealed class DaemonHost : IAsyncDisposable
{
    /// <summary>A pump that stands still for so long is stuck, if no watchdog says when.</summary>
    private static readonly TimeSpan s_stillMax = TimeSpan.FromSeconds(60);

    private readonly Func<Settings> _read;
    private readonly Log _log;
    private readonly TimeSpan _stillMax = ServiceManager.Watchdog ?? s_stillMax;
    private readonly PumpService _pump;
    private readonly ListenerSet _listeners;
    private readonly SemaphoreSlim _reloading = new(1, 1);
    private readonly TimeProvider _clock;
    private Settings _settings;
    private HealthServer? _health;
    private ControlServer? _control;

    /// <param name="settings">What to begin with.</param>
    /// <param name="read">Reads the configuration again; throws ConfigException.</param>
    /// <param name="log">Where to tell.</param>
    /// <param name="clock">The clock.</param>
    public DaemonHost(Settings settings, Func<Settings> read, Log log, TimeProvider clock)
    {
        (_settings, _read, _log, _clock) = (settings, read, log, clock);
        Status = new Status(clock);
        _pump = new PumpService(settings, Status, clock, log);
        _listeners = new ListenerSet(
            new LineSink(_pump.AppendAsync, clock, log), Status, log, clock);
    }

    public Status Status { get; }

    /// <summary>Opens everything, the store first.</summary>
    /// <exception cref="RetentionException">The store can't be used.</exception>
    /// <exception cref="ConfigException">An address or a certificate can't be used.</exception>
    public async Task StartAsync()
    {
        _pump.Start();
        _control = StartControl(_settings.ControlSocket);
        _health = await OpenHealthAsync(_settings.Http);
        await _listeners.ApplyAsync(_settings.Syslogs);
        _listeners.Start();
        ServiceManager.Ready();
        _log.Info(
            "ready", ("files", _settings.Files.Count), ("journals", _settings.Journals.Count),
            ("fifos", _settings.Fifos.Count), ("listeners", _settings.Syslogs.Count));
    }

    /// <summary>Tells systemd that all is well, as long as it is, until asked to stop.</summary>
    public async Task WatchAsync(CancellationToken stop)
    {
        // Twice within the time that the watchdog gives us; else often enough for a status line.
        TimeSpan interval = ServiceManager.Watchdog / 2 ?? TimeSpan.FromSeconds(10);
        using var timer = new PeriodicTimer(interval, _clock);
        try
        {
            do
            {
                if (Status.Pump.Still < _stillMax)
                {
                    ServiceManager.Alive();
                }
                ServiceManager.Status(
                    $"{MetricsText.Snake(Status.Pump.State.ToString())}, "
                    + $"{Status.Pump.Lines} lines, {Status.Pump.Records} records");
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <summary>Reads the configuration again; a wrong one changes nothing.</summary>
    public async Task ReloadAsync()
    {
        await _reloading.WaitAsync();
        ServiceManager.Reloading();
        try
        {
            Settings settings = Kept(_read());
            // What may fail comes first, so that a failure leaves all as it was.
            HealthServer? health = settings.Http?.Equals(_health?.EndPoint) == true
                ? _health : await OpenHealthAsync(settings.Http);
            try
            {
                await _listeners.ApplyAsync(settings.Syslogs);
            }
            catch (ConfigException) when (health is not null && health != _health)
            {
                await health.DisposeAsync();
                throw;
            }
            (HealthServer? old, _health) = (_health, health);
            if (old is not null && old != health)
            {
                await old.DisposeAsync();
            }
            _settings = settings;
            _log.Level = settings.LogLevel;
            _log.IsJson = settings.IsLogJson;
            _pump.Reload(settings);
            Status.Reloads++;
            _log.Info("configuration reloaded");
        }
        catch (ConfigException e)
        {
            Refuse(e.Errors);
        }
        catch (RetentionException e)
        {
            Refuse([new ConfigError("store", 0, e.Message)]);
        }
        finally
        {
            ServiceManager.Ready();
            _reloading.Release();
        }
    }

    /// <summary>Takes nothing more in, brings what came into the store, and closes.</summary>
    public async Task StopAsync()
    {
        await _reloading.WaitAsync();
        ServiceManager.Stopping();
        _log.Info("stopping");
        await _listeners.StopAsync();
        if (_control is not null)
        {
            await _control.DisposeAsync();
            _control = null;
        }
        await _pump.StopAsync();
        _log.Info("stopped");
    }

    public async ValueTask DisposeAsync()
    {
        await _listeners.DisposeAsync();
        if (_control is not null)
        {
            await _control.DisposeAsync();
        }
        if (_health is not null)
        {
            await _health.DisposeAsync();
        }
        await _pump.DisposeAsync();
        _reloading.Dispose();
    }

    /// <summary>Where the store and the spool are can't change while they are open.</summary>
    private Settings Kept(Settings settings)
    {
        bool isSame = string.Equals(
            settings.Store.Path, _settings.Store.Path, StringComparison.Ordinal)
            && string.Equals(
                settings.Store.MasterKeyPath, _settings.Store.MasterKeyPath,
                StringComparison.Ordinal)
            && string.Equals(
                settings.ControlSocket, _settings.ControlSocket, StringComparison.Ordinal);
        if (isSame)
        {
            return settings;
        }
        _log.Warning("store.path, store.master_key and control_socket change with a restart only");
        return settings with
        {
            Store = settings.Store with
            {
                Path = _settings.Store.Path,
                MasterKeyPath = _settings.Store.MasterKeyPath,
            },
            ControlSocket = _settings.ControlSocket,
        };
    }

    private ControlServer StartControl(string path)
    {
        try
        {
            return ControlServer.Start(path, _pump, Status);
        }
        catch (Exception e) when (e is SocketException or IOException or ArgumentException
            or UnauthorizedAccessException)
        {
            throw new ConfigException(
                [new ConfigError("control_socket", 0, $"'{path}' can't be listened on")]);
        }
    }

    private void Refuse(IReadOnlyList<ConfigError> errors)
    {
        Status.ReloadsRefused++;
        foreach (ConfigError error in errors)
        {
            _log.Error(
                "configuration refused, the old one stays", ("at", error.Origin),
                ("line", error.Line), ("what", error.Message));
        }
        ServiceManager.Status("running with the old configuration: the new one is wrong");
    }

    private async Task<HealthServer?> OpenHealthAsync(IPEndPoint? endPoint)
    {
        if (endPoint is null)
        {
            return null;
        }
        try
        {
            return await HealthServer.StartAsync(endPoint, Status, _stillMax);
        }
        catch (IOException)
        {
            throw new ConfigException(
                [new ConfigError("http", 0, $"{endPoint} can't be listened on")]);
        }
    }
}
