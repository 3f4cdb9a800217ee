using System.Globalization;
using System.Numerics;
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
        + @"(?<host>[^ ]+) (?<tag>[^ \[:]+)(?:\[(?<pid>[^ ]*)\])?: (?<text>.*)$");

    private static readonly Regex s_header5424 = Pattern(
        @"^(?:<\d{1,3}>)?1 (?<stamp>\d{4}-[^ ]+) (?<host>[^ ]*) (?<tag>[^ ]+) (?<pid>[^ ]*) [^ ]* "
        + @"(?:-|(?:\[(?:[^""\]]|""(?:[^""\\]|\\.)*"")*\])+) {1,2}(?:\u00EF\u00BB\u00BF)?(?<text>.*)$");

    private static readonly Regex s_shortId = Pattern(@"^[0-9A-F]{6,21}$");

    private static readonly Regex s_longId = Pattern(
        @"^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{6,7}[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{4}"
        + @"z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+$");

    private const string Mark = "\u00EF\u00BB\u00BF";

    /// <summary>Longer ids are kept as numbers, which have no zeros in front.</summary>
    private const int AsIsMax = 18;

    private const string Alphabet = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

    private readonly SlowClock _clock = new(zone, firstLineLatestUnixMicros, year);

#if COMPILED_PATTERNS
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.Singleline
        | RegexOptions.Compiled;
#else
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.Singleline;
#endif

    public static Regex Pattern(string pattern) =>
        new(pattern, Options, TimeSpan.FromSeconds(20));

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
        if (line.StartsWith(Mark, StringComparison.Ordinal))
        {
            line = line[Mark.Length..];
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
            return (text.Length <= AsIsMax || text[5] != '0')
                && int.Parse(text.AsSpan(0, 5), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                <= 0xF423F;
        }
        if (text.Length is < 12 or > 24 || !s_longId.IsMatch(text))
        {
            return false;
        }
        int z = text.LastIndexOf('z');
        BigInteger inode = text[(z + 1)..].Aggregate(BigInteger.Zero, (n, c) =>
            (n * 51) + Alphabet.IndexOf(c, StringComparison.Ordinal));
        if (text.Length > AsIsMax
            && (text[z + 1] == '0' || inode > ulong.MaxValue || (z == 11 && text[0] == '0')))
        {
            return false;
        }
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
        SlowEvent frame = new()
        {
            TimeUnixMicros = stamp.Micros,
            OffsetMinutes = stamp.OffsetMinutes,
            YearInferred = stamp.YearInferred,
            ZoneInferred = stamp.ZoneInferred,
            Host = header.Groups["host"].Value,
        };
        (int count, string once) = SlowRepeats.Quoted(text);
        if (count < 0)
        {
            return ByTag(tag, pid, text, frame, out result);
        }

        // Of programs that share no tag with Courier or Cyrus.
        bool isCyrus = SlowPostfix.Program(tag) is null
            && SlowCyrus.Service(tag).Protocol != AccessProtocol.None && tag is not "imaps";
        SlowOutcome again = isCyrus || SlowRepeats.Quoted(once).Count >= 0
            ? SlowOutcome.Ignored : ByTag(tag, pid, once, frame, out result);
        bool canRepeat = result.Kind is EventKind.Delivery
            or EventKind.Reject or EventKind.Login or EventKind.Logout;
        result = result with { Repeats = count - 1 };
        return again == SlowOutcome.Event && (!canRepeat || count == 0)
            ? SlowOutcome.Ignored : again;
    }

    private static SlowOutcome ByTag(
        string tag, string? pid, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        if (SlowPostfix.Program(tag) is { } program)
        {
            string instance = tag[..tag.IndexOf('/', StringComparison.Ordinal)];
            frame = frame with { Instance = instance is "postfix" ? "" : instance };
            return SlowPostfix.Parse(program, text, frame, out result);
        }
        if (tag is "amavis" or "amavisd")
        {
            return SlowAmavis.Parse(text, frame, out result);
        }
        if (SlowWebmail.IsTag(tag))
        {
            return SlowWebmail.Parse(tag, text, frame, out result);
        }
        if (SlowCourierMta.Agent(tag) is { } agent)
        {
            return SlowCourierMta.Parse(agent, text, frame, out result);
        }
        if (tag is "vpopmail" || SlowVpopmail.HasService(tag))
        {
            return SlowVpopmail.Parse(tag, text, frame, out result);
        }
        if (tag.StartsWith("dovecot", StringComparison.Ordinal)
            && !tag.Contains('/', StringComparison.Ordinal))
        {
            return SlowAccess.ParseDovecot(text, frame, out result);
        }
        (AccessProtocol protocol, bool isTls) = SlowCyrus.Service(tag);
        return protocol != AccessProtocol.None && tag is not "imaps"
            ? SlowCyrus.Parse(protocol, isTls, pid, text, frame, out result)
            : SlowAccess.ParseCourier(tag, pid, text, frame, out result);
    }
}
