using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RetentionEngine.Lines;

/// <summary>Finds line ends, and nothing else: log text has 28 structural bytes a line, we need six.</summary>
/// <remarks>Idea: stage 1 of arXiv:1902.08318, reduced to one byte value.</remarks>
internal static class LineIndex
{
    /// <summary>The last step may find this many ends more than were asked for.</summary>
    public const int SpareSlots = Scan.StepBytes;

    /// <summary>Finds line ends in <paramref name="block"/> from <paramref name="start"/> on.</summary>
    /// <param name="block">Raw log bytes with <see cref="BlockReader.PaddingBytes"/> behind them.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="ends">
    /// Receives the offsets of LF bytes, ascending. A last line without LF ends at the length of
    /// the block. Holds at least <paramref name="wanted"/> + <see cref="SpareSlots"/> slots.
    /// </param>
    /// <param name="wanted">Stops when there are this many.</param>
    /// <returns>Count of ends found, at most <paramref name="wanted"/>.</returns>
    public static int Find(ReadOnlySpan<byte> block, int start, Span<int> ends, int wanted)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wanted, ends.Length - SpareSlots);
        ref byte at = ref MemoryMarshal.GetReference(block);
        ref int slot = ref MemoryMarshal.GetReference(ends);
        int length = block.Length;
        int count = 0;
        int i = start;
        for (; i <= length - Scan.StepBytes && count < wanted; i += Scan.StepBytes)
        {
            // Hardly ever more than two lines end within a step: writing both places, whether or
            // not there are ends for them, is cheaper than finding out.
            ulong mask = Scan.Match(ref Unsafe.Add(ref at, i), (byte)'\n');
            ulong rest = mask & (mask - 1);
            Unsafe.Add(ref slot, count) = i + BitOperations.TrailingZeroCount(mask);
            Unsafe.Add(ref slot, count + 1) = i + BitOperations.TrailingZeroCount(rest);
            if ((rest & (rest - 1)) != 0)
            {
                Write(ref Unsafe.Add(ref slot, count), i, mask);
            }
            count += BitOperations.PopCount(mask);
        }
        if (i < length && count < wanted)
        {
            int left = Math.Min(length - i, Scan.StepBytes - 1);
            ulong mask = Scan.Match(ref Unsafe.Add(ref at, i), (byte)'\n') & ((1UL << left) - 1);
            Write(ref Unsafe.Add(ref slot, count), i, mask);
            count += BitOperations.PopCount(mask);
            i = length;
        }
        if (i >= length && count < wanted && length > start && block[^1] != '\n')
        {
            Unsafe.Add(ref slot, count++) = length;
        }
        return Math.Min(count, wanted);
    }

    /// <summary>Writes an end for each bit.</summary>
    private static void Write(ref int slot, int start, ulong mask)
    {
        for (int i = 0; mask != 0; mask &= mask - 1)
        {
            Unsafe.Add(ref slot, i++) = start + BitOperations.TrailingZeroCount(mask);
        }
    }
}
