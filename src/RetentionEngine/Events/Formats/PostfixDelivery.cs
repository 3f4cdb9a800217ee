using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>The one grammar of all delivery agents (Postfix, src/global/log_adhoc.c).</summary>
/// <remarks>
/// <c>to=&lt;R&gt;[, orig_to=&lt;O&gt;], relay=V[, key=value]…, status=W (reason)</c>. Read left to right by
/// known keys: the reason is the next hop's text and may hold anything. An address may hold
/// <c>&gt;</c> and <c>,</c>, so only <c>&gt;, </c> in front of a key that may follow closes it.
/// </remarks>
internal static class PostfixDelivery
{
    // Texts as little-endian numbers.
    private const ulong CommaSpace = 0x202C; // ", "
    private const ulong DsnKey = 0x3D6E_7364_202C; // ", dsn="
    private const ulong StatusKey = 0x7375_7461_7473_202C; // ", status"
    private const ulong SentWord = 0x2820_746E_6573; // "sent ("
    private const ulong DeferredWord = 0x6465_7272_6566_6564; // "deferred"
    private const ulong BouncedWord = 0x2064_6563_6E75_6F62; // "bounced "

    /// <summary>Reads the line from its <c>to=&lt;</c> on.</summary>
    public static LineOutcome Parse(
        ref byte block, int at, int end, DeliveryAgent agent, ref LogEvent e)
    {
        int start = at + 4;
        int close = CloseOfAddress(ref block, start, end, origToMayFollow: true);
        if (close < 0)
        {
            return LineOutcome.Delivery;
        }
        e.Recipient = new Slice(start, close - start);
        at = close + 3;
        if (Scan.Is(ref block, at, end, "orig_to=<"u8))
        {
            start = at + 9;
            close = CloseOfAddress(ref block, start, end, origToMayFollow: false);
            if (close < 0)
            {
                return LineOutcome.Delivery;
            }
            e.OrigTo = new Slice(start, close - start);
            at = close + 3;
        }

        // CloseOfAddress has seen relay= here.
        start = at + 6;
        at = Scan.IndexOf(ref block, start, end, (byte)',');
        if (at == end)
        {
            return LineOutcome.Delivery;
        }
        e.Relay = new Slice(start, at - start);
        at = Keys(ref block, at, end, ref e);
        if (at < 0)
        {
            return LineOutcome.Delivery;
        }
        at = Status(ref block, at, end, ref e);
        if (at < 0)
        {
            return LineOutcome.Delivery;
        }
        e.Kind = EventKind.Delivery;
        e.Agent = agent;
        if (agent == DeliveryAgent.Discard && e.Status == RecordStatus.Sent)
        {
            // What it calls sent is gone.
            e.Status = RecordStatus.Discarded;
        }
        else if (at < end && e.Status == RecordStatus.Sent)
        {
            Edge(ref block, at + 2, end, agent, ref e);
        }
        return LineOutcome.Event;
    }

