using System.Net;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Routing;

namespace RetentionEngine.Onion.Commands;

/// <summary>Inspects an installation and names each hole.</summary>
/// <remarks>Every finding is a trap that was seen to open when the thing was tried out.</remarks>
internal sealed class CheckCommand
{
    private readonly List<string> _holes = [];

    /// <returns>0 without a hole, 1 with one.</returns>
    public static int Run(string[] options, TextWriter output, TextWriter errors)
    {
        string postfix = "/etc/postfix";
        string torrc = "/etc/tor/torrc";
        string? unbound = null;
        string? map = null;
        for (int i = 0; i < options.Length; i += 2)
        {
            string? value = i + 1 < options.Length ? options[i + 1] : null;
            switch (value == null ? "" : options[i])
            {
                case "--postfix":
                    postfix = value!;
                    break;
                case "--torrc":
                    torrc = value!;
                    break;
                case "--unbound":
                    unbound = value;
                    break;
                case "--map":
                    map = value;
                    break;
                default:
                    errors.WriteLine("onion-transport: check takes --postfix, --torrc, --unbound, --map");
                    return Program.Usage;
            }
        }
        var check = new CheckCommand();
        PostfixConfig config = PostfixConfig.Read(postfix);
        check.CheckSender(config);
        check.CheckTor(File.ReadAllLines(torrc), config);
        if (unbound != null)
        {
            check.CheckUnbound(File.ReadAllLines(unbound));
        }
        if (map != null)
        {
            check.CheckMap(map);
        }
        foreach (string hole in check._holes)
        {
            output.WriteLine(hole);
        }
        output.WriteLine(check._holes.Count == 0
            ? "no hole found" : FormattableString.Invariant($"{check._holes.Count} holes found"));
        return check._holes.Count == 0 ? 0 : 1;
    }

    private void CheckSender(PostfixConfig config)
    {
        PostfixService? client = config.Services.Find(s => s is { Name: "onion", Kind: "unix" });
        if (client == null)
        {
            return;
        }
        if (config.Of(client, "smtp_fallback_relay").Length > 0)
        {
            Add("fallback-relay", "onion inherits smtp_fallback_relay: mail leaks to the usual way");
        }
        if (config.Of(client, "smtp_dns_support_level") is not "disabled")
        {
            Add("resolver", "onion has no smtp_dns_support_level=disabled: names may go into DNS");
        }
        if (config.Of(client, "smtp_sasl_auth_enable") is not "no")
        {
            Add("sasl", "onion inherits smtp_sasl_auth_enable: passwords may go to strangers");
        }
        if (config.Of(client, "smtp_helo_name") is "$myhostname" or ""
            || Is(config.Of(client, "smtp_helo_name"), config.Main("myhostname")))
        {
            Add("helo", "onion says this host's name: set smtp_helo_name");
        }
        if (config.Of(client, "smtp_header_checks").Length == 0)
        {
            Add("received", "onion has no smtp_header_checks: Received tells the sender's address");
        }
        string maps = config.Main("transport_maps");
        if (maps.Contains("tcp:", StringComparison.Ordinal))
        {
            Add("tcp-table", "transport_maps asks a tcp_table: all mail stalls while it is away");
        }
        if (!maps.Contains("socketmap:", StringComparison.Ordinal)
            && !maps.Contains("tcp:", StringComparison.Ordinal))
        {
            Add("no-lookup", "transport_maps does not ask onion-transport: nothing goes by onion");
        }
        foreach (PostfixService service in config.Services)
        {
            if (service is { Program: "smtpd", Name: "smtp" or "25" }
                && config.Of(service, "rewrite_service_name") is "rewrite")
            {
                Add("stranger", "the public smtpd looks up too: strangers make this host ask DNS");
            }
        }
    }

