using System.Buffers.Binary;
using System.Numerics;

namespace RetentionEngine.Blocks;

/// <summary>Ascending numbers, repeats allowed, in about 2 + log2(range / count) bits each.</summary>
/// <remarks>
/// Bytes: first number (varint), width of the low parts, size of the bit map (varint), packed low
/// parts, bit map. The map holds, for each number, as many zeros as its high part has grown, then
/// a one (Elias 1974, Fano 1971). Numbers are below 2^32.
/// </remarks>
internal readonly ref struct EliasFano
{
    private readonly ReadOnlySpan<byte> _lows;
    private readonly ReadOnlySpan<byte> _map;
    private readonly ulong _base;
    private readonly int _lowWidth;
    private readonly int _count;

    public EliasFano(scoped ref ByteCursor cursor, int count)
    {
        _count = count;
        _base = cursor.Varint();
        _lowWidth = cursor.Byte();
        if (_base > uint.MaxValue || _lowWidth > 32)
        {
            Damage.Throw();
        }
        int mapSize = cursor.Count(cursor.Remaining);
        _lows = cursor.Bytes(BitPack.SizeOf(count, _lowWidth));
        _map = cursor.Bytes(mapSize);
    }

    public int Count => _count;

    /// <summary>Number <paramref name="index"/>, by counting ones.</summary>
    public uint this[int index]
    {
        get
        {
            int left = index;
            for (int at = 0; at < _map.Length; at += 8)
            {
                ulong word = Word(at);
                int ones = BitOperations.PopCount(word);
                if (left < ones)
                {
                    for (; left > 0; left--)
                    {
                        word &= word - 1;
                    }
                    int position = at * 8 + BitOperations.TrailingZeroCount(word);
                    return Join(position - index, index);
                }
                left -= ones;
            }
            Damage.Throw();
            return 0;
        }
    }

    public void CopyTo(Span<uint> values)
    {
        int n = 0;
        for (int at = 0; at < _map.Length && n < _count; at += 8)
        {
            for (ulong word = Word(at); word != 0 && n < _count; word &= word - 1)
            {
                int position = at * 8 + BitOperations.TrailingZeroCount(word);
                values[n] = Join(position - n, n);
                n++;
            }
        }
        if (n < _count)
        {
            Damage.Throw();
        }
    }

    /// <summary>Index of the first number that is not below <paramref name="key"/>.</summary>
    public int LowerBound(uint key)
    {
        if (key <= _base)
        {
            return 0;
        }
        ulong target = key - _base;
        long high = (long)(target >> _lowWidth);
        // Numbers with a smaller high part stand before zero number `high` (counted from 1).
        int index = high == 0 ? 0 : OnesBeforeZero(high);
        while (index < _count && this[index] < key)
        {
            index++;
        }
        return index;
    }

    private int OnesBeforeZero(long number)
    {
        long left = number;
        for (int at = 0; at < _map.Length; at += 8)
        {
            ulong word = ~Word(at);
            int zeros = BitOperations.PopCount(word);
            if (left <= zeros)
            {
                for (; left > 1; left--)
                {
                    word &= word - 1;
                }
                long position = at * 8L + BitOperations.TrailingZeroCount(word);
                return (int)Math.Min(position - (number - 1), _count);
            }
            left -= zeros;
        }
        return _count;
    }

    private ulong Word(int at)
    {
        if (at + 8 <= _map.Length)
        {
            return BinaryPrimitives.ReadUInt64LittleEndian(_map[at..]);
        }
        ulong word = 0;
        for (int i = _map.Length - 1; i >= at; i--)
        {
            word = (word << 8) | _map[i];
        }
        return word;
    }

    private uint Join(int high, int index)
    {
        ulong low = _lowWidth == 0 ? 0 : BitPack.Read(_lows, index, _lowWidth);
        ulong value = _base + (((ulong)(uint)high << _lowWidth) | low);
        return (uint)value;
    }

    /// <summary>Appends ascending numbers.</summary>
    public static void Write(ReadOnlySpan<uint> values, ByteSink sink, Span<ulong> scratch)
    {
        uint first = values.IsEmpty ? 0 : values[0];
        uint range = values.IsEmpty ? 0 : values[^1] - first;
        int lowWidth = values.IsEmpty ? 0 : BitOperations.Log2(Math.Max(1, range / (uint)values.Length));
        long mapBits = values.Length + (long)(range >> lowWidth);
        int mapSize = (int)((mapBits + 7) >> 3);
        sink.Varint(first);
        sink.Byte(lowWidth);
        sink.Varint(mapSize);
        for (int i = 0; i < values.Length; i++)
        {
            scratch[i] = values[i] - first;
        }
        BitPack.Write(scratch[..values.Length], lowWidth, sink);
        Span<byte> map = sink.Take(mapSize);
        for (int i = 0; i < values.Length; i++)
        {
            int position = (int)(scratch[i] >> lowWidth) + i;
            map[position >> 3] |= (byte)(1 << (position & 7));
        }
    }
}