    /// <summary>
    /// Skips a quoted local part: since Postfix 3.5 it is logged as quoted, and its sender may
    /// write into it whatever would close the address.
    /// </summary>
    /// <returns>
    /// Offset of the <c>@</c> or <c>&gt;</c> behind the quotes; the start if nothing is quoted; the end
    /// if a quote is not closed: such a line was cut and what it seems to say is the sender's.
    /// </returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BehindQuotes(ref byte block, int start, int end) =>
        start < end && Unsafe.Add(ref block, start) == '"'
            ? BehindQuotesSlow(ref block, start, end) : start;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int BehindQuotesSlow(ref byte block, int start, int end)
    {
        for (int i = start + 1; i < end - 1; i++)
        {
            byte b = Unsafe.Add(ref block, i);
            if (b == '\\')
            {
                i++;
            }
            else if (b == '"')
            {
                return Unsafe.Add(ref block, i + 1) is (byte)'@' or (byte)'>' ? i + 1 : end;
            }
        }
        return end;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CloseOfAddress(ref byte block, int start, int end, bool origToMayFollow)
    {
        for (int i = BehindQuotes(ref block, start, end); ; i++)
        {
            i = Scan.IndexOf(ref block, i, end, (byte)'>');
            if (i >= end)
            {
                return -1;
            }
            if (Scan.Is(ref block, i, end, ">, relay="u8)
                || (origToMayFollow && Scan.Is(ref block, i, end, ">, orig_to=<"u8)))
            {
                return i;
            }
        }
    }

    /// <summary>
    /// The open key list between relay= and status=: delay, and by version delays, dsn,
    /// conn_use, tls.
    /// </summary>
    /// <returns>Offset of the status word, or -1.</returns>
    private static int Keys(ref byte block, int at, int end, ref LogEvent e)
    {
        while (true)
        {
            ulong word = Scan.Load(ref block, at);
            if (word == StatusKey)
            {
                return at + 9 <= end && Unsafe.Add(ref block, at + 8) == '=' ? at + 9 : -1;
            }
            if ((word & 0xFFFF_FFFF_FFFF) == DsnKey)
            {
                at = PostfixDelivery.Dsn(ref block, at + 6, end, out int dsn);
                e.Dsn = dsn;
                if (at < 0)
                {
                    return -1;
                }
            }
            else if ((word & 0xFFFF) == CommaSpace)
            {
                at = Scan.IndexOf(ref block, at + 2, end, (byte)',');
            }
            else
            {
                return -1;
            }
            if (at >= end)
            {
                return -1;
            }
        }
    }

    /// <summary>Reads <c>class.subject.detail</c>; -1 when it is not one.</summary>
    public static int Dsn(ref byte block, int at, int end, out int dsn)
    {
        // The usual case is one digit each.
        ulong word = Scan.Load(ref block, at);
        if (((word ^ 0x30_2E30_2E30) & 0xF0_FFF0_FFF0) == 0 && end - at >= 6
            && (((word & 0x0F_000F_000F) + 0x06_0006_0006) & 0x10_0010_0010) == 0
            && (word >> 40 & 0xFF) is ',' or ' ')
        {
            dsn = DsnCode.Pack(
                (int)(word & 15), (int)(word >> 16 & 15), (int)(word >> 32 & 15));
            return at + 5;
        }
        return LongDsn(ref block, at, end, out dsn);
    }

    private static int LongDsn(ref byte block, int at, int end, out int dsn)
    {
        dsn = 0;
        int a = Scan.Digits(ref block, at, end, out long @class);
        if (a != at + 1 || a >= end || Unsafe.Add(ref block, a) != '.')
        {
            return -1;
        }
        int b = Scan.Digits(ref block, a + 1, end, out long subject);
        if (b == a + 1 || b > a + 4 || b >= end || Unsafe.Add(ref block, b) != '.')
        {
            return -1;
        }
        int c = Scan.Digits(ref block, b + 1, end, out long detail);
        if (c == b + 1 || c > b + 4)
        {
            return -1;
        }
        dsn = DsnCode.Pack((int)@class, (int)subject, (int)detail);
        return c;
    }

    /// <returns>Offset behind the word, or -1 for an unknown word.</returns>
    private static int Status(ref byte block, int at, int end, ref LogEvent e)
    {
        ulong begin = Scan.Load(ref block, at);
        if ((begin & 0xFFFF_FFFF_FFFF) == SentWord && end - at >= 6)
        {
            e.Status = RecordStatus.Sent;
            return at + 4;
        }
        if (begin == DeferredWord && Scan.Is(ref block, at + 8, end, " ("u8))
        {
            e.Status = RecordStatus.Deferred;
            return at + 8;
        }
        if (begin == BouncedWord && end - at >= 9 && Unsafe.Add(ref block, at + 8) == '(')
        {
            e.Status = RecordStatus.Bounced;
            return at + 7;
        }
        return OtherStatus(ref block, at, end, ref e);
    }

    private static int OtherStatus(ref byte block, int at, int end, ref LogEvent e)
    {
        int word = Scan.IndexOf(ref block, at, end, (byte)' ');
        ReadOnlySpan<byte> text = Scan.Span(ref block, at, word);
        RecordStatus status = text switch
        {
            _ when text.SequenceEqual("sent"u8) => RecordStatus.Sent,
            _ when text.SequenceEqual("deferred"u8) => RecordStatus.Deferred,
            _ when text.SequenceEqual("bounced"u8) => RecordStatus.Bounced,
            _ when text.SequenceEqual("expired"u8) => RecordStatus.Expired,
            _ when text.SequenceEqual("deliverable"u8) => RecordStatus.Deliverable,
            _ when text.SequenceEqual("undeliverable"u8) => RecordStatus.Undeliverable,
            _ => RecordStatus.None,
        };
        e.Status = status;
        bool ends = word == end || Scan.Is(ref block, word, end, " ("u8) || word + 1 == end;
        return status != RecordStatus.None && ends ? Math.Min(word, end) : -1;
    }

    /// <summary>
    /// The id under which the next hop queued the mail. The byte behind it must be there: a cut
    /// id is another id.
    /// </summary>
    private static void Edge(
        ref byte block, int reason, int end, DeliveryAgent agent, ref LogEvent e)
    {
        QueueEdge edge;
        int at;
        if (agent == DeliveryAgent.Local)
        {
            edge = QueueEdge.ForwardedAs;
            at = Scan.Is(ref block, reason, end, "forwarded as "u8) ? reason + 13 : -1;
        }
        else if (agent is DeliveryAgent.Smtp or DeliveryAgent.Lmtp or DeliveryAgent.Other)
        {
            if (agent == DeliveryAgent.Lmtp)
            {
                e.BoxSession = DovecotFate.OfReply(ref block, reason, end);
            }
            edge = QueueEdge.QueuedAs;
            at = Scan.FindLast(ref block, reason, end, "queued as "u8);
            at = at < 0 ? -1 : at + 10;
        }
        else
        {
            return;
        }
        if (at < 0)
        {
            return;
        }
        int behind = at;
        while (behind < end && char.IsAsciiLetterOrDigit((char)Unsafe.Add(ref block, behind)))
        {
            behind++;
        }
        if (behind < end
            && " ),;]"u8.Contains(Unsafe.Add(ref block, behind))
            && QueueIdScan.TryRead(ref Unsafe.Add(ref block, at), behind - at, out QueueId id))
        {
            e.OrigQueueId = id;
            e.Edge = edge;
        }
    }
}
