using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>Dovecot 1.x to 2.4: logins and ends of sessions.</summary>
/// <remarks>
/// A login is <c>SERVICE-login: Login: ELEMENTS</c> (2.4: <c>Logged in:</c>); which elements there
/// are and in which order is configuration, so they are read as an unordered list. An end is
/// <c>SERVICE(USER)[&lt;PID&gt;&lt;SESSION&gt;]: TEXT</c> with byte or message counts.
/// </remarks>
internal sealed class Dovecot : ILogFormat<Dovecot>
{
    private Dovecot()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        // The tag is the name of the instance: dovecot, dovecot-proxy, ….
        bool known = tag.StartsWith("dovecot"u8) && !tag.Contains((byte)'/');
        info = new LogTag(known ? LogProgram.Dovecot : LogProgram.None);
        return known;
    }

    /// <summary>The class of lines that begin with a letter, by whether the fifth byte is <c>(</c>.</summary>
    public static LineClass Class(char letter, bool isEnd) => letter switch
    {
        // imap, IMAP, pop3, POP3, managesieve, submission, and Info: in front of each.
        'i' or 'p' => isEnd ? LineClass.DovecotEnd : LineClass.DovecotLogin,
        'm' or 's' => LineClass.Dovecot,

        // lmtp, lda, deliver.
        'l' or 'd' => LineClass.Dovecot,
        _ => LineClass.None,
    };

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int at = frame.Start;
        int end = frame.End;
        if (Scan.Is(ref block, at, end, "Info: "u8))
        {
            at += 6;
        }
        int service = Service(ref block, at, end, out AccessProtocol protocol);
        if (service < 0)
        {
            return SyslogMeta.IsRepeated(ref block, at, end)
                ? LineOutcome.Repeated : DovecotFate.Parse(ref block, at, end, ref e);
        }
        e.Protocol = protocol;
        if (Unsafe.Add(ref block, service) == '(')
        {
            return ParseEnd(ref block, service + 1, frame, ref e);
        }
        at = service + 8;
        if (!Scan.Is(ref block, service, end, "-login: "u8))
        {
            return LineOutcome.Ignored;
        }
        if (Scan.Is(ref block, at, end, "Info: "u8))
        {
            at += 6;
        }
        if (Scan.Is(ref block, at, end, "Login: "u8))
        {
            return ParseLogin(ref block, at + 7, end, ref e);
        }
        return Scan.Is(ref block, at, end, "Logged in: "u8)
            ? ParseLogin(ref block, at + 11, end, ref e)
            : ParseProxy(ref block, at, end, ref e);
    }

    /// <summary>
    /// A proxied session: <c>[proxy(USER): ]started proxying to BACKEND: ELEMENTS</c>, and its end
    /// <c>proxy(USER): disconnecting IP (REASON)[: ELEMENTS]</c>, where the address is the client's.
    /// </summary>
    private static LineOutcome ParseProxy(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "proxy("u8))
        {
            int close = Scan.Find(ref block, at, end, "): "u8);
            if (close < 0)
            {
                return LineOutcome.Ignored;
            }
            int text = close + 3;
            if (Scan.Is(ref block, text, end, "disconnecting "u8))
            {
                e.User = new Slice(at + 6, close - at - 6);
                return ParseProxyEnd(ref block, text + 14, end, ref e);
            }
            at = text;
        }
        if (!Scan.Is(ref block, at, end, "started proxying to "u8)
            && !Scan.Is(ref block, at, end, "Started proxying to "u8))
        {
            return LineOutcome.Ignored;
        }
        at = Scan.Find(ref block, at, end, ": "u8);
        return at < 0 ? LineOutcome.Login : ParseLogin(ref block, at + 2, end, ref e);
    }

    private static LineOutcome ParseProxyEnd(ref byte block, int ip, int end, ref LogEvent e)
    {
        int behind = Scan.IndexOf(ref block, ip, end, (byte)' ');
        if (behind == ip || !Scan.Is(ref block, behind, end, " ("u8) || e.User.Length == 0)
        {
            return LineOutcome.Logout;
        }
        int elements = Scan.Find(ref block, behind, end, "): "u8);
        if (elements < 0 && !Scan.Is(ref block, end - 1, end, ")"u8))
        {
            return LineOutcome.Logout;
        }
        Slice user = e.User;
        e.User = default;
        if (elements >= 0
            && ParseLogin(ref block, elements + 3, end, ref e) != LineOutcome.Event)
        {
            return LineOutcome.Logout;
        }
        e.Kind = EventKind.Logout;
        e.Number = -1;
        e.Tls = 0;
        e.User = user;
        e.Ip = new Slice(ip, behind - ip);
        return LineOutcome.Event;
    }

    /// <returns>Offset behind the service name, which is <c>(</c> or <c>-</c>; else -1.</returns>
    private static int Service(ref byte block, int at, int end, out AccessProtocol protocol)
    {
        protocol = AccessProtocol.Imap;
        if (Scan.Is(ref block, at, end, "imap"u8) || Scan.Is(ref block, at, end, "IMAP("u8))
        {
            at += Scan.Is(ref block, at, end, "imap-hibernate("u8) ? 14 : 4;
        }
        else if (Scan.Is(ref block, at, end, "pop3"u8) || Scan.Is(ref block, at, end, "POP3("u8))
        {
            protocol = AccessProtocol.Pop3;
            at += 4;
        }
        else if (Scan.Is(ref block, at, end, "managesieve"u8)
            || Scan.Is(ref block, at, end, "MANAGESIEVE("u8))
        {
            protocol = AccessProtocol.ManageSieve;
            at += 11;
        }
        else if (Scan.Is(ref block, at, end, "submission"u8))
        {
            protocol = AccessProtocol.Submission;
            at += 10;
        }
        else
        {
            return -1;
        }
        return at < end && Unsafe.Add(ref block, at) is (byte)'(' or (byte)'-' ? at : -1;
    }

    private static LineOutcome ParseLogin(ref byte block, int at, int end, ref LogEvent e)
    {
        Slice processId = default;
        while (at < end)
        {
            int next;
            if (Scan.Is(ref block, at, end, "user=<"u8))
            {
                next = Bracketed(ref block, at + 6, end);
                if (next == at + 7 && next < end)
                {
                    // No user is empty; one may begin like the end of an empty one.
                    next = Bracketed(ref block, at + 7, end);
                    next = next == end ? at + 7 : next;
                }
                if (next < 0)
                {
                    return LineOutcome.Login;
                }
                e.User = new Slice(at + 6, next - at - 7);
            }
            else if (Scan.Is(ref block, at, end, "session=<"u8))
            {
                next = Bracketed(ref block, at + 9, end);
                if (next < 0)
                {
                    return LineOutcome.Login;
                }
                bool hasOwn = e.Session.IsPresent && e.Session.Start < e.User.Start;
                e.Session = hasOwn ? e.Session : new Slice(at + 9, next - at - 10);
            }
            else
            {
                next = Scan.Find(ref block, at, end, ", "u8);
                next = next < 0 ? end : next;
                if (!Element(ref block, at, next, end, ref e, ref processId))
                {
                    return LineOutcome.Login;
                }
            }
            at = next + 2;
            if (next < end && at >= end)
            {
                return LineOutcome.Login;
            }
        }
        if (!e.Session.IsPresent || e.Session.Length == 0)
        {
            e.Session = processId;
        }
        e.Kind = EventKind.Login;
        return e.User.Length > 0 && e.Ip.Length > 0 ? LineOutcome.Event : LineOutcome.Login;
    }

    private static bool Element(
        ref byte block, int at, int next, int end, ref LogEvent e, ref Slice processId)
    {
        if (next == end && Unsafe.Add(ref block, end - 1) == ',')
        {
            return false;
        }
        if (Scan.Is(ref block, at, next, "rip="u8))
        {
            if (e.Ip.IsPresent)
            {
                // What stood between is a part of the user's name.
                e.Tls = 0;
                e.Port = 0;
                processId = default;
                e.Session = e.Session.Start > e.User.Start ? default : e.Session;
            }
            e.Ip = new Slice(at + 4, next - at - 4);
        }
        else if (Scan.Is(ref block, at, next, "mpid="u8))
        {
            processId = new Slice(at + 5, next - at - 5);
        }
        else if (Scan.Is(ref block, at, next, "rport="u8))
        {
            Scan.Digits(ref block, at + 6, next, out long port);
            e.Port = port <= ushort.MaxValue ? (ushort)port : (ushort)0;
        }
        else if (Scan.Is(ref block, at, next, "TLS"u8))
        {
            e.Tls = 1;
        }
        else if (next == end)
        {
            // A cut key leaves the line without what the key would have said.
            ReadOnlySpan<byte> item = Scan.Span(ref block, at, next);
            return !"TLS"u8.StartsWith(item) && !"secure"u8.StartsWith(item)
                && !"session=<"u8.StartsWith(item) && !"mpid="u8.StartsWith(item)
                && !"rip="u8.StartsWith(item) && !"user=<"u8.StartsWith(item);
        }
        return true;
    }

    /// <returns>Offset behind the closing bracket, or -1.</returns>
    private static int Bracketed(ref byte block, int start, int end)
    {
        for (int i = start; ; i++)
        {
            i = Scan.IndexOf(ref block, i, end, (byte)'>');
            if (i >= end)
            {
                return -1;
            }
            if (i + 1 == end
                || (Scan.Is(ref block, i, end, ">, "u8) && IsElement(ref block, i + 3, end)))
            {
                return i + 1;
            }
        }
    }

    /// <summary>A user name may hold <c>&gt;, </c>: what follows must look like an element.</summary>
    private static bool IsElement(ref byte block, int at, int end)
    {
        int behind = at;
        while (behind < end && char.IsAsciiLetterLower((char)Unsafe.Add(ref block, behind)))
        {
            behind++;
        }
        return (behind > at && behind < end && Unsafe.Add(ref block, behind) == '=')
            || Scan.Is(ref block, at, end, "TLS"u8)
            || Scan.Span(ref block, at, behind).SequenceEqual("secured"u8);
    }

    private static LineOutcome ParseEnd(
        ref byte block, int user, in LineFrame frame, ref LogEvent e)
    {
        int end = frame.End;
        int close = user;
        for (; ; close++)
        {
            close = Scan.IndexOf(ref block, close, end, (byte)')');
            if (close >= end)
            {
                return LineOutcome.Ignored;
            }
            if (Scan.Is(ref block, close, end, "): "u8) || Scan.Is(ref block, close, end, ")<"u8))
            {
                break;
            }
        }
        e.User = new Slice(user, close - user);
        int at = close + 1;

        // The tag's pid is that of Dovecot's log process, not the session's.
        Slice pid = default;
        Slice session = default;
        if (Unsafe.Add(ref block, at) == '<')
        {
            int pidClose = Scan.IndexOf(ref block, at, end, (byte)'>');
            pid = new Slice(at + 1, pidClose - at - 1);
            at = pidClose + 1;
            if (at < end && Unsafe.Add(ref block, at) == '<')
            {
                int sessionClose = Scan.IndexOf(ref block, at, end, (byte)'>');
                session = new Slice(at + 1, sessionClose - at - 1);
                at = sessionClose + 1;
            }
        }
        if (!Scan.Is(ref block, at, end, ": "u8) || e.User.Length == 0)
        {
            return LineOutcome.Ignored;
        }
        e.Session = session.Length > 0 ? session : pid;
        return ParseEndText(ref block, at + 2, end, ref e);
    }

    private static LineOutcome ParseEndText(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "Info: "u8))
        {
            at += 6;
        }
        if (Scan.Is(ref block, at, end, "session="u8))
        {
            // A prefix of the messages that some configure.
            int stop = Scan.IndexOf(ref block, at, end, (byte)' ');
            bool isBracketed = Scan.Is(ref block, at + 8, stop, "<"u8)
                && Scan.Is(ref block, stop - 1, stop, ">"u8);
            int id = isBracketed ? at + 9 : at + 8;
            e.Session = new Slice(id, (isBracketed ? stop - 1 : stop) - id);
            at = stop + 1;
        }
        if (!Scan.Is(ref block, at, end, "Disconnected"u8)
            && !Scan.Is(ref block, at, end, "Logged out"u8)
            && !Scan.Is(ref block, at, end, "Connection closed"u8)
            && !Scan.Is(ref block, at, end, "Server shutting down"u8))
        {
            return LineOutcome.Ignored;
        }
        int counts = Scan.Find(ref block, at, end, " in="u8);
        bool complete = counts >= 0 && Scan.Find(ref block, counts, end, " out="u8) >= 0;
        complete = complete || Scan.Find(ref block, at, end, " bytes="u8) >= 0
            || Scan.Find(ref block, at, end, " top="u8) >= 0;
        if (!complete)
        {
            return LineOutcome.Logout;
        }
        e.Kind = EventKind.Logout;
        e.Number = -1;
        return LineOutcome.Event;
    }
}
