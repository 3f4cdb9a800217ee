using System.Numerics;
using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>Postfix, 2.x to 3.12. Delivery lines and rejects are in files of their own.</summary>
/// <remarks>
/// Every form is anchored at a fixed position: program, then queue id, then the first key. What
/// attackers choose (names, addresses, reply texts) is cut out by the keys that follow it, read
/// from that end of the line that they can't reach.
/// </remarks>
internal sealed class Postfix : ILogFormat<Postfix>
{
    private Postfix()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        int first = tag.IndexOf((byte)'/');
        int last = tag.LastIndexOf((byte)'/');
        info = default;
        if (first <= 0 || last == tag.Length - 1)
        {
            return false;
        }
        ReadOnlySpan<byte> process = tag[(last + 1)..];
        LogTag found = Process(process);
        int variant = process.IndexOfAny((byte)'.', (byte)'-');
        if (found.Program == LogProgram.None && variant > 0 && !IsQuiet(process))
        {
            // master.cf services such as smtpd.local or smtp-25.
            found = Process(process[..variant]);
        }
        bool isPostfix = tag[..first].StartsWith("postfix"u8);
        if (found.Program == LogProgram.None && isPostfix && !IsQuiet(process))
        {
            found = new LogTag(LogProgram.Agent, DeliveryAgent.Other);
        }
        bool isDefault = tag[..first].SequenceEqual("postfix"u8);
        info = found with { InstanceLength = isDefault ? 0 : first };
        return isPostfix || found.Program != LogProgram.None;
    }

    /// <summary>The class of a program's lines.</summary>
    /// <param name="program">One of Postfix's.</param>
    /// <param name="hasId">Whether a queue id stands in front.</param>
    /// <param name="letter">Begins the text behind the id, else the message; in lower case.</param>
    public static LineClass Class(LogProgram program, bool hasId, char letter)
    {
        if (!hasId)
        {
            // NOQUEUE, proxy-reject; and "message repeated" by whomever.
            return letter == 'm' || letter is 'n' or 'p' && program is LogProgram.Smtpd or LogProgram.Postscreen
                ? LineClass.Refusal : LineClass.None;
        }
        return program switch
        {
            LogProgram.Smtpd => letter switch
            {
                'c' => LineClass.Client,
                'r' or 'm' or 'p' => LineClass.SmtpdOther,
                _ => LineClass.None,
            },
            LogProgram.Pickup => LineClass.Pickup,
            LogProgram.Cleanup => letter == 'm' ? LineClass.MessageId : LineClass.CleanupOther,
            LogProgram.Qmgr => letter == 'f' ? LineClass.QueueActive : LineClass.QmgrOther,
            LogProgram.Agent => letter == 't' ? LineClass.Delivery : LineClass.None,
            LogProgram.Bounce => LineClass.Bounce,
            LogProgram.Postsuper => LineClass.Postsuper,
            _ => LineClass.None,
        };
    }

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e) =>
        e.QueueId.IsNone
            ? PostfixReject.ParseWithoutId(ref block, frame, ref e)
            : ParseMessage(ref block, frame.Start, frame.End, frame.Header.Tag, ref e);

    private static LineOutcome ParseMessage(
        ref byte block, int at, int end, LogTag tag, ref LogEvent e)
    {
        switch (tag.Program)
        {
            case LogProgram.Agent:
                return Scan.Is(ref block, at, end, "to=<"u8)
                    ? PostfixDelivery.Parse(ref block, at, end, tag.Agent, ref e)
                    : LineOutcome.Ignored;
            case LogProgram.Qmgr:
                return ParseQmgr(ref block, at, end, ref e);
            case LogProgram.Cleanup:
                return ParseCleanup(ref block, at, end, ref e);
            case LogProgram.Smtpd:
                return Scan.Is(ref block, at, end, "client="u8)
                    ? ParseClient(ref block, at + 7, end, ref e)
                    : PostfixReject.ParseSmtpd(ref block, at, end, ref e);
            case LogProgram.Pickup:
                return Scan.Is(ref block, at, end, "uid="u8)
                    ? ParsePickup(ref block, at + 4, end, ref e)
                    : LineOutcome.Ignored;
            case LogProgram.Bounce:
                return Scan.Is(ref block, at, end, "to=<"u8)
                    ? PostfixDelivery.Parse(ref block, at, end, tag.Agent, ref e)
                    : ParseNotification(ref block, at, end, ref e);
            case LogProgram.Postsuper:
                return ParseRemoved(
                    ref block, at, end, Removal.DeletedByAdministrator, ref e);
            default:
                return LineOutcome.Ignored;
        }
    }

    /// <summary>Finds the last <c>[address]</c> that closes at <paramref name="close"/>.</summary>
    public static bool TryBracket(ref byte block, int start, int close, out Slice address)
    {
        int open = Scan.Span(ref block, start, close).LastIndexOf((byte)'[');
        address = open < 0 ? default : new Slice(start + open + 1, close - start - open - 1);
        return address.Length > 0
            && !Scan.Span(ref block, start + open + 1, close).Contains((byte)']');
    }

    /// <summary>Reads <c>NAME[ADDRESS]</c> with an optional <c>:PORT</c>.</summary>
    /// <remarks>
    /// The name is what the client's owner put into the DNS. The address is the last bracket
    /// before the end, or before the first bracket that is followed by what may follow.
    /// </remarks>
    /// <returns>
    /// Position behind, which is the end of the line or holds <paramref name="next"/>; -1 when the
    /// form does not fit.
    /// </returns>
    public static int Client(ref byte block, int start, int end, byte next, out Slice address)
    {
        // Nearly always the line ends behind the first bracket, both within one step.
        ulong closes = Scan.Match(ref Unsafe.Add(ref block, start), (byte)']');
        ulong opens = Scan.Match(ref Unsafe.Add(ref block, start), (byte)'[')
            & ((closes & (0 - closes)) - 1);
        int close = start + BitOperations.TrailingZeroCount(closes);
        if (closes != 0 && opens != 0 && close < end
            && (close + 1 == end || (Unsafe.Add(ref block, close + 1) == next
                && Unsafe.Add(ref block, close + 2) == ' ')))
        {
            int open = start + 63 - BitOperations.LeadingZeroCount(opens);
            address = new Slice(open + 1, close - open - 1);
            return address.Length > 0 ? close + 1 : -1;
        }
        return LongClient(ref block, start, end, next, out address);
    }

    private static int LongClient(
        ref byte block, int start, int end, byte next, out Slice address)
    {
        address = default;
        int close = start;
        for (; ; close++)
        {
            close = Scan.IndexOf(ref block, close, end, (byte)']');
            if (close >= end)
            {
                return -1;
            }
            int at = Port(ref block, close + 1, end);
            if (at == end || Unsafe.Add(ref block, at) == next)
            {
                return TryBracket(ref block, start, close, out address) ? at : -1;
            }
        }
    }

    private static int Port(ref byte block, int at, int end)
    {
        if (at >= end || Unsafe.Add(ref block, at) != ':')
        {
            return at;
        }
        if (Scan.Is(ref block, at, end, ":unknown"u8))
        {
            return at + 8;
        }
        int behind = Scan.Digits(ref block, at + 1, end, out _);
        return behind > at + 1 ? behind : at;
    }

    private static LineOutcome ParseClient(ref byte block, int at, int end, ref LogEvent e)
    {
        at = Client(ref block, at, end, (byte)',', out Slice ip);
        if (at < 0)
        {
            return LineOutcome.Client;
        }
        e.Kind = EventKind.Client;
        e.Ip = ip;
        return at == end || ParseClientKeys(ref block, at, end, ref e)
            ? LineOutcome.Event : LineOutcome.Client;
    }

    /// <summary>
    /// The keys behind the client, in Postfix's order. A user name is not quoted and may hold
    /// spaces and commas: only a key that may follow it ends it. Such a key may be part of
    /// the name as well, so nothing behind a name is believed, not even the mail's former hop.
    /// </summary>
    private static bool ParseClientKeys(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, ", sasl_method="u8))
        {
            at = Scan.Find(ref block, at + 14, end, ", "u8);
            if (at < 0 || !Scan.Is(ref block, at, end, ", sasl_username="u8))
            {
                return false;
            }
        }
        if (Scan.Is(ref block, at, end, ", sasl_username="u8))
        {
            int user = at + 16;
            at = EndOfUser(ref block, user, end, withSender: true);
            at = at == end ? WithoutKey(ref block, user, end) : at;
            e.Sasl = new Slice(user, at - user);
            return true;
        }
        if (Scan.Is(ref block, at, end, ", sasl_sender="u8))
        {
            at = EndOfUser(ref block, at + 14, end, withSender: false);
        }
        if (Scan.Is(ref block, at, end, ", orig_queue_id="u8))
        {
            int id = at + 16;
            at = Scan.IndexOf(ref block, id, end, (byte)',');
            if (QueueId.TryParse(Scan.Span(ref block, id, at), out QueueId orig))
            {
                e.OrigQueueId = orig;
            }
        }
        if (Scan.Is(ref block, at, end, ", orig_client="u8))
        {
            at = Client(ref block, at + 14, end, (byte)',', out Slice ip);
            e.OrigIp = ip;
        }

        // A later version may append keys; a cut key makes the line strange.
        return at == end
            || (at > 0 && Scan.Is(ref block, at, end, ", "u8)
                && Scan.Span(ref block, at, end).Contains((byte)'=')
                && !IsKnownKeyCut(Scan.Span(ref block, at + 2, end)));
    }

    private static bool IsKnownKeyCut(ReadOnlySpan<byte> rest) =>
        "sasl_username="u8.StartsWith(rest) || "sasl_sender="u8.StartsWith(rest)
        || "orig_queue_id="u8.StartsWith(rest) || "orig_client="u8.StartsWith(rest)
        || "sasl_method="u8.StartsWith(rest);

    /// <summary>The end of a user name where the line may have been cut within the key behind it.</summary>
    private static int WithoutKey(ref byte block, int user, int end)
    {
        ReadOnlySpan<byte> text = Scan.Span(ref block, user, end);
        int comma = text.LastIndexOf((byte)',');
        bool isKey = comma >= 0 && (comma + 1 == text.Length
            || (text[comma + 1] == ' ' && IsKnownKeyCut(text[(comma + 2)..])));
        return isKey ? user + comma : end;
    }

    private static int EndOfUser(ref byte block, int start, int end, bool withSender)
    {
        for (int at = start; ; at++)
        {
            at = Scan.Find(ref block, at, end, ", "u8);
            if (at < 0)
            {
                return end;
            }
            if (Scan.Is(ref block, at, end, ", orig_queue_id="u8)
                || Scan.Is(ref block, at, end, ", orig_client="u8)
                || (withSender && Scan.Is(ref block, at, end, ", sasl_sender="u8)))
            {
                return at;
            }
        }
    }

    private static LineOutcome ParsePickup(ref byte block, int at, int end, ref LogEvent e)
    {
        int behind = Scan.Digits(ref block, at, end, out long uid);
        if (behind == at || !Scan.Is(ref block, behind, end, " from=<"u8))
        {
            return LineOutcome.Pickup;
        }
        int from = behind + 7;
        int close = Scan.Span(ref block, from, end).LastIndexOf((byte)'>');
        if (close < 0)
        {
            return LineOutcome.Pickup;
        }
        close += from;
        e.Kind = EventKind.Pickup;
        e.Number = uid;
        e.Sender = new Slice(from, close - from);
        if (close + 1 == end)
        {
            return LineOutcome.Event;
        }
        if (!Scan.Is(ref block, close, end, "> orig_id="u8)
            || !QueueId.TryParse(Scan.Span(ref block, close + 10, end), out QueueId orig))
        {
            return LineOutcome.Pickup;
        }
        e.OrigQueueId = orig;
        return LineOutcome.Event;
    }

    private static LineOutcome ParseCleanup(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "message-id="u8))
        {
            return ParseMessageId(ref block, at + 11, end, ref e);
        }
        if (Scan.Is(ref block, at, end, "to=<"u8))
        {
            return PostfixDelivery.Parse(ref block, at, end, DeliveryAgent.Cleanup, ref e);
        }
        if (Scan.Is(ref block, at, end, "removed ("u8))
        {
            ReadOnlySpan<byte> text = Scan.Span(ref block, at, end);
            bool canceled = text.SequenceEqual("removed (canceled)"u8);
            if (!canceled && !text.SequenceEqual("removed (discarded)"u8))
            {
                return LineOutcome.Removed;
            }
            e.Kind = EventKind.Removed;
            e.Removal = canceled ? Removal.Canceled : Removal.Discarded;
            return LineOutcome.Event;
        }
        return PostfixReject.ParseCleanup(ref block, at, end, ref e);
    }

    private static LineOutcome ParseMessageId(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Unsafe.Add(ref block, end - 1) != '>'
            || Unsafe.Add(ref block, end - 2) is (byte)'a' or (byte)'d')
        {
            end = at + WithoutLineEnd(Scan.Span(ref block, at, end));
        }
        if (at < end && Unsafe.Add(ref block, at) == '<')
        {
            if (Unsafe.Add(ref block, end - 1) == '>')
            {
                at++;
                end--;
            }
            else if (Scan.IndexOf(ref block, at, end, (byte)'>') == end)
            {
                // Cut. A part of a message-id is another message-id.
                return LineOutcome.MessageId;
            }
        }
        e.Kind = EventKind.MessageId;
        e.MessageId = new Slice(at, end - at);
        return LineOutcome.Event;
    }

    /// <summary>
    /// A filter in front of cleanup may hand on the line end as well, which syslog daemons write as
    /// <c>#012</c>, <c>^M</c>, <c>\n</c> or <c>&lt;0a&gt;</c>.
    /// </summary>
    private static int WithoutLineEnd(ReadOnlySpan<byte> id)
    {
        while (true)
        {
            int escape = id.EndsWith("#012"u8) || id.EndsWith("#015"u8) || id.EndsWith("<0a>"u8)
                || id.EndsWith("<0d>"u8)
                ? 4
                : id.EndsWith("^M"u8) || id.EndsWith("^J"u8) || id.EndsWith("\\n"u8)
                    || id.EndsWith("\\r"u8) ? 2 : 0;
            if (escape == 0)
            {
                return id.Length;
            }
            id = id[..^escape];
        }
    }

    private static LineOutcome ParseQmgr(ref byte block, int at, int end, ref LogEvent e)
    {
        if (Scan.Is(ref block, at, end, "from=<"u8))
        {
            return ParseQueueActive(ref block, at + 6, end, ref e);
        }
        if (Scan.Is(ref block, at, end, "to=<"u8))
        {
            return PostfixDelivery.Parse(ref block, at, end, DeliveryAgent.Qmgr, ref e);
        }
        return ParseRemoved(ref block, at, end, Removal.Removed, ref e);
    }

    /// <summary>
    /// Read from the right, where only Postfix writes: a quoted sender may hold any text.
    /// </summary>
    private static LineOutcome ParseQueueActive(
        ref byte block, int from, int end, ref LogEvent e)
    {
        const int SuffixLength = 15;
        if (end - from < SuffixLength
            || !Scan.Is(ref block, end - SuffixLength, end, " (queue active)"u8))
        {
            return ParseExpired(ref block, from, end, ref e);
        }
        int at = end - SuffixLength;
        at = NumberBefore(ref block, from, at, out long count);
        if (at - 8 < from || !Scan.Is(ref block, at - 8, at, ", nrcpt="u8))
        {
            return LineOutcome.Queue;
        }
        at = NumberBefore(ref block, from, at - 8, out long size);
        if (at - 8 < from || !Scan.Is(ref block, at - 8, at, ">, size="u8))
        {
            return LineOutcome.Queue;
        }
        if (!IsClosedAt(ref block, from, at - 8, end))
        {
            return LineOutcome.Queue;
        }
        e.Kind = EventKind.QueueActive;
        e.Sender = new Slice(from, at - 8 - from);
        e.Number = size;
        e.Count = (int)Math.Min(count, int.MaxValue);
        return LineOutcome.Event;
    }

    /// <summary>
    /// Whether an address can end at <paramref name="close"/>: of a cut line the end may be within
    /// the quotes, where the sender writes.
    /// </summary>
    private static bool IsClosedAt(ref byte block, int from, int close, int end) =>
        PostfixDelivery.BehindQuotes(ref block, from, end) <= close;

    private static int NumberBefore(ref byte block, int start, int end, out long value)
    {
        value = 0;
        long unit = 1;
        int at = end;
        int stop = Math.Max(start, end - 18);
        for (; at > stop; at--)
        {
            uint digit = (uint)Unsafe.Add(ref block, at - 1) - '0';
            if (digit > 9)
            {
                break;
            }
            value += digit * unit;
            unit *= 10;
        }
        return at < end ? at : start;
    }

    private static LineOutcome ParseExpired(ref byte block, int from, int end, ref LogEvent e)
    {
        int close = Scan.FindLast(ref block, from, end, ">, status="u8);
        if (close < 0)
        {
            return LineOutcome.Queue;
        }
        ReadOnlySpan<byte> status = Scan.Span(ref block, close + 10, end);
        if ((!status.SequenceEqual("expired, returned to sender"u8)
                && !status.SequenceEqual("force-expired, returned to sender"u8))
            || !IsClosedAt(ref block, from, close, end))
        {
            return LineOutcome.Queue;
        }
        e.Kind = EventKind.Expired;
        e.Sender = new Slice(from, close - from);
        return LineOutcome.Event;
    }

    private static LineOutcome ParseRemoved(
        ref byte block, int at, int end, Removal removal, ref LogEvent e)
    {
        if (!Scan.Is(ref block, at, end, "removed"u8))
        {
            return LineOutcome.Ignored;
        }
        if (end - at != 7)
        {
            return LineOutcome.Removed;
        }
        e.Kind = EventKind.Removed;
        e.Removal = removal;
        return LineOutcome.Event;
    }

    /// <summary><c>sender non-delivery notification: NEW</c> and its four kin.</summary>
    private static LineOutcome ParseNotification(
        ref byte block, int at, int end, ref LogEvent e)
    {
        if (!Scan.Is(ref block, at, end, "sender "u8)
            && !Scan.Is(ref block, at, end, "postmaster "u8))
        {
            return LineOutcome.Ignored;
        }
        int space = Scan.IndexOf(ref block, at, end, (byte)' ');
        int word = Scan.Find(ref block, space + 1, end, " notification: "u8);
        if (word < 0 || !IsNotice(Scan.Span(ref block, space + 1, word)))
        {
            return LineOutcome.Ignored;
        }
        if (!QueueId.TryParse(Scan.Span(ref block, word + 15, end), out QueueId created))
        {
            return LineOutcome.Notification;
        }
        e.Kind = EventKind.Notification;
        e.OrigQueueId = created;
        return LineOutcome.Event;
    }

    private static bool IsNotice(ReadOnlySpan<byte> kind) =>
        kind.SequenceEqual("non-delivery"u8) || kind.SequenceEqual("delay"u8)
        || kind.SequenceEqual("delivery status"u8);

    private static LogTag Process(ReadOnlySpan<byte> name) => name switch
    {
        _ when name.SequenceEqual("smtpd"u8) => new(LogProgram.Smtpd),
        _ when name.SequenceEqual("qmqpd"u8) => new(LogProgram.Smtpd),
        _ when name.SequenceEqual("pickup"u8) => new(LogProgram.Pickup),
        _ when name.SequenceEqual("cleanup"u8) => new(LogProgram.Cleanup, DeliveryAgent.Cleanup),
        _ when name.SequenceEqual("qmgr"u8) => new(LogProgram.Qmgr, DeliveryAgent.Qmgr),
        _ when name.SequenceEqual("oqmgr"u8) => new(LogProgram.Qmgr, DeliveryAgent.Qmgr),
        _ when name.SequenceEqual("nqmgr"u8) => new(LogProgram.Qmgr, DeliveryAgent.Qmgr),
        _ when name.SequenceEqual("smtp"u8) => new(LogProgram.Agent, DeliveryAgent.Smtp),
        _ when name.SequenceEqual("lmtp"u8) => new(LogProgram.Agent, DeliveryAgent.Lmtp),
        _ when name.SequenceEqual("local"u8) => new(LogProgram.Agent, DeliveryAgent.Local),
        _ when name.SequenceEqual("virtual"u8) => new(LogProgram.Agent, DeliveryAgent.Virtual),
        _ when name.SequenceEqual("pipe"u8) => new(LogProgram.Agent, DeliveryAgent.Pipe),
        _ when name.SequenceEqual("error"u8) => new(LogProgram.Agent, DeliveryAgent.Error),
        _ when name.SequenceEqual("retry"u8) => new(LogProgram.Agent, DeliveryAgent.Retry),
        _ when name.SequenceEqual("discard"u8) => new(LogProgram.Agent, DeliveryAgent.Discard),
        _ when name.SequenceEqual("bounce"u8) => new(LogProgram.Bounce, DeliveryAgent.Bounce),
        _ when name.SequenceEqual("defer"u8) => new(LogProgram.Bounce, DeliveryAgent.Bounce),
        _ when name.SequenceEqual("trace"u8) => new(LogProgram.Bounce, DeliveryAgent.Bounce),
        _ when name.SequenceEqual("postsuper"u8) => new(LogProgram.Postsuper),
        _ when name.SequenceEqual("postscreen"u8) => new(LogProgram.Postscreen),
        _ => default,
    };

    /// <summary>Programs of Postfix that never write a line about a message.</summary>
    private static bool IsQuiet(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("anvil"u8) || name.SequenceEqual("dnsblog"u8)
        || name.SequenceEqual("tlsproxy"u8) || name.SequenceEqual("verify"u8)
        || name.SequenceEqual("scache"u8) || name.SequenceEqual("trivial-rewrite"u8)
        || name.SequenceEqual("proxymap"u8) || name.SequenceEqual("proxywrite"u8)
        || name.SequenceEqual("tlsmgr"u8) || name.SequenceEqual("flush"u8)
        || name.SequenceEqual("showq"u8) || name.SequenceEqual("master"u8)
        || name.SequenceEqual("postlogd"u8) || name.SequenceEqual("postfix-script"u8)
        || name.SequenceEqual("sendmail"u8) || name.SequenceEqual("postdrop"u8)
        || name.SequenceEqual("postqueue"u8) || name.SequenceEqual("postlog"u8)
        || name.SequenceEqual("policy-spf"u8) || name.SequenceEqual("spawn"u8);
}
