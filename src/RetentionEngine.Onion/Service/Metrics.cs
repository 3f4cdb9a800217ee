using System.Globalization;
using System.Text;

namespace RetentionEngine.Onion.Service;

/// <summary>A number that only grows, or one that goes up and down.</summary>
internal sealed class Counter(string name, string help, bool isGauge = false)
{
    private long _value;

    public string Name => name;

    public string Help => help;

    public bool IsGauge => isGauge;

    public long Value => Interlocked.Read(ref _value);

    public void Increment() => Interlocked.Increment(ref _value);

    public void Decrement() => Interlocked.Decrement(ref _value);

    public void Add(long count) => Interlocked.Add(ref _value, count);
}

/// <summary>What the daemon counts; written as a file in the text format of Prometheus.</summary>
internal sealed class Metrics
{
    public Counter Lookups { get; } = new("lookups_total", "Lookups of Postfix.");

    public Counter LookupsRefused { get; } =
        new("lookups_refused_total", "Connections ended for their number or their protocol.");

    public Counter Routed { get; } = new("routed_total", "Lookups answered with a route.");

    public Counter Deferred { get; } = new("deferred_total", "Lookups answered with TEMP.");

    public Counter Collisions { get; } =
        new("collisions_total", "Targets whose loopback address belongs to another one.");

    public Counter Discoveries { get; } = new("discoveries_total", "Domains asked for in DNS.");

    public Counter DiscoveryFailures { get; } =
        new("discovery_failures_total", "Of these, without an answer that could be trusted.");

    public Counter Forwarded { get; } =
        new("forwarded_queries_total", "Queries of the validator sent through Tor.");

    public Counter Sessions { get; } = new("sessions", "Mail sessions open now.", isGauge: true);

    public Counter SessionsTotal { get; } = new("sessions_total", "Mail sessions opened.");

    public Counter Unreachable { get; } =
        new("unreachable_total", "Sessions ended with 421: the onion could not be reached.");

    public Counter BytesOut { get; } = new("bytes_sent_total", "Bytes relayed towards onions.");

    public Counter BytesIn { get; } = new("bytes_received_total", "Bytes relayed back.");

    public string Format()
    {
        var text = new StringBuilder();
        foreach (Counter counter in (Counter[])
            [Lookups, LookupsRefused, Routed, Deferred, Collisions, Discoveries, DiscoveryFailures,
                Forwarded, Sessions, SessionsTotal, Unreachable, BytesOut, BytesIn])
        {
            text.Append(CultureInfo.InvariantCulture,
                $"# HELP onion_transport_{counter.Name} {counter.Help}\n");
            string type = counter.IsGauge ? "gauge" : "counter";
            text.Append(CultureInfo.InvariantCulture,
                $"# TYPE onion_transport_{counter.Name} {type}\n");
            text.Append(CultureInfo.InvariantCulture,
                $"onion_transport_{counter.Name} {counter.Value}\n");
        }
        return text.ToString();
    }
}
