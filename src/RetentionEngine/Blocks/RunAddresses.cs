using System.Numerics;

namespace RetentionEngine.Blocks;

/// <summary>The client addresses of a run under construction.</summary>
/// <remarks>Index 0 is "none"; then IPv4 addresses ascending, then IPv6 addresses ascending.</remarks>
internal sealed class RunAddresses(long seed)
{
    public const ulong MappedPrefix = 0x0000_FFFF_0000_0000;
    public const int PageCount = 4096;

    private (ulong Hi, ulong Lo)[] _slots = new (ulong, ulong)[64];
    private uint[] _indexes = new uint[64];
    private UInt128[] _sorted = new UInt128[32];
    private ulong[] _scratch = new ulong[PageCount];
    private uint[] _v4 = new uint[PageCount];
    private int _mask;

    public int Count { get; private set; }

    /// <summary>How many of them are IPv4.</summary>
    public int V4Count { get; private set; }

    public void Begin(int rows)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(rows, 8) * 2);
        if (_slots.Length < size)
        {
            _slots = new (ulong, ulong)[size];
            _indexes = new uint[size];
        }
        _mask = size - 1;
        _slots.AsSpan(0, size).Clear();
        Count = 0;
    }

    public void Mark(ulong hi, ulong lo)
    {
        if ((hi | lo) == 0)
        {
            return;
        }
        int slot = Find(hi, lo);
        if (_slots[slot] == default)
        {
            _slots[slot] = (hi, lo);
            if (Count == _sorted.Length)
            {
                Array.Resize(ref _sorted, _sorted.Length * 2);
            }
            _sorted[Count++] = Order(hi, lo);
        }
    }

    public void Assign()
    {
        Span<UInt128> sorted = _sorted.AsSpan(0, Count);
        sorted.Sort();
        V4Count = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            (ulong hi, ulong lo) = Restore(sorted[i]);
            _indexes[Find(hi, lo)] = (uint)i + 1;
            V4Count += IsV4(hi, lo) ? 1 : 0;
        }
    }

    public uint IndexOf(ulong hi, ulong lo) => (hi | lo) == 0 ? 0 : _indexes[Find(hi, lo)];

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

    private int Find(ulong hi, ulong lo)
    {
        ulong mixed = (((hi ^ (ulong)seed) * 0x9E37_79B9_7F4A_7C15) ^ lo) * 0xD6E8_FEB8_6659_FD93;
        int i = (int)(mixed >> 32) & _mask;
        while (_slots[i] != default && _slots[i] != (hi, lo))
        {
            i = (i + 1) & _mask;
        }
        return i;
    }
}
