using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RetentionEngine.Blocks;

/// <summary>A column of integers: frame of reference, bit-packed, large ones patched.</summary>
/// <remarks>
/// Bytes: width (bit 7: patched), lowest value (zigzag varint), packed differences to it; if
/// patched: count, width of the high parts, packed positions, packed high parts. Width 0 without
/// patches is a constant and costs two bytes or so. Any value can be read by itself.
/// </remarks>
internal readonly ref struct PackedColumn
{
    /// <summary>Longer sequences are cut: patches are collected on the stack.</summary>
    public const int ChunkLength = 1024;

    private const int Patched = 0x80;

    private readonly ReadOnlySpan<byte> _bits;
    private readonly ReadOnlySpan<byte> _positions;
    private readonly ReadOnlySpan<byte> _highs;
    private readonly long _base;
    private readonly int _width;
    private readonly int _patches;
    private readonly int _positionWidth;
    private readonly int _highWidth;
    private readonly int _count;

    /// <summary>Parses a column of <paramref name="count"/> values.</summary>
    public PackedColumn(scoped ref ByteCursor cursor, int count)
    {
        int head = cursor.Byte();
        _count = count;
        _width = head & 0x7f;
        if (_width > 64 || _width is > 56 and < 64)
        {
            Damage.Throw();
        }
        _base = cursor.Zigzag();
        _bits = cursor.Bytes(BitPack.SizeOf(count, _width));
        if ((head & Patched) != 0)
        {
            _patches = cursor.Count(count);
            _highWidth = cursor.Byte();
            if (_highWidth > 64 || _highWidth is > 56 and < 64)
            {
                Damage.Throw();
            }
            _positionWidth = BitPack.WidthOf((ulong)count);
            _positions = cursor.Bytes(BitPack.SizeOf(_patches, _positionWidth));
            _highs = cursor.Bytes(BitPack.SizeOf(_patches, _highWidth));
        }
    }

    public bool IsConstant => _width == 0 && _patches == 0;

    public long this[int index]
    {
        get
        {
            ulong value = _width == 0 ? 0 : BitPack.Read(_bits, index, _width);
            if (_patches != 0)
            {
                value |= Patch(index);
            }
            return (long)((ulong)_base + value);
        }
    }

    private ulong Patch(int index)
    {
        int low = 0;
        int high = _patches;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            int position = (int)BitPack.Read(_positions, middle, _positionWidth);
            if (position == index)
            {
                return High(middle);
            }
            if (position < index)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return 0;
    }

    // A patched column is at most 56 wide, but the shift must not wrap on damaged bytes either.
    private ulong High(int patch) => BitPack.Read(_highs, patch, _highWidth) << (_width & 63);

    /// <summary>Reads all values.</summary>
    public void CopyTo(Span<long> values)
    {
        values = values[.._count];
        if (_width == 0)
        {
            values.Fill(_base);
        }
        else
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (long)((ulong)_base + BitPack.Read(_bits, i, _width));
            }
        }
        for (int i = 0; i < _patches; i++)
        {
            int position = (int)BitPack.Read(_positions, i, _positionWidth);
            if (position >= values.Length)
            {
                Damage.Throw();
            }
            values[position] = (long)((ulong)values[position] + High(i));
        }
    }

    /// <summary>Sets the bits of the values between two, both inclusive; clears none.</summary>
    /// <param name="first">Lowest value wanted.</param>
    /// <param name="last">Highest, not below <paramref name="first"/>.</param>
    /// <param name="hits">One bit a value.</param>
    /// <returns>Whether any value lies between them.</returns>
    public bool MarkRange(long first, long last, Span<ulong> hits)
    {
        // As distances to the lowest value, modulo 2^64: then one comparison is enough.
        ulong from = (ulong)first - (ulong)_base;
        ulong span = (ulong)last - (ulong)first;
        ulong any = 0;
        int patch = 0;
        for (int i = 0; i < _count; i += 64)
        {
            int count = Math.Min(64, _count - i);
            ulong word = _width != 0 ? Compare(i, count, from, span)
                : 0 - from <= span ? ulong.MaxValue >> (64 - count) : 0;
            for (; patch < _patches; patch++)
            {
                int position = (int)BitPack.Read(_positions, patch, _positionWidth) - i;
                if (position >= count)
                {
                    break;
                }
                ulong low = _width == 0 ? 0 : BitPack.Read(_bits, i + position, _width);
                bool isHit = (low | High(patch)) - from <= span;
                word = (word & ~(1UL << position)) | (isHit ? 1UL << position : 0);
            }
            any |= word;
            hits[i >> 6] |= word;
        }
        return any != 0;
    }

    private ulong Compare(int start, int count, ulong from, ulong span)
    {
        ulong word = 0;
        ulong mask = BitPack.Mask(_width);
        long bit = (long)start * _width;
        if (((bit + ((long)count * _width)) >> 3) + 8 > _bits.Length)
        {
            for (int j = 0; j < count; j++)
            {
                word |= BitPack.Read(_bits, start + j, _width) - from <= span ? 1UL << j : 0;
            }
            return word;
        }
        ref byte bytes = ref MemoryMarshal.GetReference(_bits);
        for (int j = 0; j < count; j++, bit += _width)
        {
            ulong eight = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref bytes, (nint)(bit >> 3)));
            eight = BitConverter.IsLittleEndian ? eight : BinaryPrimitives.ReverseEndianness(eight);
            ulong value = (eight >> (int)(bit & 7)) & mask;
            word |= (value - from <= span ? 1UL : 0) << j;
        }
        return word;
    }

    /// <summary>Appends a column. <paramref name="scratch"/> is at least as long as the values.</summary>
    public static void Write(ReadOnlySpan<long> values, ByteSink sink, Span<ulong> scratch)
    {
        if (values.IsEmpty || !values.ContainsAnyExcept(values[0]))
        {
            sink.Byte(0);
            sink.Zigzag(values.IsEmpty ? 0 : values[0]);
            return;
        }
        (long min, long max) = Bounds(values);
        int fullWidth = BitPack.WidthOf((ulong)max - (ulong)min);
        scratch = scratch[..values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            scratch[i] = (ulong)values[i] - (ulong)min;
        }
        int width = BestWidth(scratch, fullWidth, out int patches);
        sink.Byte(width | (patches > 0 ? Patched : 0));
        sink.Zigzag(min);
        BitPack.Write(scratch, width, sink);
        if (patches > 0)
        {
            WritePatches(scratch, width, fullWidth, patches, sink);
        }
    }

    /// <summary>Appends any number of values as columns of <see cref="ChunkLength"/>.</summary>
    public static void WriteChunks(ReadOnlySpan<long> values, ByteSink sink, Span<ulong> scratch)
    {
        for (int from = 0; from < values.Length; from += ChunkLength)
        {
            Write(values[from..Math.Min(from + ChunkLength, values.Length)], sink, scratch);
        }
    }

    public static void ReadChunks(scoped ref ByteCursor cursor, Span<long> values)
    {
        for (int from = 0; from < values.Length; from += ChunkLength)
        {
            int count = Math.Min(ChunkLength, values.Length - from);
            new PackedColumn(ref cursor, count).CopyTo(values[from..]);
        }
    }

    /// <summary>Passes by what <see cref="ReadChunks"/> would read.</summary>
    public static void SkipChunks(scoped ref ByteCursor cursor, int count)
    {
        for (int from = 0; from < count; from += ChunkLength)
        {
            _ = new PackedColumn(ref cursor, Math.Min(ChunkLength, count - from));
        }
    }

    private static (long Min, long Max) Bounds(ReadOnlySpan<long> values)
    {
        Vector<long> mins = new(values[0]);
        Vector<long> maxs = mins;
        int i = 0;
        for (; i + Vector<long>.Count <= values.Length; i += Vector<long>.Count)
        {
            var some = new Vector<long>(values[i..]);
            mins = Vector.Min(mins, some);
            maxs = Vector.Max(maxs, some);
        }
        long min = values[0];
        long max = min;
        for (int lane = 0; lane < Vector<long>.Count; lane++)
        {
            min = Math.Min(min, mins[lane]);
            max = Math.Max(max, maxs[lane]);
        }
        for (; i < values.Length; i++)
        {
            min = Math.Min(min, values[i]);
            max = Math.Max(max, values[i]);
        }
        return (min, max);
    }

    private static int BestWidth(ReadOnlySpan<ulong> values, int fullWidth, out int patches)
    {
        Span<int> histogram = stackalloc int[65];
        histogram.Clear();
        foreach (ulong value in values)
        {
            histogram[64 - BitOperations.LeadingZeroCount(value)]++;
        }
        int positionWidth = BitPack.WidthOf((ulong)values.Length);
        long best = (long)values.Length * fullWidth;
        int bestWidth = fullWidth;
        patches = 0;
        int above = 0;
        for (int i = 64; i > Math.Min(fullWidth, 57); i--)
        {
            above += histogram[i];
        }
        for (int width = Math.Min(fullWidth, 57) - 1; width >= 0; width--)
        {
            above += histogram[width + 1];
            int highWidth = fullWidth - width > 56 ? 64 : fullWidth - width;
            long cost = (long)values.Length * width + 24 + (long)above * (positionWidth + highWidth);
            if (cost < best)
            {
                best = cost;
                bestWidth = width;
                patches = above;
            }
        }
        return bestWidth;
    }

    private static void WritePatches(
        ReadOnlySpan<ulong> values, int width, int fullWidth, int patches, ByteSink sink)
    {
        int highWidth = fullWidth - width > 56 ? 64 : fullWidth - width;
        sink.Varint(patches);
        sink.Byte(highWidth);
        Span<ulong> positions = stackalloc ulong[patches];
        Span<ulong> highs = stackalloc ulong[patches];
        int n = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] >> width != 0)
            {
                positions[n] = (ulong)i;
                highs[n++] = values[i] >> width;
            }
        }
        BitPack.Write(positions, BitPack.WidthOf((ulong)values.Length), sink);
        BitPack.Write(highs, highWidth, sink);
    }
}
