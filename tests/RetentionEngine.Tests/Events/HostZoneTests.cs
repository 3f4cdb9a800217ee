using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Events;

/// <summary>Hosts that write stamps without zone in zones of their own.</summary>
public sealed class HostZoneTests
{
    private static readonly (string Host, string Zone)[] s_hosts =
    [
        ("mx1", "Europe/Berlin"), ("MX2.example.org", "America/New_York"), ("mx3", "Asia/Kathmandu"),
        ("mx4", "Pacific/Auckland"), ("mx5", "Europe/Berlin"),
    ];

    private static readonly Dictionary<string, TimeZoneInfo> s_own = s_hosts[1..4].ToDictionary(
        h => h.Host, h => TimeZoneInfo.FindSystemTimeZoneById(h.Zone), StringComparer.OrdinalIgnoreCase);

    private static TimeZoneInfo Berlin => TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    /// <summary>A day around every change that any of the zones has.</summary>
    [Theory]
    [InlineData("2025-10-25T16:00:00Z")]
    [InlineData("2025-11-01T20:00:00Z")]
    [InlineData("2025-03-08T22:00:00Z")]
    [InlineData("2025-03-29T16:00:00Z")]
    [InlineData("2025-04-05T02:00:00Z")]
    [InlineData("2025-09-27T02:00:00Z")]
    [InlineData("2025-12-31T02:00:00Z")]
    [InlineData("2024-02-28T12:00:00Z")]
    public void EveryHostHasItsOwnTime(string from)
    {
        var random = new Random(7);
        DateTimeOffset time = DateTimeOffset.Parse(from, CultureInfo.InvariantCulture);
        var lines = new List<string>();
        var truth = new List<(long Micros, int Offset)>();
        for (int i = 0; i < 1800; i++, time = time.AddSeconds(random.Next(20, 80)))
        {
            (string host, string zone) = s_hosts[random.Next(s_hosts.Length)];
            DateTimeOffset local = TimeZoneInfo.ConvertTime(
                time, TimeZoneInfo.FindSystemTimeZoneById(zone));
            string stamp = local.ToString(
                random.Next(3) == 0 ? "yyyy-MM-ddTHH:mm:ss" : "MMM dd HH:mm:ss",
                CultureInfo.InvariantCulture);
            string name = random.Next(2) == 0 ? host.ToUpperInvariant() : host;
            string rest = random.Next(4) == 0
                ? "postfix/smtpd[1]: connect from x[192.0.2.1]"
                : "postfix/qmgr[1]: 7A1F03E21: removed";
            lines.Add($"{stamp} {name} {rest}");
            if (rest.EndsWith("removed", StringComparison.Ordinal))
            {
                truth.Add((local.UnixMicros(), (int)local.Offset.TotalMinutes));
            }
        }
        long latest = time.UnixMicros();
        Assert.Equal(truth, Fast(lines, latest));
        Assert.Equal(truth, Slow(lines, latest));
    }

    [Fact]
    public void OnlyStampsWithoutZoneAreConcerned()
    {
        string[] lines =
        [
            "2025-07-04T09:05:01+02:00 mx3 postfix/qmgr[1]: 7A1F03E21: removed",
            "2025-07-04T09:05:01.25 mx3 postfix/qmgr[1]: 7A1F03E21: removed",
            "2025-07-04T09:05:01.25 mx3x postfix/qmgr[1]: 7A1F03E21: removed",
        ];
        long at = DateTimeOffset.Parse("2025-07-04T07:05:01Z", CultureInfo.InvariantCulture).UnixMicros();
        const long Quarter = 900_000_000;
        Assert.Equal(
            [(at, 120), (at + 250_000 - (15 * Quarter), 345), (at + 250_000, 120)],
            Fast(lines, at));
    }

    [Fact]
    public void TheFirstTimeOfASourceIsInItsHostsZone()
    {
        byte[] head = Encoding.ASCII.GetBytes("2025-07-04T09:05:01 mx3 postfix/qmgr[1]: 7A1F03E21: removed\n");
        Assert.True(SourceHead.TryFirstTime(head, Zones(), 0, out long first));
        Assert.Equal(
            DateTimeOffset.Parse("2025-07-04T03:20:01Z", CultureInfo.InvariantCulture).UnixMicros(), first);
    }

    private static HostZones Zones() => new(
        Berlin, [.. s_own.Select(h => new HostZone(Encoding.ASCII.GetBytes(h.Key), h.Value))]);

    private static List<(long, int)> Fast(IEnumerable<string> lines, long latest)
    {
        byte[] log = Encoding.ASCII.GetBytes(string.Join('\n', lines) + "\n");
        byte[] padded = [.. log, .. new byte[BlockReader.PaddingBytes]];
        var tokenizer = new Tokenizer(new HostTable());
        tokenizer.Begin(Zones(), latest);
        var events = new LogEvent[256];
        var times = new List<(long, int)>();
        for (int at = 0; at < log.Length;)
        {
            at = tokenizer.Read(padded.AsSpan(0, log.Length), at, events, out int count);
            times.AddRange(events[..count].Select(e => (e.TimeUnixMicros, (int)e.OffsetMinutes)));
        }
        return times;
    }

    private static List<(long, int)> Slow(IEnumerable<string> lines, long latest)
    {
        var parser = new SlowParser(Berlin, latest, zonesOfHosts: s_own);
        var times = new List<(long, int)>();
        foreach (string line in lines)
        {
            if (parser.Parse(line, out SlowEvent e) == SlowOutcome.Event)
            {
                times.Add((e.TimeUnixMicros, e.OffsetMinutes));
            }
        }
        return times;
    }
}
