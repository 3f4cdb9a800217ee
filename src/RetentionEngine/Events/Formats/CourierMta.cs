using System.Runtime.CompilerServices;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events.Formats;

/// <summary>Courier's mail server: courierd, its delivery modules, and courieresmtpd.</summary>
/// <remarks>
/// <c>newmsg,id=ID[, auth=USER]: dns; HELO (NAME [IP])</c> begins a mail, <c>started,id=ID,from=&lt;F&gt;,
/// module=M,host=H,addr=&lt;A&gt;</c> an attempt for a recipient, whose result is
/// <c>id=ID,from=&lt;F&gt;,addr=&lt;A&gt;[,size=N],success: TEXT</c> or <c>…,status: WORD</c>, or, where
/// esmtp took it, both. <c>completed,id=ID</c> ends each round of attempts; its last attempt is that
/// of the module dsn, which tells the sender. A refusal is <c>error,relay=IP,port=N,from=&lt;F&gt;,
/// to=&lt;T&gt;: REPLY</c>.
/// </remarks>
internal sealed class CourierMta : ILogFormat<CourierMta>
{
    private CourierMta()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        (bool isKnown, DeliveryAgent agent) = tag switch
        {
            _ when tag.Contains((byte)'/') => (false, DeliveryAgent.None),
            _ when tag.SequenceEqual("courierd"u8) => (true, DeliveryAgent.None),
            _ when tag.SequenceEqual("courierlocal"u8) => (true, DeliveryAgent.Local),
            _ when tag.SequenceEqual("courieresmtp"u8) => (true, DeliveryAgent.Smtp),
            _ when tag.SequenceEqual("courieruucp"u8) => (true, DeliveryAgent.Other),
            _ when tag.SequenceEqual("courierfax"u8) => (true, DeliveryAgent.Other),
            _ when tag.StartsWith("courieresmtpd"u8) => (true, DeliveryAgent.None),
            _ when tag.StartsWith("esmtpd"u8) => (true, DeliveryAgent.None),
            _ => (false, DeliveryAgent.None),
        };
        info = new LogTag(isKnown ? LogProgram.CourierMta : LogProgram.None, agent);
        return isKnown;
    }

    /// <summary>The class of lines that begin with a letter.</summary>
    public static LineClass Class(char letter) =>
        letter is 'n' or 's' or 'i' or 'c' or 'e' ? LineClass.CourierMta : LineClass.None;

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int at = frame.Start;
        int end = frame.End;
        if (Scan.Is(ref block, at, end, "error,relay="u8))
        {
            return ParseError(ref block, at + 12, end, ref e);
        }
        DeliveryAgent agent = frame.Header.Tag.Agent;
        int word = Scan.IndexOf(ref block, at, end, (byte)'=');
        ReadOnlySpan<byte> key = Scan.Span(ref block, at, word);
        int id = word + 1;
        int behind = id + (id < end ? QueueId.ReadCourier(Scan.Span(ref block, id, end), out e.QueueId) : 0);
        if (behind == id)
        {
            return LineOutcome.Ignored;
        }
        if (key.SequenceEqual("id"u8))
        {
            return agent == DeliveryAgent.None
                ? LineOutcome.Ignored : ParseResult(ref block, behind, end, agent, ref e);
        }
        if (agent != DeliveryAgent.None)
        {
            return LineOutcome.Ignored;
        }
        if (key.SequenceEqual("newmsg,id"u8))
        {
            return ParseNew(ref block, behind, end, ref e);
        }
        if (key.SequenceEqual("started,id"u8))
        {
            return ParseStarted(ref block, behind, end, ref e);
        }
        if (!key.SequenceEqual("completed,id"u8))
        {
            return LineOutcome.Ignored;
        }
        e.Kind = EventKind.Removed;
        e.Removal = Removal.Completed;
        return behind == end ? LineOutcome.Event : LineOutcome.Removed;
    }

    private static LineOutcome ParseNew(ref byte block, int at, int end, ref LogEvent e)
    {
        e.Kind = EventKind.Client;
        if (Scan.Is(ref block, at, end, ", auth="u8))
        {
            int user = at + 7;
            at = Scan.Find(ref block, user, end, ": "u8);
            at = at < 0 ? end : at;
            e.Sasl = new Slice(user, at - user);
        }
        if (at == end)
        {
            return LineOutcome.Event;
        }

        // What the client calls itself stands in front of its address, which ends the line.
        int close = end - 2;
        if (!Scan.Is(ref block, at, end, ": "u8) || !Scan.Is(ref block, close, end, "])"u8))
        {
            return Scan.Is(ref block, at, end, ": uucp; "u8) ? LineOutcome.Event : LineOutcome.Client;
        }
        int ip = close;
        while (ip > at && Unsafe.Add(ref block, ip - 1) != '[')
        {
            ip--;
        }
        e.Ip = new Slice(ip, close - ip);
        return ip > at && ip < close ? LineOutcome.Event : LineOutcome.Client;
    }

    private static LineOutcome ParseStarted(ref byte block, int at, int end, ref LogEvent e)
    {
        int from = at + 7;
        int close = Scan.Is(ref block, at, end, ",from=<"u8)
            ? Close(ref block, from, end, ">,module="u8) : -1;
        if (close < 0 || !Scan.Is(ref block, end - 1, end, ">"u8))
        {
            return LineOutcome.Queue;
        }
        int module = close + 9;
        if (Scan.Is(ref block, module, end, "dsn,host=,"u8))
        {
            // The sender is told at last: what is still put off has been given up.
            e.Kind = EventKind.Expired;
            return LineOutcome.Event;
        }
        if (Scan.Is(ref block, module, end, "dsn,"u8))
        {
            return LineOutcome.Ignored;
        }
        e.Kind = EventKind.QueueActive;
        e.Sender = new Slice(from, close - from);
        e.Number = -1;
        e.Count = 1;
        return LineOutcome.Event;
    }

    private static LineOutcome ParseResult(
        ref byte block, int at, int end, DeliveryAgent agent, ref LogEvent e)
    {
        int from = at + 7;
        int close = Scan.Is(ref block, at, end, ",from=<"u8)
            ? Close(ref block, from, end, ">,addr=<"u8) : -1;
        int address = close + 8;
        int behind = close < 0 ? -1 : Close(ref block, address, end, ">"u8);
        if (behind < 0)
        {
            return LineOutcome.Delivery;
        }
        e.Recipient = new Slice(address, behind - address);
        at = behind + 1;
        if (Scan.Is(ref block, at, end, ",size="u8))
        {
            int digits = at + 6;
            at = Scan.Digits(ref block, digits, end, out long size);
            e.Number = size;
            if (at == digits)
            {
                return LineOutcome.Delivery;
            }
        }
        e.Kind = EventKind.Delivery;
        e.Agent = agent;
        if (Scan.Is(ref block, at, end, ",success: "u8))
        {
            e.Status = RecordStatus.Sent;
            at += 10;
            if (Scan.Is(ref block, at, end, "delivered: "u8))
            {
                e.Relay = new Slice(at + 11, end - at - 11);
            }
            return LineOutcome.Event;
        }
        if (Scan.Is(ref block, at, end, ": "u8))
        {
            // Why, in the words of the other side: no status.
            return LineOutcome.Ignored;
        }
        ReadOnlySpan<byte> status = Scan.Span(ref block, at, end);
        e.Status = status switch
        {
            _ when status.SequenceEqual(",status: success"u8) => RecordStatus.Sent,
            _ when status.SequenceEqual(",status: failure"u8) => RecordStatus.Bounced,
            _ when status.SequenceEqual(",status: deferred"u8) => RecordStatus.Deferred,
            _ => RecordStatus.None,
        };
        return e.Status == RecordStatus.None ? LineOutcome.Delivery : LineOutcome.Event;
    }

    /// <summary>The end of an address that may be quoted; what must follow it closes it.</summary>
    private static int Close(ref byte block, int at, int end, ReadOnlySpan<byte> follows)
    {
        int from = PostfixDelivery.BehindQuotes(ref block, at, end);
        return from < end && follows.Length > 1 ? Scan.Find(ref block, from, end, follows)
            : from < end ? Found(Scan.IndexOf(ref block, from, end, (byte)'>'), end) : -1;
    }

    private static int Found(int at, int end) => at < end ? at : -1;

    /// <summary>
    /// The daemon writes no <c>&lt;</c>, <c>&gt;</c> or <c>:</c> within these addresses.
    /// </summary>
    private static LineOutcome ParseError(ref byte block, int at, int end, ref LogEvent e)
    {
        int ip = at;
        at = Scan.IndexOf(ref block, at, end, (byte)',');
        e.Ip = new Slice(ip, at - ip);
        int text = Scan.Find(ref block, at, end, ": "u8);

        // The reply may quote what the client said: keys in it are none.
        int from = Scan.Find(ref block, at, text, ",from=<"u8);
        int to = Scan.Find(ref block, at, text, ",to=<"u8);
        if (text < 0 || (from < 0 && to < 0) || ip == at)
        {
            // A command that was not understood, or a wrong password.
            return LineOutcome.Ignored;
        }
        e.Sender = Bracketed(ref block, from < 0 ? from : from + 7, text);
        e.Recipient = Bracketed(ref block, to < 0 ? to : to + 5, text);
        int behind = Scan.Digits(ref block, text + 2, end, out long reply);
        if (behind != text + 5 || !Scan.Is(ref block, behind, end, " "u8))
        {
            return LineOutcome.Reject;
        }
        e.Kind = EventKind.Reject;
        e.ReplyCode = (short)reply;
        behind = PostfixDelivery.Dsn(ref block, behind + 1, end, out int dsn);
        e.Dsn = behind > 0 && Scan.Is(ref block, behind, end, " "u8) ? dsn : 0;
        return LineOutcome.Event;
    }

    private static Slice Bracketed(ref byte block, int at, int end)
    {
        int close = at < 0 ? end : Scan.IndexOf(ref block, at, end, (byte)'>');
        return close < end ? new Slice(at, close - at) : default;
    }
}
