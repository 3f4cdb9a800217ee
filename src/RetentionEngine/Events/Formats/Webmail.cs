using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>Webmail programs: who was let in, and from where.</summary>
/// <remarks>
/// Only lines of success are read. What a stranger can write into them are the user name and
/// forwarding headers; the address is taken from where neither can reach, and where two places
/// could be meant the line is strange. A forwarded address is what the browser's side claims, so it
/// is never taken.
/// </remarks>
internal sealed class Webmail : ILogFormat<Webmail>
{
    // "Jul 04 09:05:01 ", in front of SOGo's own name where its log file was fed to a syslog daemon.
    private const int OwnStampBytes = 16;

    private Webmail()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        LogProgram program = tag switch
        {
            _ when tag.SequenceEqual("roundcube"u8) => LogProgram.Roundcube,
            _ when tag.SequenceEqual("sogod"u8) => LogProgram.Sogo,
            _ when tag.SequenceEqual("HORDE"u8) => LogProgram.Horde,
            _ => LogProgram.None,
        };
        info = new LogTag(program);
        return program != LogProgram.None;
    }

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        (int at, int end) = (frame.Start, frame.End);
        LineOutcome outcome = frame.Header.Tag.Program switch
        {
            LogProgram.Roundcube => Roundcube(ref block, at, end, ref e),
            LogProgram.Sogo => Sogo(ref block, at, end, ref e),
            _ => Horde(ref block, at, end, ref e),
        };
        if (outcome == LineOutcome.Event)
        {
            e.Kind = EventKind.WebLogin;
            e.FollowsLogin = (byte)(frame.Header.Tag.Program == LogProgram.Sogo ? 0 : 1);
        }
        return outcome;
    }

    /// <summary>
    /// <c>[&lt;KEY> ]Successful login for USER (ID: N) from IP[ (HEADERS)] in session ID</c>.
    /// </summary>
    private static LineOutcome Roundcube(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "<"u8))
        {
            int close = Scan.IndexOf(ref block, at, end, (byte)'>');
            at = Scan.Is(ref block, close, end, "> "u8) ? close + 2 : at;
        }
        if (!Scan.Is(ref block, at, end, "Successful login for "u8))
        {
            return LineOutcome.Ignored;
        }
        int user = at + 21;
        int id = Scan.Find(ref block, user, end, " (ID: "u8);

        // A name or a header may hold such words too: then which are the program's can't be told.
        if (id <= user || Scan.FindLast(ref block, user, end, " (ID: "u8) != id)
        {
            return LineOutcome.Login;
        }
        int digits = id + 6;
        int behind = Scan.Digits(ref block, digits, end, out _);
        if (behind == digits || !Scan.Is(ref block, behind, end, ") from "u8))
        {
            return LineOutcome.Login;
        }
        int ip = behind + 7;
        int ipEnd = ip;
        while (ipEnd < end && Unsafe.Add(ref block, ipEnd) is not ((byte)' ' or (byte)'('))
        {
            ipEnd++;
        }
        return Scan.Find(ref block, ipEnd, end, " in session "u8) < 0
            ? LineOutcome.Login : Take(user, id, ip, ipEnd, ref e);
    }

    /// <summary>
    /// <c>SOGoRootPage successful login from 'IP' for user 'USER' - expire = N  grace = N</c>.
    /// </summary>
    private static LineOutcome Sogo(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at + OwnStampBytes, end, "sogod ["u8))
        {
            int close = Scan.IndexOf(ref block, at + OwnStampBytes, end, (byte)']');
            at = Scan.Is(ref block, close, end, "]: "u8) ? close + 3 : at;
        }
        if (!Scan.Is(ref block, at, end, "SOGoRootPage successful login from '"u8))
        {
            return LineOutcome.Ignored;
        }
        int ip = at + 36;
        int ipEnd = Scan.IndexOf(ref block, ip, end, (byte)'\'');
        int user = ipEnd + 12;
        if (!Scan.Is(ref block, ipEnd, end, "' for user '"u8))
        {
            return LineOutcome.Login;
        }
        int userEnd = Scan.FindLast(ref block, user, end, "' - expire = "u8);
        return userEnd <= user ? LineOutcome.Login : Take(user, userEnd, ip, ipEnd, ref e);
    }

    /// <summary>
    /// <c>[APP] Login success for USER [IP] to {SERVER} [pid N …]</c>, with parentheses around IP
    /// since Horde 5, or, by Horde itself, <c>… for USER to APP (IP)[ [pid N …]]</c>.
    /// </summary>
    private static LineOutcome Horde(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "["u8))
        {
            int close = Scan.IndexOf(ref block, at, end, (byte)']');
            at = Scan.Is(ref block, close, end, "] "u8) ? close + 2 : at;
        }
        if (!Scan.Is(ref block, at, end, "Login success "u8))
        {
            return LineOutcome.Ignored;
        }
        at += 14;
        at += Scan.Is(ref block, at, end, " "u8) ? 1 : 0;
        int user = at + 4;
        int to = Scan.FindLast(ref block, at, end, " to "u8);
        if (!Scan.Is(ref block, at, end, "for "u8) || to < user)
        {
            return LineOutcome.Login;
        }
        return Scan.Is(ref block, to, end, " to {"u8)
            ? HordeServer(ref block, user, to, ref e)
            : HordeApp(ref block, user, to, end, ref e);
    }

    private static LineOutcome HordeServer(ref byte block, int user, int to, ref LogEvent e)
    {
        byte close = Unsafe.Add(ref block, to - 1);
        if (close == ')' && Unsafe.Add(ref block, to - 2) == ']')
        {
            // " (forwarded for [ADDRESS])": where such a header begins can't be told.
            return LineOutcome.Ignored;
        }
        int open = Scan.FindLast(ref block, user, to, close == ']' ? " ["u8 : " ("u8);
        return close is not ((byte)']' or (byte)')') || open <= user
            ? LineOutcome.Login : Take(user, open, open + 2, to - 1, ref e);
    }

    private static LineOutcome HordeApp(
        ref byte block, int user, int to, int end, ref LogEvent e)
    {
        int ip = Scan.IndexOf(ref block, to + 4, end, (byte)' ') + 2;
        int close = ip < end ? Scan.IndexOf(ref block, ip, end, (byte)')') : end;
        return to == user || !Scan.Is(ref block, ip - 2, end, " ("u8) || close == end
            || (close + 1 < end && !Scan.Is(ref block, close, end, ") [pid "u8)
                && !Scan.Is(ref block, close, end, ") (forwarded for ["u8))
            ? LineOutcome.Login : Take(user, to, ip, close, ref e);
    }

    private static LineOutcome Take(int user, int userEnd, int ip, int ipEnd, ref LogEvent e)
    {
        e.User = new Slice(user, userEnd - user);
        e.Ip = new Slice(ip, ipEnd - ip);
        return LineOutcome.Event;
    }
}
