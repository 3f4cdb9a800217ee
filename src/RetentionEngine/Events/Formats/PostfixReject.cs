using System.Buffers;
using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>Refused attempts, as smtpd, postscreen and cleanup log them.</summary>
/// <remarks>
/// The text in the middle quotes what the client said, so sender and recipient are those of the
/// last tail <c>; from=&lt;…&gt; … proto=… helo=&lt;…&gt;</c> that does not lie within quotes of its own
/// addresses, and a line that stops before <c>proto=</c> was cut. Actions that refuse nothing
/// (reject_warning, warn, hold, redirect, …) are not events.
/// </remarks>
internal static class PostfixReject
{
    // smtpd.c, NEUTER_CHARACTERS: what no HELO holds once smtpd has logged it.
    private static readonly SearchValues<byte> s_notInHelo = SearchValues.Create(" <>()\\\";@"u8);

    /// <summary>A line with more of what may be a tail is hostile.</summary>
    private const int TailsMax = 16;

    /// <summary>Messages that do not begin with a queue id.</summary>
    public static LineOutcome ParseWithoutId(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int at = frame.Start;
        int end = frame.End;
        if (Scan.Is(ref block, at, end, "NOQUEUE: "u8))
        {
            at += 9;
            return frame.Header.Tag.Program switch
            {
                LogProgram.Smtpd => ParseSmtpd(ref block, at, end, ref e),
                LogProgram.Postscreen when Scan.Is(ref block, at, end, "reject: "u8) =>
                    ParsePostscreen(ref block, at + 8, end, ref e),
                _ => LineOutcome.Ignored,
            };
        }
        if (SyslogMeta.IsRepeated(ref block, at, end))
        {
            return LineOutcome.Repeated;
        }
        return frame.Header.Tag.Program == LogProgram.Smtpd
            && Scan.Is(ref block, at, end, "proxy-reject: "u8)
            ? ParseProxy(ref block, at + 14, end, ref e)
            : LineOutcome.Ignored;
    }

