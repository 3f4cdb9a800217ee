using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The vpopmail part of <see cref="SlowParser"/>.</summary>
internal static class SlowVpopmail
{
    private static readonly Regex s_login = SlowParser.Pattern(
        @"^vchkpw-(?<service>pop3|imap|smtp|submission)[^:/]*: \([^ ]*\) login success (?<rest>.*)$");

    private static readonly Regex s_client = SlowParser.Pattern(
        "^(?<user>(?:.*@)?[^@:]*):(?<ip>[^@]+)$");

    private static readonly Regex s_tag = SlowParser.Pattern(
        "^vchkpw-(?:pop3|imap|smtp|submission)[^/]*$");

    /// <summary>Whether a tag names the daemon that asked.</summary>
    public static bool HasService(string tag) => s_tag.IsMatch(tag);

    public static SlowOutcome Parse(
        string tag, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        bool hasService = text.StartsWith("vchkpw-", StringComparison.Ordinal);
        Match m = s_login.Match(hasService ? text : $"{tag}: {text}");
        if (!m.Success)
        {
            return SlowOutcome.Ignored;
        }
        Match client = s_client.Match(m.Groups["rest"].Value);
        if (!client.Success || client.Groups["user"].Length == 0)
        {
            return SlowOutcome.Strange;
        }
        result = frame with
        {
            Kind = EventKind.Login,
            User = client.Groups["user"].Value,
            Ip = client.Groups["ip"].Value,
            Protocol = m.Groups["service"].Value switch
            {
                "pop3" => AccessProtocol.Pop3,
                "imap" => AccessProtocol.Imap,
                _ => AccessProtocol.Submission,
            },
        };
        return SlowOutcome.Event;
    }
}
