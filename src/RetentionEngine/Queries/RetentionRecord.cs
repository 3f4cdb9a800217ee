using System.Net;

namespace RetentionEngine;

/// <summary>One record as a query yields it. Absent fields are null.</summary>
/// <remarks>
/// Texts are the log's bytes read as UTF-8; bytes that are not UTF-8 stand as <c>\xHH</c>. Which
/// line sets which field: docs/RECORDS.md.
/// </remarks>
public sealed record RetentionRecord
{
    /// <summary>What the record tells.</summary>
    public required RecordKind Kind { get; init; }

    /// <summary>Earliest time, with the zone offset in force at the source; microseconds.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Last status line, or logout.</summary>
    public DateTimeOffset? Final { get; init; }

    /// <summary>Last known fate.</summary>
    public required RecordStatus Status { get; init; }

    /// <summary>Enhanced status code, e.g. <c>2.0.0</c>.</summary>
    public string? Dsn { get; init; }

    /// <summary>SMTP reply of a refused attempt.</summary>
    public int? Reply { get; init; }

    /// <summary>Count of status lines of this recipient; null for access and rejected.</summary>
    public int? Attempts { get; init; }

    /// <summary>Attempts before the last, oldest first; at most the last 15.</summary>
    public IReadOnlyList<DeliveryAttempt> Retries { get; init; } = [];

    /// <summary>Envelope sender; empty for the null sender.</summary>
    public string? Sender { get; init; }

    /// <summary>Envelope recipient, or the mailbox accessed.</summary>
    public string? Recipient { get; init; }

    /// <summary>Recipient as addressed, when it was rewritten.</summary>
    public string? OrigTo { get; init; }

    /// <summary>SASL user name.</summary>
    public string? Sasl { get; init; }

    /// <summary>Submitting uid.</summary>
    public int? Uid { get; init; }

    /// <summary>Client address.</summary>
    public IPAddress? Ip { get; init; }

    /// <summary>Next hop as logged.</summary>
    public string? Relay { get; init; }

    /// <summary>Message size in bytes.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>64-bit fingerprint of the message-id; null when the mail had none.</summary>
    public ulong? MessageIdFingerprint { get; init; }

    /// <summary>Queue id of the hop that delivered.</summary>
    public string? QueueId { get; init; }

    /// <summary>Earlier queue ids of the mail on this host, oldest first.</summary>
    public IReadOnlyList<string> Via { get; init; } = [];

    /// <summary>Host as logged, with <c>/instance</c> behind it for a named instance.</summary>
    public string? Host { get; init; }

    /// <summary>Protocol of an access.</summary>
    public AccessProtocol Protocol { get; init; }

    /// <summary>Marks.</summary>
    public RecordFlags Flags { get; init; }

    /// <summary>The ground on which the record is kept: the basis text of its class when sealed.</summary>
    public string Basis { get; init; } = "";

    /// <summary>When the record ceases to be readable.</summary>
    public required DateTimeOffset Expires { get; init; }
}
