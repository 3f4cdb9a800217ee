using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>The University of Washington's imapd and ipop3d: logins and ends of sessions.</summary>
/// <remarks>
/// <c>WORD user=USER host=NAME [IP]</c>, with counts behind it or nothing. The name is absent where
/// the address has none. Tags are those of Courier.
/// </remarks>
internal static class Uw
{
    /// <summary>The class of lines that begin as no line of Cyrus does.</summary>
    public static LineClass Class(char letter) =>
        letter is 'p' or 'k' or 'h' or 'c' ? LineClass.Cyrus : LineClass.None;

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int end = frame.End;
        int user = Words(ref block, frame.Start, end, out EventKind kind);
        if (user < 0 || Scan.Is(ref block, user, end, "???"u8))
        {
            return LineOutcome.Ignored;
        }
        bool isLogin = kind == EventKind.Login;
        LineOutcome strange = isLogin ? LineOutcome.Login : LineOutcome.Logout;
        int host = Scan.FindLast(ref block, user, end, " host="u8);
        int ip = host < 0 ? end : Scan.IndexOf(ref block, host, end, (byte)'[');
        int close = Scan.IndexOf(ref block, ip, end, (byte)']');
        if (close == end || close == ip + 1 || host == user
            || Scan.IndexOf(ref block, host + 6, end, (byte)' ') < ip - 1
            || (close + 1 < end && !Scan.Is(ref block, close, end, "] "u8)))
        {
            return strange;
        }
        e.Kind = kind;
        e.User = new Slice(user, host - user);
        e.Ip = new Slice(ip + 1, close - ip - 1);
        e.Number = isLogin ? 0 : -1;
        return LineOutcome.Event;
    }

    /// <returns>Offset behind <c>user=</c>, or -1 when nothing we know stands before it.</returns>
    private static int Words(ref byte block, int at, int end, out EventKind kind)
    {
        kind = EventKind.Login;

        // Courier's "Connection, ip=" is common and no line of ours.
        if (Unsafe.Add(ref block, at) == 'C' && !Scan.Is(ref block, at, end, "Command "u8)
            && !Scan.Is(ref block, at, end, "Connection "u8))
        {
            return -1;
        }
        int user = Scan.Find(ref block, at, end, " user="u8);
        if (user < 0)
        {
            return -1;
        }
        ReadOnlySpan<byte> words = Scan.Span(ref block, at, user);
        if (words.SequenceEqual("Login"u8) || words.SequenceEqual("Admin Login"u8)
            || words.SequenceEqual("Authenticated"u8) || words.SequenceEqual("Preauthenticated"u8)
            || words.SequenceEqual("Auth"u8) || words.SequenceEqual("APOP"u8))
        {
            return user + 6;
        }
        kind = EventKind.Logout;
        return words.SequenceEqual("Logout"u8) || words.SequenceEqual("Autologout"u8)
            || words.SequenceEqual("Killed"u8) || words.SequenceEqual("Hangup"u8)
            || words.SequenceEqual("Killed (lost mailbox lock)"u8)
            || (words.StartsWith("Co"u8) && words.EndsWith(" while reading line"u8))
            ? user + 6 : -1;
    }
}
