#pragma warning disable MA0006 // == on strings is ordinal, and plainness is the point here.
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Tests.Oracle;

/// <summary>
/// docs/RECORDS.md written down as plainly as possible: lists, scans over everything that ever
/// was, no tables. Quadratic; for small logs only.
/// </summary>
internal sealed class SlowTracker
{
    private const long Minute = 60_000_000;
    private const long Day = 86_400_000_000;

    private readonly List<SlowHop> _hops = [];
    private readonly List<SlowRecord> _rejects = [];
    private readonly SlowSessions _sessions;
    private readonly SlowFates _fates;
    private readonly Dictionary<string, long> _clocks = new(StringComparer.Ordinal);
    private readonly IReadOnlyCollection<string> _localDomains;

    public SlowTracker(IReadOnlyCollection<string> localDomains)
    {
        _localDomains = localDomains;
        _sessions = new SlowSessions(_clocks);
        _fates = new SlowFates(_clocks, _hops);
    }

    public static ClientIp Ip(string? text) =>
        text is null ? default : ClientIp.Parse(Encoding.Latin1.GetBytes(text));

    public void Add(SlowEvent e)
    {
        _clocks[e.Host] = Math.Max(_clocks.GetValueOrDefault(e.Host), e.TimeUnixMicros);
        Settle();
        switch (e.Kind)
        {
            case EventKind.Login or EventKind.Logout or EventKind.WebLogin:
                _sessions.Add(e);
                break;
            case EventKind.Handed:
                AddHanded(Find(e.Host, null, e.QueueId), Find(e.Host, null, e.OrigQueueId), e);
                break;
            case EventKind.Fate:
                _fates.Add(e);
                break;
            case EventKind.Reject:
                AddReject(e);
                break;
            case EventKind.Client or EventKind.Pickup:
                AddStart(e);
                break;
            case EventKind.Notification:
                AddNotification(e);
                break;
            case EventKind.Removed when e.Removal == Removal.Completed:
                Complete(Find(e.Host, e.Instance, e.QueueId), e);
                break;
            case EventKind.Expired when e.Sender is null:
                if (Find(e.Host, e.Instance, e.QueueId) is { } old)
                {
                    FinishDeferred(old, RecordStatus.Expired, e);
                }
                break;
            case EventKind.Removed:
                End(Find(e.Host, e.Instance, e.QueueId), e);
                break;
            default:
                AddLine(e);
                break;
        }
        Settle();
    }

    /// <summary>What is written, and behind it what is in flight, each as a record.</summary>
    public IEnumerable<SlowRecord> Records(bool inFlight)
    {
        IEnumerable<SlowRecord> mails = _hops.Where(h => h.IsWritten != inFlight && h.WasQueued)
            .SelectMany(h => RecordsOf(h, inFlight));
        return inFlight
            ? mails.Concat(_sessions.Open(_clocks.Values.DefaultIfEmpty().Max()))
            : mails.Concat(_rejects).Concat(_sessions.Closed(_clocks.Values.DefaultIfEmpty().Max()));
    }

    private SlowHop? Find(string host, string? instance, string? id) => _hops.LastOrDefault(h =>
        !h.IsWritten && h.Host == host && h.Id == id && (instance is null || h.Instance == instance));

    private SlowHop Begin(SlowEvent e)
    {
        var hop = new SlowHop(e);
        _hops.Add(hop);
        return hop;
    }

    private void AddReject(SlowEvent e)
    {
        _rejects.Add(new SlowRecord
        {
            Kind = RecordKind.Rejected,
            Status = RecordStatus.Rejected,
            TimeUnixMicros = e.TimeUnixMicros,
            OffsetMinutes = e.OffsetMinutes,
            Dsn = e.Dsn,
            ReplyCode = e.ReplyCode,
            Sender = e.Sender,
            Recipient = e.Recipient,
            Ip = Ip(e.Ip),
            QueueId = e.QueueId,
            Host = HostText(e.Host, e.Instance),
            Flags = TimeFlags(e),
        });
        if (e.EndsMessage)
        {
            End(Find(e.Host, e.Instance, e.QueueId), e);
        }
    }

