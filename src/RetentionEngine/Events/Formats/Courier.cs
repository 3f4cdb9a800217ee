using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>Courier's IMAP and POP3 daemons, 0.5 to 6.0.</summary>
/// <remarks>
/// <c>WORD, user=U, ip=[I][, port=[P]], …</c>. Lines of failed logins and debug lines, which may
/// hold passwords, begin with other words and are not read further.
/// </remarks>
internal sealed class Courier : ILogFormat<Courier>
{
    private Courier()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        if (tag.StartsWith("courier-"u8))
        {
            tag = tag[8..];
        }
        LogProgram program = tag switch
        {
            _ when tag.SequenceEqual("imapd"u8) => LogProgram.CourierImap,
            _ when tag.SequenceEqual("imaplogin"u8) => LogProgram.CourierImap,
            _ when tag.SequenceEqual("imapd-ssl"u8) => LogProgram.CourierImapTls,
            _ when tag.SequenceEqual("imaps"u8) => LogProgram.CourierImapTls,
            _ when tag.SequenceEqual("pop3d"u8) => LogProgram.CourierPop3,
            _ when tag.SequenceEqual("ipop3d"u8) => LogProgram.CourierPop3,
            _ when tag.SequenceEqual("pop3login"u8) => LogProgram.CourierPop3,
            _ when tag.SequenceEqual("courierpop3login"u8) => LogProgram.CourierPop3,
            _ when tag.SequenceEqual("courierpop3d"u8) => LogProgram.CourierPop3,
            _ when tag.SequenceEqual("pop3d-ssl"u8) => LogProgram.CourierPop3Tls,
            _ => LogProgram.None,
        };
        info = new LogTag(program);
        return program != LogProgram.None;
    }

    /// <summary>
    /// The class of lines that begin with a letter. Cyrus and UW share some of the tags.
    /// </summary>
    public static LineClass Class(char letter) =>
        letter is 'l' or 'd' or 't' or 'i' or 'm' ? LineClass.Courier : Cyrus.Class(letter);

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int at = frame.Start;
        int end = frame.End;
        if (Scan.Is(ref block, at, end, "INFO: "u8))
        {
            at += 6;
        }
        e.Kind = EventKind.Login;
        if (!Scan.Is(ref block, at, end, "LOGIN, user="u8))
        {
            e.Kind = EventKind.Logout;
            if (!Scan.Is(ref block, at, end, "LOGOUT, user="u8)
                && !Scan.Is(ref block, at, end, "DISCONNECTED, user="u8)
                && !Scan.Is(ref block, at, end, "TIMEOUT, user="u8)
                && !Scan.Is(ref block, at, end, "disc, user="u8))
            {
                e.Kind = EventKind.None;
                return SyslogMeta.IsRepeated(ref block, at, end)
                    ? LineOutcome.Repeated : Cyrus.Parse(ref block, frame, ref e);
            }
        }
        bool isLogin = e.Kind == EventKind.Login;
        LineOutcome strange = isLogin ? LineOutcome.Login : LineOutcome.Logout;
        int user = Scan.IndexOf(ref block, at, end, (byte)'=') + 1;

        // A user name may hold what looks like an address: the daemon writes its own behind it.
        int ip = Scan.FindLast(ref block, user, end, ", ip=["u8);
        int close = ip < 0 ? end : Scan.IndexOf(ref block, ip, end, (byte)']');
        if (close == end || ip == user)
        {
            return strange;
        }
        e.User = new Slice(user, ip - user);
        e.Ip = new Slice(ip + 6, close - ip - 6);
        e.Protocol = frame.Header.Tag.Program.Protocol();
        e.Session = frame.PidLength < 0 ? default : new Slice(frame.PidStart, frame.PidLength);
        e.Number = isLogin ? 0 : -1;
        bool tls = frame.Header.Tag.Program.IsTls();
        return Keys(ref block, close + 1, end, tls, ref e) ? LineOutcome.Event : strange;
    }

    /// <summary>The keys behind the address, in any order; false when the line was cut.</summary>
    private static bool Keys(ref byte block, int at, int end, bool tls, ref LogEvent e)
    {
        bool isLogin = e.Kind == EventKind.Login;
        bool complete = e.Protocol == AccessProtocol.Pop3 && isLogin;
        while (at < end)
        {
            if (!Scan.Is(ref block, at, end, ", "u8))
            {
                return false;
            }
            at += 2;
            int next = Scan.IndexOf(ref block, at, end, (byte)',');
            ReadOnlySpan<byte> item = Scan.Span(ref block, at, next);
            if (item.StartsWith("port=["u8))
            {
                if (item[^1] != ']')
                {
                    return false;
                }
                int behind = Scan.Digits(ref block, at + 6, next, out long port);
                e.Port = behind == next - 1 && port <= ushort.MaxValue ? (ushort)port : (ushort)0;
            }
            else if (item.StartsWith("protocol="u8))
            {
                complete = item.SequenceEqual("protocol=IMAP"u8)
                    || item.SequenceEqual("protocol=POP3"u8);
                if (!complete)
                {
                    return false;
                }
                e.Protocol = item[^1] == '3' ? AccessProtocol.Pop3 : AccessProtocol.Imap;
            }
            else if (item.SequenceEqual("starttls=1"u8) || item.SequenceEqual("stls=1"u8))
            {
                tls = true;
            }
            else if (!isLogin)
            {
                // An end closes with its length in seconds; before 2005 with the bytes it sent.
                bool isTime = item.StartsWith("time="u8);
                int equals = Scan.IndexOf(ref block, at, next, (byte)'=');
                bool isNumber = Scan.Digits(ref block, equals + 1, next, out long number) == next
                    && next > equals + 1;
                complete = isNumber
                    && (isTime || item.StartsWith("body="u8) || item.StartsWith("retr="u8)
                        || (complete && e.Number >= 0));
                if (isTime && isNumber)
                {
                    e.Number = number;
                }
            }
            else if (!item.Contains((byte)'='))
            {
                return false;
            }
            at = next;
        }
        e.Tls = isLogin && tls ? (byte)1 : (byte)0;
        return complete;
    }
}
