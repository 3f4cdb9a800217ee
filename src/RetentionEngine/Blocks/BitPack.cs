using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace RetentionEngine.Blocks;

/// <summary>Numbers of a fixed width in bits, one behind the other, lowest bit first.</summary>
/// <remarks>
/// Widths are 0 to 56, or 64: then any number lies within eight bytes from its first one, and can
/// be read by itself.
/// </remarks>
internal static class BitPack
{
    public static int WidthOf(ulong max)
    {
        int width = 64 - System.Numerics.BitOperations.LeadingZeroCount(max);
        return width > 56 ? 64 : width;
    }

    public static int SizeOf(int count, int width) => (int)(((long)count * width + 7) >> 3);

    public static ulong Mask(int width) => width == 64 ? ulong.MaxValue : (1UL << width) - 1;

    /// <summary>Number <paramref name="index"/>; the caller has checked that it lies inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(ReadOnlySpan<byte> bits, int index, int width)
    {
        long bit = (long)index * width;
        int start = (int)(bit >> 3);
        ulong word = start + 8 <= bits.Length
            ? BinaryPrimitives.ReadUInt64LittleEndian(bits[start..])
            : ReadTail(bits, start);
        return (word >> (int)(bit & 7)) & Mask(width);
    }

    private static ulong ReadTail(ReadOnlySpan<byte> bits, int start)
    {
        ulong word = 0;
        for (int i = bits.Length - 1; i >= start; i--)
        {
            word = (word << 8) | bits[i];
        }
        return word;
    }

    /// <summary>Packs the low bits of values into zeroed bytes.</summary>
    public static void Write(ReadOnlySpan<ulong> values, int width, ByteSink sink)
    {
        if (width == 0)
        {
            return;
        }
        Span<byte> target = sink.Take(SizeOf(values.Length, width));
        ulong mask = Mask(width);
        ulong held = 0;
        int heldBits = 0;
        int at = 0;
        foreach (ulong value in values)
        {
            ulong v = value & mask;
            held |= v << heldBits;
            heldBits += width;
            if (heldBits >= 64)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(target[at..], held);
                at += 8;
                heldBits -= 64;
                held = heldBits == 0 ? 0 : v >> (width - heldBits);
            }
        }
        for (; heldBits > 0; heldBits -= 8, held >>= 8)
        {
            target[at++] = (byte)held;
        }
    }
}
