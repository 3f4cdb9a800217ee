using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RetentionEngine.Events;

/// <summary>Checks the usual lengths of queue ids without a loop.</summary>
/// <remarks>
/// Two lookups by nibble tell for each byte whether it is a digit of hex or of base 52; digits of
/// both are in the order of their bytes, so limits compare as text. Says yes only where
/// <see cref="QueueId.TryParse"/> does; what it can't decide quickly goes there.
/// </remarks>
internal static class QueueIdScan
{
    private const int LengthMin = 6;
    private const int LongLengthMin = 12;

    // Largest microseconds, 999,999, in base 52 and in hex.
    private const long LongMicrosMax = ((long)'7' << 24) | ('5' << 16) | ('p' << 8) | 'l';
    private const long ShortMicrosMax =
        ((long)'F' << 32) | ((long)'4' << 24) | ('2' << 16) | ('3' << 8) | 'F';

    // Bits: 1 decimal digit, 2 upper-case hex letter, 4 and 8 consonants of the two rows of
    // letters. The first table is by the low nibble, the second by the high one.
    private static Vector128<byte> LowNibbles => Vector128.Create(
        (byte)(1 | 8), 1 | 2 | 8, 1 | 2 | 4 | 8, 1 | 2 | 4 | 8, 1 | 2 | 4 | 8, 1 | 2, 1 | 2 | 4 | 8,
        1 | 4 | 8, 1 | 4 | 8, 1 | 8, 4 | 8, 4, 4, 4, 4, 0);

    private static Vector128<byte> HighNibbles => Vector128.Create(
        (byte)0, 0, 0, 1, 2 | 4, 8, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>Reads the id that fills [at, at + length).</summary>
    /// <param name="at">32 readable bytes.</param>
    /// <param name="length">Any.</param>
    /// <param name="id">The id, or default.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref byte at, int length, out QueueId id)
    {
        if ((uint)(length - LengthMin) > QueueId.PackedLengthMax - LengthMin)
        {
            return TryReadOther(ref at, length, out id);
        }
        Classes(ref at, out uint hex, out uint base52, out uint separators);
        uint all = (1u << length) - 1;
        separators &= all;

        // Hosts with short and long ids mix: whether there is a z is not to be branched on. Each
        // verdict is negative when its rules are broken.
        int separator = 31 - BitOperations.LeadingZeroCount(separators | 1);
        int beforeSeparator = (separator - 4) & ~((separator - 4) >> 31);
        long shortMicros = (long)(BinaryPrimitives.ReverseEndianness(
            Unsafe.ReadUnaligned<ulong>(ref at)) >> 24);
        long longMicros = BinaryPrimitives.ReverseEndianness(
            Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref at, beforeSeparator)));
        long notShort = (ShortMicrosMax - shortMicros) | -(long)(~hex & all);
        long notLong = (LongMicrosMax - longMicros) | -(long)(~base52 & all)
            | (long)((separator - 10) | (11 - separator) | (length - LongLengthMin)
                | (length - 2 - separator));
        long isLong = -(long)separators >> 63;
        if ((notShort ^ ((notShort ^ notLong) & isLong)) < 0)
        {
            id = default;
            return false;
        }
        id = QueueId.Pack(ref at, length);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryReadOther(ref byte at, int length, out QueueId id)
    {
        id = default;
        return length > QueueId.PackedLengthMax && length <= QueueId.TextLengthMax
            && QueueId.TryParse(Lines.Scan.Span(ref at, 0, length), out id);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Classes(
        ref byte at, out uint hex, out uint base52, out uint separators)
    {
        Vector128<byte> first = Vector128.LoadUnsafe(ref at);
        Vector128<byte> second = Vector128.LoadUnsafe(ref at, 16);
        Vector128<byte> z = Vector128.Create((byte)'z');
        separators = Vector128.Equals(first, z).ExtractMostSignificantBits()
            | (Vector128.Equals(second, z).ExtractMostSignificantBits() << 16);
        first = Classify(first);
        second = Classify(second);
        hex = NonZero(first & Vector128.Create((byte)3))
            | (NonZero(second & Vector128.Create((byte)3)) << 16);
        base52 = NonZero(first & Vector128.Create((byte)13))
            | (NonZero(second & Vector128.Create((byte)13)) << 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint NonZero(Vector128<byte> v) =>
        ~Vector128.Equals(v, Vector128<byte>.Zero).ExtractMostSignificantBits() & 0xFFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Classify(Vector128<byte> bytes)
    {
        Vector128<byte> low = bytes & Vector128.Create((byte)15);
        Vector128<byte> high = Vector128.ShiftRightLogical(bytes.AsUInt16(), 4).AsByte()
            & Vector128.Create((byte)15);
        return Vector128.Shuffle(LowNibbles, low) & Vector128.Shuffle(HighNibbles, high);
    }
}
