namespace RetentionEngine.Buckets;

/// <summary>Zones as one text: <c>ZONE</c>, then <c>;HOST=ZONE</c> for each host with its own.</summary>
internal static class PolicyText
{
    public static string ZonesOf(RetentionPolicy policy) => string.Concat(
        policy.TimeZone,
        string.Concat(policy.HostTimeZones
            .OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $";{pair.Key}={pair.Value}")));

    public static (string Zone, Dictionary<string, string> Hosts) Zones(string text)
    {
        var hosts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        string[] parts = text.Split(';');
        foreach (string part in parts.AsSpan(1))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                hosts[part[..equals]] = part[(equals + 1)..];
            }
        }
        return (parts[0], hosts);
    }
}
