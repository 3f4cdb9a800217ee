namespace RetentionEngine.Blocks;

/// <summary>The client addresses of a run under construction.</summary>
/// <remarks>Index 0 is "none"; then IPv4 addresses ascending, then IPv6 addresses ascending.</remarks>
internal sealed class RunAddresses
{
    public const ulong MappedPrefix = 0x0000_FFFF_0000_0000;
    public const int PageCount = 4096;

    private readonly RadixSort _radix;
    private readonly ulong _seed;
    private (ulong Hi, ulong Lo)[] _found = new (ulong, ulong)[64];
    private int[] _slots = new int[128];
    private int[] _slotOf = new int[64];
    private int[] _indexes = new int[64];
    private int[] _order = new int[64];
    private ulong[] _keys = new ulong[64];
    private UInt128[] _sorted = new UInt128[64];
    private readonly ulong[] _scratch = new ulong[PageCount];
    private readonly uint[] _v4 = new uint[PageCount];
    private int _last;

    /// <summary>Creates a table.</summary>
    /// <param name="seed">Keys its hash, since attackers choose the addresses.</param>
    /// <param name="radix">Sorts; may be shared by what does not sort at the same time.</param>
    public RunAddresses(long seed, RadixSort radix)
    {
        _seed = (ulong)seed;
        _radix = radix;
    }

    public int Count { get; private set; }

    /// <summary>How many of them are IPv4.</summary>
    public int V4Count { get; private set; }

    public void Begin()
    {
        // A small run must not pay for the table that a large one before it has grown.
        for (int n = 0; n < Count; n++)
        {
            _slots[_slotOf[n]] = 0;
        }
        Count = 0;
        V4Count = 0;
        _last = -1;
    }

    /// <summary>Provisional number of an address, to be put through <see cref="IndexOf"/>.</summary>
    public int Mark(ulong hi, ulong lo)
    {
        if ((hi | lo) == 0)
        {
            return -1;
        }
        if (_last < 0 || _found[_last] != (hi, lo))
        {
            _last = FindOrAdd(hi, lo);
        }
        return _last;
    }

    /// <summary>Numbers the addresses in their order.</summary>
    public void Assign()
    {
        int v4 = 0;
        int v6 = V4Count;
        for (int n = 0; n < Count; n++)
        {
            (ulong hi, ulong lo) = _found[n];
            if (IsV4(hi, lo))
            {
                _keys[v4] = lo;
                _order[v4++] = n;
            }
            else
            {
                _sorted[v6] = Order(hi, lo);
                _order[v6++] = n;
            }
        }
        _radix.Sort(_keys.AsSpan(0, v4), _order.AsSpan(0, v4), 32);
        _sorted.AsSpan(v4, Count - v4).Sort(_order.AsSpan(v4, Count - v4));
        for (int i = 0; i < v4; i++)
        {
            _sorted[i] = (uint)_keys[i];
        }
        for (int i = 0; i < Count; i++)
        {
            _indexes[_order[i]] = i + 1;
        }
    }

    /// <summary>Index in the run; 0 is none.</summary>
    public int IndexOf(int number) => number < 0 ? 0 : _indexes[number];

    /// <summary>Writes all pages: IPv4 coded by Elias and Fano, IPv6 as 16 bytes each.</summary>
    public void Write(RunSections sections)
    {
        int page = 0;
        for (int from = 0; from < Count; from += PageCount, page++)
        {
            int to = Math.Min(from + PageCount, Count);
            int v4 = Math.Clamp(V4Count - from, 0, to - from);
            for (int i = 0; i < v4; i++)
            {
                _v4[i] = (uint)_sorted[from + i];
            }
            if (v4 > 0)
            {
                EliasFano.Write(_v4.AsSpan(0, v4), sections.Sink, _scratch);
            }
            for (int i = from + v4; i < to; i++)
            {
                (ulong hi, ulong lo) = Restore(_sorted[i]);
                Span<byte> bytes = sections.Sink.Take(16);
                System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, hi);
                System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], lo);
            }
            sections.End(BlockKind.Addresses, page);
        }
    }

    public static bool IsV4(ulong hi, ulong lo) => hi == 0 && lo >> 32 == MappedPrefix >> 32;

    /// <summary>A number that puts IPv4 first and compares as the addresses do.</summary>
    public static UInt128 Order(ulong hi, ulong lo)
    {
        if (IsV4(hi, lo))
        {
            return (uint)lo;
        }
        // IPv6 numbers move up behind IPv4; those up to ::ffff:ffff:ffff make room by 2^32.
        var number = new UInt128(hi, lo);
        return number < MappedPrefix ? number + (UInt128.One << 32) : number;
    }

    private static (ulong Hi, ulong Lo) Restore(UInt128 order)
    {
        if (order <= uint.MaxValue)
        {
            return (0, MappedPrefix | (ulong)order);
        }
        UInt128 number = order < MappedPrefix + (UInt128.One << 32) ? order - (UInt128.One << 32) : order;
        return ((ulong)(number >> 64), (ulong)number);
    }

    private int FindOrAdd(ulong hi, ulong lo)
    {
        int mask = _slots.Length - 1;
        int i = SlotOf(hi, lo, mask);
        for (; _slots[i] != 0; i = (i + 1) & mask)
        {
            if (_found[_slots[i] - 1] == (hi, lo))
            {
                return _slots[i] - 1;
            }
        }
        if (Count == _found.Length)
        {
            Grow();
            return FindOrAdd(hi, lo);
        }
        _found[Count] = (hi, lo);
        _slotOf[Count] = i;
        _slots[i] = ++Count;
        V4Count += IsV4(hi, lo) ? 1 : 0;
        return Count - 1;
    }

    private int SlotOf(ulong hi, ulong lo, int mask)
    {
        ulong mixed = (((hi ^ _seed) * 0x9E37_79B9_7F4A_7C15) ^ lo) * 0xD6E8_FEB8_6659_FD93;
        return (int)(mixed >> 32) & mask;
    }

    private void Grow()
    {
        int size = _found.Length * 2;
        Array.Resize(ref _found, size);
        _slots = new int[size * 2];
        _slotOf = new int[size];
        _indexes = new int[size];
        _order = new int[size];
        _keys = new ulong[size];
        _sorted = new UInt128[size];
        int mask = _slots.Length - 1;
        for (int n = 0; n < Count; n++)
        {
            int i = SlotOf(_found[n].Hi, _found[n].Lo, mask);
            while (_slots[i] != 0)
            {
                i = (i + 1) & mask;
            }
            _slots[i] = n + 1;
            _slotOf[n] = i;
        }
    }
}
