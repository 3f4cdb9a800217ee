using System.Collections;
using System.Net;

namespace RetentionEngine.Daemon.Configuration;

/// <summary>From a TOML file, the environment and flags to settings.</summary>
internal static class SettingsFile
{
    public const string DefaultPath = "/etc/retentiond/retentiond.toml";

    /// <summary>The variable that names the file; it is no setting.</summary>
    public const string PathVariable = "RETENTIOND_CONFIG";

    private const int FrameMaxMax = 96 << 10;

    /// <summary>Our variables of this process, but the file's name.</summary>
    public static Dictionary<string, string> Variables()
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            string name = (string)entry.Key;
            if (name.StartsWith(ReaderState.VariablePrefix, StringComparison.Ordinal)
                && !string.Equals(name, PathVariable, StringComparison.Ordinal))
            {
                variables.Add(name, (string)entry.Value!);
            }
        }
        return variables;
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="environment">Variables of ours; go before the file.</param>
    /// <param name="flags">Settings of the command line; go before all.</param>
    /// <exception cref="ConfigException">It can't be read, or something in it is wrong.</exception>
    public static Settings Read(
        string path,
        IReadOnlyDictionary<string, string> environment,
        IReadOnlyDictionary<string, string> flags)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string what = e is FileNotFoundException or DirectoryNotFoundException
                ? "does not exist" : "can't be read";
            throw new ConfigException([new ConfigError(path, 0, what)]);
        }
        return Parse(text, path, environment, flags);
    }

    /// <summary>Reads the text of a file.</summary>
    /// <exception cref="ConfigException">Something in it is wrong.</exception>
    public static Settings Parse(
        string text,
        string path,
        IReadOnlyDictionary<string, string> environment,
        IReadOnlyDictionary<string, string> flags)
    {
        var state = new ReaderState(path, environment, flags);
        TomlTable root = TomlTree.Read(text, path, state.Errors);
        if (state.Errors.Count > 0)
        {
            // What the rest means can't be told.
            throw new ConfigException(state.Errors);
        }
        Settings settings = Map(SettingsReader.Over(root, state), path);
        state.Finish();
        if (state.Errors.Count > 0)
        {
            throw new ConfigException([.. state.Errors.OrderBy(static e => e.Line)]);
        }
        return settings;
    }

    private static Settings Map(SettingsReader root, string path)
    {
        SettingsReader http = root.Table("http");
        SettingsReader store = root.Table("store");
        StoreSettings storeSettings = Store(store);
        RetentionPolicy policy = Policy(root.Table("period"), store);
        var settings = new Settings
        {
            Origin = path,
            LogLevel = root.Word("log_level", LogLevel.Info),
            IsLogJson = root.Word("log_format", LogFormat.Text) == LogFormat.Json,
            ControlSocket =
                root.FullPath("control_socket") ?? Path.Combine(storeSettings.Path, "control"),
            Http = Http(http),
            Store = storeSettings,
            Spool = Spool(root.Table("spool")),
            Policy = policy,
            Files = Paths(root, "file"),
            Journals = Journals(root),
            Fifos = Paths(root, "fifo"),
            Syslogs = Syslogs(root),
        };
        http.Finish();
        store.Finish();
        root.Finish();
        return settings;
    }

    private static StoreSettings Store(SettingsReader reader)
    {
        string path = reader.FullPath("path") ?? "/var/lib/retentiond/store";
        string? key = reader.FullPath("master_key");
        if (key?.StartsWith(path + "/", StringComparison.Ordinal) == true)
        {
            reader.Error("master_key", "must not lie in the store");
        }
        var defaults = new StoreSettings { Path = path };
        return defaults with
        {
            MasterKeyPath = key,
            CommitInterval = reader.Span(
                "commit_interval", defaults.CommitInterval, TimeSpan.FromMilliseconds(50),
                TimeSpan.FromMinutes(5)),
            CommitVolumeBytes = reader.Size(
                "commit_volume", defaults.CommitVolumeBytes, 1L << 20, 4L << 30),
        };
    }

    private static SpoolSettings Spool(SettingsReader reader)
    {
        var defaults = new SpoolSettings();
        SpoolSettings spool = defaults with
        {
            SizeMaxBytes = reader.Size("max_size", defaults.SizeMaxBytes, 16L << 20, 1L << 44),
            DiskReserveBytes = reader.Size("disk_reserve", defaults.DiskReserveBytes, 0, 1L << 44),
        };
        reader.Finish();
        return spool;
    }

    private static RetentionPolicy Policy(SettingsReader periods, SettingsReader store)
    {
        var policy = new RetentionPolicy
        {
            Sent = Period(periods, "sent"),
            Received = Period(periods, "received"),
            Access = Period(periods, "access"),
            Rejected = Period(periods, "rejected"),
            LocalDomains = Domains(store),
            TimeZone = Zone(store, "timezone", store.Text("timezone")) ?? "UTC",
            HostTimeZones = HostZones(store.Table("host_timezones")),
        };
        periods.Finish();
        return policy;
    }

    /// <summary>The period of a class: a text, or a table of "keep" and "basis".</summary>
    private static ClassPolicy Period(SettingsReader periods, string name)
    {
        const string Wrong = "must be whole hours from 1h to 3653d, such as \"7d\"";
        SettingsReader reader = periods;
        string key = name;
        string basis = "";
        if (periods.IsTable(name))
        {
            reader = periods.Table(name);
            key = "keep";
            basis = reader.Text("basis")?.Trim() ?? "";
        }
        string? text = reader.Text(key);
        if (reader != periods)
        {
            reader.Finish();
        }
        TimeSpan period = ClassPolicy.Default.Period;
        if (text is not null && (!Quantity.TrySpan(text, out period)
            || period < TimeSpan.FromHours(1) || period > TimeSpan.FromDays(3653)
            || period.Ticks % TimeSpan.TicksPerHour != 0))
        {
            reader.Error(key, Wrong);
            return ClassPolicy.Default;
        }
        if (period > RetentionPolicy.PeriodWithoutBasis && basis.Length == 0)
        {
            reader.Error(key, "is more than 7 days, which needs a basis: "
                + $"{name} = {{ keep = \"{text}\", basis = \"why\" }}");
        }
        return new ClassPolicy(period, basis);
    }

    private static List<string> Domains(SettingsReader store)
    {
        var domains = new List<string>();
        foreach (string text in store.List("local_domains"))
        {
            string domain = text.Trim().TrimEnd('.').ToLowerInvariant();
            if (domain.Length == 0 || domain.AsSpan().ContainsAny("@ ,\t"))
            {
                store.Error("local_domains", "must be domains, such as \"example.org\"");
            }
            else if (!domains.Contains(domain, StringComparer.Ordinal))
            {
                domains.Add(domain);
            }
        }
        return domains;
    }

    private static string? Zone(SettingsReader reader, string name, string? zone)
    {
        if (zone is not null && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _))
        {
            reader.Error(name, "is not a zone that is known here, such as \"Europe/Berlin\"");
            return null;
        }
        return zone;
    }

    private static Dictionary<string, string> HostZones(SettingsReader reader)
    {
        var zones = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string host, string? text) in reader.Texts())
        {
            if (host.Length == 0 || host.AsSpan().ContainsAny(" ;="))
            {
                reader.Error(host, "is not the name of a host");
            }
            else if (Zone(reader, host, text) is string zone && !zones.TryAdd(host, zone))
            {
                reader.Error(host, "is given twice, in upper and lower case");
            }
        }
        return zones;
    }

    private static IPEndPoint? Http(SettingsReader reader)
    {
        string? text = reader.Text("listen");
        if (text is null)
        {
            return null;
        }
        // Who reads the metrics learns how much mail there is: only this machine may.
        if (IPEndPoint.TryParse(text, out IPEndPoint? endPoint) && endPoint.Port > 0
            && IPAddress.IsLoopback(endPoint.Address))
        {
            return endPoint;
        }
        reader.Error("listen", "must be a loopback address and a port, such as \"127.0.0.1:9461\"");
        return null;
    }

    private static List<string> Paths(SettingsReader root, string name)
    {
        var paths = new List<string>();
        foreach (SettingsReader reader in root.Tables(name))
        {
            string? path = reader.Needed("path").Length > 0 ? reader.FullPath("path") : null;
            if (path is not null && paths.Contains(path, StringComparer.Ordinal))
            {
                reader.Error("path", "is given twice");
            }
            else if (path is not null)
            {
                paths.Add(path);
            }
            reader.Finish();
        }
        return paths;
    }

    private static List<JournalSettings> Journals(SettingsReader root)
    {
        var journals = new List<JournalSettings>();
        foreach (SettingsReader reader in root.Tables("journal"))
        {
            string? directory = reader.FullPath("directory");
            var journal = new JournalSettings
            {
                Name = reader.Text("name") ?? directory ?? "system",
                Directory = directory,
                Namespace = reader.Text("namespace"),
                Units = reader.List("units"),
                Identifiers = reader.List("identifiers"),
                Matches = reader.List("matches"),
            };
            if (!journal.Matches.All(static m => m.IndexOf('=', StringComparison.Ordinal) > 0))
            {
                reader.Error("matches", "must be FIELD=value each");
            }
            if (journals.Exists(j => string.Equals(j.Name, journal.Name, StringComparison.Ordinal)))
            {
                reader.Error("name", $"'{journal.Name}' is given twice: give each journal its own");
            }
            journals.Add(journal);
            reader.Finish();
        }
        return journals;
    }

    private static List<SyslogSettings> Syslogs(SettingsReader root)
    {
        var syslogs = new List<SyslogSettings>();
        foreach (SettingsReader reader in root.Tables("syslog"))
        {
            SyslogSettings syslog = Syslog(reader);
            if (syslogs.Exists(s => string.Equals(s.Name, syslog.Name, StringComparison.Ordinal)))
            {
                reader.Error("name", $"'{syslog.Name}' is given twice: give each listener its own");
            }
            else if (syslogs.Exists(s => s.EndPoint.Equals(syslog.EndPoint)
                && (s.Protocol == SyslogProtocol.Udp) == (syslog.Protocol == SyslogProtocol.Udp)))
            {
                reader.Error("port", "is given twice");
            }
            syslogs.Add(syslog);
            reader.Finish();
        }
        return syslogs;
    }

    private static SyslogSettings Syslog(SettingsReader reader)
    {
        reader.Needed("protocol");
        SyslogProtocol protocol = reader.Word("protocol", SyslogProtocol.Tcp);
        if (!IPAddress.TryParse(reader.Text("address") ?? "::", out IPAddress? address))
        {
            reader.Error("address", "must be an IP address; \"::\" is every one of this machine");
        }
        int port = reader.Number(
            "port", protocol == SyslogProtocol.Tls ? 6514 : 514, 1, IPEndPoint.MaxPort);
        var endPoint = new IPEndPoint(address ?? IPAddress.IPv6Any, port);
        var defaults = new SyslogSettings
        {
            Name = reader.Text("name") ?? $"{protocol}-{port}".ToLowerInvariant(),
            Protocol = protocol,
            EndPoint = endPoint,
        };
        SyslogSettings syslog = defaults with
        {
            FrameMaxBytes = (int)reader.Size("max_frame", defaults.FrameMaxBytes, 480, FrameMaxMax),
        };
        if (protocol == SyslogProtocol.Udp)
        {
            return syslog with
            {
                ReceiveBufferBytes = (int)reader.Size(
                    "receive_buffer", defaults.ReceiveBufferBytes, 64 << 10, 1 << 30),
            };
        }
        syslog = syslog with
        {
            ConnectionsMax = reader.Number("max_connections", defaults.ConnectionsMax, 1, 10_000),
            FrameTimeout = reader.Span(
                "frame_timeout", defaults.FrameTimeout, TimeSpan.FromSeconds(1),
                TimeSpan.FromHours(1)),
        };
        return protocol == SyslogProtocol.Tls ? WithTls(syslog, reader) : syslog;
    }

    private static SyslogSettings WithTls(SyslogSettings syslog, SettingsReader reader)
    {
        reader.Needed("certificate");
        reader.Needed("key");
        syslog = syslog with
        {
            Certificate = reader.FullPath("certificate"),
            Key = reader.FullPath("key"),
            ClientAuthority = reader.FullPath("client_ca"),
            ClientNames = reader.List("client_names"),
            HandshakeTimeout = reader.Span(
                "handshake_timeout", syslog.HandshakeTimeout, TimeSpan.FromSeconds(1),
                TimeSpan.FromMinutes(2)),
        };
        if (syslog.ClientNames.Count > 0 && syslog.ClientAuthority is null)
        {
            reader.Error("client_names", "needs client_ca, which says who vouches for the names");
        }
        return syslog;
    }

    private enum LogFormat
    {
        Text,
        Json,
    }
}
