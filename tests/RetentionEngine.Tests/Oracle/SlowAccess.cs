using System.Globalization;
using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The Dovecot and Courier half of <see cref="SlowParser"/>.</summary>
internal static class SlowAccess
{
    private static readonly Regex s_dovecotLogin = SlowParser.Pattern(
        @"^(?:Info: )?(?<service>imap|pop3|managesieve|submission)-login: (?:Info: )?"
        + @"(?:Login|Logged in|(?:proxy\((?:(?!\): ).)*\): )?[Ss]tarted proxying to (?:(?!: ).)*): "
        + @"(?<elements>.*)$");

    private static readonly Regex s_dovecotProxyEnd = SlowParser.Pattern(
        @"^(?:Info: )?(?<service>imap|pop3|managesieve|submission)-login: (?:Info: )?"
        + @"proxy\((?<user>(?:(?!\): ).)+)\): disconnecting (?<ip>[^ ]+) "
        + @"\((?:(?:(?!\): ).)*\)|(?:(?!\): ).)*\): (?<elements>.*))$");

    private static readonly Regex s_user = SlowParser.Pattern(
        @"(?:^|, |\s)user=<(?<v>.*?)>(?=, (?:method|rip|lip|mpid|session|secured|TLS)|$)");

    private static readonly Regex s_rip = SlowParser.Pattern(
        @"^.*(?:^|, |\s)rip=(?<v>.*?)(?=, |$)");

    private static readonly Regex s_session = SlowParser.Pattern(
        @"^.*(?:^|, |\s)session=<(?<v>[^>]*)>");

    private static readonly Regex s_mpid = SlowParser.Pattern(
        @"^.*(?:^|, |\s)mpid=(?<v>.*?)(?=, |$)");

    private static readonly Regex s_tls = SlowParser.Pattern(@"(?:^|, )TLS");

    private static readonly Regex s_dovecotEnd = SlowParser.Pattern(
        @"^(?:Info: )?(?<service>imap|pop3|managesieve|submission|IMAP|POP3|imap-hibernate)"
        + @"\((?<user>.*?)\)(?:<(?<pid>\d+)>(?:<(?<session>[^>]*)>)?)?: (?:Info: )?"
        + @"(?:session=(?:<(?<own>[^ ]*)>|(?<own>[^ ]*)) )?"
        + @"(?:Disconnected|Logged out|Connection closed|Server shutting down)"
        + @".* (?:out|bytes|top)=.*$");

    private static readonly Regex s_courierLogin = SlowParser.Pattern(
        @"^LOGIN, user=(?<user>.*), ip=\[(?<ip>[^\]]*)\](?:, port=\[(?<port>[^\]]*)\])?"
        + @"(?:, protocol=(?<protocol>IMAP|POP3))?(?<rest>(?:, (?!port=\[|protocol=)[a-z]+=[^, ]*)*)$");

    private static readonly Regex s_courierEnd = SlowParser.Pattern(
        @"^(?:LOGOUT|DISCONNECTED|TIMEOUT|disc), user=(?<user>.*), ip=\[(?<ip>[^\]]*)\]"
        + @"(?:, port=\[(?<port>[^\]]*)\])?(?<rest>(?:, [a-z]+=[^, ]+)*)$");

    private static readonly Regex s_port = SlowParser.Pattern(@", port=\[(?<v>\d+)\]");

    private static readonly Regex s_time = SlowParser.Pattern(@", time=(?<v>\d+)(?=, |$)");

    public static SlowOutcome ParseDovecot(string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_dovecotLogin.Match(text);
        if (m.Success)
        {
            return Elements(
                m.Groups["elements"].Value, frame with { Protocol = Protocol(m.Groups["service"].Value) }, out result);
        }
        m = s_dovecotProxyEnd.Match(text);
        if (m.Success)
        {
            SlowEvent elements = frame;
            if (m.Groups["elements"].Success
                && Elements(m.Groups["elements"].Value, frame, out elements) != SlowOutcome.Event)
            {
                return SlowOutcome.Strange;
            }
            result = elements with
            {
                Tls = false,
                Kind = EventKind.Logout,
                User = m.Groups["user"].Value,
                Ip = m.Groups["ip"].Value,
                Protocol = Protocol(m.Groups["service"].Value),
                Number = -1,
            };
            return SlowOutcome.Event;
        }
        m = s_dovecotEnd.Match(text);
        if (!m.Success)
        {
            return SlowFates.Parse(text, frame, out result);
        }
        string id = m.Groups["own"].Success ? m.Groups["own"].Value : m.Groups["session"].Value;
        result = frame with
        {
            Kind = EventKind.Logout,
            User = m.Groups["user"].Value,
            Session = id.Length > 0 ? id : m.Groups["pid"].Success ? m.Groups["pid"].Value : null,
            Protocol = Protocol(m.Groups["service"].Value),
            Number = -1,
        };
        return SlowOutcome.Event;
    }

