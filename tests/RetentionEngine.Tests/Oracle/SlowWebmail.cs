using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The part of <see cref="SlowParser"/> for webmail programs.</summary>
internal static class SlowWebmail
{
    private static readonly Regex s_roundcube = SlowParser.Pattern(
        @"^(?:<[^>]*> )?Successful login for (?<rest>.*)$");

    private static readonly Regex s_roundcubeRest = SlowParser.Pattern(
        @"^(?<user>.+?) \(ID: (?<id>[0-9]{1,18})\) from (?<ip>[^ (]*)(?=[ (]).*$");

    private static readonly Regex s_sogo = SlowParser.Pattern(
        @"^(?:.{16}sogod \[[^\]]*\]: )?SOGoRootPage successful login from '(?<rest>.*)$");

    private static readonly Regex s_sogoRest = SlowParser.Pattern(
        "^(?<ip>[^']*)' for user '(?<user>.+)' - expire = ");

    private static readonly Regex s_horde = SlowParser.Pattern(
        @"^(?:\[[^\]]*\] )?Login success  ?(?<rest>.*)$");

    private static readonly Regex s_hordeServer = SlowParser.Pattern(
        @"^for (?<user>.+)(?: \[(?<ip>(?:(?! \[).)*)\]|"
        + @" \((?<ip>(?:(?! \().)*)(?<!\])\)) to \{(?!.* to )");

    private static readonly Regex s_hordeApp = SlowParser.Pattern(
        @"^for (?<user>.+) to(?= )(?! \{)(?!.* to ) [^ ]* \((?<ip>[^)]*)\)(?: \[pid .*| \(forwarded for \[.*)?$");

    private static readonly Regex s_hordeForwarded = SlowParser.Pattern(
        @"^for .*\]\) to \{(?!.* to )");

    public static bool IsTag(string tag) => tag is "roundcube" or "sogod" or "HORDE";

    public static SlowOutcome Parse(
        string tag, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Regex begin = tag is "roundcube" ? s_roundcube : tag is "sogod" ? s_sogo : s_horde;
        Match m = begin.Match(text);
        if (!m.Success)
        {
            return SlowOutcome.Ignored;
        }
        string rest = m.Groups["rest"].Value;
        if (tag is "HORDE" && s_hordeForwarded.IsMatch(rest))
        {
            return SlowOutcome.Ignored;
        }
        m = tag switch
        {
            "roundcube" => s_roundcubeRest.Match(rest),
            "sogod" => s_sogoRest.Match(rest),
            _ => s_hordeServer.Match(rest) is { Success: true } server
                ? server : s_hordeApp.Match(rest),
        };
        if (!m.Success || (tag is "roundcube" && !IsRoundcube(rest, m)))
        {
            return SlowOutcome.Strange;
        }
        result = frame with
        {
            Kind = EventKind.WebLogin,
            FollowsLogin = tag is not "sogod",
            User = m.Groups["user"].Value,
            Ip = m.Groups["ip"].Value,
        };
        return SlowOutcome.Event;
    }

    private static bool IsRoundcube(string rest, Match m) =>
        rest.IndexOf(" (ID: ", StringComparison.Ordinal)
            == rest.LastIndexOf(" (ID: ", StringComparison.Ordinal)
        && rest.IndexOf(" in session ", m.Groups["ip"].Index + m.Groups["ip"].Length,
            StringComparison.Ordinal) >= 0;
}
