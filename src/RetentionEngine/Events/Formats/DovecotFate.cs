using System.Runtime.CompilerServices;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events.Formats;

/// <summary>What Dovecot's LMTP server or LDA did with a mail for one mailbox.</summary>
/// <remarks>
/// <c>lmtp(USER)&lt;PID&gt;&lt;SESSION&gt;: sieve: msgid=ID: ACTION</c>; before 2.3 <c>lmtp(USER): [SESSION: ]…</c>,
/// before 2.2 <c>lmtp(PID, USER): SESSION: …</c> with one session for all recipients of a mail,
/// which therefore tells nothing; <c>lda(USER)…</c>, in 1.x <c>deliver(USER)…</c>. The message-id is
/// the sender's text, and a line of another kind may end in an address of his. So what was done is
/// read from the line's end: fixed words, or an address whose quotes are closed with fixed words
/// right in front of it.
/// </remarks>
internal static class DovecotFate
{
    private const int SessionLengthMin = 8;

    /// <summary>Reads a line of LMTP, LDA or deliver.</summary>
    public static LineOutcome Parse(ref byte block, int at, int end, ref LogEvent e)
    {
        int user = Name(ref block, at, end, out bool isLmtp);
        int close = user < 0 ? -1 : Close(ref block, user, end);
        if (close < 0)
        {
            return LineOutcome.Ignored;
        }
        int name = isLmtp ? BehindPid(ref block, user, close) : user;
        e.User = new Slice(name, close - name);
        at = close + 1;
        bool isTagged = Unsafe.Add(ref block, at) == '<';
        Slice session = default;
        if (isTagged)
        {
            at = Tags(ref block, at, end, out session);
        }
        if (!Scan.Is(ref block, at, end, ": "u8) || e.User.Length == 0)
        {
            return LineOutcome.Ignored;
        }
        at += 2;
        at += Scan.Is(ref block, at, end, "Info: "u8) ? 6 : 0;
        if (!isTagged)
        {
            session = LooseSession(ref block, ref at, end);
        }
        if (isLmtp && name == user)
        {
            e.Session = session;
        }
        bool isSieve = Scan.Is(ref block, at, end, "sieve: "u8);
        at += isSieve ? 7 : 0;
        if (!Scan.Is(ref block, at, end, "msgid="u8))
        {
            return LineOutcome.Ignored;
        }
        int id = at + 6;
        int idEnd = Action(ref block, id, end, isSieve, ref e);
        if (idEnd < 0)
        {
            return LineOutcome.Ignored;
        }
        idEnd = isTagged && isSieve ? WithoutAction(ref block, id, idEnd) : idEnd;
        bool isBracketed = Scan.Is(ref block, id, idEnd, "<"u8)
            && Scan.Is(ref block, idEnd - 1, idEnd, ">"u8);
        e.MessageId = isBracketed ? new Slice(id + 1, idEnd - id - 2) : new Slice(id, idEnd - id);
        e.Kind = EventKind.Fate;
        return LineOutcome.Event;
    }

    /// <returns>Offset of the user's name, or -1.</returns>
    private static int Name(ref byte block, int at, int end, out bool isLmtp)
    {
        isLmtp = Scan.Is(ref block, at, end, "lmtp("u8);
        return isLmtp ? at + 5
            : Scan.Is(ref block, at, end, "lda("u8) ? at + 4
            : Scan.Is(ref block, at, end, "deliver("u8) ? at + 8 : -1;
    }

    /// <returns>Offset of the parenthesis that closes the name, or -1.</returns>
    private static int Close(ref byte block, int at, int end)
    {
        for (; ; at++)
        {
            at = Scan.IndexOf(ref block, at, end, (byte)')');
            if (at + 1 >= end)
            {
                return -1;
            }
            if (Unsafe.Add(ref block, at + 1) == '<' || Scan.Is(ref block, at, end, "): "u8))
            {
                return at;
            }
        }
    }

    /// <returns>Offset of the name behind <c>PID, </c>, or of the name where that is absent.</returns>
    private static int BehindPid(ref byte block, int at, int close)
    {
        int behind = Scan.Digits(ref block, at, close, out _);
        return behind > at && Scan.Is(ref block, behind, close, ", "u8) ? behind + 2 : at;
    }

    /// <returns>Offset behind <c>&lt;PID&gt;&lt;SESSION&gt;</c>.</returns>
    private static int Tags(ref byte block, int at, int end, out Slice session)
    {
        session = default;
        int pidClose = Scan.IndexOf(ref block, at, end, (byte)'>');
        at = pidClose + 1;
        if (Scan.Is(ref block, at, end, "<"u8))
        {
            int close = Scan.IndexOf(ref block, at, end, (byte)'>');
            session = new Slice(at + 1, close - at - 1);
            at = close + 1;
        }
        return at;
    }

    /// <summary>A session id in front of the message, as 2.0 to 2.2 have it.</summary>
    private static Slice LooseSession(ref byte block, ref int at, int end)
    {
        int start = at;
        int behind = start;
        while (behind < end && IsOfSession(Unsafe.Add(ref block, behind)))
        {
            behind++;
        }

        // A colon may be part of it; the last one is not.
        if (behind - start <= SessionLengthMin || !Scan.Is(ref block, behind - 1, end, ": "u8))
        {
            return default;
        }
        at = behind + 1;
        return new Slice(start, behind - 1 - start);
    }

