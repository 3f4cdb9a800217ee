namespace RetentionEngine;

/// <summary>How long one class of records is kept, and why.</summary>
/// <param name="Period">From a record's earliest time; whole hours, 1 hour to 10 years.</param>
/// <param name="Basis">Legal or contractual ground; required for more than 7 days. May be empty.</param>
public sealed record ClassPolicy(TimeSpan Period, string Basis)
{
    /// <summary>Seven days, which need no stated basis.</summary>
    public static ClassPolicy Default { get; } = new(RetentionPolicy.PeriodWithoutBasis, "");
}

/// <summary>What a store keeps for how long, and what it must know to tell sent from received.</summary>
public sealed record RetentionPolicy
{
    /// <summary>The longest period that needs no basis: 7 days.</summary>
    public static TimeSpan PeriodWithoutBasis { get; } = TimeSpan.FromDays(7);

    /// <summary>Sent, internal and relayed mail.</summary>
    public ClassPolicy Sent { get; init; } = ClassPolicy.Default;

    /// <summary>Received mail.</summary>
    public ClassPolicy Received { get; init; } = ClassPolicy.Default;

    /// <summary>Mailbox accesses.</summary>
    public ClassPolicy Access { get; init; } = ClassPolicy.Default;

    /// <summary>Refused attempts.</summary>
    public ClassPolicy Rejected { get; init; } = ClassPolicy.Default;

    /// <summary>Domains whose mailboxes are ours, lower case; empty = direction is guessed.</summary>
    public IReadOnlyList<string> LocalDomains { get; init; } = [];

    /// <summary>IANA zone for stamps that name none.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>IANA zones of single hosts, by their names as logged, case aside.</summary>
    public IReadOnlyDictionary<string, string> HostTimeZones { get; init; } =
        new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>The policy of one class.</summary>
    public ClassPolicy this[RecordClass recordClass] => recordClass switch
    {
        RecordClass.Sent => Sent,
        RecordClass.Received => Received,
        RecordClass.Access => Access,
        _ => Rejected,
    };

    /// <summary>Checks every rule; call before a policy is stored.</summary>
    /// <exception cref="RetentionException"><see cref="RetentionError.Policy"/>.</exception>
    public void Validate()
    {
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            ClassPolicy policy = this[c];
            if (policy.Period < TimeSpan.FromHours(1) || policy.Period > TimeSpan.FromDays(3653)
                || policy.Period.Ticks % TimeSpan.TicksPerHour != 0)
            {
                throw new RetentionException(
                    RetentionError.Policy,
                    $"The period of class {c} must be whole hours, from 1 hour to 10 years.");
            }
            if (policy.Period > PeriodWithoutBasis && string.IsNullOrWhiteSpace(policy.Basis))
            {
                throw new RetentionException(
                    RetentionError.Policy,
                    $"Keeping class {c} for more than 7 days needs a basis: state it with --basis.");
            }
        }
        ValidateZone(TimeZone);
        foreach ((string host, string zone) in HostTimeZones)
        {
            if (host.Length == 0 || host.AsSpan().ContainsAny(" ;="))
            {
                throw new RetentionException(
                    RetentionError.Policy, "A host with a zone of its own has no valid name.");
            }
            ValidateZone(zone);
        }
    }

    private static void ValidateZone(string zone)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _))
        {
            throw new RetentionException(
                RetentionError.Policy, $"The time zone '{zone}' is not known here.");
        }
    }
}
