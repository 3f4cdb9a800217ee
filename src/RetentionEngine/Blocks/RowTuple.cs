using System.Buffers;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>The fields of a row that take few values together: a run keeps each combination once.</summary>
/// <remarks>Packed into four words, so that comparing and hashing are cheap.</remarks>
internal readonly record struct RowTuple(ulong A, ulong B, ulong C, uint Host)
{
    public RowTuple(in RecordRow row, QueueIdForm form)
        : this(
            (byte)row.Kind | ((ulong)(byte)row.Status << 8) | ((ulong)(byte)row.Protocol << 16)
                | ((ulong)(byte)row.Agent << 24) | ((ulong)(ushort)row.Flags << 32)
                | ((ulong)(ushort)row.ReplyCode << 48),
            (uint)row.Dsn | ((ulong)row.Attempts << 32)
                | (row.FinalTimeUnixMicros != 0 ? 1UL << 48 : 0) | ((ulong)form << 49),
            (ushort)row.OffsetMinutes | ((ulong)(ushort)row.FinalOffsetMinutes << 16)
                | ((ulong)(uint)row.Uid << 32),
            row.Host)
    {
    }

    public const int FieldCount = 13;

    public RecordKind Kind => (RecordKind)(byte)A;

    public bool HasFinal => (B >> 48 & 1) != 0;

    public QueueIdForm QueueIdForm => (QueueIdForm)(B >> 49 & 3);

    public ulong Hash =>
        ((A * 0x9E37_79B9_7F4A_7C15) ^ (B * 0xC2B2_AE3D_27D4_EB4F) ^ (C * 0x1656_67B1_9E37_79F9) ^ Host)
        * 0xD6E8_FEB8_6659_FD93;

    public void CopyTo(ref RecordRow row)
    {
        row.Kind = (RecordKind)(byte)A;
        row.Status = (RecordStatus)(byte)(A >> 8);
        row.Protocol = (AccessProtocol)(byte)(A >> 16);
        row.Agent = (DeliveryAgent)(byte)(A >> 24);
        row.Flags = (RecordFlags)(ushort)(A >> 32);
        row.ReplyCode = (short)(A >> 48);
        row.Dsn = (int)B;
        row.Attempts = (ushort)(B >> 32);
        row.OffsetMinutes = (short)C;
        row.FinalOffsetMinutes = (short)(C >> 16);
        row.Uid = (int)(C >> 32);
        row.Host = Host;
    }

    /// <summary>Field <paramref name="index"/> as a number, for the header.</summary>
    public long Field(int index) => index switch
    {
        0 => (byte)A,
        1 => (byte)(A >> 8),
        2 => (byte)(A >> 16),
        3 => (byte)(A >> 24),
        4 => (ushort)(A >> 32),
        5 => (short)(A >> 48),
        6 => (int)B,
        7 => (ushort)(B >> 32),
        8 => (long)(B >> 48),
        9 => (short)C,
        10 => (short)(C >> 16) - (short)C,
        11 => (int)(C >> 32),
        _ => Host,
    };

    public static RowTuple OfFields(ReadOnlySpan<long> f) => new(
        (byte)f[0] | ((ulong)(byte)f[1] << 8) | ((ulong)(byte)f[2] << 16) | ((ulong)(byte)f[3] << 24)
            | ((ulong)(ushort)f[4] << 32) | ((ulong)(ushort)f[5] << 48),
        (uint)f[6] | ((ulong)(ushort)f[7] << 32) | ((ulong)(ushort)f[8] << 48),
        (ushort)f[9] | ((ulong)(ushort)(f[9] + f[10]) << 16) | ((ulong)(uint)f[11] << 32),
        (uint)f[12]);
}

/// <summary>The distinct tuples of a run under construction.</summary>
internal sealed class RunTuples
{
    private const int ByFieldFrom = 6;

    private long[] _fields = new long[64];
    private ulong[] _scratch = new ulong[64];
    private RowTuple[] _tuples = new RowTuple[64];
    private int[] _uses = new int[64];
    private int[] _slots = new int[128];
    private int[] _slotOf = new int[64];
    private int[] _order = new int[64];
    private int[] _indexes = new int[64];
    private int _last;

    public int Count { get; private set; }

    public void Begin()
    {
        // A small run must not pay for the table that a large one before it has grown.
        for (int n = 0; n < Count; n++)
        {
            _slots[_slotOf[n]] = 0;
        }
        Count = 0;
        _last = -1;
    }

    /// <summary>Provisional number of a row's tuple, to be put through <see cref="IndexOf"/>.</summary>
    public int Mark(in RecordRow row, QueueIdForm form)
    {
        var tuple = new RowTuple(in row, form);
        if (_last < 0 || _tuples[_last] != tuple)
        {
            _last = FindOrAdd(in tuple);
        }
        _uses[_last]++;
        return _last;
    }

