using System.Globalization;
using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The Postfix half of <see cref="SlowParser"/>.</summary>
internal static class SlowPostfix
{
    private static readonly Regex s_id = SlowParser.Pattern(@"^(?<id>[0-9A-Za-z]+): (?<rest>.*)$");

    private static readonly Regex s_client = SlowParser.Pattern(
        @"^client=.*?\[(?<ip>[^\[\]]*)\](?::\d+)?(?:(?<tail>, (?:sasl_method|sasl_username|sasl_sender|"
        + "orig_queue_id|orig_client)=.*)|,.*)?$");

    private static readonly Regex s_lastAddress = SlowParser.Pattern(
        @"\[(?<ip>[^\[\]]*)\](?::\d+)?$");

    private static readonly Regex s_sasl = SlowParser.Pattern(
        @", sasl_username=(?<v>.*?)(?:, sasl_sender=.*|, orig_queue_id=.*|, orig_client=.*)?$");

    private static readonly Regex s_methodCut = SlowParser.Pattern(
        @"^, sasl_method=[^,]*(?!, sasl_username=)(?:,|$)"
        + "|, orig_queue_id=[^,]*,(?! orig_client=)");

    private static readonly Regex s_pickup = SlowParser.Pattern(
        @"^uid=(?<uid>\d+) from=<(?<from>.*?)>(?: orig_id=(?<orig>[0-9A-Za-z]+))?$");

    /// <summary>Quotes that are opened must be closed: behind a cut the sender may have written.</summary>
    private const string Sender = @"(?<from>""(?:[^""\\]|\\.)*""(?:@.*)?|(?!"").*)";

    private static readonly Regex s_active = SlowParser.Pattern(
        @"^from=<" + Sender + @">, size=(?<size>\d+), nrcpt=(?<nrcpt>\d+) \(queue active\)$");

    private static readonly Regex s_expired = SlowParser.Pattern(
        @"^from=<" + Sender + @">, status=(?:force-)?expired, returned to sender$");

    private static readonly Regex s_delivery = SlowParser.Pattern(
        @"^to=<(?<to>""(?:[^""\\]|\\.)*""(?:@[^>]*)?|(?!"")(?:(?!>, orig_to=<|>, relay=).)*)>"
        + @"(?:, orig_to=<(?<orig>""(?:[^""\\]|\\.)*""(?:@[^>]*)?|(?!"")(?:(?!>, relay=).)*)>)?"
        + @", relay=(?<relay>[^,]*|.*?)(?<keys>, .*?)??, status=(?<status>[a-zA-Z-]+)"
        + @"(?: (?:\((?<reason>.*))?)?$");

    private static readonly Regex s_dsnKey = SlowParser.Pattern(
        @"^.*, dsn=(?<dsn>\d\.\d{1,3}\.\d{1,3})(?:,|$)");

    private static readonly Regex s_queuedAs = SlowParser.Pattern(
        @"^.*queued as (?<id>[0-9A-Za-z]+)\)");

    private static readonly Regex s_forwardedAs = SlowParser.Pattern(
        @"^forwarded as (?<id>[0-9A-Za-z]+)\)");

    private static readonly Regex s_notification = SlowParser.Pattern(
        @"^(?:sender|postmaster) (?:non-delivery|delay|delivery status) notification: "
        + @"(?<id>[0-9A-Za-z]+)$");

    private static readonly Regex s_reject = SlowParser.Pattern(
        @"^(?<what>reject|milter-reject): (?<stage>[A-Z][A-Z-]*) from "
        + @"(?<name>[^\[]*)\[(?<ip>[^\[\]]*)\](?::\d+)?: (?<reply>.*)$");

    private static readonly Regex s_proxyReject = SlowParser.Pattern(
        @"^proxy-reject: END-OF-MESSAGE: (?<reply>.*)$");

    private static readonly Regex s_contentReject = SlowParser.Pattern(
        @"^(?<what>reject|discard|milter-header-reject|milter-body-reject): (?<content>.*)$");

    private static readonly Regex s_reply = SlowParser.Pattern(
        @"^(?:(?<code>[245]\d\d)(?:[ -]|$))?(?:(?<dsn>\d\.\d{1,3}\.\d{1,3})(?:[ ;]|$))?");

    private static readonly Regex s_replyBehind = SlowParser.Pattern(
        @"^.*; from=<.*>: (?:(?<code>[245]\d\d)(?:[ -]|$))?(?:(?<dsn>\d\.\d{1,3}\.\d{1,3})(?:[ ;]|$))?");

