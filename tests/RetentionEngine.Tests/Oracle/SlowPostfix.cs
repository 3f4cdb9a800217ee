using System.Globalization;
using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The Postfix half of <see cref="SlowParser"/>.</summary>
internal static partial class SlowPostfix
{
    private static readonly Regex s_id = SlowParser.Pattern(@"^(?<id>[0-9A-Za-z]+): (?<rest>.*)$");

    /// <summary>The first bracket behind which a client may end; its name may hold others.</summary>
    private static readonly Regex s_client = SlowParser.Pattern(
        @"^(?:(?!\](?>(?::unknown|:\d{1,18})?)(?:,|$)).)*\[(?<ip>[^\[\]]+)\](?::unknown|:\d{1,18})?(?<tail>,.*)?$");

    private static readonly Regex s_lastAddress = SlowParser.Pattern(
        @"\[(?<ip>[^\[\]]+)\](?::\d{0,18})?$");

    /// <summary>The keys behind the client, in Postfix's order, each ended by one that may follow.</summary>
    private static readonly Regex s_clientKeys = SlowParser.Pattern(
        @"^(?>(?:, sasl_method=(?:(?!, ).)*(?=, sasl_username=))?)(?!, sasl_method=)"
        + @"(?>(?:, sasl_username=(?<user>(?:(?!, orig_queue_id=|, orig_client=|, sasl_sender=).)*))?)"
        + @"(?>(?:, sasl_sender=(?:(?!, orig_queue_id=|, orig_client=).)*)?)"
        + @"(?>(?:, orig_queue_id=(?<id>[^,]*))?)(?>(?:, orig_client=(?<client>.*))?)(?<more>.*)$");

    private static readonly string[] s_keys =
        ["sasl_method=", "sasl_username=", "sasl_sender=", "orig_queue_id=", "orig_client="];

    private static readonly Regex s_pickup = SlowParser.Pattern(
        @"^uid=(?<uid>\d{1,18}) from=<(?<from>.*)>(?: orig_id=(?<orig>[^>]*))?$");

    /// <summary>Quotes that are opened must be closed: behind a cut the sender may have written.</summary>
    private const string Sender = @"(?<from>""(?:[^""\\]|\\.)*""(?=[@>]).*|(?!"").*)";

    private static readonly Regex s_active = SlowParser.Pattern(
        @"^from=<" + Sender + @">, size=(?<size>\d{1,18}), nrcpt=(?<nrcpt>\d{1,18}) \(queue active\)$");

    private static readonly Regex s_expired = SlowParser.Pattern(
        @"^from=<" + Sender + @">, status=(?:force-)?expired, returned to sender$");

    /// <summary>Quotes that are opened must be closed, and the address must go on or end there.</summary>
    private const string Quotes = @"(?:""(?:[^""\\]|\\.)*""(?=[@>])|(?!""))";

    private static readonly Regex s_delivery = SlowParser.Pattern(
        $@"^to=<(?<to>{Quotes}(?:(?!>, orig_to=<|>, relay=).)*)>"
        + $@"(?:, orig_to=<(?<orig>{Quotes}(?:(?!>, relay=).)*)>)?"
        + @", relay=(?<relay>[^,]*)(?:, dsn=(?<dsn>\d\.\d{1,3}\.\d{1,3})(?=,)|, (?!dsn=|status)[^,]*)*"
        + @", status=(?<status>sent|deferred|bounced|expired|deliverable|undeliverable)"
        + @"(?: \((?<reason>.*)| ?)$");

    /// <summary>The id and what ends it: a cut id is another id.</summary>
    private static readonly Regex s_newId = SlowParser.Pattern(
        @"^(?<id>[0-9A-Za-z]+)[ ),;\]]");

    private static readonly Regex s_notification = SlowParser.Pattern(
        @"^(?:sender|postmaster) (?:non-delivery|delay|delivery status) notification: "
        + @"(?<id>[0-9A-Za-z]+)$");

    private static readonly Regex s_lineEnd = SlowParser.Pattern(
        @"(?:#012|#015|<0[ad]>|\^[MJ]|\\[nr])+$");

