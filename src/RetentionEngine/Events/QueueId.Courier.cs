namespace RetentionEngine.Events;

/// <summary>Ids of Courier's messages: <c>INODE.SECONDS.PID</c> in upper-case hex.</summary>
/// <remarks>
/// Inode and seconds have as many digits as a long of the machine that wrote them, 16 or 8; the
/// process id has 8 (courier, courier/submit2.C). <c>Lo</c> holds, above seven bits that are zero,
/// the width in one bit and the inode in 55; <c>Hi</c> the seconds in 33 and the process in 30. Its
/// top bit is zero, as that of <c>Lo</c> is.
/// </remarks>
internal readonly partial record struct QueueId
{
    private const int CharacterBits = 7;
    private const ulong WideBit = 1UL << CharacterBits;
    private const int InodeShift = CharacterBits + 1;
    private const int InodeBits = 55;
    private const int PidBits = 30;
    private const int SecondsBits = 33;
    private const int PidDigits = 8;
    private const int WideDigits = 16;
    private const int NarrowDigits = 8;

    /// <summary>Whether Courier gave the id.</summary>
    public bool IsCourier => (Lo & 127) == 0 && !IsNone && (Hi & NumericBit) == 0;

    /// <summary>Reads the beginning of a text as an id of Courier.</summary>
    /// <returns>Its length; 0 when there is none.</returns>
    public static int ReadCourier(ReadOnlySpan<byte> text, out QueueId id)
    {
        id = default;
        int digits = text.IndexOf((byte)'.');
        int length = (2 * digits) + 2 + PidDigits;
        if (digits is not (WideDigits or NarrowDigits) || text.Length < length
            || text[(2 * digits) + 1] != '.'
            || !TryHex(text[..digits], InodeBits, out ulong inode)
            || !TryHex(text[(digits + 1)..((2 * digits) + 1)], SecondsBits, out ulong seconds)
            || !TryHex(text[((2 * digits) + 2)..length], PidBits, out ulong pid)
            || (inode | seconds | pid) == 0)
        {
            return 0;
        }
        ulong lo = (inode << InodeShift) | (digits == WideDigits ? WideBit : 0);
        id = new QueueId(lo, (seconds << PidBits) | pid);
        return length;
    }

    private static bool TryHex(ReadOnlySpan<byte> text, int bits, out ulong value)
    {
        value = 0;
        foreach (byte b in text)
        {
            if (s_hexDigits[b] == NoDigit)
            {
                return false;
            }
            value = (value << 4) | s_hexDigits[b];
        }
        return value >> bits == 0;
    }

    private int FormatCourier(Span<byte> text)
    {
        int digits = (Lo & WideBit) != 0 ? WideDigits : NarrowDigits;
        int at = Write(Lo >> InodeShift, 16, digits, HexAlphabet, text);
        text[at++] = (byte)'.';
        at += Write(Hi >> PidBits, 16, digits, HexAlphabet, text[at..]);
        text[at++] = (byte)'.';
        return at + Write(Hi & ((1UL << PidBits) - 1), 16, PidDigits, HexAlphabet, text[at..]);
    }
}
