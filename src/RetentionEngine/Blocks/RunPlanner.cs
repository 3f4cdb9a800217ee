using System.Diagnostics;
using System.Numerics;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>Divides a batch into runs: one for each bucket, rows ordered by own mailbox.</summary>
/// <remarks>
/// The own mailbox is the recipient; of sent and relayed mail it is the sender. Rows of one mailbox
/// keep the order of the batch, so that the recipients of one mail stay together. Everything is
/// valid until the next plan or until the batch changes. Not thread-safe; allocates
/// nothing once its arrays have grown.
/// </remarks>
internal sealed class RunPlanner(long seed)
{
    private readonly RadixSort _radix = new();
    private readonly Dictionary<BucketId, int> _ordinals = [];
    private readonly List<BucketId> _buckets = [];
    private readonly List<int> _starts = [];
    private readonly TimeSpan[] _periods = new TimeSpan[4];
    private readonly int[] _lastOrdinals = new int[4];
    private ulong[] _keys = [];
    private int[] _rows = [];

    /// <summary>The order of the batch's texts.</summary>
    public TextRanker Ranker { get; } = new(seed);

    public RecordBatch Batch { get; private set; } = null!;

    public int RunCount => _buckets.Count;

    public BucketId Bucket(int run) => _buckets[run];

    /// <summary>Indexes of a run's rows in the batch, in the run's order.</summary>
    public ReadOnlySpan<int> Rows(int run) => _rows.AsSpan(_starts[run], _starts[run + 1] - _starts[run]);

    public static RecordClass ClassOf(RecordKind kind) => kind switch
    {
        RecordKind.Received => RecordClass.Received,
        RecordKind.Access => RecordClass.Access,
        RecordKind.Rejected => RecordClass.Rejected,
        _ => RecordClass.Sent,
    };

    /// <summary>Whether the sender, not the recipient, is the mailbox the row is kept under.</summary>
    public static bool IsOwnSender(RecordKind kind) => kind is RecordKind.Sent or RecordKind.Relayed;

    /// <summary>Every row goes to the bucket that the policy gives it.</summary>
    public void Plan(RecordBatch batch, RetentionPolicy policy)
    {
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            _periods[(int)c] = policy[c].Period;
            _lastOrdinals[(int)c] = -1;
        }
        _ordinals.Clear();
        _buckets.Clear();
        Plan(batch);
    }

    /// <summary>Every row goes to one bucket, in which all of them lie.</summary>
    public void Plan(RecordBatch batch, BucketId bucket)
    {
        _ordinals.Clear();
        _buckets.Clear();
        _buckets.Add(bucket);
        _lastOrdinals[(int)bucket.Class] = 0;
        Plan(batch);
        Debug.Assert(_buckets.Count == 1, "A row lies outside of the bucket.");
    }

    private void Plan(RecordBatch batch)
    {
        Batch = batch;
        Ranker.Rank(batch.Strings);
        _starts.Clear();
        ReadOnlySpan<RecordRow> rows = batch.Rows;
        if (_rows.Length < rows.Length)
        {
            _rows = new int[rows.Length + (rows.Length >> 2)];
            _keys = new ulong[_rows.Length];
        }
        int ownBits = BitOperations.Log2((uint)Ranker.Count + 2) + 1;
        for (int i = 0; i < rows.Length; i++)
        {
            ref readonly RecordRow row = ref rows[i];
            uint own = IsOwnSender(row.Kind) ? row.Sender : row.Recipient;
            uint ownRank = own < 2 ? own : (uint)Ranker.RankOf(own) + 2;
            _keys[i] = ((ulong)(uint)OrdinalOf(in row) << ownBits) | ownRank;
            _rows[i] = i;
        }
        Span<ulong> keys = _keys.AsSpan(0, rows.Length);
        int bucketBits = BitOperations.Log2((uint)_buckets.Count + 1) + 1;
        _radix.Sort(keys, _rows.AsSpan(0, rows.Length), ownBits + bucketBits);
        int run = -1;
        for (int i = 0; i < keys.Length; i++)
        {
            for (; run < (int)(keys[i] >> ownBits); run++)
            {
                _starts.Add(i);
            }
        }
        _starts.Add(rows.Length);
    }

    private int OrdinalOf(in RecordRow row)
    {
        RecordClass recordClass = ClassOf(row.Kind);
        ref int last = ref _lastOrdinals[(int)recordClass];
        if (last >= 0)
        {
            BucketId bucket = _buckets[last];
            if (row.TimeUnixMicros >= bucket.StartUnixMicros && row.TimeUnixMicros < bucket.EndUnixMicros)
            {
                return last;
            }
        }
        var found = BucketId.Of(recordClass, row.TimeUnixMicros, _periods[(int)recordClass]);
        if (!_ordinals.TryGetValue(found, out last))
        {
            last = _buckets.Count;
            _ordinals.Add(found, last);
            _buckets.Add(found);
        }
        return last;
    }
}