    private const string Mailbox = @"(?:""(?:[^""\\]|\\.)*""(?:@[^>]*)?|"
        + @"(?!"")(?:(?!>,? to=<|>,? proto=).)*?)";

    private static readonly Regex s_parties = SlowParser.Pattern(
        $@"^(?:from=<(?<from>{Mailbox})>,? )?(?:to=<(?<to>{Mailbox})>,? )?proto=[^ ]*"
        + "(?: helo=<.*>.*)?$");

    private static readonly Regex s_contentParties = SlowParser.Pattern(
        $@"^from=<(?:(?<from>{Mailbox})> to=<(?<to>{Mailbox})> proto=.*|"
        + @"(?!"")(?<from>(?:(?!> to=<).)*?)>(?: proto=.*|: .*|))$");

    public static SlowOutcome Parse(string program, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        bool isRejecter = program is "smtpd" or "postscreen" or "cleanup";
        Match m = s_id.Match(text);
        string rest = m.Groups["rest"].Value;
        if (!m.Success)
        {
            m = s_proxyReject.Match(text);
            return m.Success && program is "smtpd"
                ? Reject(frame, m.Groups["reply"].Value, null, out result)
                : SlowOutcome.Ignored;
        }
        string id = m.Groups["id"].Value;
        if (id is "NOQUEUE")
        {
            return isRejecter ? ParseReject(program, rest, frame, out result) : SlowOutcome.Ignored;
        }
        if (!SlowParser.IsQueueId(id))
        {
            return SlowOutcome.Ignored;
        }
        frame = frame with { QueueId = id };
        if (rest.StartsWith("to=<", StringComparison.Ordinal))
        {
            DeliveryAgent agent = Agent(program);
            return agent == DeliveryAgent.None
                ? SlowOutcome.Ignored
                : ParseDelivery(agent, rest, frame, out result);
        }
        return program switch
        {
            "smtpd" or "qmqpd" when rest.StartsWith("client=", StringComparison.Ordinal) =>
                ParseClient(rest, frame, out result),
            "pickup" => ParsePickup(rest, frame, out result),
            "qmgr" or "oqmgr" or "nqmgr" or "postsuper" => ParseQueue(program, rest, frame, out result),
            "bounce" or "defer" or "trace" => ParseNotification(rest, frame, out result),
            "cleanup" when rest.StartsWith("message-id=", StringComparison.Ordinal) =>
                ParseMessageId(rest, frame, out result),
            "cleanup" when rest.StartsWith("removed", StringComparison.Ordinal) =>
                ParseQueue(program, rest, frame, out result),
            _ when isRejecter => ParseReject(program, rest, frame, out result),
            _ => SlowOutcome.Ignored,
        };
    }

    private static DeliveryAgent Agent(string program) => program switch
    {
        "smtp" => DeliveryAgent.Smtp,
        "lmtp" => DeliveryAgent.Lmtp,
        "local" => DeliveryAgent.Local,
        "virtual" => DeliveryAgent.Virtual,
        "pipe" => DeliveryAgent.Pipe,
        "error" => DeliveryAgent.Error,
        "retry" => DeliveryAgent.Retry,
        "discard" => DeliveryAgent.Discard,
        "cleanup" => DeliveryAgent.Cleanup,
        "qmgr" or "oqmgr" or "nqmgr" => DeliveryAgent.Qmgr,
        "bounce" or "defer" or "trace" => DeliveryAgent.Bounce,
        _ => DeliveryAgent.None,
    };

    private static SlowOutcome ParseClient(string rest, SlowEvent frame, out SlowEvent result)
    {
        Match m = s_client.Match(rest);
        string tail = m.Groups["tail"].Value;
        Match sasl = s_sasl.Match(tail);
        string? ip = m.Success ? m.Groups["ip"].Value : null;
        string? origId = Behind(tail, ", orig_queue_id=");
        origId = origId?.Split(", ")[0];
        string? origClient = Behind(tail, ", orig_client=");
        result = frame with
        {
            Kind = EventKind.Client,
            Ip = ip,
            Sasl = sasl.Success ? sasl.Groups["v"].Value : null,
            OrigQueueId = origId is not null && SlowParser.IsQueueId(origId) ? origId : null,
            OrigIp = origClient is null ? null : LastAddress(origClient),
        };
        bool isCut = ip is null || (origClient is not null && result.OrigIp is null)
            || s_methodCut.IsMatch(tail);
        return isCut ? SlowOutcome.Strange : SlowOutcome.Event;
    }

    private static string? LastAddress(string text)
    {
        Match m = s_lastAddress.Match(text);
        return m.Success ? m.Groups["ip"].Value : null;
    }