    private static SlowOutcome Elements(string elements, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match user = s_user.Match(elements);
        string last = elements[(elements.LastIndexOf(", ", StringComparison.Ordinal) + 1)..].Trim();
        bool isCut = last.Length > 0 && ("session=<".StartsWith(last, StringComparison.Ordinal)
            || "mpid".StartsWith(last, StringComparison.Ordinal));
        if (!user.Success || user.Groups["v"].Length == 0 || isCut
            || string.IsNullOrEmpty(Value(s_rip, elements))
            || (last.StartsWith("session=<", StringComparison.Ordinal) && !last.EndsWith('>')))
        {
            return SlowOutcome.Strange;
        }
        string others = elements.Remove(user.Index, user.Length);
        string? session = Value(s_session, others);
        result = frame with
        {
            Kind = EventKind.Login,
            User = user.Groups["v"].Value,
            Ip = Value(s_rip, others),
            Session = string.IsNullOrEmpty(session) ? Value(s_mpid, others) : session,
            Tls = s_tls.IsMatch(others),
        };
        return SlowOutcome.Event;
    }

    public static SlowOutcome ParseCourier(
        string tag, string? pid, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        AccessProtocol protocol = tag switch
        {
            "imapd" or "imapd-ssl" or "imaps" or "imaplogin" or "courier-imapd" or "courier-imapd-ssl" =>
                AccessProtocol.Imap,
            "pop3d" or "pop3d-ssl" or "ipop3d" or "courierpop3login" or "courier-pop3d" or "courier-pop3d-ssl" =>
                AccessProtocol.Pop3,
            _ => AccessProtocol.None,
        };
        if (protocol == AccessProtocol.None)
        {
            return SlowOutcome.Ignored;
        }
        Match login = s_courierLogin.Match(text);
        Match m = login.Success ? login : s_courierEnd.Match(text);
        bool isTls = tag.EndsWith("-ssl", StringComparison.Ordinal) || tag is "imaps";
        if (!m.Success)
        {
            return SlowCyrus.Parse(protocol, isTls, pid, text, frame, out result);
        }
        string rest = m.Groups["rest"].Value;
        Match time = s_time.Match(rest);
        bool lacksProtocol = login.Success && protocol == AccessProtocol.Imap
            && !m.Groups["protocol"].Success;
        if (lacksProtocol)
        {
            return SlowOutcome.Strange;
        }
        result = frame with
        {
            Kind = login.Success ? EventKind.Login : EventKind.Logout,
            User = m.Groups["user"].Value,
            Ip = m.Groups["ip"].Value,
            Port = ushort.TryParse(
                m.Groups["port"].Success ? m.Groups["port"].Value : s_port.Match(rest).Groups["v"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out ushort p)
                ? p : null,
            Session = pid,
            Protocol = protocol,
            Number = login.Success ? null : Seconds(time.Groups["v"].Value),
            Tls = login.Success && (isTls
                || rest.Contains(", starttls=1", StringComparison.Ordinal)
                || rest.Contains(", stls=1", StringComparison.Ordinal)),
        };
        return SlowOutcome.Event;
    }

    private static long Seconds(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : -1;

    private static string? Value(Regex pattern, string text)
    {
        Match m = pattern.Match(text);
        return m.Success ? m.Groups["v"].Value : null;
    }

    private static AccessProtocol Protocol(string service) => service switch
    {
        "imap" or "IMAP" or "imap-hibernate" => AccessProtocol.Imap,
        "pop3" or "POP3" => AccessProtocol.Pop3,
        "managesieve" => AccessProtocol.ManageSieve,
        _ => AccessProtocol.Submission,
    };
}
