using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>Refusals, as smtpd, postscreen, cleanup and proxies log them.</summary>
internal static partial class SlowPostfix
{
    private static readonly Regex s_reject = SlowParser.Pattern(
        @"^(?<what>reject|milter-reject|proxy-reject(?=: [^ :]+ )): (?<stage>[^ ]+) from "
        + @"(?<name>(?:(?!\](?>(?::unknown|:\d{1,18})?)(?::|$)).)*)\[(?<ip>[^\[\]]+)\](?::unknown|:\d{1,18})?: (?<reply>.*)$");

    private static readonly Regex s_proxyReject = SlowParser.Pattern(
        @"^proxy-reject: [^ :]+: (?<reply>.*)$");

    private static readonly Regex s_contentReject = SlowParser.Pattern(
        @"^(?<what>reject|discard|milter-discard|milter-header-reject|milter-body-reject): (?<content>.*)$");

    private static readonly Regex s_reply = SlowParser.Pattern(
        @"^(?:(?<code>[2-5]\d\d)(?:[ -]|$))?(?:(?<dsn>\d\.\d{1,3}\.\d{1,3})(?:[ ;]|$))?");

    private static readonly Regex s_parties = Parties("", "(?: helo=<.*(?:>|> sasl_.*))?$");

    private static readonly Regex s_screenParties = Parties(
        ",?", ",?(?: helo=<.*(?:>|> sasl_.*))?$");

    private static readonly Regex s_contentParties = Parties(
        "", "(?!.*> proto=)(?:$|(?<said>: .*)|(?= helo=<)(?:.*?>: (?<text>.*)| helo=<.*(?:>|> sasl_.*))$)");

    private const string Helo = @" helo=<[^ <>()\\"";@]*>";

    private static readonly Regex s_strictParties = Parties("", $"(?:{Helo}(?: sasl_.*)?)?$", "\"");

    private static readonly Regex s_strictScreenParties = Parties(
        ",?", ",?(?: helo=<[^ ]*>)?$", "\"");

    private static readonly Regex s_strictContentParties = Parties(
        "", $"(?!.*> proto=)(?:$|(?<said>: .*)|{Helo}(?:$|: (?<text>.*)| sasl_.*))$", "\"");

    private static readonly Regex s_localSender = SlowParser.Pattern(
        $@"^(?:(?<from>{Quotes}(?:(?!>: ).)*)>: (?<text>.*)|(?<from>{Quotes}(?:(?!>: ).)*)>)$");

    private static readonly Regex s_recipientOnly = SlowParser.Pattern(
        "^.*; to=<(?<to>(?:(?!> proto=).)*)> proto=");

    /// <summary>Sender, and recipient if any.</summary>
    /// <param name="comma">What may stand behind each.</param>
    /// <param name="tail">What must stand behind the protocol.</param>
    /// <param name="not">A byte that addresses don't hold where they are not quoted.</param>
    private static Regex Parties(string comma, string tail, string not = "\n") => SlowParser.Pattern(
        $@"^(?<from>{Quotes}(?:(?!>{comma} to=<|>{comma} proto=)[^{not}])*)>{comma}"
        + $@"(?: to=<(?<to>{Quotes}(?:(?!>{comma} proto=)[^{not}])*)>{comma})? (?<proto>proto=)"
        + "(?:ESMTP|SMTP|QMQP)" + tail);

    /// <summary>
    /// The last tail of a refusal, or one before it that holds it within its own addresses.
    /// </summary>
    /// <returns>Where it begins, -1 when there is none, and what it says.</returns>
    private static (int At, Match Parties) Tail(string text, Regex strict, Regex any)
    {
        const string Opening = "; from=<";
        int last = text.LastIndexOf(Opening, StringComparison.Ordinal);
        int at = last;
        for (int i = 0; i < 16 && at >= 0; i++)
        {
            Match m = strict.Match(text[(at + Opening.Length)..]);
            if (m.Success && at + Opening.Length + m.Groups["proto"].Index > last)
            {
                return (at, m);
            }
            at = at == 0 ? -1 : text[..at].LastIndexOf(Opening, StringComparison.Ordinal);
        }
        return (last, last < 0 ? Match.Empty : any.Match(text[(last + Opening.Length)..]));
    }

