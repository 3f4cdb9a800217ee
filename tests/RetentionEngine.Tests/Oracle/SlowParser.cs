using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>
/// The second opinion on what a line says: regular expressions over strings, written from the
/// description of the forms only and independent of the fast tokenizer.
/// </summary>
internal sealed class SlowParser(
    TimeZoneInfo zone,
    long firstLineLatestUnixMicros,
    int year = 0,
    Dictionary<string, string>? lastOfHost = null,
    Dictionary<string, TimeZoneInfo>? zonesOfHosts = null)
{
    // By host; those without a zone of their own share one, under no name.
    private readonly Dictionary<string, SlowClock> _hostClocks = new(StringComparer.OrdinalIgnoreCase);

    private readonly Dictionary<string, string> _lastOfHost = lastOfHost ?? [];

    private static readonly Regex s_header = Pattern(
        @"^(?:<\d{1,3}>)?(?<stamp>[A-Z][a-z][a-z] (?: \d|\d\d|\d) \d\d:\d\d:\d\d(?:[.,]\d{1,9})?|\d{4}-[^ ]+) "
        + @"(?<host>[^ ]+) (?<tag>[^ \[\]:]+)(?:\[(?<pid>\d+)\])?: (?<text>.*)$");

    private static readonly Regex s_header5424 = Pattern(
        @"^(?:<\d{1,3}>)?1 (?<stamp>\d{4}-[^ ]+) (?<host>[^ ]+) (?<tag>[^ ]+) (?<pid>[^ ]+) [^ ]+ "
        + @"(?:-|(?:\[(?:[^""\]]|""(?:[^""\\]|\\.)*"")*\])+) (?<text>.*)$");

    private static readonly Regex s_shortId = Pattern(@"^[0-9A-F]{6,21}$");

    private static readonly Regex s_longId = Pattern(
        @"^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{6,}[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{4}"
        + @"z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+$");

    private const string Alphabet = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

    private readonly SlowClock _clock = new(zone, firstLineLatestUnixMicros, year);

    public static Regex Pattern(string pattern) => new(
        pattern, RegexOptions.CultureInvariant | RegexOptions.Singleline, TimeSpan.FromSeconds(20));

    /// <summary>Lines of a whole log; the last need not end in LF.</summary>
    public static IEnumerable<string> Lines(byte[] log)
    {
        string text = Encoding.Latin1.GetString(log);
        string[] lines = text.Split('\n');
        return lines[^1].Length == 0 ? lines[..^1] : lines;
    }

    public SlowOutcome Parse(string line, out SlowEvent result)
    {
        result = new SlowEvent();
        if (line.EndsWith('\r'))
        {
            line = line[..^1];
        }
        line = SlowPrefix.Usual(line);
        Match m = s_header5424.Match(line);
        if (m.Success)
        {
            return Parse(m, m.Groups["pid"].Value is "-" ? null : m.Groups["pid"].Value, ref result);
        }
        if (SlowRepeats.TryExpand(line, _lastOfHost, out string expanded, out int count))
        {
            SlowOutcome again = ParsePlain(s_header.Match(expanded), ref result);
            bool canRepeat = again == SlowOutcome.Event && result.Kind is EventKind.Delivery
                or EventKind.Reject or EventKind.Login or EventKind.Logout;
            result = result with { Repeats = count - 1 };
            return again == SlowOutcome.Event && (!canRepeat || count == 0)
                ? SlowOutcome.Ignored : again;
        }
        return ParsePlain(s_header.Match(line), ref result);
    }

    private SlowOutcome ParsePlain(Match m, ref SlowEvent result)
    {
        if (!m.Success)
        {
            return SlowOutcome.Ignored;
        }
        return Parse(m, m.Groups["pid"].Success ? m.Groups["pid"].Value : null, ref result);
    }

    /// <summary>Short: microseconds in five hex digits, then the inode. Long: base 52 with a z.</summary>
    public static bool IsQueueId(string text)
    {
        if (s_shortId.IsMatch(text))
        {
            return int.Parse(text.AsSpan(0, 5), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                <= 0xF423F;
        }
        if (text.Length is < 12 or > 20 || !s_longId.IsMatch(text))
        {
            return false;
        }
        int z = text.LastIndexOf('z');
        return text[(z - 4)..z].Aggregate(0, (n, c) =>
            (n * 52) + Alphabet.IndexOf(c, StringComparison.Ordinal)) < 1_000_000;
    }

    private SlowOutcome Parse(Match header, string? pid, ref SlowEvent result)
    {
        SlowClock.Stamp? stamp = _clock.Read(header.Groups["stamp"].Value);
        if (stamp is null)
        {
            return SlowOutcome.Strange;
        }
        if (zonesOfHosts is not null && stamp.ZoneInferred)
        {
            string host = header.Groups["host"].Value;
            bool isOwn = zonesOfHosts.TryGetValue(host, out TimeZoneInfo? own);
            host = isOwn ? host : "";
            if (!_hostClocks.TryGetValue(host, out SlowClock? clock))
            {
                _hostClocks.Add(host, clock = new SlowClock(own ?? zone, 0));
            }
            stamp = clock.InZone(stamp);
        }
        string tag = header.Groups["tag"].Value;
        string text = header.Groups["text"].Value;
        if (text.StartsWith("\u00EF\u00BB\u00BF", StringComparison.Ordinal))
        {
            text = text[3..];
        }
        SlowEvent frame = new()
        {
            TimeUnixMicros = stamp.Micros,
            OffsetMinutes = stamp.OffsetMinutes,
            YearInferred = stamp.YearInferred,
            ZoneInferred = stamp.ZoneInferred,
            Host = header.Groups["host"].Value,
        };
        SlowOutcome outcome;
        (AccessProtocol protocol, bool isTls) = SlowCyrus.Service(tag);
        if (protocol != AccessProtocol.None && tag is not "imaps")
        {
            outcome = SlowCyrus.Parse(protocol, isTls, pid, text, frame, out result);
        }
        else if (tag.Contains('/', StringComparison.Ordinal))
        {
            string instance = tag[..tag.IndexOf('/', StringComparison.Ordinal)];
            frame = frame with { Instance = instance is "postfix" ? "" : instance };
            string program = tag[(tag.LastIndexOf('/') + 1)..];
            outcome = SlowPostfix.Parse(program, text, frame, out result);
        }
        else if (tag is "amavis" or "amavisd")
        {
            outcome = SlowAmavis.Parse(text, frame, out result);
        }
        else if (SlowCourierMta.Agent(tag) is { } agent)
        {
            outcome = SlowCourierMta.Parse(agent, text, frame, out result);
        }
        else if (tag is "vpopmail" || tag.StartsWith("vchkpw-", StringComparison.Ordinal))
        {
            outcome = SlowVpopmail.Parse(tag, text, frame, out result);
        }
        else if (tag.StartsWith("dovecot", StringComparison.Ordinal))
        {
            outcome = SlowAccess.ParseDovecot(text, frame, out result);
        }
        else
        {
            outcome = SlowAccess.ParseCourier(tag, pid, text, frame, out result);
        }
        return outcome;
    }
}
