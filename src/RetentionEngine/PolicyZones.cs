using System.Text;
using RetentionEngine.Events;

namespace RetentionEngine;

/// <summary>From the names of a policy to zones.</summary>
internal static class PolicyZones
{
    /// <summary>The zones to read logs by.</summary>
    /// <param name="policy">A policy that was checked.</param>
    /// <param name="zone">Goes before the policy's; null = that one.</param>
    /// <param name="hosts">Go before the policy's of the same hosts.</param>
    public static HostZones Zones(
        this RetentionPolicy policy,
        TimeZoneInfo? zone,
        IReadOnlyDictionary<string, TimeZoneInfo> hosts)
    {
        var all = new Dictionary<string, TimeZoneInfo>(StringComparer.OrdinalIgnoreCase);
        foreach ((string host, string name) in policy.HostTimeZones)
        {
            all[host] = TimeZoneInfo.FindSystemTimeZoneById(name);
        }
        foreach ((string host, TimeZoneInfo own) in hosts)
        {
            all[host] = own;
        }
        return new HostZones(
            zone ?? TimeZoneInfo.FindSystemTimeZoneById(policy.TimeZone),
            [.. all.Select(pair => new HostZone(Encoding.UTF8.GetBytes(pair.Key), pair.Value))]);
    }

    /// <summary>Names of the zones of single hosts.</summary>
    public static Dictionary<string, string> Names(this HostZones zones)
    {
        var names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < zones.Count; i++)
        {
            names[Encoding.UTF8.GetString(zones[i].Host)] = zones[i].Zone.Id;
        }
        return names;
    }
}
