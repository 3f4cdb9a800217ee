using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>Cyrus 2.1 to 3.13: logins and ends of IMAP, POP3 and ManageSieve sessions.</summary>
/// <remarks>
/// A login is <c>login: HOST [IP] USER MECHANISM User logged in[ SESSIONID=&lt;ID&gt;]</c>, from
/// 3.13 on a list of keys that begins <c>event=login.good</c>. An end is <c>USAGE USER user: CPU
/// sys: CPU</c>, and behind it, where they are configured, lines that name the session id alone.
/// What joins them all is the process id: a process serves one client at a time.
/// </remarks>
internal sealed class Cyrus : ILogFormat<Cyrus>
{
    private Cyrus()
    {
    }

    /// <summary>
    /// Tags that Courier never has: <c>imap</c>, <c>cyrus/imaps</c>, <c>INSTANCE/pop3</c>.
    /// </summary>
    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        int slash = tag.LastIndexOf((byte)'/');
        ReadOnlySpan<byte> service = tag[(slash + 1)..];
        if (slash > 0 && (service.SequenceEqual("imapd"u8) || service.SequenceEqual("pop3d"u8)))
        {
            service = service[..^1];
        }
        LogProgram program = service switch
        {
            _ when service.SequenceEqual("imap"u8) => LogProgram.CyrusImap,
            _ when service.SequenceEqual("imaps"u8) => LogProgram.CyrusImapTls,
            _ when service.SequenceEqual("pop3"u8) => LogProgram.CyrusPop3,
            _ when service.SequenceEqual("pop3s"u8) => LogProgram.CyrusPop3Tls,
            _ when service.SequenceEqual("sieve"u8) => LogProgram.CyrusSieve,
            _ when service.SequenceEqual("timsieved"u8) => LogProgram.CyrusSieve,
            _ => LogProgram.None,
        };
        info = new LogTag(program);
        return program != LogProgram.None;
    }

    /// <summary>The class of lines that begin with a letter.</summary>
    public static LineClass Class(char letter) =>
        letter is 'l' or 'u' or 'a' or 's' or 'e' ? LineClass.Cyrus : Uw.Class(letter);

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int at = frame.Start;
        int end = frame.End;
        LogProgram program = frame.Header.Tag.Program;
        e.Protocol = program.Protocol();
        e.Session = frame.PidLength < 0 ? default : new Slice(frame.PidStart, frame.PidLength);
        e.OwnsProcess = frame.PidLength > 0 ? (byte)1 : (byte)0;
        if (!IsFirst(Unsafe.Add(ref block, at)))
        {
            return Uw.Parse(ref block, frame, ref e);
        }
        if (Scan.Is(ref block, at, end, "login: "u8))
        {
            return ParseLogin(ref block, at + 7, end, program.IsTls(), ref e);
        }
        if (Scan.Is(ref block, at, end, "USAGE "u8))
        {
            return ParseUsage(ref block, at + 6, end, ref e);
        }
        if (Scan.Is(ref block, at, end, "auditlog: traffic "u8)
            || Scan.Is(ref block, at, end, "session ended "u8))
        {
            return ParseSessionEnd(ref block, at, end, ref e);
        }
        if (Scan.Is(ref block, at, end, "event=login.good "u8))
        {
            e.Kind = EventKind.Login;
            e.Tls = program.IsTls() ? (byte)1 : (byte)0;
            return ParseKeys(ref block, at + 17, end, ref e)
                && e.User.Length > 0 && e.Ip.Length > 0
                ? LineOutcome.Event : LineOutcome.Login;
        }
        if (Scan.Is(ref block, at, end, "event=auditlog.traffic "u8))
        {
            e.Kind = EventKind.Logout;
            e.Number = -1;
            return ParseKeys(ref block, at + 23, end, ref e) && e.Session.Length > 0
                ? LineOutcome.Event : LineOutcome.Logout;
        }
        return LineOutcome.Ignored;
    }

    /// <summary>Whether a line of Cyrus that we read begins so. No line of UW does.</summary>
    private static bool IsFirst(byte letter) => letter is (byte)'l' or (byte)'U' or (byte)'a'
        or (byte)'s' or (byte)'e';

    private static LineOutcome ParseLogin(
        ref byte block, int at, int end, bool tls, ref LogEvent e)
    {
        // The host's name is absent where its address has none; 2.1 puts no space behind it.
        int ip = Scan.IndexOf(ref block, at, end, (byte)'[');
        int close = Scan.IndexOf(ref block, ip, end, (byte)']');
        int user = close + 2;
        if (Scan.IndexOf(ref block, at, end, (byte)' ') < ip - 1
            || !Scan.Is(ref block, close, end, "] "u8) || close == ip + 1)
        {
            return LineOutcome.Login;
        }
        if (Scan.Is(ref block, user, end, "anonymous "u8))
        {
            // What was given as a password follows.
            return LineOutcome.Ignored;
        }
        int tail = Scan.FindLast(ref block, user, end, " User logged in"u8);
        if (tail < 0)
        {
            return LineOutcome.Login;
        }
        int behind = tail + 15;
        if (behind < end)
        {
            int id = behind + 12;
            if (!Scan.Is(ref block, behind, end, " SESSIONID=<"u8)
                || Scan.IndexOf(ref block, id, end, (byte)'>') != end - 1
                || Scan.IndexOf(ref block, id, end, (byte)' ') < end)
            {
                return LineOutcome.Login;
            }
            e.Session = e.Session.IsPresent || id == end - 1
                ? e.Session : new Slice(id, end - 1 - id);
        }

        // A user name may hold spaces, the mechanism holds none.
        int mechanism = tail;
        while (mechanism > user && Scan.Span(ref block, mechanism - 1, mechanism)[0] != ' ')
        {
            mechanism--;
        }
        if (mechanism == tail || mechanism < user + 2)
        {
            return LineOutcome.Login;
        }
        e.Kind = EventKind.Login;
        e.User = WithoutMagic(ref block, user, mechanism - 1);
        e.Ip = new Slice(ip + 1, close - ip - 1);
        tls = tls || Scan.Span(ref block, mechanism, tail).EndsWith("+TLS"u8);
        e.Tls = tls ? (byte)1 : (byte)0;
        return LineOutcome.Event;
    }

    /// <summary>
    /// Behind the user stands, from a <c>+</c> on, the view of the mailbox that was asked for
    /// (<c>anna+dovecot</c>, in POP3 a folder). Other lines of the session lack it.
    /// </summary>
    private static Slice WithoutMagic(ref byte block, int user, int end)
    {
        ReadOnlySpan<byte> text = Scan.Span(ref block, user, end);
        int plus = text.LastIndexOf((byte)'+');
        bool isMagic = plus > 0 && !text[plus..].Contains((byte)'@');
        return new Slice(user, isMagic ? plus : text.Length);
    }

    private static LineOutcome ParseUsage(ref byte block, int at, int end, ref LogEvent e)
    {
        int user = Scan.FindLast(ref block, at, end, " user: "u8);
        int system = user < 0 ? -1 : Scan.Find(ref block, user, end, " sys: "u8);
        if (system < 0 || user == at
            || !IsCpuTime(ref block, user + 7, system) || !IsCpuTime(ref block, system + 6, end))
        {
            return LineOutcome.Logout;
        }
        e.Kind = EventKind.Logout;
        e.Number = -1;
        e.User = new Slice(at, user - at);
        return LineOutcome.Event;
    }

    /// <summary>Whether this is a number of seconds with six digits of its fraction.</summary>
    private static bool IsCpuTime(ref byte block, int at, int end)
    {
        int point = Scan.Digits(ref block, at, end, out _);
        return point > at && Scan.Is(ref block, point, end, "."u8)
            && end - point == 7 && Scan.Digits(ref block, point + 1, end, out _) == end;
    }

    /// <summary>Lines that follow a USAGE line: they end what that one has not ended.</summary>
    private static LineOutcome ParseSessionEnd(ref byte block, int at, int end, ref LogEvent e)
    {
        int id = Scan.Find(ref block, at, end, " sessionid=<"u8);
        int close = id < 0 ? end : Scan.IndexOf(ref block, id, end, (byte)'>');
        if (close == end || close == id + 12)
        {
            return LineOutcome.Logout;
        }
        e.Kind = EventKind.Logout;
        e.Number = -1;
        e.Session = e.Session.IsPresent ? e.Session : new Slice(id + 12, close - id - 12);
        return LineOutcome.Event;
    }

    /// <summary>Reads <c>KEY=VALUE</c> pairs; a value with spaces stands in quotes.</summary>
    /// <returns>
    /// False when the line is cut or no list of keys: one without a name, or with a space or a
    /// quote in it, tells that what was taken for a separator is none.
    /// </returns>
    private static bool ParseKeys(ref byte block, int at, int end, ref LogEvent e)
    {
        bool hasPid = e.Session.IsPresent;
        while (at < end)
        {
            int start = Scan.IndexOf(ref block, at, end, (byte)'=') + 1;
            if (start >= end)
            {
                return false;
            }
            ReadOnlySpan<byte> key = Scan.Span(ref block, at, start - 1);
            if (key.IsEmpty || key.ContainsAny((byte)' ', (byte)'"'))
            {
                return false;
            }
            bool isQuoted = Scan.Is(ref block, start, end, "\""u8);
            start += isQuoted ? 1 : 0;
            int stop = isQuoted
                ? Quote(ref block, start, end) : Scan.IndexOf(ref block, start, end, (byte)' ');
            int next = isQuoted ? stop + 1 : stop;
            if (next > end || (next < end && !Scan.Is(ref block, next, end, " "u8)))
            {
                return false;
            }

            // The last value may be cut, so none of these is taken from it.
            if (next < end || key.SequenceEqual("login.tls"u8))
            {
                Take(ref block, key, new Slice(start, stop - start), hasPid, ref e);
            }
            at = next + 1;
        }
        return at > end;
    }

    private static int Quote(ref byte block, int at, int end)
    {
        int close = at;
        for (; close < end; close++)
        {
            if (Scan.Is(ref block, close, end, "\\"u8))
            {
                close++;
            }
            else if (Scan.Is(ref block, close, end, "\""u8))
            {
                return close;
            }
        }
        return end;
    }

    private static void Take(
        ref byte block, ReadOnlySpan<byte> key, Slice value, bool hasPid, ref LogEvent e)
    {
        int start = value.Start;
        int end = start + value.Length;
        ReadOnlySpan<byte> text = Scan.Span(ref block, start, end);
        if (key.SequenceEqual("r.sessionid"u8) && !hasPid)
        {
            e.Session = value.Length == 0 ? default : value;
        }
        else if (e.Kind == EventKind.Logout)
        {
            return;
        }
        else if (key.SequenceEqual("u.username"u8) && !text.SequenceEqual("~null~"u8))
        {
            e.User = value;
        }
        else if (key.SequenceEqual("r.clienthost"u8) && text.EndsWith("]"u8))
        {
            int open = text.LastIndexOf((byte)'[');
            e.Ip = open < 0 ? default : new Slice(start + open + 1, text.Length - open - 2);
        }
        else if (key.SequenceEqual("login.tls"u8) && text.SequenceEqual("1"u8))
        {
            e.Tls = 1;
        }
    }
}
