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

    /// <summary>What a bracket holds: it closes at the end, or in front of the next element.</summary>
    private const string Bracketed = @"(?>(?:(?!>, (?:[a-z]+=|TLS|secured(?![a-z]))|>$).)*)";

    /// <summary>Not empty, unless nothing but the end of the line could close it.</summary>
    private const string User = @"(?>(?=>, (?:[a-z]+=|TLS|secured(?![a-z])))>(?:(?!>, (?:[a-z]+=|TLS|secured(?![a-z]))).)+(?=>, (?:[a-z]+=|TLS|secured(?![a-z])))|" + Bracketed + ")";

    /// <summary>Elements in any order; of a key that comes twice the last one counts.</summary>
    private static readonly Regex s_elements = SlowParser.Pattern(
        $@"^(?:(?!$)(?:user=<(?<user>{User})>|session=<(?<session>{Bracketed})>"
        + @"|(?!user=<|session=<)(?<item>(?:(?!, ).)*))(?:, (?!$)|$))+$");

    private static readonly Regex s_dovecotEnd = SlowParser.Pattern(
        @"^(?:Info: )?(?<service>imap|pop3|managesieve|submission|IMAP|POP3|MANAGESIEVE|imap-hibernate)"
        + @"\((?<user>(?:(?!\): |\)<).)+)\)(?:<(?<pid>[^>]*)>(?:<(?<session>[^>]*)>)?)?: (?:Info: )?"
        + @"(?:session=(?:<(?<own>[^ ]*)>|(?<own>[^ ]*)) )?"
        + @"(?:Disconnected|Logged out|Connection closed|Server shutting down)"
        + @".*(?: in=.* out=| bytes=| top=).*$");

    private static readonly Regex s_courier = SlowParser.Pattern(
        @"^(?:INFO: )?(?<word>LOGIN|LOGOUT|DISCONNECTED|TIMEOUT|disc), user=(?<user>.+), ip=\[(?!.*, ip=\[)"
        + @"(?<ip>[^\]]*)\](?<rest>(?:, [^,]*)*)$");

    private static readonly Regex s_digits = SlowParser.Pattern(@"^\d{1,18}$");

    public static SlowOutcome ParseDovecot(string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_dovecotLogin.Match(text);
        if (m.Success)
        {
            frame = frame with { Protocol = Protocol(m.Groups["service"].Value) };
            return Elements(m.Groups["elements"].Value, frame, out result);
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
        string id = m.Groups["session"].Value;
        string? session = id.Length > 0 ? id : Text(m.Groups["pid"]);
        result = frame with
        {
            Kind = EventKind.Logout,
            User = m.Groups["user"].Value,
            Session = Text(m.Groups["own"]) ?? session,
            Protocol = Protocol(m.Groups["service"].Value),
            Number = -1,
        };
        return SlowOutcome.Event;
    }

    private static SlowOutcome Elements(string elements, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_elements.Match(elements);
        if (!m.Success)
        {
            return SlowOutcome.Strange;
        }
        string[] items = [.. m.Groups["item"].Captures.Select(c => c.Value)];
        string last = m.Groups["item"].Captures.LastOrDefault() is { } item
            && item.Index + item.Length == elements.Length ? item.Value : "-";
        string[] keys = ["TLS", "secure", "session=<", "mpid=", "rip=", "user=<"];
        bool isCut = last.EndsWith(',') || (last is not "TLS" and not "mpid=" and not "rip="
            && keys.Any(k => k.StartsWith(last, StringComparison.Ordinal)));
        var login = new Login();
        string[] groups = ["user", "session", "item"];
        foreach (var (group, part) in groups
            .SelectMany(g => m.Groups[g].Captures.Select(c => (Group: g, Part: c)))
            .OrderBy(p => p.Part.Index))
        {
            login.Take(group, part);
        }
        string user = login.User;
        string? ip = login.Ip;
        result = frame with
        {
            Kind = EventKind.Login,
            User = user,
            Ip = ip,
            Session = string.IsNullOrEmpty(login.Session) ? login.Mpid : login.Session,
            Tls = login.Tls,
            Port = login.Port,
        };
        return isCut || user.Length == 0 || string.IsNullOrEmpty(ip)
            ? SlowOutcome.Strange : SlowOutcome.Event;
    }

    /// <summary>What the elements have said so far; an address that comes again ends a name.</summary>
    private sealed class Login
    {
        private int _userAt = -1;
        private int _sessionAt = -1;

        public string User { get; private set; } = "";

        public string? Session { get; private set; }

        public string? Mpid { get; private set; }

        public string? Ip { get; private set; }

        public int? Port { get; private set; }

        public bool Tls { get; private set; }

        public void Take(string key, Capture part)
        {
            string value = part.Value[(part.Value.IndexOf('=', StringComparison.Ordinal) + 1)..];
            if (key is "user")
            {
                (User, _userAt) = (part.Value, part.Index);
            }
            else if (key is "session")
            {
                bool hasOwn = Session is not null && _sessionAt < _userAt;
                (Session, _sessionAt) = hasOwn ? (Session, _sessionAt) : (part.Value, part.Index);
            }
            else if (part.Value.StartsWith("rip=", StringComparison.Ordinal))
            {
                if (Ip is not null)
                {
                    (Tls, Port, Mpid) = (false, null, null);
                    Session = _sessionAt > _userAt ? null : Session;
                }
                Ip = value;
            }
            else if (part.Value.StartsWith("mpid=", StringComparison.Ordinal))
            {
                Mpid = value;
            }
            else if (part.Value.StartsWith("rport=", StringComparison.Ordinal))
            {
                string digits = new([.. value.TakeWhile(char.IsAsciiDigit).Take(18)]);
                Port = ushort.TryParse(digits, out ushort number) ? number : null;
            }
            else
            {
                Tls |= part.Value.StartsWith("TLS", StringComparison.Ordinal);
            }
        }
    }

    private static string? Text(Group group) => group.Success ? group.Value : null;

    private static AccessProtocol CourierProtocol(string tag)
    {
        tag = tag.StartsWith("courier-", StringComparison.Ordinal) ? tag["courier-".Length..] : tag;
        return tag switch
        {
            "imapd" or "imapd-ssl" or "imaps" or "imaplogin" => AccessProtocol.Imap,
            "pop3d" or "pop3d-ssl" or "ipop3d" or "pop3login" or "courierpop3login"
                or "courierpop3d" => AccessProtocol.Pop3,
            _ => AccessProtocol.None,
        };
    }

    public static SlowOutcome ParseCourier(
        string tag, string? pid, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        AccessProtocol protocol = CourierProtocol(tag);
        if (protocol == AccessProtocol.None)
        {
            return SlowOutcome.Ignored;
        }
        Match m = s_courier.Match(text);
        bool isTls = tag.EndsWith("-ssl", StringComparison.Ordinal)
            || tag.EndsWith("imaps", StringComparison.Ordinal);
        if (!m.Success)
        {
            return SlowCyrus.Parse(protocol, isTls, pid, text, frame, out result);
        }
        bool isLogin = m.Groups["word"].Value is "LOGIN";
        frame = frame with
        {
            Kind = isLogin ? EventKind.Login : EventKind.Logout,
            User = m.Groups["user"].Value,
            Ip = m.Groups["ip"].Value,
            Session = pid,
            Protocol = protocol,
            Number = isLogin ? null : -1,
            Tls = isLogin && isTls,
        };
        return Keys(m.Groups["rest"].Value, isLogin, frame, out result)
            ? SlowOutcome.Event : SlowOutcome.Strange;
    }

    /// <summary>The keys behind the address; false when the line was cut.</summary>
    private static bool Keys(string rest, bool isLogin, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        bool complete = isLogin && frame.Protocol == AccessProtocol.Pop3;
        foreach (string item in rest.Split(", ").Skip(1))
        {
            string value = item[(item.IndexOf('=', StringComparison.Ordinal) + 1)..];
            bool isNumber = value.Length < item.Length && s_digits.IsMatch(value);
            if (item.StartsWith("port=[", StringComparison.Ordinal))
            {
                string digits = value.Length < 2 ? "" : value[1..^1];
                bool isPort = s_digits.IsMatch(digits) && ushort.TryParse(digits, out _);
                result = result with { Port = isPort ? ushort.Parse(digits, CultureInfo.InvariantCulture) : null };
                if (!item.EndsWith(']'))
                {
                    return false;
                }
            }
            else if (item.StartsWith("protocol=", StringComparison.Ordinal))
            {
                complete = value is "IMAP" or "POP3";
                if (!complete)
                {
                    return false;
                }
                result = result with
                {
                    Protocol = value is "POP3" ? AccessProtocol.Pop3 : AccessProtocol.Imap,
                };
            }
            else if (item is "starttls=1" or "stls=1")
            {
                result = result with { Tls = isLogin };
            }
            else if (isLogin && value.Length == item.Length)
            {
                return false;
            }
            else if (!isLogin)
            {
                bool isTime = item.StartsWith("time=", StringComparison.Ordinal);
                complete = isNumber && (isTime || (complete && result.Number >= 0)
                    || item.StartsWith("body=", StringComparison.Ordinal)
                    || item.StartsWith("retr=", StringComparison.Ordinal));
                result = isTime && isNumber
                    ? result with { Number = long.Parse(value, CultureInfo.InvariantCulture) } : result;
            }
        }
        return complete;
    }

    private static AccessProtocol Protocol(string service) => service switch
    {
        "imap" or "IMAP" or "imap-hibernate" => AccessProtocol.Imap,
        "pop3" or "POP3" => AccessProtocol.Pop3,
        "managesieve" or "MANAGESIEVE" => AccessProtocol.ManageSieve,
        _ => AccessProtocol.Submission,
    };
}
