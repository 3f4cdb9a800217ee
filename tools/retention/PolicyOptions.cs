using System.CommandLine;

namespace RetentionEngine.Tool;

/// <summary>Options that say what a store keeps for how long; of init, import and policy set.</summary>
internal sealed class PolicyOptions
{
    public Option<string[]> Retain { get; } = new("--retain")
    {
        Description = "Period of a class: sent, received, access, rejected or all. Default: all=7d. "
            + "More than 7 days needs --basis.",
        HelpName = "CLASS=PERIOD",
        DefaultValueFactory = static _ => [],
    };

    public Option<string[]> Basis { get; } = new("--basis")
    {
        Description = "Legal or contractual ground of periods above 7 days, for all classes or one. "
            + "It is kept with each record.",
        HelpName = "[CLASS=]TEXT",
        DefaultValueFactory = static _ => [],
    };

    public Option<string[]> LocalDomain { get; } = new("--local-domain")
    {
        Description = "Domain whose mailboxes are ours; tells sent from received. May be repeated.",
        HelpName = "DOMAIN",
        DefaultValueFactory = static _ => [],
    };

    public Option<string[]> TimeZone { get; } = new("--timezone")
    {
        Description = "Zone of time stamps that name none, e.g. Europe/Berlin; or of one host, by "
            + "its name as logged, e.g. mx2=America/Lima. May be repeated. Default: UTC.",
        HelpName = "[HOST=]ZONE",
        DefaultValueFactory = static _ => [],
    };

    public void AddTo(Command command)
    {
        command.Add(Retain);
        command.Add(Basis);
        command.Add(LocalDomain);
        command.Add(TimeZone);
    }

    /// <summary>Whether the command line says anything about the policy, the zone apart.</summary>
    public bool AreGiven(ParseResult parse) =>
        parse.GetValue(Retain)!.Length + parse.GetValue(Basis)!.Length
            + parse.GetValue(LocalDomain)!.Length > 0;

