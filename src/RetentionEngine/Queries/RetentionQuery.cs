using System.Net;

namespace RetentionEngine;

/// <summary>What to look for. All conditions that are set must hold.</summary>
public sealed record RetentionQuery
{
    /// <summary>An address in any role: sender, recipient, as addressed, SASL user, mailbox accessed.</summary>
    public string? Mailbox { get; init; }

    /// <summary>An address that is a party of the mail besides <see cref="Mailbox"/>; any role.</summary>
    public string? Party { get; init; }

    /// <summary>A domain: of sender, recipient, as addressed, or mailbox accessed.</summary>
    public string? Domain { get; init; }

    /// <summary>Client address or network, IPv4 or IPv6.</summary>
    public IPNetwork? Network { get; init; }

    /// <summary>Message-id with or without angle brackets.</summary>
    public string? MessageId { get; init; }

    /// <summary>Postfix queue id, of any hop of the mail on its host. Case-sensitive.</summary>
    public string? QueueId { get; init; }

    /// <summary>Host as logged, with <c>/instance</c> behind it for a named instance.</summary>
    public string? Host { get; init; }

    /// <summary>Only these kinds; null or empty = all.</summary>
    public IReadOnlyCollection<RecordKind>? Kinds { get; init; }

    /// <summary>Only these statuses; null or empty = all.</summary>
    public IReadOnlyCollection<RecordStatus>? Statuses { get; init; }

    /// <summary>The records of a preservation hold instead of those under their own period.</summary>
    public int? Hold { get; init; }

    /// <summary>Earliest record time, inclusive.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Latest record time, exclusive.</summary>
    public DateTimeOffset? To { get; init; }
}
