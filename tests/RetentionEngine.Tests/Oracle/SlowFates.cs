#pragma warning disable MA0006 // == on strings is ordinal, and plainness is the point here.
using System.Text.RegularExpressions;
using RetentionEngine.Events;
using RetentionEngine.Messages;

namespace RetentionEngine.Tests.Oracle;

/// <summary>docs/RECORDS.md, "Sieve": what Dovecot did with a mail, as lists that are searched.</summary>
/// <param name="clocks">Latest time seen of each host; kept up by the owner.</param>
/// <param name="hops">All hops there ever were.</param>
internal sealed class SlowFates(IReadOnlyDictionary<string, long> clocks, IReadOnlyList<SlowHop> hops)
{
    private const long Second = 1_000_000;

    private static readonly Regex s_line = SlowParser.Pattern(
        @"^(?:Info: )?(?:lmtp\((?:(?<old>\d+), )?|lda\(|deliver\()(?<user>(?:(?!\)<|\): ).)+)\)"
        + @"(?:(?<tags><[^>]*>)(?:<(?<session>[^>]*)>)?: (?:Info: )?"
        + @"|: (?:Info: )?(?:(?<session>[A-Za-z0-9+/:]{8,}): )?)"
        + @"(?<sieve>sieve: )?msgid=(?<text>.*)$");

    private const string Address = @"<(?:""(?:[^""\\]|\\.)*"")?[^<>"" ]*>";

    private static readonly Regex s_stored = SlowParser.Pattern(
        "^(?<id>.*): stored mail into mailbox '.*'$");

    private static readonly Regex s_redirected = SlowParser.Pattern(
        "^(?<id>.*): forwarded to " + Address + "$");

    private static readonly Regex s_rejected = SlowParser.Pattern(
        "^(?<id>.*): rejected message from " + Address + @"(?: \(e?reject\))?$");

    private static readonly Regex s_discarded = SlowParser.Pattern(
        @"^(?<id>.*): (?:discarded|[mM]arked message to be discarded if not explicitly delivered "
        + @"\(discard action\))$");

    private static readonly Regex s_saved = SlowParser.Pattern("^(?<id>.*?): saved mail to .*$");

    private static readonly Regex s_action = SlowParser.Pattern("(?<=.): [a-z]* action$");

    private static readonly Regex s_reply = SlowParser.Pattern(
        @"^.*> (?<v>[A-Za-z0-9+/:]{8,}) Saved\)$");

    private readonly List<Early> _early = [];
    private readonly HashSet<string> _lmtpHosts = [];
    private readonly HashSet<string> _ldaHosts = [];
    private readonly Dictionary<string, long> _firstUnknown = [];

    private sealed class Early
    {
        public string Key { get; init; } = "";
        public string Host { get; init; } = "";
        public string? Domain { get; init; }
        public bool IsAmbiguous { get; set; }
        public Fates Fates { get; set; }
        public long Time { get; set; }
    }

    public static string? OfReply(string reply)
    {
        Match m = s_reply.Match(reply);
        return m.Success ? m.Groups["v"].Value : null;
    }

    public static SlowOutcome Parse(string text, SlowEvent frame, out SlowEvent result)
    {
        result = frame;
        Match line = s_line.Match(text);
        string said = line.Groups["text"].Value;
        bool isSieve = line.Groups["sieve"].Success;
        (RecordStatus Status, Regex Words)[] actions = isSieve
            ? [(RecordStatus.Sent, s_stored), (RecordStatus.Redirected, s_redirected),
                (RecordStatus.Rejected, s_rejected), (RecordStatus.Discarded, s_discarded)]
            : [(RecordStatus.Sent, s_saved), (RecordStatus.Discarded, s_discarded)];
        foreach ((RecordStatus status, Regex words) in actions)
        {
            Match m = words.Match(said);
            if (!line.Success || !m.Success)
            {
                continue;
            }
            string id = m.Groups["id"].Value;
            id = isSieve && line.Groups["tags"].Success ? s_action.Replace(id, "") : id;
            bool hasSession = line.Groups["session"].Success && !line.Groups["old"].Success
                && (text.StartsWith("lmtp(", StringComparison.Ordinal)
                    || text.StartsWith("Info: lmtp(", StringComparison.Ordinal));
            result = frame with
            {
                Kind = EventKind.Fate,
                Status = status,
                User = line.Groups["user"].Value,
                Session = hasSession ? line.Groups["session"].Value : null,
                MessageId = id.StartsWith('<') && id.EndsWith('>') ? id[1..^1] : id,
            };
            return SlowOutcome.Event;
        }
        return SlowOutcome.Ignored;
    }

