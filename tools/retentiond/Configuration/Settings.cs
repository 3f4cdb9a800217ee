using System.Net;

namespace RetentionEngine.Daemon.Configuration;

/// <summary>All that the configuration says; see docs/OPERATING.md for the file.</summary>
internal sealed record Settings
{
    /// <summary>The file it was read from; null = defaults, environment and flags only.</summary>
    public string? Origin { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Info;

    /// <summary>Whether log lines are JSON; else key=value.</summary>
    public bool IsLogJson { get; init; }

    /// <summary>Unix socket by which queries see what is not committed yet.</summary>
    public required string ControlSocket { get; init; }

    /// <summary>Health and metrics; loopback. Null = none.</summary>
    public IPEndPoint? Http { get; init; }

    public required StoreSettings Store { get; init; }

    public required SpoolSettings Spool { get; init; }

    /// <summary>Periods, local domains and zones; valid.</summary>
    public required RetentionPolicy Policy { get; init; }

    /// <summary>Log files to follow, rotated siblings too; full paths, each once.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    public IReadOnlyList<JournalSettings> Journals { get; init; } = [];

    /// <summary>Named pipes to read; full paths, each once.</summary>
    public IReadOnlyList<string> Fifos { get; init; } = [];

    public IReadOnlyList<SyslogSettings> Syslogs { get; init; } = [];
}

internal enum LogLevel
{
    Error,
    Warning,
    Info,
    Debug,
}

/// <summary>Where the store is and how often it commits.</summary>
internal sealed record StoreSettings
{
    public required string Path { get; init; }

    /// <summary>File of the master key; null = beside the store, named after it.</summary>
    public string? MasterKeyPath { get; init; }

    /// <summary>At the latest so long after a line was read.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>At the latest when so many bytes of lines were read.</summary>
    public long CommitVolumeBytes { get; init; } = 64L << 20;
}

/// <summary>Where what can't be read again waits until it is in the store.</summary>
internal sealed record SpoolSettings
{
    /// <summary>Beyond it, sources wait, as when the disk is full.</summary>
    public long SizeMaxBytes { get; init; } = 4L << 30;

    /// <summary>Free bytes of the disk that are not taken, so that expiry goes on.</summary>
    public long DiskReserveBytes { get; init; } = 256L << 20;
}

/// <summary>Which entries of which journal are read.</summary>
internal sealed record JournalSettings
{
    /// <summary>Names its position in the store and its metrics.</summary>
    public required string Name { get; init; }

    /// <summary>journalctl --directory; null = the system's own.</summary>
    public string? Directory { get; init; }

    /// <summary>journalctl --namespace; null = none.</summary>
    public string? Namespace { get; init; }

    /// <summary>journalctl --unit; each may hold * and ?.</summary>
    public IReadOnlyList<string> Units { get; init; } = [];

    /// <summary>journalctl --identifier.</summary>
    public IReadOnlyList<string> Identifiers { get; init; } = [];

    /// <summary>FIELD=value, as journalctl takes them.</summary>
    public IReadOnlyList<string> Matches { get; init; } = [];

    /// <summary>What journalctl is called with, output format, fields and cursor apart.</summary>
    public IReadOnlyList<string> Arguments()
    {
        var arguments = new List<string>();
        if (Directory is not null)
        {
            arguments.Add($"--directory={Directory}");
        }
        if (Namespace is not null)
        {
            arguments.Add($"--namespace={Namespace}");
        }
        arguments.AddRange(Units.Select(static u => $"--unit={u}"));
        arguments.AddRange(Identifiers.Select(static i => $"--identifier={i}"));
        arguments.AddRange(Matches);
        return arguments;
    }
}

internal enum SyslogProtocol
{
    Tcp,
    Tls,
    Udp,
}

/// <summary>One address where syslog is received.</summary>
internal sealed record SyslogSettings
{
    /// <summary>Names it in log and metrics; unique.</summary>
    public required string Name { get; init; }

    public required SyslogProtocol Protocol { get; init; }

    public required IPEndPoint EndPoint { get; init; }

    /// <summary>PEM file of our certificate and what lies between it and its root.</summary>
    public string? Certificate { get; init; }

    /// <summary>PEM file of the certificate's key.</summary>
    public string? Key { get; init; }

    /// <summary>PEM file of the roots of clients; null = clients need no certificate.</summary>
    public string? ClientAuthority { get; init; }

    /// <summary>Names of which a client's certificate must have one; empty = any.</summary>
    public IReadOnlyList<string> ClientNames { get; init; } = [];

    public int ConnectionsMax { get; init; } = 100;

    /// <summary>Bytes of one message as sent, without count or line end.</summary>
    public int FrameMaxBytes { get; init; } = 64 << 10;

    /// <summary>Within which a message that has begun must be whole.</summary>
    public TimeSpan FrameTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What to ask the kernel for (UDP).</summary>
    public int ReceiveBufferBytes { get; init; } = 16 << 20;

    /// <summary>Whether a listener can go from one to the other and keep its socket.</summary>
    public bool SharesSocketWith(SyslogSettings other) =>
        Protocol == other.Protocol && EndPoint.Equals(other.EndPoint)
            && string.Equals(Name, other.Name, StringComparison.Ordinal);
}