    /// <summary>The end of a round of Courier's attempts, of all of them if nothing is put off.</summary>
    private static void Complete(SlowHop? hop, SlowEvent e)
    {
        if (hop is null)
        {
            return;
        }
        hop.IsTried = true;
        hop.LastTime = Math.Max(hop.LastTime, e.TimeUnixMicros);
        if (!hop.Recipients.Exists(r => r.Status == RecordStatus.Deferred))
        {
            End(hop, e);
        }
    }

    private static void End(SlowHop? hop, SlowEvent e)
    {
        if (hop is null)
        {
            return;
        }
        hop.LastTime = Math.Max(hop.LastTime, e.TimeUnixMicros);
        hop.EndTime ??= e.TimeUnixMicros;
        hop.End ??= e;
        if (e.Removal == Removal.DeletedByAdministrator)
        {
            FinishDeferred(hop, RecordStatus.Deleted, e);
        }
    }

    private static void FinishDeferred(SlowHop hop, RecordStatus status, SlowEvent e)
    {
        foreach (SlowRecipient r in hop.Recipients.Where(r => r.Status == RecordStatus.Deferred))
        {
            r.Status = status;
            r.Final = e;
        }
    }

    private void AddStart(SlowEvent e)
    {
        SlowHop? hop = Find(e.Host, e.Instance, e.QueueId);
        if (hop is not null && (hop.Start is not null || hop.NotificationOf is not null
            || e.TimeUnixMicros - hop.First.TimeUnixMicros > Minute))
        {
            if (hop.EndTime is null)
            {
                hop.EndTime = e.TimeUnixMicros;
                hop.IsIdle = true;
            }
            hop.IsWritten = true;
            hop = null;
        }
        SlowHop? parent = e.OrigQueueId is null ? null : Find(e.Host, null, e.OrigQueueId);
        hop ??= Begin(e);
        hop.Start = e;
        hop.LastTime = Math.Max(hop.LastTime, e.TimeUnixMicros);
        if (e.Kind == EventKind.Client)
        {
            if (parent is not null && parent != hop)
            {
                hop.Parent ??= parent;
                hop.ParentEdge |= RecordFlags.Filtered;
            }
        }
        else if (e.OrigQueueId is not null)
        {
            hop.ParentEdge |= RecordFlags.Requeued;
            if (parent is null || parent == hop)
            {
                hop.UnknownParent = e.OrigQueueId;
            }
            else
            {
                hop.Parent = parent;
                parent.IsContinued = true;
                parent.EndTime ??= e.TimeUnixMicros;
            }
        }
    }

    private static void AddHanded(SlowHop? parent, SlowHop? hop, SlowEvent e)
    {
        if (parent is not null && hop is not null && hop != parent && hop.Parent is null
            && hop.MessageId is not null && hop.MessageId == parent.MessageId
            && hop.IsLoopbackClient && !Chain(parent).Contains(hop)
            && hop.First.TimeUnixMicros >= parent.First.TimeUnixMicros
            && hop.First.TimeUnixMicros <= e.TimeUnixMicros + Minute)
        {
            hop.Parent = parent;
            hop.ParentEdge |= RecordFlags.Filtered;
            hop.IsNamedByFilter = true;
        }
    }

    private void AddNotification(SlowEvent e)
    {
        SlowHop? hop = Find(e.Host, e.Instance, e.OrigQueueId);
        if (hop is null)
        {
            hop = Begin(e);
            hop.Id = e.OrigQueueId!;
        }
        // A queue id may be used again: what a client or another mail began is no notification.
        if (hop.Start is null && hop.Parent is null && hop.NotificationOf is null)
        {
            hop.NotificationOf = e.QueueId;
            hop.LastTime = Math.Max(hop.LastTime, e.TimeUnixMicros);
        }
        if (Find(e.Host, e.Instance, e.QueueId) is { } old)
        {
            old.LastTime = Math.Max(old.LastTime, e.TimeUnixMicros);
        }
    }

