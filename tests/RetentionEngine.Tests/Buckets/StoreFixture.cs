using System.Buffers;
using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;

namespace RetentionEngine.Tests.Buckets;

/// <summary>Stores whose runs can be foretold from the number of the commit that added them.</summary>
internal static class StoreFixture
{
    public const int FirstHour = 480_000;

    /// <summary>Stands in every block; no file may ever hold it.</summary>
    public const string Marker = "marker@example.org";

    public static RetentionOptions Options { get; } = new() { OpenBlocks = FasterBlockStore.Open };

    /// <summary>One hour each, so that buckets expire quickly.</summary>
    public static RetentionPolicy HourPolicy { get; } = new()
    {
        Sent = new ClassPolicy(TimeSpan.FromHours(1), ""),
        Received = new ClassPolicy(TimeSpan.FromHours(1), ""),
        Access = new ClassPolicy(TimeSpan.FromHours(1), ""),
        Rejected = new ClassPolicy(TimeSpan.FromHours(1), ""),
    };

    public static BucketId BucketOf(int commit, int run) =>
        new((RecordClass)((commit + run) % 4), FirstHour + (commit / 10), 1);

    public static SealedRun Run(int commit, int run)
    {
        var sealedRun = new SealedRun
        {
            Bucket = BucketOf(commit, run),
            Rows = commit,
            FirstUnixMicros = BucketOf(commit, run).StartUnixMicros,
            LastUnixMicros = BucketOf(commit, run).EndUnixMicros - 1,
        };
        sealedRun.Writer.Write(Block(commit, BlockKind.Header, 0));
        sealedRun.EndBlock(BlockKind.Header, 0);
        for (int number = 0; number < 3; number++)
        {
            sealedRun.Writer.Write(Block(commit, BlockKind.Rows, number));
            sealedRun.EndBlock(BlockKind.Rows, number);
        }
        return sealedRun;
    }

    public static byte[] Block(int commit, BlockKind kind, int number)
    {
        byte[] block = new byte[100 + (commit * 977 % 20_000)];
        block.AsSpan().Fill((byte)(commit + number));
        Encoding.ASCII.GetBytes(Marker).CopyTo(block, 8);
        block[0] = (byte)kind;
        return block;
    }

    public static SourceState[] Sources(int commit) =>
    [
        new SourceState(new UInt128(1, 2), 4096, commit, 7, 100, commit * 10L, commit),
        new SourceState(new UInt128(3, 4), 4096, 12, 7, 100, 13, 14),
    ];

    public static byte[] InFlight(int commit) =>
        Encoding.ASCII.GetBytes($"{Marker} {new string('x', commit * 7919 % 30_000)} {commit}");

    public static void Commit(BucketStore store, int commit)
    {
        store.Add(Run(commit, 0));
        store.Add(Run(commit, 1));
        store.Commit(Sources(commit), InFlight(commit), commit, 0);
    }

    /// <summary>The bytes of a run's blocks, or null when one is not what the commit put.</summary>
    public static bool IsRight(BucketStore store, RunInfo run)
    {
        byte[] buffer = [];
        foreach (BlockKey key in run.Keys())
        {
            int length = store.ReadBlock(run, (BlockKind)key.Kind, key.Number, ref buffer);
            if (length < 0
                || !buffer.AsSpan(0, length).SequenceEqual(
                    Block(run.Rows, (BlockKind)key.Kind, key.Number)))
            {
                return false;
            }
        }
        return true;
    }
}
