using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RetentionEngine.Onion.Dns;

namespace RetentionEngine.Onion.Service;

/// <summary>How domains' onions are found.</summary>
internal enum DiscoveryMode
{
    /// <summary>Only by the map file, and by addresses under .onion.</summary>
    Off,

    /// <summary>By a validating resolver on loopback whose only way out is our forwarder.</summary>
    Validator,

    /// <summary>By a resolver behind Tor that is authenticated, and whose word is taken.</summary>
    Resolver,
}

/// <summary>The configuration file: "name = value" a line, '#' begins a comment line.</summary>
internal sealed class Settings
{
    public const string DefaultPath = "/etc/onion-transport/onion-transport.conf";

    private readonly string _path;

    private Settings(string path)
    {
        _path = path;
    }

    public IReadOnlyList<EndPoint> Socketmap { get; private set; } =
        [new IPEndPoint(IPAddress.Loopback, 2610)];

    public IReadOnlyList<EndPoint> TcpTable { get; private set; } = [];

    public EndPoint Socks { get; private set; } = new IPEndPoint(IPAddress.Loopback, 9050);

    public string Transport { get; private set; } = "onion";

    public string? MapFile { get; private set; }

    public string StateDirectory { get; private set; } = "/var/lib/onion-transport";

    public string? MetricsFile { get; private set; }

    public DiscoveryMode Discovery { get; private set; }

    public IPEndPoint Validator { get; private set; } = new(IPAddress.Loopback, 5353);

    public IPEndPoint Forwarder { get; private set; } = new(IPAddress.Loopback, 5354);

    public UpstreamAddress? Upstream { get; private set; }

    public bool HasText { get; private set; }

    public int RememberDays { get; private set; } = 90;

    public int SessionsMax { get; private set; } = 500;

    public int ConnectSeconds { get; private set; } = 90;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConfigException">A name is unknown, or a value makes no sense.</exception>
    public static Settings Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new ConfigException(path, 0, "does not exist");
        }
        var settings = new Settings(path);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            string bare = line.Trim();
            if (bare.Length == 0 || bare[0] == '#')
            {
                continue;
            }
            string[] parts = bare.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || !seen.Add(parts[0]))
            {
                throw new ConfigException(path, number, "wants name = value, each name once");
            }
            settings.Set(parts[0], parts[1], number);
        }
        settings.Check();
        return settings;
    }

    private void Set(string name, string value, int line)
    {
        switch (name)
        {
            case "socketmap":
                Socketmap = EndPoints(value, line);
                break;
            case "tcp_table":
                TcpTable = EndPoints(value, line);
                break;
            case "socks":
                Socks = EndPoints(value, line) is [EndPoint only]
                    ? only : throw new ConfigException(_path, line, "wants one address");
                break;
            case "transport":
                Transport = value.Length is > 0 and < 64 && value.All(IsServiceLetter)
                    ? value : throw new ConfigException(_path, line, "wants a name of master.cf");
                break;
            case "map_file":
                MapFile = value;
                break;
            case "state_directory":
                StateDirectory = value;
                break;
            case "metrics_file":
                MetricsFile = value;
                break;
            case "discovery":
                Discovery = Enum.TryParse(value, ignoreCase: true, out DiscoveryMode mode)
                    ? mode
                    : throw new ConfigException(_path, line, "wants off, validator or resolver");
                break;
            case "validator":
                Validator = Loopback(value, line);
                break;
            case "forwarder":
                Forwarder = Loopback(value, line);
                break;
            case "upstream":
                Upstream = UpstreamAddress.Parse(value) ?? throw new ConfigException(
                    _path, line, "wants tcp:HOST:PORT or tls:HOST:PORT#PIN");
                break;
            case "txt_records":
                HasText = value is "yes" || (value is "no"
                    ? false : throw new ConfigException(_path, line, "wants yes or no"));
                break;
            case "remember_days":
                RememberDays = Number(value, line, 3650);
                break;
            case "sessions_max":
                SessionsMax = Number(value, line, 10_000);
                break;
            case "connect_seconds":
                ConnectSeconds = Number(value, line, 280);
                break;
            default:
                throw new ConfigException(_path, line, "is a name that is not known");
        }
    }

    private void Check()
    {
        if (Discovery == DiscoveryMode.Off)
        {
            return;
        }
        if (Upstream == null)
        {
            throw new ConfigException(_path, 0, "discovery wants an upstream");
        }
        if (Discovery == DiscoveryMode.Resolver && !Upstream.IsAuthenticated)
        {
            throw new ConfigException(
                _path, 0, "discovery = resolver wants an upstream by tls with a pin, or an onion");
        }
    }

    private List<EndPoint> EndPoints(string value, int line)
    {
        var all = new List<EndPoint>();
        foreach (string word in value.Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            all.Add(word.StartsWith("unix:", StringComparison.Ordinal)
                ? new UnixDomainSocketEndPoint(word[5..])
                : Loopback(word, line));
        }
        return all;
    }

    // Who may ask could learn who writes to whom, or use our circuits: only this machine may.
    private IPEndPoint Loopback(string value, int line) =>
        IPEndPoint.TryParse(value, out IPEndPoint? address)
            && address.Port > 0 && IPAddress.IsLoopback(address.Address)
            ? address
            : throw new ConfigException(_path, line, "wants a loopback address and a port");

    private int Number(string value, int line, int most) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number > 0 && number <= most
            ? number
            : throw new ConfigException(
                _path, line, FormattableString.Invariant($"wants a number from 1 to {most}"));

    private static bool IsServiceLetter(char c) =>
        char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';
}
