using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace RetentionEngine.Events;

/// <summary>
/// A queue id of Postfix or Courier in 128 bits; equality of values is equality of ids.
/// </summary>
/// <remarks>
/// Ids of at most 18 characters are packed with seven bits a character, first character lowest,
/// nine characters to each half; longer ones numerically (time, microseconds, inode) with the top
/// bit of <c>Hi</c> set. Where the lowest seven bits of <c>Lo</c> are no character, it is a message
/// of Courier: inode, seconds and process. All can be turned back into the text. The default value
/// is no id.
/// <para>
/// Short ids are five upper-case hex digits of microseconds and the inode in upper-case hex. Long
/// ids are at least six base-52 digits of seconds since 1970, four of microseconds, a
/// <c>z</c>, and the inode in base 51 (Postfix, src/global/mail_queue.h).
/// </para>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal readonly partial record struct QueueId(ulong Lo, ulong Hi)
{
    /// <summary>Room for any id's text; Courier's is the longest.</summary>
    public const int TextLengthMax = 42;

    /// <summary>Of Postfix: 7 digits of seconds, 4, <c>z</c>, 12 of a 64-bit inode.</summary>
    public const int PostfixLengthMax = 24;

    /// <summary>Ids of at most this many characters are packed character by character.</summary>
    internal const int PackedLengthMax = 18;

    private const int ShortLengthMin = 6;
    private const int ShortLengthMax = 21;
    private const int LongLengthMin = 12;
    private const ulong PackMask = 0x7F7F_7F7F_7F7F_7F7F;
    private const ulong NumericBit = 1UL << 63;
    private const ulong NumericLongBit = 1UL << 62;
    private const int MicrosBits = 20;
    private const int MicrosMax = 999_999;
    // Seven base-52 digits: the year 34,000. The field of the numeric form is wider.
    private const long SecondsMax = 1_028_071_702_527;
    private const ulong SecondsMask = (1UL << 42) - 1;
    private const byte NoDigit = 255;

    public bool IsNone => (Lo | Hi) == 0;

    private static ReadOnlySpan<byte> Alphabet =>
        "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"u8;

    private static ReadOnlySpan<byte> HexAlphabet => "0123456789ABCDEF"u8;

    private static readonly byte[] s_digits = Digits(Alphabet);
    private static readonly byte[] s_hexDigits = Digits(HexAlphabet);

    /// <summary>Reads a whole text as a queue id of Postfix, strictly by its two grammars.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out QueueId id)
    {
        id = default;
        if (!TryRead(text, out bool isLong, out long seconds, out int micros, out ulong inode))
        {
            return false;
        }
        if (text.Length <= PackedLengthMax)
        {
            id = Pack(text);
            return true;
        }

        // The numeric form drops leading zeros, which Postfix never writes there.
        id = Encode(isLong, seconds, micros, inode);
        Span<byte> back = stackalloc byte[TextLengthMax];
        int length = id.Format(back);
        if (back[..length].SequenceEqual(text))
        {
            return true;
        }
        id = default;
        return false;
    }

    /// <summary>Writes the id's text.</summary>
    /// <param name="text">At least <see cref="TextLengthMax"/> bytes.</param>
    /// <returns>Length of the text; 0 for no id.</returns>
    public int Format(Span<byte> text)
    {
        if ((Hi & NumericBit) != 0)
        {
            bool isLong = (Hi & NumericLongBit) != 0;
            return FormatNumbers(
                isLong, (long)((Hi >> MicrosBits) & SecondsMask), (int)(Hi & 0xFFFFF), Lo, text);
        }
        if (IsCourier)
        {
            return FormatCourier(text);
        }
        int length = 0;
        for (ulong rest = Lo; rest != 0; rest >>= 7)
        {
            text[length++] = (byte)(rest & 127);
        }
        for (ulong rest = Hi; rest != 0; rest >>= 7)
        {
            text[length++] = (byte)(rest & 127);
        }
        return length;
    }

    /// <summary>What the id says. Exact for <see cref="Encode"/> unless this returns false.</summary>
    /// <param name="isLong">Which grammar.</param>
    /// <param name="seconds">UTC second of creation since 1970; 0 for short ids.</param>
    /// <param name="micros">Microsecond of creation within its second.</param>
    /// <param name="inode">Inode of the queue file.</param>
    /// <returns>False for no id and for ids that are not written canonically.</returns>
    public bool TryDecode(out bool isLong, out long seconds, out int micros, out ulong inode)
    {
        Span<byte> text = stackalloc byte[TextLengthMax];
        int length = Format(text);
        return TryRead(text[..length], out isLong, out seconds, out micros, out inode)
            && Encode(isLong, seconds, micros, inode) == this;
    }

    /// <summary>The canonical id of these numbers; the reverse of <see cref="TryDecode"/>.</summary>
    public static QueueId Encode(bool isLong, long seconds, int micros, ulong inode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seconds);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(seconds, SecondsMax);
        ArgumentOutOfRangeException.ThrowIfNegative(micros);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(micros, MicrosMax);
        Span<byte> text = stackalloc byte[TextLengthMax];
        int length = FormatNumbers(isLong, seconds, micros, inode, text);
        if (length <= PackedLengthMax)
        {
            return Pack(text[..length]);
        }
        ulong hi = NumericBit | ((ulong)seconds << MicrosBits) | (uint)micros;
        return new QueueId(inode, isLong ? hi | NumericLongBit : hi);
    }

    /// <summary>Packs at most 18 characters that are known to be an id.</summary>
    internal static QueueId Pack(ReadOnlySpan<byte> text)
    {
        ulong lo = 0;
        ulong hi = 0;
        for (int i = Math.Min(text.Length, 9) - 1; i >= 0; i--)
        {
            lo = (lo << 7) | text[i];
        }
        for (int i = text.Length - 1; i >= 9; i--)
        {
            hi = (hi << 7) | text[i];
        }
        return new QueueId(lo, hi);
    }

    /// <summary>The same from a place with 24 readable bytes; what lies behind is ignored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static QueueId Pack(ref byte at, int length)
    {
        if (!Bmi2.X64.IsSupported)
        {
            return Pack(MemoryMarshal.CreateReadOnlySpan(ref at, length));
        }
        ulong lo = Bmi2.X64.ParallelBitExtract(
            Unsafe.ReadUnaligned<ulong>(ref at), PackMask);
        lo |= (ulong)(Unsafe.Add(ref at, 8) & 127) << 56;
        ulong hi = Bmi2.X64.ParallelBitExtract(
            Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, 9)), PackMask);
        hi |= (ulong)(Unsafe.Add(ref at, 17) & 127) << 56;

        // A count of 64 or more keeps all bits.
        int highLength = (length - 9) & ~((length - 9) >> 31);
        lo = Bmi2.X64.ZeroHighBits(lo, (ulong)(7 * length));
        hi = Bmi2.X64.ZeroHighBits(hi, (ulong)(7 * highLength));
        return new QueueId(lo, hi);
    }

    private static bool TryRead(
        ReadOnlySpan<byte> text, out bool isLong, out long seconds, out int micros, out ulong inode)
    {
        isLong = false;
        seconds = 0;
        if (text.Length is < ShortLengthMin or > PostfixLengthMax)
        {
            micros = 0;
            inode = 0;
            return false;
        }
        int separator = text.LastIndexOf((byte)'z');
        if (separator < 0)
        {
            inode = 0;
            return TryReadBase(text[..5], s_hexDigits, 16, out ulong hexMicros, out micros)
                && text.Length <= ShortLengthMax
                && hexMicros <= MicrosMax
                && TryReadBase(text[5..], s_hexDigits, 16, out inode, out _);
        }
        isLong = true;
        inode = 0;
        micros = 0;
        if (separator is < 10 or > 11 || text.Length < LongLengthMin
            || !TryReadBase(text[..(separator - 4)], s_digits, 52, out ulong secs, out _)
            || secs > SecondsMax)
        {
            return false;
        }
        seconds = (long)secs;
        return TryReadBase(text[(separator - 4)..separator], s_digits, 52, out ulong us, out micros)
            && us <= MicrosMax
            && TryReadBase(text[(separator + 1)..], s_digits, 51, out inode, out _);
    }

    private static bool TryReadBase(
        ReadOnlySpan<byte> text, byte[] digits, uint radix, out ulong value, out int asInt)
    {
        value = 0;
        asInt = 0;
        foreach (byte b in text)
        {
            uint digit = digits[b];
            UInt128 next = ((UInt128)value * radix) + digit;
            if (digit >= radix || next > ulong.MaxValue)
            {
                return false;
            }
            value = (ulong)next;
        }
        asInt = (int)Math.Min(value, int.MaxValue);
        return !text.IsEmpty;
    }

    private static int FormatNumbers(
        bool isLong, long seconds, int micros, ulong inode, Span<byte> text)
    {
        if (!isLong)
        {
            int at = Write((ulong)micros, 16, 5, HexAlphabet, text);
            return at + Write(inode, 16, 1, HexAlphabet, text[at..]);
        }
        int length = Write((ulong)seconds, 52, 6, Alphabet, text);
        length += Write((ulong)micros, 52, 4, Alphabet, text[length..]);
        text[length++] = (byte)'z';
        return length + Write(inode, 51, 1, Alphabet, text[length..]);
    }

    private static int Write(
        ulong value, uint radix, int digitsMin, ReadOnlySpan<byte> alphabet, Span<byte> text)
    {
        int length = 0;
        for (ulong rest = value; rest != 0 || length < digitsMin; rest /= radix)
        {
            text[length++] = alphabet[(int)(rest % radix)];
        }
        text[..length].Reverse();
        return length;
    }

    private static byte[] Digits(ReadOnlySpan<byte> alphabet)
    {
        var digits = new byte[256];
        Array.Fill(digits, NoDigit);
        for (int i = 0; i < alphabet.Length; i++)
        {
            digits[alphabet[i]] = (byte)i;
        }
        return digits;
    }
}
