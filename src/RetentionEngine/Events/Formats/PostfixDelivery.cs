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
        if (at < end && e.Status == RecordStatus.Sent)
        {
            Edge(ref block, at + 2, end, agent, ref e);
        }
        return LineOutcome.Event;
    }

    private static int CloseOfAddress(ref byte block, int start, int end, bool origToMayFollow)
    {
        for (int i = start; ; i++)
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
        while (Scan.Is(ref block, at, end, ", "u8))
        {
            at += 2;
            if (Scan.Is(ref block, at, end, "status="u8))
            {
                return at + 7;
            }
            if (Scan.Is(ref block, at, end, "dsn="u8))
            {
                at = Dsn(ref block, at + 4, end, out int dsn);
                e.Dsn = dsn;
                if (at < 0)
                {
                    return -1;
                }
            }
            else
            {
                at = Scan.IndexOf(ref block, at, end, (byte)',');
            }
        }
        return -1;
    }

    /// <summary>Reads <c>class.subject.detail</c>; -1 when it is not one.</summary>
    public static int Dsn(ref byte block, int at, int end, out int dsn)
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
            && QueueId.TryParse(Scan.Span(ref block, at, behind), out QueueId id))
        {
            e.OrigQueueId = id;
            e.Edge = edge;
        }
    }
}