    private static readonly string[] s_programs =
    [
        "smtpd", "qmqpd", "pickup", "cleanup", "qmgr", "oqmgr", "nqmgr", "smtp", "lmtp", "local",
        "virtual", "pipe", "error", "retry", "discard", "bounce", "defer", "trace", "postsuper",
        "postscreen",
    ];

    private static readonly string[] s_quiet =
    [
        "anvil", "dnsblog", "tlsproxy", "verify", "scache", "trivial-rewrite", "proxymap",
        "proxywrite", "tlsmgr", "flush", "showq", "master", "postlogd", "postfix-script", "sendmail",
        "postdrop", "postqueue", "postlog", "policy-spf", "spawn",
    ];

    /// <summary>The program that a tag names; empty when it writes nothing that we need.</summary>
    /// <returns>Null when the tag is not one of Postfix.</returns>
    public static string? Program(string tag)
    {
        int slash = tag.IndexOf('/', StringComparison.Ordinal);
        string process = tag[(tag.LastIndexOf('/') + 1)..];
        if (slash <= 0 || process.Length == 0)
        {
            return null;
        }
        bool isPostfix = tag.StartsWith("postfix", StringComparison.Ordinal)
            && slash >= "postfix".Length;
        if (s_quiet.Contains(process, StringComparer.Ordinal))
        {
            return isPostfix ? "" : null;
        }
        int variant = process.IndexOfAny(['.', '-']);
        string name = s_programs.Contains(process, StringComparer.Ordinal) || variant <= 0
            ? process : process[..variant];
        return s_programs.Contains(name, StringComparer.Ordinal) ? name : isPostfix ? "other" : null;
    }

