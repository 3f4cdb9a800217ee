using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

/// <summary>A committed run, as the manifest knows it.</summary>
internal sealed record RunInfo
{
    public required BucketId Bucket { get; init; }

    /// <summary>The hold that these records were copied for; 0 = none, the bucket's own.</summary>
    public int Hold { get; init; }

    /// <summary>Under which name the key ring has the run's key: the bucket's, or the hold's.</summary>
    public BucketId KeyName => Hold == 0 ? Bucket : HoldEntry.KeyNameOf(Hold);

    public required int Run { get; init; }

    public required int Rows { get; init; }

    /// <summary>Earliest and latest record time.</summary>
    public required long FirstUnixMicros { get; init; }

    public required long LastUnixMicros { get; init; }

    /// <summary>The policy in force when the run was sealed; its basis stays with the records.</summary>
    public required int PolicyVersion { get; init; }

    public required TimeSpan Period { get; init; }

    public required string Basis { get; init; }

    /// <summary>Count of blocks of each kind; the index is the kind.</summary>
    public required int[] BlockCounts { get; init; }

    /// <summary>Bytes of its encrypted blocks.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Sum of the blocks' hashes; see <see cref="BlockCipher.HashOf"/>.</summary>
    public required ulong Hash { get; init; }

    public int BlockCount(BlockKind kind) =>
        (int)kind < BlockCounts.Length ? BlockCounts[(int)kind] : 0;

    /// <summary>Every key of the run.</summary>
    public BlockKey[] Keys()
    {
        var keys = new BlockKey[BlockCounts.Sum()];
        int at = 0;
        for (int kind = 0; kind < BlockCounts.Length; kind++)
        {
            for (int number = 0; number < BlockCounts[kind]; number++)
            {
                keys[at++] = new BlockKey(Bucket, Run, (byte)kind, number);
            }
        }
        return keys;
    }
}
