using System.Net.Sockets;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>All listeners, and how they go from one configuration to the next.</summary>
internal sealed class ListenerSet(LineSink sink, Status status, Log log, TimeProvider clock)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private volatile IReadOnlyList<SyslogListener> _listeners = [];
    private Task _sweeping = Task.CompletedTask;

    /// <summary>Listens where the configuration says.</summary>
    /// <remarks>
    /// A listener whose protocol, address and name stay keeps its socket and its connections.
    /// New ones are open before old ones end. When one can't be opened, all stays as it was.
    /// </remarks>
    /// <exception cref="ConfigException">An address or a certificate can't be used.</exception>
    public async Task ApplyAsync(IReadOnlyList<SyslogSettings> settings)
    {
        IReadOnlyList<SyslogListener> before = _listeners;
        var kept = new List<(SyslogListener Listener, SyslogSettings Settings)>();
        var opened = new List<SyslogListener>();
        try
        {
            foreach (SyslogSettings wanted in settings)
            {
                if (before.FirstOrDefault(l => l.Settings.SharesSocketWith(wanted)) is { } same)
                {
                    SyslogListener.Check(wanted);
                    kept.Add((same, wanted));
                }
                else
                {
                    opened.Add(Open(wanted));
                }
            }
        }
        catch
        {
            foreach (SyslogListener listener in opened)
            {
                await listener.DisposeAsync();
            }
            throw;
        }
        foreach ((SyslogListener listener, SyslogSettings wanted) in kept)
        {
            listener.Change(wanted);
        }
        foreach (SyslogListener listener in opened)
        {
            listener.Start();
            log.Info("listening", ("listener", listener.Settings.Name),
                ("protocol", MetricsText.Snake(listener.Settings.Protocol.ToString())),
                ("port", listener.Settings.EndPoint.Port));
        }
        _listeners = [.. kept.Select(static k => k.Listener), .. opened];
        await EndAsync([.. before.Except(_listeners)]);
        foreach (SyslogListener old in before.Where(
            o => !_listeners.Any(l => string.Equals(
                l.Settings.Name, o.Settings.Name, StringComparison.Ordinal))))
        {
            status.ForgetListener(old.Settings.Name);
        }
    }

    /// <summary>Begins to look after time limits and losses.</summary>
    public void Start() => _sweeping = Task.Run(SweepAsync);

    /// <summary>Makes durable what has come, and closes all.</summary>
    public async Task StopAsync()
    {
        IReadOnlyList<SyslogListener> before = _listeners;
        _listeners = [];
        await EndAsync(before);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sweeping;
        foreach (SyslogListener listener in _listeners)
        {
            await listener.DisposeAsync();
        }
        _stop.Dispose();
    }

    private static async Task EndAsync(IReadOnlyList<SyslogListener> listeners)
    {
        await Task.WhenAll(listeners.Select(static l => l.StopAsync()));
        foreach (SyslogListener listener in listeners)
        {
            await listener.DisposeAsync();
        }
    }

    private SyslogListener Open(SyslogSettings settings)
    {
        try
        {
            return SyslogListener.Open(settings, sink, status, log, clock);
        }
        catch (SocketException e)
        {
            throw new ConfigException([new ConfigError(
                $"syslog '{settings.Name}'", 0,
                $"port {settings.EndPoint.Port} can't be listened on: {e.SocketErrorCode}")]);
        }
    }

    private async Task SweepAsync()
    {
        using var timer = new PeriodicTimer(s_sweepInterval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                foreach (SyslogListener listener in _listeners)
                {
                    listener.Sweep();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
