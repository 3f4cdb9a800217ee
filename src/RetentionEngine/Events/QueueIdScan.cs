using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RetentionEngine.Lines;

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
        if (!IsUsual(length))
        {
            return TryReadOther(ref at, length, out id);
        }
        bool isId = Verdict(ref at, length) >= 0;
        id = isId ? QueueId.Pack(ref at, length) : default;
        return isId;
    }

    /// <summary>Reads an id that <c>: </c> ends, without a branch on what the text is.</summary>
    /// <param name="at">66 readable bytes.</param>
    /// <param name="room">Bytes of the line from there on.</param>
    /// <param name="wanted">-1; 0 to find no id.</param>
    /// <param name="id">The id, or default.</param>
    /// <returns>Bytes up to behind the space; 0 when there is no id.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ReadHead(ref byte at, int room, int wanted, out QueueId id)
    {
        int length = BitOperations.TrailingZeroCount(Scan.Match(ref at, (byte)':'));
        int shortLength = length & 31;
        int notSpace = Unsafe.Add(ref at, shortLength + 1) ^ ' ';
        int isInside = room - length - 2;
        if (length is > QueueId.PackedLengthMax and <= QueueId.PostfixLengthMax && notSpace == 0)
        {
            return isInside >= 0 && wanted != 0 && TryReadOther(ref at, length, out id)
                ? length + 2 : None(out id);
        }
        int rules = (length - LengthMin) | (QueueId.PackedLengthMax - length) | isInside | -notSpace;
        long isBroken = (long)rules | Verdict(ref at, shortLength);
        long mask = ~(isBroken >> 63) & wanted;
        QueueId found = QueueId.Pack(ref at, shortLength);
        id = new QueueId(found.Lo & (ulong)mask, found.Hi & (ulong)mask);
        return (length + 2) & (int)mask;
    }

    private static int None(out QueueId id)
    {
        id = default;
        return 0;
    }

    private static bool IsUsual(int length) =>
        (uint)(length - LengthMin) <= QueueId.PackedLengthMax - LengthMin;

    /// <summary>Negative when the text is no id; only for usual lengths.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Verdict(ref byte at, int length)
    {
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
        return notShort ^ ((notShort ^ notLong) & isLong);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryReadOther(ref byte at, int length, out QueueId id)
    {
        id = default;
        return length > QueueId.PackedLengthMax && length <= QueueId.PostfixLengthMax
            && QueueId.TryParse(Scan.Span(ref at, 0, length), out id);
    }

    /// <summary>One bit for each of 32 bytes: hex digit, base-52 digit, separator.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Classes(
        ref byte at, out uint hex, out uint base52, out uint separators)
    {
        if (Avx2.IsSupported)
        {
            Vector256<byte> text = Vector256.LoadUnsafe(ref at);
            Vector256<byte> nibble = Vector256.Create((byte)15);
            Vector256<byte> classes =
                Avx2.Shuffle(Vector256.Create(LowNibbles, LowNibbles), text & nibble)
                & Avx2.Shuffle(
                    Vector256.Create(HighNibbles, HighNibbles),
                    Vector256.ShiftRightLogical(text.AsUInt16(), 4).AsByte() & nibble);
            separators = Vector256.Equals(text, Vector256.Create((byte)'z'))
                .ExtractMostSignificantBits();
            hex = ~Vector256.Equals(classes & Vector256.Create((byte)3), Vector256<byte>.Zero)
                .ExtractMostSignificantBits();
            base52 = ~Vector256.Equals(classes & Vector256.Create((byte)13), Vector256<byte>.Zero)
                .ExtractMostSignificantBits();
            return;
        }
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

    private static uint NonZero(Vector128<byte> v) =>
        ~Vector128.Equals(v, Vector128<byte>.Zero).ExtractMostSignificantBits() & 0xFFFF;

    private static Vector128<byte> Classify(Vector128<byte> bytes)
    {
        Vector128<byte> low = bytes & Vector128.Create((byte)15);
        Vector128<byte> high = Vector128.ShiftRightLogical(bytes.AsUInt16(), 4).AsByte()
            & Vector128.Create((byte)15);
        return Vector128.Shuffle(LowNibbles, low) & Vector128.Shuffle(HighNibbles, high);
    }
}
