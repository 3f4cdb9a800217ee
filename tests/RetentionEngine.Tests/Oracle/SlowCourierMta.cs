using System.Globalization;
using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The part of <see cref="SlowParser"/> for Courier's mail server.</summary>
internal static class SlowCourierMta
{
    private const string Id =
        "(?<id>[0-9A-F]{16}\\.[0-9A-F]{16}\\.[0-9A-F]{8}|[0-9A-F]{8}\\.[0-9A-F]{8}\\.[0-9A-F]{8})";

    private const string Quoted = @"(?:""(?:[^""\\]|\\.)*""(?=[@>])|(?!""))";

    private static readonly Regex s_new = SlowParser.Pattern(
        "^newmsg,id=" + Id + @"(?:, auth=(?<user>(?:(?!: ).)*))?"
        + @"(?:: uucp; (?!.*\]\)$).*|: .*\[(?<ip>[^\[]+)\]\))?$");

    private static readonly Regex s_started = SlowParser.Pattern(
        "^started,id=" + Id + ",from=<(?<from>" + Quoted + @"(?:(?!>,module=).)*)>,module=(?<rest>.*)>$");

    private static readonly Regex s_result = SlowParser.Pattern(
        "^id=" + Id + ",from=<" + Quoted + "(?:(?!>,addr=<).)*>,addr=<(?<to>" + Quoted + "[^>]*)>"
        + @"(?:,size=(?<size>\d{1,18}))?(?:,success: (?:delivered: (?<relay>.*)|.*)|,status: (?<status>success|failure|deferred))$");

    private static readonly Regex s_completed = SlowParser.Pattern("^completed,id=" + Id + "$");

    private static readonly Regex s_error = SlowParser.Pattern(
        @"^error,relay=(?<ip>[^,]+)(?=,)(?=(?:(?!: ).)*?(?:,from=<|,to=<))"
        + @"(?:(?=(?:(?!: ).)*?,from=<(?<from>(?:(?!: )[^>])*)>))?"
        + @"(?:(?=(?:(?!: ).)*?,to=<(?<to>(?:(?!: )[^>])*)>))?"
        + @"(?:(?!: ).)*: (?<reply>\d{3}) (?:(?<dsn>\d\.\d{1,3}\.\d{1,3}) )?.*$");

    /// <summary>Of a tag: its agent; null when it is none of Courier's mail server.</summary>
    public static DeliveryAgent? Agent(string tag) => tag switch
    {
        _ when tag.Contains('/', StringComparison.Ordinal) => null,
        "courierlocal" => DeliveryAgent.Local,
        "courieresmtp" => DeliveryAgent.Smtp,
        "courieruucp" or "courierfax" => DeliveryAgent.Other,
        "courierd" => DeliveryAgent.None,
        _ when tag.StartsWith("courieresmtpd", StringComparison.Ordinal)
            || tag.StartsWith("esmtpd", StringComparison.Ordinal) => DeliveryAgent.None,
        _ => null,
    };

    /// <summary>Whether inode, seconds and process are numbers that a machine may have.</summary>
    private static bool IsId(string text)
    {
        ulong[] parts = [.. text.Split('.').Select(p => Convert.ToUInt64(p, 16))];
        return parts[0] >> 55 == 0 && parts[1] >> 33 == 0 && parts[2] >> 30 == 0
            && parts.Any(p => p != 0);
    }

    public static SlowOutcome Parse(
        DeliveryAgent agent, string text, SlowEvent frame, out SlowEvent result)
    {
        SlowOutcome outcome = ParseAny(agent, text, frame, out result);
        return outcome == SlowOutcome.Event && result.QueueId is { } id && !IsId(id)
            ? SlowOutcome.Ignored : outcome;
    }

    private static SlowOutcome ParseAny(
        DeliveryAgent agent, string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_error.Match(text);
        if (m.Success)
        {
            result = frame with
            {
                Kind = EventKind.Reject,
                Ip = m.Groups["ip"].Value,
                Sender = Value(m, "from"),
                Recipient = Value(m, "to"),
                ReplyCode = int.Parse(m.Groups["reply"].Value, CultureInfo.InvariantCulture),
                Dsn = m.Groups["dsn"].Success ? SlowPostfix.Dsn(m) : null,
            };
            return SlowOutcome.Event;
        }
        return agent == DeliveryAgent.None
            ? ParseQueue(text, frame, out result) : ParseResult(agent, text, frame, out result);
    }

    private static SlowOutcome ParseQueue(string text, SlowEvent frame, out SlowEvent result)
    {
        Match m = s_new.Match(text);
        if (m.Success)
        {
            result = frame with
            {
                Kind = EventKind.Client,
                QueueId = m.Groups["id"].Value,
                Sasl = Value(m, "user"),
                Ip = Value(m, "ip"),
            };
            return SlowOutcome.Event;
        }
        m = s_completed.Match(text);
        if (m.Success)
        {
            result = frame with
            {
                Kind = EventKind.Removed,
                QueueId = m.Groups["id"].Value,
                Removal = Removal.Completed,
            };
            return SlowOutcome.Event;
        }
        m = s_started.Match(text);
        string rest = m.Groups["rest"].Value;
        bool isLast = rest.StartsWith("dsn,host=,", StringComparison.Ordinal);
        result = frame with
        {
            Kind = isLast ? EventKind.Expired : EventKind.QueueActive,
            QueueId = m.Groups["id"].Value,
            Sender = isLast ? null : m.Groups["from"].Value,
            Number = isLast ? null : -1,
            Count = isLast ? null : 1,
        };
        return m.Success && (isLast || !rest.StartsWith("dsn,", StringComparison.Ordinal))
            ? SlowOutcome.Event : SlowOutcome.Ignored;
    }

    private static SlowOutcome ParseResult(
        DeliveryAgent agent, string text, SlowEvent frame, out SlowEvent result)
    {
        Match m = s_result.Match(text);
        result = frame with
        {
            Kind = EventKind.Delivery,
            Agent = agent,
            QueueId = m.Groups["id"].Value,
            Recipient = m.Groups["to"].Value,
            Number = m.Groups["size"].Success
                ? long.Parse(m.Groups["size"].Value, CultureInfo.InvariantCulture) : null,
            Relay = Value(m, "relay"),
            Status = m.Groups["status"].Value switch
            {
                "failure" => RecordStatus.Bounced,
                "deferred" => RecordStatus.Deferred,
                _ => RecordStatus.Sent,
            },
        };
        return m.Success ? SlowOutcome.Event : SlowOutcome.Ignored;
    }

    private static string? Value(Match m, string group) =>
        m.Groups[group].Success ? m.Groups[group].Value : null;
}