    /// <summary>The key's value, up to the end; from the right, where outsiders write least.</summary>
    private static string? Behind(string text, string key)
    {
        int at = text.LastIndexOf(key, StringComparison.Ordinal);
        return at < 0 ? null : text[(at + key.Length)..];
    }

    private static SlowOutcome ParsePickup(string rest, SlowEvent frame, out SlowEvent result)
    {
        Match m = s_pickup.Match(rest);
        string orig = m.Groups["orig"].Value;
        result = frame with
        {
            Kind = EventKind.Pickup,
            Number = m.Success ? Number(m.Groups["uid"].Value) : null,
            Sender = m.Groups["from"].Value,
            OrigQueueId = SlowParser.IsQueueId(orig) ? orig : null,
        };
        return m.Success && result.Number is not null && (orig.Length == 0 || SlowParser.IsQueueId(orig))
            ? SlowOutcome.Event : Broken(rest, "uid=");
    }

    private static SlowOutcome ParseMessageId(string rest, SlowEvent frame, out SlowEvent result)
    {
        string value = rest["message-id=".Length..];
        if (value.Length >= 2 && value[0] == '<' && value[^1] == '>')
        {
            value = value[1..^1];
        }
        if (value.StartsWith('<') && !value.Contains('>', StringComparison.Ordinal))
        {
            result = frame;
            return SlowOutcome.Strange;
        }
        result = frame with { Kind = EventKind.MessageId, MessageId = value };
        return SlowOutcome.Event;
    }

    private static SlowOutcome ParseQueue(
        string program, string rest, SlowEvent frame, out SlowEvent result)
    {
        Removal removal = (program, rest) switch
        {
            ("postsuper", "removed") => Removal.DeletedByAdministrator,
            ("cleanup", "removed (canceled)") => Removal.Canceled,
            ("cleanup", "removed (discarded)") => Removal.Discarded,
            ("qmgr" or "oqmgr" or "nqmgr", "removed") => Removal.Removed,
            _ => Removal.None,
        };
        result = frame with { Kind = EventKind.Removed, Removal = removal };
        if (removal != Removal.None)
        {
            return SlowOutcome.Event;
        }
        if (program is "postsuper" or "cleanup")
        {
            return SlowOutcome.Ignored;
        }
        Match m = s_active.Match(rest);
        if (m.Success)
        {
            result = frame with
            {
                Kind = EventKind.QueueActive,
                Sender = m.Groups["from"].Value,
                Number = Number(m.Groups["size"].Value),
                Count = (int?)Number(m.Groups["nrcpt"].Value),
            };
            return result.Number is null || result.Count is null
                ? SlowOutcome.Strange : SlowOutcome.Event;
        }
        m = s_expired.Match(rest);
        result = frame with { Kind = EventKind.Expired, Sender = m.Groups["from"].Value };
        return m.Success ? SlowOutcome.Event : Broken(rest, "from=<");
    }

    private static SlowOutcome ParseDelivery(
        DeliveryAgent agent, string rest, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_delivery.Match(rest);
        RecordStatus status = m.Groups["status"].Value switch
        {
            "sent" => RecordStatus.Sent,
            "deferred" => RecordStatus.Deferred,
            "bounced" => RecordStatus.Bounced,
            "deliverable" => RecordStatus.Deliverable,
            "undeliverable" => RecordStatus.Undeliverable,
            _ => RecordStatus.None,
        };
        if (!m.Success || status == RecordStatus.None)
        {
            return SlowOutcome.Strange;
        }
        Match dsn = s_dsnKey.Match(m.Groups["keys"].Value);
        Match edge = agent == DeliveryAgent.Local
            ? s_forwardedAs.Match(m.Groups["reason"].Value)
            : s_queuedAs.Match(m.Groups["reason"].Value);
        bool hasEdge = edge.Success && status == RecordStatus.Sent
            && agent is DeliveryAgent.Smtp or DeliveryAgent.Lmtp or DeliveryAgent.Local
                or DeliveryAgent.Pipe
            && SlowParser.IsQueueId(edge.Groups["id"].Value);
        result = frame with
        {
            Kind = EventKind.Delivery,
            Agent = agent,
            Status = status,
            Recipient = m.Groups["to"].Value,
            OrigTo = m.Groups["orig"].Success ? m.Groups["orig"].Value : null,
            Relay = m.Groups["relay"].Value,
            Dsn = dsn.Success ? Dsn(dsn) : null,
            OrigQueueId = hasEdge ? edge.Groups["id"].Value : null,
            BoxSession = agent == DeliveryAgent.Lmtp && status == RecordStatus.Sent
                ? SlowFates.OfReply(m.Groups["reason"].Value) : null,
            Edge = !hasEdge ? QueueEdge.None
                : agent == DeliveryAgent.Local ? QueueEdge.ForwardedAs : QueueEdge.QueuedAs,
        };
        return SlowOutcome.Event;
    }