    /// <summary>smtpd: <c>reject:</c>, <c>milter-reject:</c> or <c>proxy-reject:</c>.</summary>
    public static LineOutcome ParseSmtpd(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "reject: "u8))
        {
            at += 8;
        }
        else if (Scan.Is(ref block, at, end, "milter-reject: "u8))
        {
            at += 15;
        }
        else
        {
            return Scan.Is(ref block, at, end, "proxy-reject: "u8)
                ? ParseProxy(ref block, at + 14, end, ref e)
                : LineOutcome.Ignored;
        }
        bool endsMessage = Scan.Is(ref block, at, end, "END-OF-MESSAGE "u8)
            || Scan.Is(ref block, at, end, "DATA "u8);
        return ParseStage(ref block, at, end, endsMessage, ref e);
    }

    /// <summary>cleanup: <c>reject: header …</c>, <c>milter-reject: STAGE …</c>, discards.</summary>
    public static LineOutcome ParseCleanup(ref byte block, int at, int end, ref LogEvent e)
    {
        bool milter = Scan.Is(ref block, at, end, "milter-"u8);
        int action = milter ? at + 7 : at;
        if (Scan.Is(ref block, action, end, "discard: "u8))
        {
            e.Kind = EventKind.Removed;
            e.Removal = Removal.Discarded;
            return LineOutcome.Event;
        }
        if (milter && Scan.Is(ref block, action, end, "reject: "u8))
        {
            int stage = action + 8;
            bool endsMessage = Scan.Is(ref block, stage, end, "END-OF-MESSAGE "u8);
            return ParseStage(ref block, stage, end, endsMessage, ref e);
        }
        if (milter && (Scan.Is(ref block, action, end, "header-reject: "u8)
            || Scan.Is(ref block, action, end, "body-reject: "u8)))
        {
            return ParseContent(ref block, Scan.Find(ref block, action, end, ": "u8), end, ref e);
        }
        return Scan.Is(ref block, at, end, "reject: "u8)
            ? ParseContent(ref block, at + 8, end, ref e)
            : LineOutcome.Ignored;
    }

    /// <summary>
    /// <c>STAGE from NAME[IP]: [554 ][5.7.1 ]text; from=… to=… proto=… helo=…</c>.
    /// </summary>
    private static LineOutcome ParseStage(
        ref byte block, int at, int end, bool endsMessage, ref LogEvent e)
    {
        int from = Scan.IndexOf(ref block, at, end, (byte)' ');
        if (from == at || !Scan.Is(ref block, from, end, " from "u8))
        {
            return LineOutcome.Reject;
        }
        at = Postfix.Client(ref block, from + 6, end, (byte)':', out Slice ip);
        if (at < 0 || !Scan.Is(ref block, at, end, ": "u8))
        {
            return LineOutcome.Reject;
        }
        e.Ip = ip;
        Reply(ref block, at + 2, end, ref e);
        return Finish(ref block, at + 2, end, endsMessage, ref e);
    }

    /// <summary><c>END-OF-MESSAGE: 554 …; from=…</c>, with or without a client.</summary>
    private static LineOutcome ParseProxy(ref byte block, int at, int end, ref LogEvent e)
    {
        int colon = Scan.IndexOf(ref block, at, end, (byte)':');
        int space = Scan.IndexOf(ref block, at, end, (byte)' ');
        if (space < colon)
        {
            return ParseStage(ref block, at, end, endsMessage: false, ref e);
        }
        if (colon == at || !Scan.Is(ref block, colon, end, ": "u8))
        {
            return LineOutcome.Reject;
        }
        Reply(ref block, colon + 2, end, ref e);
        return Finish(ref block, colon + 2, end, endsMessage: false, ref e);
    }

    /// <summary>
    /// <c>header TEXT from NAME[IP]; from=… [to=… proto=… helo=…][: text]</c>; local submissions
    /// say <c>from local;</c> and have no protocol.
    /// </summary>
    private static LineOutcome ParseContent(ref byte block, int at, int end, ref LogEvent e)
    {
        int tail = Tail(ref block, at, end, (byte)':', ref e, out int behind);
        if (tail < 0)
        {
            return LineOutcome.Reject;
        }
        bool isLocal = Scan.FindLast(ref block, at, tail, " from local"u8) == tail - 11;
        int close = tail - 1;
        if (!isLocal)
        {
            int port = Scan.FindLast(ref block, at, tail, "]:"u8);
            if (port >= 0 && Scan.Digits(ref block, port + 2, tail, out _) == tail)
            {
                close = port;
            }
            if (Unsafe.Add(ref block, close) != ']'
                || !Postfix.TryBracket(ref block, at, close, out Slice ip))
            {
                return LineOutcome.Reject;
            }
            e.Ip = ip;
        }
        if (behind < 0)
        {
            if (!isLocal || !LocalSender(ref block, tail + 8, end, ref e, out behind))
            {
                return LineOutcome.Reject;
            }
        }
        int text = Scan.Find(ref block, behind, end, ">: "u8);
        if (text >= 0)
        {
            Reply(ref block, text + 3, end, ref e);
        }
        e.Kind = EventKind.Reject;
        e.EndsMessage = 1;
        return LineOutcome.Event;
    }

    private static bool LocalSender(
        ref byte block, int start, int end, ref LogEvent e, out int close)
    {
        int open = PostfixDelivery.BehindQuotes(ref block, start, end);
        close = Scan.Find(ref block, open, end, ">: "u8);
        if (close < 0 && open < end && Unsafe.Add(ref block, end - 1) == '>')
        {
            close = end - 1;
        }
        if (close < start)
        {
            return false;
        }
        e.Sender = new Slice(start, close - start);
        return true;
    }

    /// <summary><c>RCPT from [IP]:PORT: 550 5.7.1 text; from=…, to=…, proto=…, helo=…</c>.</summary>
    private static LineOutcome ParsePostscreen(ref byte block, int at, int end, ref LogEvent e)
    {
        int from = Scan.IndexOf(ref block, at, end, (byte)' ');
        if (from == at || !Scan.Is(ref block, from, end, " from ["u8))
        {
            return LineOutcome.Reject;
        }
        at = Postfix.Client(ref block, from + 6, end, (byte)':', out Slice ip);
        if (at < 0 || !Scan.Is(ref block, at, end, ": "u8))
        {
            return LineOutcome.Reject;
        }
        e.Ip = ip;
        at += 2;
        ReadOnlySpan<byte> text = Scan.Span(ref block, at, end);
        if (text.SequenceEqual("too many connections"u8)
            || text.SequenceEqual("all server ports busy"u8)
            || text.SequenceEqual("all screening ports busy"u8))
        {
            e.Kind = EventKind.Reject;
            return LineOutcome.Event;
        }
        Reply(ref block, at, end, ref e);
        if (Tail(ref block, at, end, (byte)',', ref e, out int behind) < 0 || behind < 0)
        {
            return LineOutcome.Reject;
        }
        e.Kind = EventKind.Reject;
        return LineOutcome.Event;
    }

    private static LineOutcome Finish(
        ref byte block, int at, int end, bool endsMessage, ref LogEvent e)
    {
        int tail = Tail(ref block, at, end, (byte)' ', ref e, out int behind);
        if (tail >= 0)
        {
            if (behind < 0)
            {
                return LineOutcome.Reject;
            }
        }
        else if (!RecipientOnly(ref block, at, end, ref e)
            && Scan.FindLast(ref block, at, end, "; proto="u8) < 0)
        {
            return LineOutcome.Reject;
        }
        e.Kind = EventKind.Reject;
        e.EndsMessage = endsMessage && !e.QueueId.IsNone ? (byte)1 : (byte)0;
        return LineOutcome.Event;
    }

    /// <summary>VRFY and ETRN have a recipient without a sender.</summary>
    private static bool RecipientOnly(ref byte block, int at, int end, ref LogEvent e)
    {
        int tail = Scan.FindLast(ref block, at, end, "; to=<"u8);
        int close = tail < 0 ? -1 : Scan.Find(ref block, tail + 6, end, "> proto="u8);
        if (close < 0)
        {
            return false;
        }
        e.Recipient = new Slice(tail + 6, close - tail - 6);
        return true;
    }

    /// <summary>
    /// The last tail, or one before it in whose addresses the last one lies: Postfix since 3.5
    /// quotes what a sender writes, and a HELO holds nothing that could look like a tail.
    /// </summary>
    /// <returns>
    /// Offset of <c>; from=&lt;</c>, or -1; <c>behind</c> is that of <c>proto=</c>, -1 when the line
    /// stops before it.
    /// </returns>
    private static int Tail(
        ref byte block, int at, int end, byte style, ref LogEvent e, out int behind)
    {
        int last = Scan.FindLast(ref block, at, end, "; from=<"u8);
        behind = -1;
        int tail = last;
        for (int i = 0; i < TailsMax && tail >= 0; i++)
        {
            behind = Addresses(ref block, tail + 8, end, style, isStrict: true, ref e);
            if (behind > last)
            {
                return tail;
            }
            e.Sender = e.Recipient = default;
            tail = Scan.FindLast(ref block, at, tail, "; from=<"u8);
        }
        behind = last < 0
            ? -1 : Addresses(ref block, last + 8, end, style, isStrict: false, ref e);
        return last;
    }

    /// <summary>
    /// <c>A&gt; to=&lt;B&gt; proto=</c>, <c>A&gt; proto=</c>. The style is <c>,</c> for postscreen, which
    /// separates by commas, <c>:</c> for cleanup, which may add a text, else a space.
    /// </summary>
    /// <returns>Offset of <c>proto=</c>, or -1 when the line stops before it.</returns>
    private static int Addresses(
        ref byte block, int start, int end, byte style, bool isStrict, ref LogEvent e)
    {
        int sender = start;
        int open = PostfixDelivery.BehindQuotes(ref block, start, end);
        for (int i = open; ; i++)
        {
            i = Scan.IndexOf(ref block, i, end, (byte)'>');
            if (i >= end || (isStrict && Scan.Span(ref block, open, i).Contains((byte)'"')))
            {
                return -1;
            }
            int key = i + 1;
            if (style == ',' && Scan.Is(ref block, key, end, ","u8))
            {
                key++;
            }
            if (Scan.Is(ref block, key, end, " proto="u8))
            {
                if (!IsTail(ref block, key + 7, end, style, isStrict))
                {
                    return -1;
                }
                if (start == sender)
                {
                    e.Sender = new Slice(sender, i - sender);
                }
                else
                {
                    e.Recipient = new Slice(start, i - start);
                }
                return key + 1;
            }
            if (start == sender && Scan.Is(ref block, key, end, " to=<"u8))
            {
                e.Sender = new Slice(sender, i - sender);
                start = key + 5;
                open = PostfixDelivery.BehindQuotes(ref block, start, end);
                i = open - 1;
            }
        }
    }

    /// <summary>
    /// <c>ESMTP</c>, <c>ESMTP helo=&lt;H&gt;</c>; behind it cleanup has <c>: text</c>, smtpd 3.10 keys of SASL.
    /// A quoted tail within the text does not end like that.
    /// </summary>
    private static bool IsTail(ref byte block, int at, int end, byte style, bool isStrict)
    {
        int behind = at;
        while (behind < end && char.IsAsciiLetterUpper((char)Unsafe.Add(ref block, behind)))
        {
            behind++;
        }
        ReadOnlySpan<byte> protocol = Scan.Span(ref block, at, behind);
        if (!protocol.SequenceEqual("ESMTP"u8) && !protocol.SequenceEqual("SMTP"u8)
            && !protocol.SequenceEqual("QMQP"u8))
        {
            return false;
        }
        if (style == ',' && Scan.Is(ref block, behind, end, ","u8))
        {
            behind++;
        }
        bool hasText = style == ':';
        if (hasText && Scan.Find(ref block, behind, end, "> proto="u8) >= 0)
        {
            // Two tails: the one may be what the other's quoted sender wrote.
            return false;
        }
        return behind == end || (hasText && Scan.Is(ref block, behind, end, ": "u8))
            || (isStrict && IsHelo(ref block, behind, end, style))
            || (!isStrict && Scan.Is(ref block, behind, end, " helo=<"u8)
                && (Unsafe.Add(ref block, end - 1) == '>'
                    || Scan.Find(ref block, behind, end, "> sasl_"u8) >= 0
                    || (hasText && Scan.Find(ref block, behind, end, ">: "u8) >= 0)));
    }

    /// <summary>Whether a HELO as Postfix logs it follows, and what may follow that.</summary>
    private static bool IsHelo(ref byte block, int at, int end, byte style)
    {
        if (!Scan.Is(ref block, at, end, " helo=<"u8))
        {
            return false;
        }
        at += 7;
        if (style == ',')
        {
            // postscreen takes one word as it is.
            return Unsafe.Add(ref block, end - 1) == '>'
                && !Scan.Span(ref block, at, end).Contains((byte)' ');
        }
        int length = Scan.Span(ref block, at, end).IndexOfAny(s_notInHelo);
        int close = at + length;
        return length >= 0 && Unsafe.Add(ref block, close) == '>'
            && (close + 1 == end || Scan.Is(ref block, close, end, "> sasl_"u8)
                || (style == ':' && Scan.Is(ref block, close, end, ">: "u8)));
    }

    /// <summary>Three digits and an enhanced code, either of which may be missing.</summary>
    private static void Reply(ref byte block, int at, int end, ref LogEvent e)
    {
        int behind = Scan.Digits(ref block, at, end, out long code);
        if (behind == at + 3 && code is >= 200 and <= 599
            && (behind == end || Unsafe.Add(ref block, behind) is (byte)' ' or (byte)'-'))
        {
            e.ReplyCode = (short)code;
            at = Math.Min(behind + 1, end);
        }
        behind = PostfixDelivery.Dsn(ref block, at, end, out int dsn);
        if (behind >= 0 && (behind == end || Unsafe.Add(ref block, behind) is (byte)' ' or (byte)';'))
        {
            e.Dsn = dsn;
        }
    }
}