    public void Add(SlowEvent e)
    {
        bool hasSession = e.Session is { Length: > 0 };
        (hasSession ? _lmtpHosts : _ldaHosts).Add(e.Host);
        string? key = hasSession ? e.Session : Box(e.Host, e.MessageId, e.User!);
        if (key is null)
        {
            return;
        }
        Fates fates = e.Status switch
        {
            RecordStatus.Redirected => Fates.Redirected,
            RecordStatus.Rejected => Fates.Rejected,
            RecordStatus.Discarded => Fates.Discarded,
            _ => Fates.Stored,
        };
        string? domain = hasSession ? null : Domain(e.User!);
        List<SlowRecipient> open = [.. hops.Where(h => !h.IsWritten).SelectMany(h => h.Recipients)
            .Where(r => hasSession ? r.OpenSession == key
                : r.OpenBox == key && r.Fates == Fates.None
                    && (domain is null || domain == Domain(r.To)))];
        if (open.Count == 1)
        {
            Join(open[0], fates);
        }
        else if (open.Count == 0)
        {
            AddEarly(e, key, domain, fates);
        }
    }

    /// <summary>A status line: takes what came before it, or leaves what must follow.</summary>
    public void Find(SlowRecipient r)
    {
        r.Fates = Fates.None;
        r.OpenSession = r.OpenBox = null;
        SlowEvent e = r.Last;
        bool isLmtp = e is { Agent: DeliveryAgent.Lmtp, BoxSession: not null };
        bool isLda = e.Agent is DeliveryAgent.Local or DeliveryAgent.Pipe
            && e.Edge == QueueEdge.None && _ldaHosts.Contains(e.Host);
        if (e.Status != RecordStatus.Sent || !(isLmtp || isLda))
        {
            return;
        }
        string? session = e.BoxSession;
        string? box = null;
        r.Fates = session is null ? Fates.None : Take(session, null);
        if (r.Fates != Fates.None)
        {
            _lmtpHosts.Add(e.Host);
        }
        else if (isLda || !_lmtpHosts.Contains(e.Host))
        {
            box = Box(e.Host, r.Hop.MessageId, r.To);
            r.Fates = box is null ? Fates.None : Take(box, Domain(r.To));
        }
        if (r.Fates.HasFlag(Fates.Stored))
        {
            return;
        }
        if (isLmtp && r.Fates == Fates.None)
        {
            _firstUnknown.TryAdd(e.Host, e.TimeUnixMicros);
        }
        (r.OpenSession, r.OpenBox) = (session, box);
    }

    public bool IsAwaited(SlowHop hop)
    {
        long clock = clocks[hop.Host];
        bool isExpected = _lmtpHosts.Contains(hop.Host) || _ldaHosts.Contains(hop.Host)
            || clock <= _firstUnknown.GetValueOrDefault(hop.Host) + (10 * Second);
        return isExpected && hop.Recipients.Exists(r => (r.OpenSession ?? r.OpenBox) is not null
            && clock <= r.Final.TimeUnixMicros + (10 * Second));
    }

    private void Join(SlowRecipient r, Fates fates)
    {
        if (r.OpenSession is not null)
        {
            _lmtpHosts.Add(r.Hop.Host);
        }
        r.Fates |= fates;
        if (fates == Fates.Stored)
        {
            r.OpenSession = r.OpenBox = null;
        }
    }

    private void AddEarly(SlowEvent e, string key, string? domain, Fates fates)
    {
        _early.RemoveAll(IsOld);
        Early? former = _early.Find(x => x.Key == key);
        if (former is null)
        {
            _early.Add(new Early
            {
                Key = key,
                Host = e.Host,
                Domain = domain,
                Fates = fates,
                Time = e.TimeUnixMicros,
            });
            return;
        }
        former.Time = e.TimeUnixMicros;
        former.Fates |= fates;
        former.IsAmbiguous |= former.Domain != domain;
    }

    private Fates Take(string key, string? domain)
    {
        Early? fate = _early.Find(x => x.Key == key && !IsOld(x));
        if (fate is null || fate.IsAmbiguous || (fate.Domain is not null && fate.Domain != domain))
        {
            return Fates.None;
        }
        _early.Remove(fate);
        return fate.Fates;
    }

    private bool IsOld(Early fate) => clocks[fate.Host] > fate.Time + (600 * Second);

    private static string? Box(string host, string? messageId, string mailbox)
    {
        int at = mailbox.LastIndexOf('@');
        string local = at < 0 ? mailbox : mailbox[..at];
        int detail = local.IndexOf('+', StringComparison.Ordinal);
        local = detail > 0 ? local[..detail] : local;
        return messageId is null or "" or "unspecified" || local.Length == 0
            ? null : $"{host} {messageId} {local.ToLowerInvariant()}";
    }

    private static string? Domain(string mailbox)
    {
        int at = mailbox.LastIndexOf('@');
        return at < 0 ? null : mailbox[(at + 1)..].ToLowerInvariant();
    }
}
