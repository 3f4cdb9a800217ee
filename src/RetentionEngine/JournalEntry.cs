namespace RetentionEngine;

/// <summary>What a line of the journal tells.</summary>
public enum JournalEvent
{
    /// <summary>A bucket's period was over; its key was destroyed.</summary>
    Expired = 0,

    /// <summary>Records were copied under a hold's own key.</summary>
    HoldAdded = 1,

    /// <summary>A hold's end was moved.</summary>
    HoldExtended = 2,

    /// <summary>A hold was ended before its time; its key was destroyed.</summary>
    HoldReleased = 3,

    /// <summary>A hold's time was over; its key was destroyed.</summary>
    HoldEnded = 4,

    /// <summary>Records in damaged blocks were given up, so that the rest of a run can be read.</summary>
    Repaired = 5,
}

/// <summary>A line of the journal: what happened to records as a whole. Never names an address.</summary>
public sealed record JournalEntry
{
    /// <summary>When, by the clock of the machine.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What.</summary>
    public required JournalEvent Event { get; init; }

    /// <summary>The bucket; null for an event of a hold.</summary>
    public BucketId? Bucket { get; init; }

    /// <summary>The hold's number; null for an event of a bucket.</summary>
    public int? Hold { get; init; }

    /// <summary>The reference under which the hold was asked for; null for a bucket.</summary>
    public string? Reference { get; init; }

    /// <summary>When the hold ends; null for a bucket.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Records destroyed, held, or given up.</summary>
    public long Records { get; init; }

    /// <summary>Runs they were in.</summary>
    public int Runs { get; init; }

    /// <summary>Bytes of their blocks.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Id of the key: its slot and how often that was written. Not derived from the key.</summary>
    public string? Key { get; init; }
}

/// <summary>The journal of a store.</summary>
/// <param name="Entries">All lines, oldest first.</param>
/// <param name="DamagedOffset">
/// Offset of the first line that does not follow from the one before; -1 when all do.
/// </param>
public sealed record JournalReport(IReadOnlyList<JournalEntry> Entries, long DamagedOffset);

/// <summary>Records kept beyond their period, for a request that names them.</summary>
public sealed record PreservationHold
{
    /// <summary>From 1; never given twice in a store. 0 for a hold that is yet to be made.</summary>
    public int Number { get; init; }

    /// <summary>Who asked, e.g. a file number; stands in the journal. Must not hold an address.</summary>
    public required string Reference { get; init; }

    /// <summary>The mailbox whose records are held, in any role.</summary>
    public required string Mailbox { get; init; }

    /// <summary>Earliest record time, inclusive; null = all.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Latest record time, exclusive; null = all.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>The hold's key is destroyed then.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>Records in it.</summary>
    public long Records { get; init; }
}