    private static SlowOutcome ParseNotification(string rest, SlowEvent frame, out SlowEvent result)
    {
        Match m = s_notification.Match(rest);
        string id = m.Groups["id"].Value;
        result = frame with { Kind = EventKind.Notification, OrigQueueId = id };
        return m.Success && SlowParser.IsQueueId(id) ? SlowOutcome.Event : SlowOutcome.Ignored;
    }

    private static SlowOutcome ParseReject(
        string program, string rest, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_reject.Match(rest);
        if (m.Success)
        {
            bool ends = frame.QueueId is not null
                && (m.Groups["stage"].Value is "END-OF-MESSAGE");
            frame = frame with { EndsMessage = ends };
            return Reject(frame, m.Groups["reply"].Value, m.Groups["ip"].Value, out result);
        }
        m = s_proxyReject.Match(rest);
        if (m.Success && program is "smtpd")
        {
            return Reject(frame, m.Groups["reply"].Value, null, out result);
        }
        m = s_contentReject.Match(rest);
        if (!m.Success || program is not "cleanup" || frame.QueueId is null)
        {
            return SlowOutcome.Ignored;
        }
        if (m.Groups["what"].Value is "discard")
        {
            result = frame with { Kind = EventKind.Removed, Removal = Removal.Discarded };
            return SlowOutcome.Event;
        }
        string content = m.Groups["content"].Value;
        int at = content.LastIndexOf("; from=<", StringComparison.Ordinal);
        string? ip = at < 0 ? null : LastAddress(content[..at]);
        if (ip is not null && content.EndsWith('>')
            && !content[at..].Contains("> proto=", StringComparison.Ordinal))
        {
            return SlowOutcome.Strange;
        }
        Match reply = s_replyBehind.Match(content);
        if (at < 0 || !TryReadParties(ref frame, content[(at + 2)..], s_contentParties))
        {
            return SlowOutcome.Strange;
        }
        result = frame with
        {
            Kind = EventKind.Reject,
            EndsMessage = true,
            ReplyCode = reply.Groups["code"].Success ? (int?)Number(reply.Groups["code"].Value) : null,
            Dsn = reply.Groups["dsn"].Success ? Dsn(reply) : null,
            Ip = ip,
        };
        return SlowOutcome.Event;
    }

    private static SlowOutcome Reject(SlowEvent frame, string reply, string? ip, out SlowEvent result)
    {
        int at = reply.LastIndexOf("; from=<", StringComparison.Ordinal);
        if (at < 0)
        {
            at = reply.LastIndexOf("; to=<", StringComparison.Ordinal);
        }
        Match m = s_reply.Match(reply);
        if (at < 0)
        {
            at = reply.LastIndexOf("; proto=", StringComparison.Ordinal);
        }
        result = frame;
        bool isBare = reply is "too many connections" or "all server ports busy";
        if (!isBare && !TryReadParties(ref frame, at < 0 ? "" : reply[(at + 2)..], s_parties))
        {
            return SlowOutcome.Strange;
        }
        result = frame with
        {
            Kind = EventKind.Reject,
            Ip = ip,
            ReplyCode = m.Groups["code"].Success ? (int?)Number(m.Groups["code"].Value) : null,
            Dsn = m.Groups["dsn"].Success ? Dsn(m) : null,
        };
        return SlowOutcome.Event;
    }

    private static bool TryReadParties(ref SlowEvent frame, string parties, Regex pattern)
    {
        Match m = pattern.Match(parties);
        frame = frame with
        {
            Sender = m.Groups["from"].Success ? m.Groups["from"].Value : null,
            Recipient = m.Groups["to"].Success ? m.Groups["to"].Value : null,
        };
        return m.Success;
    }

    /// <summary>The three numbers without leading zeros.</summary>
    private static string Dsn(Match m) =>
        string.Join('.', m.Groups["dsn"].Value.Split('.').Select(n => Number(n)));

    private static SlowOutcome Broken(string rest, string opening) =>
        rest.StartsWith(opening, StringComparison.Ordinal)
            ? SlowOutcome.Strange : SlowOutcome.Ignored;

    private static long? Number(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : null;
}
