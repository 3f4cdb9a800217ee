using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The part of <see cref="SlowParser"/> for UW imapd and ipop3d.</summary>
internal static class SlowUw
{
    private static readonly Regex s_line = SlowParser.Pattern(
        @"^(?:(?<login>Login|Admin Login|Authenticated|Preauthenticated|Auth|APOP)"
        + @"|Logout|Autologout|Killed|Killed \(lost mailbox lock\)|Hangup"
        + @"|(?=Command |Connection )(?:(?! user=).)* while reading line)"
        + @" user=(?!\?\?\?)(?<user>.+) host=(?!.* host=)[^ \[]* ?\[(?<ip>[^\]]+)\](?: .*)?$");

    public static SlowOutcome Parse(string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_line.Match(text);
        if (!m.Success)
        {
            return SlowOutcome.Ignored;
        }
        bool isLogin = m.Groups["login"].Success;
        result = frame with
        {
            Kind = isLogin ? EventKind.Login : EventKind.Logout,
            User = m.Groups["user"].Value,
            Ip = m.Groups["ip"].Value,
            Number = isLogin ? null : -1,
        };
        return SlowOutcome.Event;
    }
}