    /// <summary>Changes a policy as the command line says, and checks it.</summary>
    /// <exception cref="UsageException">An option has no known form.</exception>
    /// <exception cref="RetentionException">The result is not allowed.</exception>
    public RetentionPolicy Apply(ParseResult parse, RetentionPolicy policy)
    {
        var periods = new Dictionary<RecordClass, TimeSpan>();
        foreach (string text in parse.GetValue(Retain)!)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 || !TryClasses(text[..equals], out RecordClass[] classes)
                || !TimeExpression.TrySpan(text.AsSpan(equals + 1), out TimeSpan period))
            {
                throw new UsageException(
                    $"--retain '{text}' is not CLASS=PERIOD, such as sent=30d or all=26w.");
            }
            foreach (RecordClass recordClass in classes)
            {
                periods[recordClass] = period;
            }
        }
        foreach ((RecordClass recordClass, TimeSpan period) in periods)
        {
            policy = With(policy, recordClass, policy[recordClass] with { Period = period });
        }
        policy = ApplyBasis(parse.GetValue(Basis)!, policy, periods);
        policy = ApplyZones(parse, ApplyDomains(parse, policy));
        policy.Validate();
        return policy;
    }

    /// <summary>Changes only the local domains.</summary>
    /// <exception cref="UsageException">A domain has no known form.</exception>
    public RetentionPolicy ApplyDomains(ParseResult parse, RetentionPolicy policy)
    {
        string[] domains = parse.GetValue(LocalDomain)!;
        if (domains.Length > 0)
        {
            policy = policy with { LocalDomains = Domains(domains) };
        }
        return policy;
    }

    private RetentionPolicy ApplyZones(ParseResult parse, RetentionPolicy policy)
    {
        GivenZones zones = Zones(parse);
        var hosts = new Dictionary<string, string>(
            policy.HostTimeZones, StringComparer.OrdinalIgnoreCase);
        foreach ((string host, TimeZoneInfo? zone) in zones.Hosts)
        {
            hosts.Remove(host);
            if (zone is not null)
            {
                hosts.Add(host, zone.Id);
            }
        }
        return policy with
        {
            TimeZone = zones.Default?.Id ?? policy.TimeZone,
            HostTimeZones = hosts,
        };
    }

    /// <summary>The zones that the command line names.</summary>
    /// <exception cref="UsageException">One is not known, or two are for all hosts.</exception>
    public GivenZones Zones(ParseResult parse)
    {
        var zones = new GivenZones();
        foreach (string text in parse.GetValue(TimeZone)!)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string host = equals < 0 ? "" : text[..equals];
            string name = text[(equals + 1)..];
            bool isRemoval = equals > 0 && name.Length == 0;
            if (equals == 0 || host.AsSpan().ContainsAny(" ;"))
            {
                throw new UsageException(
                    $"--timezone '{text}' is neither ZONE nor HOST=ZONE, such as mx2=Europe/Berlin.");
            }
            TimeZoneInfo? zone = null;
            if (!isRemoval && !TimeExpression.TryZone(name, out zone))
            {
                throw new UsageException($"--timezone '{text}' is not known here.");
            }
            if (equals > 0)
            {
                zones.Hosts[host] = zone;
            }
            else if (zones.Default is not null)
            {
                throw new UsageException("--timezone names two zones for all hosts; say HOST=ZONE.");
            }
            else
            {
                zones.Default = zone;
            }
        }
        return zones;
    }

    /// <summary>Whether two policies keep the same for the same reasons; the zone apart.</summary>
    public static bool AreEqual(RetentionPolicy a, RetentionPolicy b)
    {
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            if (a[c] != b[c])
            {
                return false;
            }
        }
        return new HashSet<string>(a.LocalDomains, StringComparer.OrdinalIgnoreCase)
            .SetEquals(b.LocalDomains);
    }

    private static RetentionPolicy ApplyBasis(
        string[] texts, RetentionPolicy policy, Dictionary<RecordClass, TimeSpan> periods)
    {
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            bool isOfClass = equals > 0 && TryClasses(text[..equals], out _);
            string basis = isOfClass ? text[(equals + 1)..] : text;
            if (!isOfClass || !TryClasses(text[..equals], out RecordClass[] classes))
            {
                // The classes of this command's periods, else every class that needs a basis.
                classes = Array.FindAll(
                    AllClasses(),
                    c => periods.Count > 0
                        ? periods.ContainsKey(c)
                        : policy[c].Period > RetentionPolicy.PeriodWithoutBasis);
            }
            foreach (RecordClass recordClass in classes)
            {
                policy = With(policy, recordClass, policy[recordClass] with { Basis = basis.Trim() });
            }
        }
        return policy;
    }

    private static List<string> Domains(string[] texts)
    {
        var domains = new List<string>();
        foreach (string text in texts)
        {
            string domain = text.Trim().TrimStart('@').TrimEnd('.').ToLowerInvariant();
            if (domain.Length == 0 || domain.Contains('@', StringComparison.Ordinal)
                || domain.AsSpan().ContainsAny(" ,\t"))
            {
                throw new UsageException("--local-domain takes one domain, such as example.org.");
            }
            if (!domains.Contains(domain, StringComparer.Ordinal))
            {
                domains.Add(domain);
            }
        }
        return domains;
    }

    private static RetentionPolicy With(
        RetentionPolicy policy, RecordClass recordClass, ClassPolicy value) => recordClass switch
    {
        RecordClass.Sent => policy with { Sent = value },
        RecordClass.Received => policy with { Received = value },
        RecordClass.Access => policy with { Access = value },
        _ => policy with { Rejected = value },
    };

    private static RecordClass[] AllClasses() =>
        [RecordClass.Sent, RecordClass.Received, RecordClass.Access, RecordClass.Rejected];

    private static bool TryClasses(string name, out RecordClass[] classes)
    {
        classes = name switch
        {
            "sent" => [RecordClass.Sent],
            "received" => [RecordClass.Received],
            "access" => [RecordClass.Access],
            "rejected" => [RecordClass.Rejected],
            "all" => AllClasses(),
            _ => [],
        };
        return classes.Length > 0;
    }
}

/// <summary>Zones of a command line.</summary>
internal sealed class GivenZones
{
    /// <summary>Of all hosts without their own; null when none was named.</summary>
    public TimeZoneInfo? Default { get; set; }

    /// <summary>Of single hosts; null where the host is to have none of its own any more.</summary>
    public Dictionary<string, TimeZoneInfo?> Hosts { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Those that are named.</summary>
    public Dictionary<string, TimeZoneInfo> Named()
    {
        var named = new Dictionary<string, TimeZoneInfo>(StringComparer.OrdinalIgnoreCase);
        foreach ((string host, TimeZoneInfo? zone) in Hosts)
        {
            if (zone is not null)
            {
                named.Add(host, zone);
            }
        }
        return named;
    }
}