    private static bool IsOfSession(byte b) =>
        char.IsAsciiLetterOrDigit((char)b) || b is (byte)'+' or (byte)'/' or (byte)':';

    /// <summary>The session id in the reply <c>… &lt;RECIPIENT&gt; SESSION Saved)</c>.</summary>
    /// <param name="block">First byte of the block.</param>
    /// <param name="reason">Offset of the reply.</param>
    /// <param name="end">Behind the line.</param>
    public static Slice OfReply(ref byte block, int reason, int end)
    {
        int stop = end - 7;
        if (stop <= reason || !Scan.Is(ref block, stop, end, " Saved)"u8))
        {
            return default;
        }
        int start = stop;
        while (start > reason && IsOfSession(Unsafe.Add(ref block, start - 1)))
        {
            start--;
        }
        return stop - start >= SessionLengthMin && start - 2 > reason
            && Scan.Is(ref block, start - 2, end, "> "u8)
            ? new Slice(start, stop - start) : default;
    }

    /// <summary>Reads what was done, and sets the status.</summary>
    /// <returns>Offset behind the message-id and what stands between it and the words; or -1.</returns>
    private static int Action(ref byte block, int id, int end, bool isSieve, ref LogEvent e)
    {
        e.Status = RecordStatus.Sent;
        if (!isSieve)
        {
            int saved = Scan.Find(ref block, id, end, ": saved mail to "u8);
            return saved >= 0 ? saved : Discarded(ref block, id, end, ref e);
        }
        return Unsafe.Add(ref block, end - 1) switch
        {
            (byte)'\'' => Scan.FindLast(ref block, id, end - 1, ": stored mail into mailbox '"u8),
            (byte)'>' => Address(ref block, id, end - 1, ref e),
            (byte)')' when Scan.Is(ref block, end - 10, end, "> (reject)"u8) =>
                Rejected(ref block, id, end - 10, ref e),
            (byte)')' when Scan.Is(ref block, end - 11, end, "> (ereject)"u8) =>
                Rejected(ref block, id, end - 11, ref e),
            _ => Discarded(ref block, id, end, ref e),
        };
    }

    private static int Discarded(ref byte block, int id, int end, ref LogEvent e)
    {
        ReadOnlySpan<byte> text = Scan.Span(ref block, id, end);
        ReadOnlySpan<byte> words =
            "arked message to be discarded if not explicitly delivered (discard action)"u8;
        e.Status = RecordStatus.Discarded;
        if (text.EndsWith(words))
        {
            int at = end - words.Length - 3;
            return Scan.Is(ref block, at, end, ": m"u8) || Scan.Is(ref block, at, end, ": M"u8)
                ? at : -1;
        }
        return text.EndsWith(": discarded"u8) ? end - 11 : -1;
    }

    private static int Rejected(ref byte block, int id, int close, ref LogEvent e)
    {
        int at = Address(ref block, id, close, ref e);
        return e.Status == RecordStatus.Rejected ? at : -1;
    }

    /// <summary>Forwarded to, or rejected from, the address that ends at <paramref name="close"/>.</summary>
    private static int Address(ref byte block, int id, int close, ref LogEvent e)
    {
        int open = Open(ref block, id, close);
        if (open < 0)
        {
            return -1;
        }
        ReadOnlySpan<byte> before = Scan.Span(ref block, id, open);
        if (before.EndsWith(": forwarded to "u8))
        {
            e.Status = RecordStatus.Redirected;
            return open - 15;
        }
        e.Status = RecordStatus.Rejected;
        return before.EndsWith(": rejected message from "u8) ? open - 24 : -1;
    }

    /// <summary>Walks back over an address, quoted or not.</summary>
    /// <returns>Offset of its <c>&lt;</c>, or -1.</returns>
    private static int Open(ref byte block, int id, int close)
    {
        int at = close - 1;
        while (at > id && !"<>\" "u8.Contains(Unsafe.Add(ref block, at)))
        {
            at--;
        }
        if (at > id && Unsafe.Add(ref block, at) == '"')
        {
            if (!IsQuote(ref block, id, at))
            {
                // The quoted part goes on behind it: it is not closed.
                return -1;
            }
            do
            {
                at--;
            }
            while (at > id && !IsQuote(ref block, id, at));
            at--;
        }
        return at > id && Unsafe.Add(ref block, at) == '<' ? at : -1;
    }

    private static bool IsQuote(ref byte block, int id, int at)
    {
        int slash = at - 1;
        while (slash > id && Unsafe.Add(ref block, slash) == '\\')
        {
            slash--;
        }
        return Unsafe.Add(ref block, at) == '"' && (at - slash) % 2 == 1;
    }

    /// <summary>Since 2.3 the name of the action stands in front of the words.</summary>
    private static int WithoutAction(ref byte block, int id, int end)
    {
        int word = end - 7;
        if (word <= id || !Scan.Is(ref block, word, end, " action"u8))
        {
            return end;
        }
        int at = word;
        while (at > id && char.IsAsciiLetterLower((char)Unsafe.Add(ref block, at - 1)))
        {
            at--;
        }
        return at - 2 > id && Scan.Is(ref block, at - 2, end, ": "u8) ? at - 2 : end;
    }
}
