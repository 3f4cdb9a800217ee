using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>The fields of a row that take few values together: a run keeps each combination once.</summary>
/// <remarks>Packed into four words, so that comparing and hashing are cheap.</remarks>
internal readonly record struct RowTuple(ulong A, ulong B, ulong C, uint Host)
{
    public RowTuple(in RecordRow row)
        : this(
            (byte)row.Kind | ((ulong)(byte)row.Status << 8) | ((ulong)(byte)row.Protocol << 16)
                | ((ulong)(byte)row.Agent << 24) | ((ulong)(ushort)row.Flags << 32)
                | ((ulong)(ushort)row.ReplyCode << 48),
            (uint)row.Dsn | ((ulong)row.Attempts << 32)
                | (row.FinalTimeUnixMicros != 0 ? 1UL << 48 : 0),
            (ushort)row.OffsetMinutes | ((ulong)(ushort)row.FinalOffsetMinutes << 16)
                | ((ulong)(uint)row.Uid << 32),
            row.Host)
    {
    }

    public RecordKind Kind => (RecordKind)(byte)A;

    public bool HasFinal => (B >> 48 & 1) != 0;

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

    public void Write(ByteSink sink)
    {
        sink.Varint(A);
        sink.Varint(B);
        // Zone offsets are often equal, the uid is -1 for most: a byte or two instead of five.
        sink.Zigzag((short)C);
        sink.Zigzag((short)(C >> 16) - (short)C);
        sink.Zigzag((int)(C >> 32));
        sink.Varint(Host);
    }

    public static RowTuple Read(ref ByteCursor cursor)
    {
        ulong a = cursor.Varint();
        ulong b = cursor.Varint();
        long offset = cursor.Zigzag();
        long finalOffset = cursor.Zigzag() + offset;
        long uid = cursor.Zigzag();
        ulong c = (ushort)offset | ((ulong)(ushort)finalOffset << 16) | ((ulong)(uint)uid << 32);
        return new RowTuple(a, b, c, (uint)cursor.Varint());
    }
}

/// <summary>The distinct tuples of a run under construction.</summary>
internal sealed class RunTuples
{
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
    public int Mark(in RecordRow row)
    {
        var tuple = new RowTuple(in row);
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

    public void Write(ByteSink sink, RunTexts texts)
    {
        sink.Varint(Count);
        for (int i = 0; i < Count; i++)
        {
            RowTuple tuple = _tuples[_order[i]];
            (tuple with { Host = texts.IdOf(tuple.Host) }).Write(sink);
        }
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
