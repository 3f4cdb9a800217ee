using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The Cyrus part of <see cref="SlowParser"/>.</summary>
internal static class SlowCyrus
{
    private static readonly Regex s_login = SlowParser.Pattern(
        @"^login: [^ \[]* ?\[(?<ip>[^\]]+)\] (?!anonymous )(?<user>.+) (?<mech>[^ ]+) User logged in"
        + @"(?: SESSIONID=<(?<session>[^> ]*)>)?$");

    private static readonly Regex s_magic = SlowParser.Pattern(@"(?<=.)\+[^@+]*$");

    private static readonly Regex s_usage = SlowParser.Pattern(
        @"^USAGE (?<user>.+) user: \d{1,18}\.\d{6} sys: \d{1,18}\.\d{6}$");

    private static readonly Regex s_ended = SlowParser.Pattern(
        @"^(?:auditlog: traffic|session ended)(?= )(?:(?! sessionid=<).)* sessionid=<(?<session>[^>]+)>");

    private static readonly Regex s_keys = SlowParser.Pattern(
        @"^event=(?<event>login\.good|auditlog\.traffic)"
        + @"(?: (?<key>[^= ""]+)=(?<value>""(?:[^""\\]|\\.)*""|(?!"")[^ ]*))+$");

    private static readonly Regex s_host = SlowParser.Pattern(@"\[(?<ip>[^\[]+)\]$");

    /// <summary>Protocol and whether it is TLS alone, by the last part of a tag.</summary>
    public static (AccessProtocol Protocol, bool IsTls) Service(string tag)
    {
        string service = tag[(tag.LastIndexOf('/') + 1)..];
        bool hasInstance = tag.Length > service.Length + 1;
        return service switch
        {
            "imap" => (AccessProtocol.Imap, false),
            "imaps" => (AccessProtocol.Imap, true),
            "pop3" => (AccessProtocol.Pop3, false),
            "pop3s" => (AccessProtocol.Pop3, true),
            "sieve" or "timsieved" => (AccessProtocol.ManageSieve, false),
            "imapd" when hasInstance => (AccessProtocol.Imap, false),
            "pop3d" when hasInstance => (AccessProtocol.Pop3, false),
            _ => (AccessProtocol.None, false),
        };
    }

    public static SlowOutcome Parse(
        AccessProtocol protocol, bool isTls, string? pid, string text, SlowEvent frame,
        out SlowEvent result)
    {
        frame = frame with { OwnsProcess = pid is not null };
        result = frame with { Protocol = protocol, Session = pid };
        Match m = s_login.Match(text);
        if (m.Success)
        {
            result = result with
            {
                Kind = EventKind.Login,
                User = s_magic.Replace(m.Groups["user"].Value, ""),
                Ip = m.Groups["ip"].Value,
                Session = pid ?? (m.Groups["session"].Length > 0 ? m.Groups["session"].Value : null),
                Tls = isTls || m.Groups["mech"].Value.EndsWith("+TLS", StringComparison.Ordinal),
            };
            return SlowOutcome.Event;
        }
        m = s_keys.Match(text);
        if (m.Success)
        {
            return Keys(m, isTls, pid, ref result);
        }
        result = result with { Kind = EventKind.Logout, Number = -1 };
        m = s_usage.Match(text);
        if (m.Success)
        {
            result = result with { User = m.Groups["user"].Value };
            return SlowOutcome.Event;
        }
        m = s_ended.Match(text);
        if (m.Success)
        {
            result = result with { Session = pid ?? m.Groups["session"].Value };
            return SlowOutcome.Event;
        }
        return SlowUw.Parse(text, frame with { Protocol = protocol, Session = pid }, out result);
    }

    private static SlowOutcome Keys(Match m, bool isTls, string? pid, ref SlowEvent result)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        CaptureCollection keys = m.Groups["key"].Captures;
        for (int i = 0; i < keys.Count; i++)
        {
            // The last value may be cut.
            string value = m.Groups["value"].Captures[i].Value;
            value = value.StartsWith('"') ? value[1..^1] : value;
            string key = keys[i].Value;
            bool isTaken = key switch
            {
                "login.tls" => value is "1",
                "u.username" => i < keys.Count - 1 && value is not "~null~",
                "r.clienthost" => i < keys.Count - 1 && value.EndsWith(']'),
                _ => i < keys.Count - 1,
            };
            values[key] = isTaken ? value : values.GetValueOrDefault(key, "");
        }
        if (m.Groups["value"].Captures[^1].Length == 0)
        {
            return SlowOutcome.Strange;
        }
        string? session = pid ?? values.GetValueOrDefault("r.sessionid");
        session = session is "" && pid is null ? null : session;
        if (m.Groups["event"].Value[0] == 'a')
        {
            result = result with { Kind = EventKind.Logout, Number = -1, Session = session };
            return string.IsNullOrEmpty(session) ? SlowOutcome.Strange : SlowOutcome.Event;
        }
        string user = values.GetValueOrDefault("u.username", "");
        Match host = s_host.Match(values.GetValueOrDefault("r.clienthost", ""));
        if (user.Length == 0 || !host.Success)
        {
            return SlowOutcome.Strange;
        }
        string tls = values.GetValueOrDefault("login.tls", "");
        result = result with
        {
            Kind = EventKind.Login,
            User = user,
            Ip = host.Groups["ip"].Value,
            Session = session,
            Tls = isTls || tls.Equals("1", StringComparison.Ordinal),
        };
        return SlowOutcome.Event;
    }
}