    private void AddLine(SlowEvent e)
    {
        SlowHop hop = Find(e.Host, e.Instance, e.QueueId) ?? Begin(e);
        hop.LastTime = Math.Max(hop.LastTime, e.TimeUnixMicros);
        switch (e.Kind)
        {
            case EventKind.MessageId:
                hop.MessageId = e.MessageId!.Length > 0 ? e.MessageId : hop.MessageId;
                break;
            case EventKind.QueueActive:
                hop.Queue = e;
                hop.Sender = e.Sender;
                hop.Size = hop.IsCourier ? hop.Size : e.Number;
                hop.Nrcpt = !hop.IsCourier ? Math.Max(hop.Nrcpt, e.Count!.Value)
                    : hop.Nrcpt + (hop.IsTried ? 0 : 1);
                break;
            case EventKind.Expired:
                hop.Queue ??= e;
                hop.Sender = e.Sender;
                FinishDeferred(hop, RecordStatus.Expired, e);
                break;
            case EventKind.Delivery when e.Status >= RecordStatus.Deliverable:
                hop.IsProbe = true;
                break;
            case EventKind.Delivery:
                SlowRecipient? r = hop.Recipients
                    .FirstOrDefault(x => x.To == e.Recipient && x.OrigTo == e.OrigTo);
                if (r is null)
                {
                    r = new SlowRecipient(hop, e.Recipient!, e.OrigTo);
                    hop.Recipients.Add(r);
                }
                if (hop.IsCourier && r.Status == RecordStatus.Sent)
                {
                    break;
                }
                hop.Size = e.Number is > 0 ? e.Number : hop.Size;
                r.Lines.Add(e);
                r.Status = e.Status;
                r.Final = e;
                _fates.Find(r);
                break;
        }
    }

    /// <summary>Links what can be linked, closes what is idle, writes what need not wait.</summary>
    private void Settle()
    {
        foreach (SlowHop hop in _hops.Where(h => !h.IsWritten))
        {
            foreach (SlowRecipient r in hop.Recipients.Where(r => r.Claims))
            {
                LinkTarget(hop, r);
            }
            long clock = _clocks[hop.Host];
            if (hop.EndTime is null && clock - hop.LastTime > (hop.WasQueued ? 6 : 1) * Day)
            {
                hop.EndTime = clock;
                hop.IsIdle = true;
                hop.IsWritten = true;
            }
        }
        foreach (SlowHop hop in _hops.Where(h => !h.IsWritten && h.EndTime is not null))
        {
            hop.IsWritten = !IsWaiting(hop, _clocks[hop.Host]);
        }
    }

    private void LinkTarget(SlowHop hop, SlowRecipient r)
    {
        SlowHop? target = _hops.FirstOrDefault(b => b != hop && b.Host == hop.Host
            && b.Id == r.Last.OrigQueueId && b.Parent is null && !b.IsWritten
            && b.NotificationOf is null
            && (r.Last.Edge == QueueEdge.ForwardedAs ? b.Start is null : b.IsLoopbackClient)
            && b.First.TimeUnixMicros >= hop.First.TimeUnixMicros
            && b.First.TimeUnixMicros <= r.Last.TimeUnixMicros + Minute);
        if (target is not null && !Chain(hop).Contains(target))
        {
            target.Parent = hop;
            target.ParentEdge |= r.Last.Edge == QueueEdge.ForwardedAs
                ? RecordFlags.Forwarded : RecordFlags.Filtered;
        }
    }