    public static SlowOutcome Parse(string program, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_id.Match(text);
        string rest = m.Groups["rest"].Value;
        string id = m.Groups["id"].Value;
        if (id is "NOQUEUE" && program is "smtpd" or "qmqpd" or "postscreen")
        {
            return ParseReject(program, rest, frame, out result);
        }
        if (!m.Success || !SlowParser.IsQueueId(id))
        {
            bool isProxy = program is "smtpd" or "qmqpd"
                && text.StartsWith("proxy-reject: ", StringComparison.Ordinal);
            return isProxy ? ParseReject(program, text, frame, out result) : SlowOutcome.Ignored;
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
                ParseClient(rest["client=".Length..], frame, out result),
            "pickup" => ParsePickup(rest, frame, out result),
            "qmgr" or "oqmgr" or "nqmgr" or "postsuper" => ParseQueue(program, rest, frame, out result),
            "bounce" or "defer" or "trace" => ParseNotification(rest, frame, out result),
            "cleanup" when rest.StartsWith("message-id=", StringComparison.Ordinal) =>
                ParseMessageId(rest, frame, out result),
            "cleanup" when rest.StartsWith("removed", StringComparison.Ordinal) =>
                ParseQueue(program, rest, frame, out result),
            "cleanup" => ParseCleanup(rest, frame, out result),
            "smtpd" or "qmqpd" => ParseReject(program, rest, frame, out result),
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
        "other" => DeliveryAgent.Other,
        _ => DeliveryAgent.None,
    };

    private static SlowOutcome ParseClient(string rest, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_client.Match(rest);
        Match keys = s_clientKeys.Match(m.Groups["tail"].Value);
        if (!m.Success || !keys.Success)
        {
            return SlowOutcome.Strange;
        }
        string? user = keys.Groups["user"].Success ? keys.Groups["user"].Value : null;
        string id = keys.Groups["id"].Value;
        Match client = s_client.Match(keys.Groups["client"].Value);
        bool hasClient = keys.Groups["client"].Success;
        string more = hasClient ? client.Groups["tail"].Value : keys.Groups["more"].Value;
        result = frame with
        {
            Kind = EventKind.Client,
            Ip = m.Groups["ip"].Value,
            Sasl = user,
        };
        if (user is null)
        {
            result = result with
            {
                OrigQueueId = SlowParser.IsQueueId(id) ? id : null,
                OrigIp = hasClient && client.Success ? client.Groups["ip"].Value : null,
            };
            bool isCut = (hasClient && !client.Success) || (more.Length > 0 && !IsLaterKey(more));
            return isCut ? SlowOutcome.Strange : SlowOutcome.Event;
        }

        // Nothing behind a name is believed, as it may be part of the name. But of a name at the
        // end, what looks like the begin of the next key was one.
        bool isUserLast =
            keys.Groups["user"].Index + keys.Groups["user"].Length == m.Groups["tail"].Length;
        result = isUserLast && EndsInKey(user)
            ? result with { Sasl = user[..user.LastIndexOf(',')] } : result;
        return SlowOutcome.Event;
    }

    private static bool EndsInKey(string user)
    {
        int comma = user.LastIndexOf(',');
        return comma >= 0 && (comma + 1 == user.Length
            || (user[comma + 1] == ' ' && IsKeyCut(user[(comma + 2)..])));
    }

    /// <summary>Keys that later versions may have are let pass.</summary>
    private static bool IsLaterKey(string more) =>
        more.StartsWith(", ", StringComparison.Ordinal)
        && more.Contains('=', StringComparison.Ordinal) && !IsKeyCut(more[2..]);

    private static bool IsKeyCut(string text) =>
        s_keys.Any(k => k.StartsWith(text, StringComparison.Ordinal));

    private static string? LastAddress(string text)
    {
        Match m = s_lastAddress.Match(text);
        return m.Success ? m.Groups["ip"].Value : null;
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
        return m.Success && result.Number is not null && (!m.Groups["orig"].Success || SlowParser.IsQueueId(orig))
            ? SlowOutcome.Event : Broken(rest, "uid=");
    }

    private static SlowOutcome ParseMessageId(string rest, SlowEvent frame, out SlowEvent result)
    {
        string value = s_lineEnd.Replace(rest["message-id=".Length..], "");
        if (value.Length >= 2 && value[0] == '<' && value[^1] == '>')
        {
            value = value[1..^1];
        }
        else if (value.StartsWith('<') && !value.Contains('>', StringComparison.Ordinal))
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
                Count = (int?)Math.Min(Number(m.Groups["nrcpt"].Value) ?? 0, int.MaxValue),
            };
            return SlowOutcome.Event;
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
            "sent" when agent == DeliveryAgent.Discard => RecordStatus.Discarded,
            "sent" => RecordStatus.Sent,
            "deferred" => RecordStatus.Deferred,
            "bounced" => RecordStatus.Bounced,
            "deliverable" => RecordStatus.Deliverable,
            "undeliverable" => RecordStatus.Undeliverable,
            "expired" => RecordStatus.Expired,
            _ => RecordStatus.None,
        };
        if (!m.Success || status == RecordStatus.None)
        {
            return SlowOutcome.Strange;
        }
        string reason = m.Groups["reason"].Value;
        string words = agent == DeliveryAgent.Local ? "forwarded as " : "queued as ";
        int at = reason.LastIndexOf(words, StringComparison.Ordinal);
        at = agent == DeliveryAgent.Local && at > 0
            ? reason.StartsWith(words, StringComparison.Ordinal) ? 0 : -1 : at;
        Match edge = s_newId.Match(at < 0 ? "" : reason[(at + words.Length)..]);
        bool hasEdge = edge.Success && status == RecordStatus.Sent
            && agent is DeliveryAgent.Smtp or DeliveryAgent.Lmtp or DeliveryAgent.Local
                or DeliveryAgent.Other
            && SlowParser.IsQueueId(edge.Groups["id"].Value);
        result = frame with
        {
            Kind = EventKind.Delivery,
            Agent = agent,
            Status = status,
            Recipient = m.Groups["to"].Value,
            OrigTo = m.Groups["orig"].Success ? m.Groups["orig"].Value : null,
            Relay = m.Groups["relay"].Value,
            Dsn = m.Groups["dsn"].Success ? Dsn(m) : null,
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

    private static string? Text(Match m, string group) =>
        m.Groups[group].Success ? m.Groups[group].Value : null;

    /// <summary>The three numbers without leading zeros.</summary>
    public static string? Dsn(Match m)
    {
        string code = string.Join('.', m.Groups["dsn"].Value.Split('.').Select(n => Number(n)));
        return code is "0.0.0" ? null : code;
    }

    private static SlowOutcome Broken(string rest, string opening) =>
        rest.StartsWith(opening, StringComparison.Ordinal)
            ? SlowOutcome.Strange : SlowOutcome.Ignored;

    private static long? Number(string digits) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : null;
}