    private void CheckTor(string[] torrc, PostfixConfig config)
    {
        var words = torrc.Select(l => l.Split('#')[0].Split(
            (char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)).Where(w => w.Length > 1);
        string? service = null;
        var mail = new Dictionary<string, (string Target, HashSet<string> Lines)>(StringComparer.Ordinal);
        foreach (string[] line in words)
        {
            if (Is(line[0], "HiddenServiceDir"))
            {
                service = line[1];
                mail[service] = ("", []);
            }
            else if (service != null && Is(line[0], "HiddenServicePort") && line[1] is "25")
            {
                mail[service] = (line.Length > 2 ? line[2] : "127.0.0.1:25", mail[service].Lines);
            }
            else if (service != null)
            {
                mail[service].Lines.Add(string.Join(' ', line).ToUpperInvariant());
            }
            if (Is(line[0], "SafeLogging") && line[1] is "0")
            {
                Add("safe-logging", "SafeLogging is off: Tor's log names correspondents");
            }
        }
        foreach ((string folder, (string target, HashSet<string> lines)) in mail)
        {
            if (lines.Contains("HIDDENSERVICEVERSION 2"))
            {
                Add("v2", "a service has version 2: such addresses no longer exist");
            }
            if (target.Length > 0)
            {
                CheckReceiver(target, lines, config);
            }
            string name = Path.Combine(folder, "hostname");
            if (File.Exists(name) && OnionName.Parse(File.ReadAllText(name).Trim(), out _)
                is OnionFault fault and not OnionFault.Valid)
            {
                Add("v2", "a service's name cannot work: " + OnionName.Describe(fault));
            }
        }
    }

    private void CheckReceiver(string target, HashSet<string> lines, PostfixConfig config)
    {
        if (!lines.Contains("HIDDENSERVICEEXPORTCIRCUITID HAPROXY"))
        {
            Add("circuit", "no HiddenServiceExportCircuitID haproxy: all mail seems to be ours");
        }
        if (!lines.Contains("HIDDENSERVICEPOWDEFENSESENABLED 1"))
        {
            Add("pow", "no HiddenServicePoWDefensesEnabled 1: nothing slows a flood");
        }
        string port = target[(target.LastIndexOf(':') + 1)..];
        PostfixService? server = config.Services.Find(s => s.Program is "smtpd"
            && (Is(s.Name, target) || Is(s.Name, port) || (port is "25" && s.Name is "smtp")));
        if (server == null)
        {
            Add("no-smtpd", $"no smtpd of this Postfix listens where Tor leads ({target})");
            return;
        }
        if (config.Of(server, "smtpd_upstream_proxy_protocol") is not "haproxy")
        {
            Add("proxy", "the onion's smtpd has no smtpd_upstream_proxy_protocol=haproxy");
        }
        // smtpd_relay_restrictions decides; any permit_ before the refusal lets a client through.
        string relay = config.Of(server, "smtpd_relay_restrictions");
        if (config.Of(server, "mynetworks").Length > 0
            || !relay.TrimStart().StartsWith("reject_unauth_destination", StringComparison.Ordinal))
        {
            Add("open-relay", "the onion's smtpd trusts clients (mynetworks, smtpd_relay_restrictions)");
        }
        if (config.Of(server, "smtpd_sasl_auth_enable") is not "no")
        {
            Add("sasl-in", "the onion's smtpd takes passwords: guessing them has no address to block");
        }
        if (config.Of(server, "inet_protocols") is not "all")
        {
            Add("protocols", "the onion's smtpd needs inet_protocols=all: circuits look like IPv6");
        }
        if (config.IsFrom(3, 8)
            && config.Of(server, "smtpd_client_ipv6_prefix_length") is not "128")
        {
            Add("prefix", "smtpd_client_ipv6_prefix_length is not 128: all circuits count as one");
        }
    }

    private void CheckUnbound(string[] lines)
    {
        string[] bare = [.. lines.Select(l => l.Split('#')[0].Trim()).Where(l => l.Length > 0)];
        if (!bare.Contains("tcp-upstream: yes", StringComparer.Ordinal))
        {
            Add("validator-udp", "unbound has no tcp-upstream: yes");
        }
        string[] ways = [.. bare.Where(l => l.StartsWith("forward-addr:", StringComparison.Ordinal)
            || l.StartsWith("stub-addr:", StringComparison.Ordinal))];
        bool isLocal = ways.All(w => IPAddress.TryParse(
            w.Split(':', 2)[1].Trim().Split('@')[0], out IPAddress? address)
            && IPAddress.IsLoopback(address));
        if (ways.Length == 0 || !isLocal
            || bare.Contains("forward-first: yes", StringComparer.Ordinal))
        {
            Add("validator-leak", "unbound has another way out than the forwarder on loopback");
        }
        if (!bare.Any(l => l.Contains("trust-anchor", StringComparison.Ordinal)))
        {
            Add("validator-anchor", "unbound has no trust anchor: it checks nothing");
        }
    }

    private void CheckMap(string path)
    {
        foreach ((string domain, OnionFault fault) in Policies.Read(path).Faults)
        {
            Add(fault == OnionFault.OldVersion ? "v2" : "map", $"{domain}: {OnionName.Describe(fault)}");
        }
    }

    private void Add(string name, string what) => _holes.Add($"{name}: {what}");

    private static bool Is(string word, string name) =>
        word.Equals(name, StringComparison.OrdinalIgnoreCase);
}
