using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RetentionEngine.Lines;

/// <summary>Searches within one line, 64 bytes a step.</summary>
/// <remarks>
/// Every load may reach up to 63 bytes behind <c>end</c>: blocks have that much readable padding
/// (<see cref="BlockReader.PaddingBytes"/>). What lies there never decides a result.
/// </remarks>
internal static class Scan
{
    public const int StepBytes = 64;

    /// <summary>One bit for each of the 64 bytes at <paramref name="at"/> that equals the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Match(ref byte at, byte value)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            return Vector512.Equals(Vector512.LoadUnsafe(ref at), Vector512.Create(value))
                .ExtractMostSignificantBits();
        }
        if (Vector256.IsHardwareAccelerated)
        {
            Vector256<byte> wanted = Vector256.Create(value);
            uint low = Vector256.Equals(Vector256.LoadUnsafe(ref at), wanted)
                .ExtractMostSignificantBits();
            uint high = Vector256.Equals(Vector256.LoadUnsafe(ref at, 32), wanted)
                .ExtractMostSignificantBits();
            return low | ((ulong)high << 32);
        }
        return Match128(ref at, value);
    }

    /// <summary>First position of the value in [start, end), or end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexOf(ref byte block, int start, int end, byte value)
    {
        for (int i = start; i < end; i += StepBytes)
        {
            ulong mask = Match(ref Unsafe.Add(ref block, i), value);
            if (mask != 0)
            {
                int found = i + BitOperations.TrailingZeroCount(mask);
                return found < end ? found : end;
            }
        }
        return end;
    }

    /// <summary>Whether the text stands at <paramref name="at"/> and ends within the line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Is(ref byte block, int at, int end, ReadOnlySpan<byte> text) =>
        end - at >= text.Length
        && MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref block, at), text.Length)
            .SequenceEqual(text);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Span(ref byte block, int start, int end) =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref block, start), end - start);

    /// <summary>First position of the text in [start, end), or -1.</summary>
    /// <remarks>Candidates are places where its first two bytes stand; it has at least two.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Find(ref byte block, int start, int end, ReadOnlySpan<byte> text)
    {
        byte first = text[0];
        byte second = text[1];
        for (int i = start; i < end; i += StepBytes)
        {
            ulong mask = Match(ref Unsafe.Add(ref block, i), first)
                & Match(ref Unsafe.Add(ref block, i + 1), second);
            for (; mask != 0; mask &= mask - 1)
            {
                int at = i + BitOperations.TrailingZeroCount(mask);
                if (Is(ref block, at, end, text))
                {
                    return at;
                }
            }
        }
        return -1;
    }

    /// <summary>Last position of the text in [start, end), or -1.</summary>
    /// <remarks>Runs forward: a step back could leave the block.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FindLast(ref byte block, int start, int end, ReadOnlySpan<byte> text)
    {
        byte first = text[0];
        byte second = text[1];
        int last = -1;
        for (int i = start; i < end; i += StepBytes)
        {
            ulong mask = Match(ref Unsafe.Add(ref block, i), first)
                & Match(ref Unsafe.Add(ref block, i + 1), second);
            for (; mask != 0; mask &= mask - 1)
            {
                int at = i + BitOperations.TrailingZeroCount(mask);
                last = Is(ref block, at, end, text) ? at : last;
            }
        }
        return last;
    }

    /// <summary>Eight bytes as a little-endian number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load(ref byte block, int at)
    {
        ulong value = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref block, at));
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    /// <summary>Reads decimal digits; returns the position behind them.</summary>
    /// <remarks>At most 18 digits, so that the value can't overflow.</remarks>
    public static int Digits(ref byte block, int start, int end, out long value)
    {
        value = 0;
        int i = start;
        int stop = Math.Min(end, start + 18);
        for (; i < stop; i++)
        {
            uint digit = (uint)Unsafe.Add(ref block, i) - '0';
            if (digit > 9)
            {
                break;
            }
            value = (value * 10) + digit;
        }
        return i;
    }

    private static ulong Match128(ref byte at, byte value)
    {
        Vector128<byte> wanted = Vector128.Create(value);
        ulong mask = 0;
        for (nuint i = 0; i < StepBytes; i += 16)
        {
            ulong part = Vector128.Equals(Vector128.LoadUnsafe(ref at, i), wanted)
                .ExtractMostSignificantBits();
            mask |= part << (int)i;
        }
        return mask;
    }
}