    private bool IsWaiting(SlowHop hop, long clock)
    {
        long sinceEnd = clock - hop.EndTime!.Value;
        bool waitsForOrigin = hop.Parent is not null
            ? hop.Parent.EndTime is null ? !OriginIsKnown(hop.Root) : IsWaitingForOrigin(hop.Root, clock)
            : IsWaitingForOrigin(hop, clock);
        bool waitsForLines = !hop.IsContinued && hop.Recipients.Count < hop.Nrcpt && sinceEnd <= Minute;
        bool waitsForTarget = hop.Recipients.Any(r => r.Claims && TargetOf(r) is null
            && clock - r.Last.TimeUnixMicros <= Minute);
        return hop.WasQueued && (waitsForOrigin || waitsForLines || waitsForTarget
            || _fates.IsAwaited(hop));
    }

    private static bool OriginIsKnown(SlowHop hop) => hop.HasOrigin && !hop.IsLoopbackClient;

    private static bool IsWaitingForOrigin(SlowHop hop, long clock) =>
        !OriginIsKnown(hop) && (hop.EndTime is null || clock - hop.EndTime.Value <= 5 * Minute);

    private SlowHop? TargetOf(SlowRecipient r) =>
        _hops.FirstOrDefault(b => b.Parent == r.Hop && b.Id == r.Last.OrigQueueId);

    private bool IsHandedOver(SlowRecipient r)
    {
        if (r.Claims && TargetOf(r) is not null)
        {
            return true;
        }
        bool hasFilter = _hops.Exists(b => b.Parent == r.Hop
            && ((b.Start?.OrigQueueId == r.Hop.Id && b.Start.Kind == EventKind.Client)
                || b.IsNamedByFilter));
        return hasFilter && r.Status == RecordStatus.Sent && r.Last.Edge == QueueEdge.None
            && r.HasOwnRelay;
    }

    private static List<SlowHop> Chain(SlowHop hop)
    {
        List<SlowHop> chain = [hop];
        while (chain[0].Parent is { } parent)
        {
            chain.Insert(0, parent);
        }
        return chain;
    }

    private IEnumerable<SlowRecord> RecordsOf(SlowHop hop, bool inFlight)
    {
        if (hop.Recipients.Count == 0)
        {
            return hop.IsContinued || hop.IsProbe ? [] : [WithoutRecipient(hop, inFlight)];
        }
        return hop.Recipients
            .Where(r => !IsHandedOver(r))
            .Where(r => !hop.IsContinued || r.Status != RecordStatus.Deferred)
            .Select(r => WithRecipient(hop, r, inFlight));
    }

    private SlowRecord WithoutRecipient(SlowHop hop, bool inFlight)
    {
        bool isDeleted = hop.End?.Removal == Removal.DeletedByAdministrator;
        RecordStatus status = inFlight || hop.IsIdle ? RecordStatus.Queued
            : isDeleted ? RecordStatus.Deleted
            : hop.End?.Removal == Removal.Completed ? RecordStatus.None : RecordStatus.Discarded;
        SlowRecord record = Common(hop, inFlight, toUs: false) with { Status = status };
        return status != RecordStatus.Deleted ? record : record with
        {
            FinalTimeUnixMicros = hop.End!.TimeUnixMicros,
            FinalOffsetMinutes = hop.End.OffsetMinutes,
        };
    }

    private SlowRecord WithRecipient(SlowHop hop, SlowRecipient r, bool inFlight)
    {
        bool toUs = r.Last.Agent is DeliveryAgent.Local or DeliveryAgent.Virtual
            or DeliveryAgent.Lmtp or DeliveryAgent.Pipe || IsLocal(r.To);
        string? origTo = r.OrigTo;
        if (origTo is null && hop.Parent is { } parent)
        {
            SlowRecipient? source = parent.Recipients.FirstOrDefault(p =>
                hop.ParentEdge.HasFlag(RecordFlags.Forwarded)
                    ? p.Claims && p.Last.OrigQueueId == hop.Id : p.To == r.To);
            origTo = hop.ParentEdge.HasFlag(RecordFlags.Forwarded) ? source?.To : source?.OrigTo;
        }
        SlowRecord record = Common(hop, inFlight, toUs);
        return record with
        {
            Status = r.LastFate,
            FinalTimeUnixMicros = r.Final.TimeUnixMicros,
            FinalOffsetMinutes = r.Final.OffsetMinutes,
            Dsn = r.Last.Dsn,
            Attempts = r.Lines.Count,
            RetriesCount = Math.Min(r.Lines.Count - 1, RetryList.CountMax),
            Recipient = r.To,
            OrigTo = origTo,
            Relay = r.Last.Relay,
            Flags = record.Flags | TimeFlags(r.Final),
        };
    }

