using RetentionEngine.Onion.Dns;
using RetentionEngine.Onion.Lookup;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;
using RetentionEngine.Onion.Routing;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Commands;

/// <summary>Says what would be done with mail for a domain, and why; changes nothing.</summary>
/// <remarks>In the mode "validator" it needs the running service: the validator's only way out is
/// the service's forwarder.</remarks>
internal static class LookupCommand
{
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(30);

    /// <returns>0 with a route, 1 without one, 75 if mail would wait.</returns>
    public static async Task<int> RunAsync(Settings settings, string name, TextWriter output)
    {
        Decision? decision = await DecideAsync(settings, name, output);
        return decision switch
        {
            null => Program.Usage,
            { Targets.Count: > 0 } => 0,
            { Otherwise.Kind: AnswerKind.Temporary } => 75,
            _ => 1,
        };
    }

    /// <summary>Decides and says how; null if the name is no domain.</summary>
    public static async Task<Decision?> DecideAsync(
        Settings settings, string name, TextWriter output)
    {
        string? domain = DomainName.FromKey(name);
        if (domain == null)
        {
            output.WriteLine("domain:    not a domain that DNS could know");
            return null;
        }
        output.WriteLine($"domain:    {domain}");
        var log = new Log(Console.Error);
        TimeProvider time = TimeProvider.System;
        var policies = new PolicyFile(settings.MapFile, log, time);
        var metrics = new Metrics();
        output.WriteLine($"policy:    {policies.Current.For(domain).Kind}".ToLowerInvariant());
        FindingCache? findings =
            Daemon.MakeFindings(settings, new SocksClient(settings.Socks), metrics, time);
        // A memory and a book of its own: looking does not change what the service knows.
        string scratch = Directory.CreateTempSubdirectory("onion-transport-").FullName;
        try
        {
            CopySeen(settings.StateDirectory, scratch);
            var router = new Router(
                policies, findings, new Memory(scratch, settings.RememberDays, log, time),
                new AddressBook(scratch), (_, _) => { }, settings.Transport, log, metrics, time);
            Decision decision = await router.DecideAsync(
                domain, findings == null ? null : d => AskAsync(findings, d, output));
            Say(decision, output);
            return decision;
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static async ValueTask<Finding?> AskAsync(
        FindingCache findings, string domain, TextWriter output)
    {
        output.WriteLine($"ask:       _onion-mx._tcp.{domain} SRV, through Tor");
        Finding? finding = await findings.GetAsync(domain, s_wait);
        output.WriteLine($"dns:       {finding?.Why ?? "no answer in time"}");
        if (finding is { Kind: not FindingKind.Failed })
        {
            output.WriteLine($"signed:    {(finding.IsSecure ? "yes" : "no")}");
            output.WriteLine(FormattableString.Invariant(
                $"holds for: {finding.Lifetime.TotalSeconds:F0} s"));
        }
        return finding;
    }

    private static void Say(Decision decision, TextWriter output)
    {
        output.WriteLine($"because:   {decision.Why}");
        foreach (OnionTarget target in decision.Targets)
        {
            output.WriteLine($"onion:     {target}");
        }
        output.WriteLine("mail:      " + (decision.Targets.Count > 0
            ? "goes through Tor"
            : decision.Otherwise.Kind switch
            {
                AnswerKind.NotFound => "goes the usual way",
                AnswerKind.Temporary => "waits: " + decision.Otherwise.Text,
                _ => "bounces: " + decision.Otherwise.Text,
            }));
    }

    private static void CopySeen(string from, string to)
    {
        string seen = Path.Combine(from, "seen");
        if (File.Exists(seen))
        {
            File.Copy(seen, Path.Combine(to, "seen"));
        }
    }
}
