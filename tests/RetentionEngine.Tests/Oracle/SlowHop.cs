#pragma warning disable MA0006 // == on strings is ordinal, and plainness is the point here.
using RetentionEngine.Events;
using RetentionEngine.Messages;

namespace RetentionEngine.Tests.Oracle;

/// <summary>One incarnation of a queue id, as docs/RECORDS.md tells it.</summary>
internal sealed class SlowHop(SlowEvent first)
{
    public string Host { get; } = first.Host;
    public string Instance { get; } = first.Instance;
    public SlowEvent First { get; } = first;
    public string Id { get; set; } = first.QueueId!;
    public long LastTime { get; set; } = first.TimeUnixMicros;
    public SlowEvent? Start { get; set; }
    public SlowEvent? Queue { get; set; }
    public string? Sender { get; set; }
    public int Nrcpt { get; set; }
    public string? MessageId { get; set; }
    public List<SlowRecipient> Recipients { get; } = [];
    public bool IsProbe { get; set; }
    public long? EndTime { get; set; }
    public SlowEvent? End { get; set; }
    public bool IsIdle { get; set; }
    public bool IsContinued { get; set; }
    public bool IsWritten { get; set; }
    public SlowHop? Parent { get; set; }
    public RecordFlags ParentEdge { get; set; }
    public string? NotificationOf { get; set; }
    public string? UnknownParent { get; set; }

    /// <summary>Courier's ids have points; no hop of it is part of a chain.</summary>
    public bool IsCourier => Id.Contains('.', StringComparison.Ordinal);

    public bool IsTried { get; set; }

    /// <summary>The filter's own log says what it was before.</summary>
    public bool IsNamedByFilter { get; set; }
    public long? Size { get; set; }

    public bool IsLoopbackClient =>
        !IsCourier && Start is { Kind: EventKind.Client } && SlowTracker.Ip(Start.Ip).IsLoopback;

    public bool WasQueued => Queue is not null || Recipients.Count > 0;

    public SlowHop Root => Parent is null ? this : Parent.Root;

    public bool HasOrigin => Start is not null || NotificationOf is not null || Parent is not null;
}

/// <summary>The fate of one (<c>to</c>, <c>orig_to</c>) of a hop.</summary>
internal sealed class SlowRecipient(SlowHop hop, string to, string? origTo)
{
    public SlowHop Hop { get; } = hop;
    public string To { get; } = to;
    public string? OrigTo { get; } = origTo;
    public List<SlowEvent> Lines { get; } = [];
    public RecordStatus Status { get; set; }
    public SlowEvent Final { get; set; } = new();
    public SlowEvent Last => Lines[^1];

    /// <summary>What Dovecot did, and what a further line of it must name.</summary>
    public Fates Fates { get; set; }
    public string? OpenSession { get; set; }
    public string? OpenBox { get; set; }

    public RecordStatus LastFate => Fates switch
    {
        _ when Status != RecordStatus.Sent || Fates == Fates.None => Status,
        _ when Fates.HasFlag(Fates.Stored) => Status,
        _ when Fates.HasFlag(Fates.Redirected) => RecordStatus.Redirected,
        _ when Fates.HasFlag(Fates.Rejected) => RecordStatus.Rejected,
        _ => RecordStatus.Discarded,
    };

    /// <summary>Whether the address in the last brackets of the relay is not public.</summary>
    public bool HasOwnRelay
    {
        get
        {
            string relay = Last.Relay ?? "";
            int open = relay.LastIndexOf('[');
            int close = relay.LastIndexOf(']');
            if (open < 0 || close < open)
            {
                return true;
            }
            var ip = SlowTracker.Ip(relay[(open + 1)..close]);
            return ip.IsNone || ip.IsLoopback || ip.IsPrivate;
        }
    }

    public bool Claims => Status == RecordStatus.Sent && Last.Edge != QueueEdge.None
        && (Last.Edge == QueueEdge.ForwardedAs || HasOwnRelay);
}
