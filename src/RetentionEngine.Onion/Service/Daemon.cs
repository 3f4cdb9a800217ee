using System.Net;
using System.Net.Sockets;
using RetentionEngine.Onion.Dns;
using RetentionEngine.Onion.Lookup;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;
using RetentionEngine.Onion.Routing;

namespace RetentionEngine.Onion.Service;

/// <summary>All parts of the running service, put together from its settings.</summary>
internal sealed class Daemon : IDisposable
{
    private static readonly TimeSpan s_drainTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_metricsInterval = TimeSpan.FromSeconds(15);

    private readonly Settings _settings;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly Metrics _metrics = new();
    private readonly List<Socket> _listeners = [];
    private readonly List<Task> _loops = [];
    private readonly AddressBook _book;
    private readonly FileStream _lock;

    /// <exception cref="ConfigException">A file of ours is wrong, or another one runs.</exception>
    /// <exception cref="IOException">The state directory cannot be used.</exception>
    public Daemon(Settings settings, Log log, TimeProvider time)
    {
        _settings = settings;
        _log = log;
        _time = time;
        Directory.CreateDirectory(settings.StateDirectory);
        // Two that share a state would each give addresses that the other does not know of.
        _lock = new FileStream(
            Path.Combine(settings.StateDirectory, "lock"), FileMode.OpenOrCreate, FileAccess.Write,
            FileShare.None);
        _book = new AddressBook(settings.StateDirectory);
        Socks = new SocksClient(settings.Socks);
        Relay = new RelayServer(
            _book, Socks,
            new RelayLimits
            {
                SessionsMax = settings.SessionsMax,
                ConnectTime = TimeSpan.FromSeconds(settings.ConnectSeconds),
            },
            log, _metrics, time);
        Findings = MakeFindings(settings, Socks, _metrics, time);
        var policies = new PolicyFile(settings.MapFile, log, time);
        foreach ((string domain, OnionFault fault) in policies.Current.Faults)
        {
            log.Warn($"mail for {domain} will bounce: {OnionName.Describe(fault)}");
        }
        Router = new Router(
            policies, Findings,
            new Memory(settings.StateDirectory, settings.RememberDays, log, time), _book, Relay.Open, settings.Transport, log, _metrics, time);
    }

    public SocksClient Socks { get; }

    public RelayServer Relay { get; }

    public FindingCache? Findings { get; }

    public Router Router { get; }

    /// <summary>The findings of the configured discovery; null if it is off.</summary>
    public static FindingCache? MakeFindings(
        Settings settings, SocksClient socks, Metrics metrics, TimeProvider time)
    {
        if (settings.Discovery == DiscoveryMode.Off)
        {
            return null;
        }
        DnsTransport transport = settings.Discovery == DiscoveryMode.Validator
            ? (query, end) => DnsExchange.OnLoopbackAsync(settings.Validator, query, end)
            : (query, end) => DnsExchange.ThroughTorAsync(socks, settings.Upstream!, query, end);
        var discovery = new Discovery(transport, settings.HasText, time);
        return new FindingCache(discovery.FindAsync, metrics, time);
    }

    /// <summary>Serves until asked to stop.</summary>
    /// <exception cref="SocketException">A configured address is taken.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        OpenRelays();
        var lookups = new LookupServer(Router.AnswerAsync, _metrics, _time);
        foreach (EndPoint address in _settings.Socketmap)
        {
            _loops.Add(lookups.RunAsync<Socketmap>(Listen(address)));
        }
        foreach (EndPoint address in _settings.TcpTable)
        {
            _loops.Add(lookups.RunAsync<TcpTable>(Listen(address)));
        }
        if (_settings.Discovery == DiscoveryMode.Validator)
        {
            var forwarder = new Forwarder(Socks, _settings.Upstream!, _metrics, _time);
            _loops.Add(forwarder.RunAsync(Listen(_settings.Forwarder)));
        }
        ServiceManager.Notify("READY=1");
        _log.Info("ready");
        await TickAsync(stop);
        ServiceManager.Notify("STOPPING=1");
        _log.Info("stopping");
        CloseListeners();
        await Relay.DrainAsync(s_drainTime);
        Relay.Dispose();
        await Task.WhenAll(_loops);
    }

    public void Dispose()
    {
        CloseListeners();
        Relay.Dispose();
        _lock.Dispose();
    }

    // Postfix may still hold an address of before the restart, and find it open.
    private void OpenRelays()
    {
        foreach ((OnionTarget target, IPEndPoint address) in _book.All)
        {
            try
            {
                Relay.Open(target, address);
            }
            catch (SocketException)
            {
                _log.Warn($"{address} of {target.Onion} is taken by another program");
            }
        }
    }

    private async Task TickAsync(CancellationToken stop)
    {
        TimeSpan interval = ServiceManager.WatchdogInterval() is TimeSpan watchdog
            && watchdog < s_metricsInterval ? watchdog : s_metricsInterval;
        using var timer = new PeriodicTimer(interval, _time);
        try
        {
            do
            {
                ServiceManager.Notify("WATCHDOG=1");
                Relay.CloseIdle();
                WriteMetrics();
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException)
        {
            WriteMetrics();
        }
    }

    private void WriteMetrics()
    {
        if (_settings.MetricsFile == null)
        {
            return;
        }
        try
        {
            string fresh = _settings.MetricsFile + ".new";
            File.WriteAllText(fresh, _metrics.Format());
            File.Move(fresh, _settings.MetricsFile, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.Warn($"no metrics written: {e.Message}");
        }
    }

    private Socket Listen(EndPoint address)
    {
        var socket = new Socket(
            address.AddressFamily, SocketType.Stream,
            address is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        _listeners.Add(socket);
        if (address is UnixDomainSocketEndPoint)
        {
            // What a killed daemon left behind; the state's lock says that none runs.
            File.Delete(address.ToString()!);
        }
        socket.Bind(address);
        if (address is UnixDomainSocketEndPoint && !OperatingSystem.IsWindows())
        {
            // Postfix's trivial-rewrite runs as another user. The folder says who may come here.
            File.SetUnixFileMode(address.ToString()!, (UnixFileMode)0b110_110_110);
        }
        socket.Listen(128);
        return socket;
    }

    private void CloseListeners()
    {
        foreach (Socket listener in _listeners)
        {
            listener.Dispose();
        }
        foreach (EndPoint address in _settings.Socketmap.Concat(_settings.TcpTable))
        {
            if (address is UnixDomainSocketEndPoint)
            {
                File.Delete(address.ToString()!);
            }
        }
    }
}
