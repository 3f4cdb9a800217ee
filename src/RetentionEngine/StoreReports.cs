using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>A bucket whose time is over.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Records">Records in it.</param>
/// <param name="SizeBytes">Bytes of its blocks.</param>
public sealed record ExpiredBucket(BucketId Bucket, long Records, long SizeBytes);

/// <summary>What an expiry destroyed, or would destroy.</summary>
public sealed record ExpireReport
{
    /// <summary>Whether nothing was changed.</summary>
    public bool DryRun { get; init; }

    /// <summary>Buckets whose keys were destroyed (or would be), oldest first.</summary>
    public IReadOnlyList<ExpiredBucket> Buckets { get; init; } = [];

    /// <summary>Holds whose keys were destroyed (or would be).</summary>
    public IReadOnlyList<PreservationHold> Holds { get; init; } = [];

    /// <summary>When the next bucket's or hold's time is over; null when there is none.</summary>
    public DateTimeOffset? NextExpiry { get; init; }
}

/// <summary>A place of the store that does not hold what it must.</summary>
/// <param name="Path">File.</param>
/// <param name="OffsetBytes">Position in it; -1 when there is none.</param>
/// <param name="Message">What is wrong, in one sentence, without content.</param>
public sealed record VerifyFault(string Path, long OffsetBytes, string Message);

/// <summary>What a verification read and found.</summary>
public sealed record VerifyReport
{
    /// <summary>Blocks read, decrypted and checked.</summary>
    public long Blocks { get; init; }

    /// <summary>Their bytes.</summary>
    public long BytesRead { get; init; }

    /// <summary>Records in them.</summary>
    public long Records { get; init; }

    /// <summary>What is damaged; empty = all is well.</summary>
    public IReadOnlyList<VerifyFault> Faults { get; init; } = [];

    /// <summary>Time it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Runs whose readable part was put anew; 0 unless repaired.</summary>
    public int RunsRepaired { get; init; }

    /// <summary>Records that could not be read and are given up; 0 unless repaired.</summary>
    public long RecordsLost { get; init; }

    /// <summary>Runs with a fault.</summary>
    internal IReadOnlyList<RunInfo> DamagedRuns { get; init; } = [];

    /// <summary>Whether the block store must be made anew.</summary>
    internal bool AreBlocksDamaged { get; init; }
}

/// <summary>What a store holds of one class.</summary>
public sealed record ClassStats
{
    /// <summary>The class.</summary>
    public required RecordClass Class { get; init; }

    /// <summary>Records that are not past their bucket's end.</summary>
    public long Records { get; init; }

    /// <summary>Buckets with records.</summary>
    public int Buckets { get; init; }

    /// <summary>Bytes of blocks, indexes included.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Beginning of the oldest bucket; null without buckets.</summary>
    public DateTimeOffset? Earliest { get; init; }

    /// <summary>End of the youngest bucket; null without buckets.</summary>
    public DateTimeOffset? Latest { get; init; }

    /// <summary>When the next bucket's key is destroyed; null without buckets.</summary>
    public DateTimeOffset? NextExpiry { get; init; }
}

/// <summary>What a store holds.</summary>
public sealed record StoreStats
{
    /// <summary>Version of the format on disk.</summary>
    public int FormatVersion { get; init; }

    /// <summary>Each class, in the order of <see cref="RecordClass"/>.</summary>
    public IReadOnlyList<ClassStats> Classes { get; init; } = [];

    /// <summary>All bytes of the store on disk.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Sealed runs.</summary>
    public int Runs { get; init; }

    /// <summary>Mails known to be in the queue.</summary>
    public long InFlight { get; init; }

    /// <summary>Sessions known to be open.</summary>
    public long OpenSessions { get; init; }

    /// <summary>Sources whose position is remembered.</summary>
    public int Sources { get; init; }

    /// <summary>Last commit; null when nothing was imported yet.</summary>
    public DateTimeOffset? LastCommit { get; init; }
}