    /// <summary>Numbers the tuples by falling use: frequent ones get few bits.</summary>
    public void Assign()
    {
        if (_order.Length < Count)
        {
            _order = new int[_tuples.Length];
            _indexes = new int[_tuples.Length];
        }
        Span<int> order = _order.AsSpan(0, Count);
        Span<int> keys = _uses.AsSpan(0, Count);
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
            keys[i] = -keys[i];
        }
        keys.Sort(order);
        for (int i = 0; i < order.Length; i++)
        {
            _indexes[order[i]] = i;
        }
    }

    public int IndexOf(int number) => _indexes[number];

    /// <summary>Writes the table: few tuples one by one, more of them field by field.</summary>
    public void Write(ByteSink sink, RunTexts texts)
    {
        sink.Varint(Count);
        if (_fields.Length < Count)
        {
            _fields = new long[_tuples.Length];
            _scratch = new ulong[_tuples.Length];
        }
        int step = Count < ByFieldFrom ? 1 : Count;
        for (int from = 0; from < Count; from += step)
        {
            for (int f = 0; f < RowTuple.FieldCount; f++)
            {
                for (int i = 0; i < step; i++)
                {
                    RowTuple tuple = _tuples[_order[from + i]];
                    _fields[i] = (tuple with { Host = texts.IdOf(tuple.Host) }).Field(f);
                }
                if (step == 1)
                {
                    sink.Zigzag(_fields[0]);
                }
                else
                {
                    PackedColumn.WriteChunks(_fields.AsSpan(0, step), sink, _scratch);
                }
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static RowTuple[] Read(ref ByteCursor cursor)
    {
        int count = ReadCount(ref cursor);
        var tuples = new RowTuple[count];
        long[] fields = ArrayPool<long>.Shared.Rent(count * RowTuple.FieldCount);
        for (int f = 0; f < RowTuple.FieldCount && count >= ByFieldFrom; f++)
        {
            PackedColumn.ReadChunks(ref cursor, fields.AsSpan(f * count, count));
        }
        Span<long> one = stackalloc long[RowTuple.FieldCount];
        for (int i = 0; i < count; i++)
        {
            for (int f = 0; f < RowTuple.FieldCount; f++)
            {
                one[f] = count < ByFieldFrom ? cursor.Zigzag() : fields[(f * count) + i];
            }
            tuples[i] = RowTuple.OfFields(one);
        }
        ArrayPool<long>.Shared.Return(fields);
        return tuples;
    }

    /// <summary>Passes by what <see cref="Read"/> would read.</summary>
    public static void Skip(ref ByteCursor cursor)
    {
        int count = ReadCount(ref cursor);
        if (count < ByFieldFrom)
        {
            for (int numbers = count * RowTuple.FieldCount; numbers > 0; numbers--)
            {
                cursor.Zigzag();
            }
            return;
        }
        for (int f = 0; f < RowTuple.FieldCount; f++)
        {
            PackedColumn.SkipChunks(ref cursor, count);
        }
    }

    private static int ReadCount(ref ByteCursor cursor)
    {
        int count = cursor.Count(RunFormat.RowsMax);
        // That many different tuples can't take less than a byte each.
        if (count > 256 && count > cursor.Remaining)
        {
            Damage.Throw();
        }
        return count;
    }

    private int FindOrAdd(in RowTuple tuple)
    {
        int mask = _slots.Length - 1;
        int i = (int)(tuple.Hash >> 32) & mask;
        for (; _slots[i] != 0; i = (i + 1) & mask)
        {
            if (_tuples[_slots[i] - 1] == tuple)
            {
                return _slots[i] - 1;
            }
        }
        if (Count == _tuples.Length)
        {
            Grow();
            return FindOrAdd(in tuple);
        }
        _tuples[Count] = tuple;
        _uses[Count] = 0;
        _slotOf[Count] = i;
        _slots[i] = ++Count;
        return Count - 1;
    }

    private void Grow()
    {
        Array.Resize(ref _tuples, _tuples.Length * 2);
        Array.Resize(ref _uses, _tuples.Length);
        Array.Resize(ref _slotOf, _tuples.Length);
        _slots = new int[_tuples.Length * 2];
        int mask = _slots.Length - 1;
        for (int n = 0; n < Count; n++)
        {
            int i = (int)(_tuples[n].Hash >> 32) & mask;
            while (_slots[i] != 0)
            {
                i = (i + 1) & mask;
            }
            _slots[i] = n + 1;
            _slotOf[n] = i;
        }
    }
}