    private static SlowOutcome ParseReject(
        string program, string rest, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_reject.Match(rest);
        string what = m.Groups["what"].Value;
        if (program is "postscreen")
        {
            return m.Success && what is "reject" && m.Groups["name"].Value is "" or ['[', ..]
                ? Screen(frame, m, out result) : Broken(rest, "reject: ");
        }
        if (m.Success)
        {
            bool ends = frame.QueueId is not null && what is not "proxy-reject"
                && m.Groups["stage"].Value is "END-OF-MESSAGE" or "DATA";
            frame = frame with { EndsMessage = ends };
            return Reject(frame, m.Groups["reply"].Value, m.Groups["ip"].Value, out result);
        }
        m = s_proxyReject.Match(rest);
        return m.Success ? Reject(frame, m.Groups["reply"].Value, null, out result)
            : Broken(rest, "reject: ");
    }

    private static SlowOutcome ParseCleanup(string rest, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match m = s_reject.Match(rest);
        if (m.Success && m.Groups["what"].Value is "milter-reject")
        {
            bool ends = m.Groups["stage"].Value is "END-OF-MESSAGE";
            return Reject(
                frame with { EndsMessage = ends }, m.Groups["reply"].Value, m.Groups["ip"].Value, out result);
        }
        m = s_contentReject.Match(rest);
        if (!m.Success)
        {
            return Broken(rest, "milter-reject: ");
        }
        if (m.Groups["what"].Value is "discard" or "milter-discard")
        {
            result = frame with { Kind = EventKind.Removed, Removal = Removal.Discarded };
            return SlowOutcome.Event;
        }
        string content = m.Groups["content"].Value;
        (int at, m) = Tail(content, s_strictContentParties, s_contentParties);
        string before = at < 0 ? "" : content[..at];
        string behind = at < 0 ? "" : content[(at + "; from=<".Length)..];
        bool isLocal = before.EndsWith(" from local", StringComparison.Ordinal);
        string? ip = isLocal ? null : LastAddress(before);
        m = m.Success || !isLocal ? m : s_localSender.Match(behind);
        if (!m.Success || (ip is null && !isLocal))
        {
            return SlowOutcome.Strange;
        }
        string said = m.Groups["said"].Value;
        int text = said.IndexOf(">: ", StringComparison.Ordinal);
        Match reply = s_reply.Match(m.Groups["said"].Success
            ? text < 0 ? "" : said[(text + 3)..] : m.Groups["text"].Value);
        result = Refused(frame, reply, ip) with
        {
            EndsMessage = true,
            Sender = Text(m, "from"),
            Recipient = Text(m, "to"),
        };
        return SlowOutcome.Event;
    }

    private static SlowOutcome Screen(SlowEvent frame, Match reject, out SlowEvent result)
    {
        string reply = reject.Groups["reply"].Value;
        result = frame with { Kind = EventKind.Reject, Ip = reject.Groups["ip"].Value };
        if (reply is "too many connections" or "all server ports busy" or "all screening ports busy")
        {
            return SlowOutcome.Event;
        }
        (int at, Match m) = Tail(reply, s_strictScreenParties, s_screenParties);
        result = Refused(frame, s_reply.Match(reply), reject.Groups["ip"].Value) with
        {
            Sender = Text(m, "from"),
            Recipient = Text(m, "to"),
        };
        return at >= 0 && m.Success ? SlowOutcome.Event : SlowOutcome.Strange;
    }

    private static SlowOutcome Reject(SlowEvent frame, string reply, string? ip, out SlowEvent result)
    {
        result = Refused(frame, s_reply.Match(reply), ip);
        (int at, Match m) = Tail(reply, s_strictParties, s_parties);
        if (at >= 0)
        {
            result = result with { Sender = Text(m, "from"), Recipient = Text(m, "to") };
            return m.Success ? SlowOutcome.Event : SlowOutcome.Strange;
        }

        // VRFY and ETRN name a recipient only; earlier stages neither.
        result = result with { Recipient = Text(s_recipientOnly.Match(reply), "to") };
        return result.Recipient is not null || reply.Contains("; proto=", StringComparison.Ordinal)
            ? SlowOutcome.Event : SlowOutcome.Strange;
    }

    private static SlowEvent Refused(SlowEvent frame, Match reply, string? ip) => frame with
    {
        Kind = EventKind.Reject,
        Ip = ip,
        ReplyCode = (int?)Number(reply.Groups["code"].Value),
        Dsn = reply.Groups["dsn"].Success ? Dsn(reply) : null,
    };
}