    private SlowRecord Common(SlowHop hop, bool inFlight, bool toUs)
    {
        List<SlowHop> chain = Chain(hop);
        SlowHop root = chain[0];
        SlowEvent start = root.Start ?? root.First;
        string? sender = chain.AsEnumerable().Reverse().Select(h => h.Sender
            ?? (h.Start is { Kind: EventKind.Pickup } pickup ? pickup.Sender : null))
            .FirstOrDefault(s => s is not null);
        ClientIp ip = chain.AsEnumerable().Reverse().Select(h => Ip(h.Start?.OrigIp))
            .FirstOrDefault(i => !i.IsNone);
        if (ip.IsNone && root.Start?.Kind == EventKind.Client)
        {
            ip = Ip(root.Start.Ip);
        }
        long? uid = root.Start is { Kind: EventKind.Pickup } ? root.Start.Number : null;
        bool missingStart = !root.HasOrigin || root.UnknownParent is not null;
        bool fromUs = root.Start?.Sasl is not null || uid is not null || root.NotificationOf is not null
            || ip.IsLoopback || ip.IsPrivate || (missingStart && sender is not null && IsLocal(sender));
        RecordFlags flags = TimeFlags(start)
            | chain.Aggregate(RecordFlags.None, (f, h) => f | h.ParentEdge)
            | (missingStart ? RecordFlags.MissingStart : 0)
            | (root.NotificationOf is not null ? RecordFlags.Notification : 0)
            | (uid is not null ? RecordFlags.LocalSubmission : 0)
            | (_localDomains.Count == 0 ? RecordFlags.DirectionGuessed : 0)
            | (hop.IsIdle && !inFlight ? RecordFlags.MissingEnd : 0)
            | (inFlight ? RecordFlags.InFlight : 0);
        string[] via = [.. new[] { root.UnknownParent ?? root.NotificationOf }
            .Concat(chain.SkipLast(1).Select(h => h.Id)).OfType<string>()];
        return new SlowRecord
        {
            Kind = (fromUs, toUs) switch
            {
                (true, true) => RecordKind.Internal,
                (true, false) => RecordKind.Sent,
                (false, true) => RecordKind.Received,
                _ => RecordKind.Relayed,
            },
            TimeUnixMicros = start.TimeUnixMicros,
            OffsetMinutes = start.OffsetMinutes,
            Sender = sender,
            Sasl = root.Start?.Sasl,
            Uid = uid,
            Ip = ip,
            SizeBytes = hop.Size,
            MessageId = hop.MessageId ?? root.MessageId,
            QueueId = hop.Id,
            Via = via.Length == 0 ? null : string.Join(' ', via),
            Host = HostText(hop.Host, hop.Instance),
            Flags = flags,
        };
    }

    private bool IsLocal(string address) => _localDomains.Contains(
        address[(address.LastIndexOf('@') + 1)..], StringComparer.OrdinalIgnoreCase)
        && address.Contains('@', StringComparison.Ordinal);

    private static string HostText(string host, string instance) =>
        instance.Length == 0 ? host : $"{host}/{instance}";

    internal static RecordFlags TimeFlags(SlowEvent e) =>
        (e.YearInferred ? RecordFlags.YearInferred : RecordFlags.None)
        | (e.ZoneInferred ? RecordFlags.ZoneInferred : RecordFlags.None);
}
