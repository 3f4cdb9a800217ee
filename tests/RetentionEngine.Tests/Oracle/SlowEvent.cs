using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>What a line gives.</summary>
internal enum SlowOutcome
{
    /// <summary>No record needs it.</summary>
    Ignored,

    /// <summary>A form we should know, broken.</summary>
    Strange,

    Event,
}

/// <summary>One line's facts as plain values; texts are Latin-1, so every byte survives.</summary>
internal sealed record SlowEvent
{
    public EventKind Kind { get; init; }
    public long TimeUnixMicros { get; init; }
    public int OffsetMinutes { get; init; }
    public bool YearInferred { get; init; }
    public bool ZoneInferred { get; init; }
    public string Host { get; init; } = "";
    public string Instance { get; init; } = "";
    public string? QueueId { get; init; }
    public string? OrigQueueId { get; init; }
    public long? Number { get; init; }
    public int? Count { get; init; }
    public string? Dsn { get; init; }
    public int Repeats { get; init; }
    public int? Port { get; init; }
    public int? ReplyCode { get; init; }
    public RecordStatus Status { get; init; }
    public DeliveryAgent Agent { get; init; }
    public QueueEdge Edge { get; init; }
    public Removal Removal { get; init; }
    public AccessProtocol Protocol { get; init; }
    public bool EndsMessage { get; init; }
    public bool Tls { get; init; }
    public bool OwnsProcess { get; init; }
    public bool FollowsLogin { get; init; }
    public string? Ip { get; init; }

    /// <summary>Put in by the sessions: the browser's address.</summary>
    public string? WebIp { get; init; }
    public string? OrigIp { get; init; }
    public string? Sasl { get; init; }
    public string? Sender { get; init; }
    public string? Recipient { get; init; }
    public string? OrigTo { get; init; }
    public string? Relay { get; init; }
    public string? MessageId { get; init; }
    public string? BoxSession { get; init; }
    public string? User { get; init; }
    public string? Session { get; init; }
}
