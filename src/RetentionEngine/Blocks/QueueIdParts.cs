using RetentionEngine.Events;

namespace RetentionEngine.Blocks;

/// <summary>How a queue id is kept in columns. Values are part of the store's format.</summary>
internal enum QueueIdForm : byte
{
    None = 0,

    /// <summary>Time in microseconds since 1970, and inode.</summary>
    Long = 1,

    /// <summary>Microseconds within the second, and inode.</summary>
    Short = 2,

    /// <summary>Characters as <see cref="QueueId"/> packs them, for ids that are not canonical.</summary>
    Raw = 3,
}

/// <summary>A queue id taken apart into numbers that lie close together in a run.</summary>
/// <param name="Form">What the numbers mean.</param>
/// <param name="Micros">Long, Short: time. Raw: the low half.</param>
/// <param name="Inode">Long, Short: inode. Raw: the high half.</param>
internal readonly record struct QueueIdParts(QueueIdForm Form, long Micros, ulong Inode)
{
    private const int MicrosPerSecond = 1_000_000;

    /// <summary>52^7: more digits of seconds than seven are no queue id.</summary>
    private const long SecondsEnd = 1_028_071_702_528;

    private const int Separator = 51;

    private static readonly byte[] s_hexDigits = Digits("0123456789ABCDEF"u8);

    private static readonly byte[] s_digits =
        Digits("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"u8);

    public static QueueIdParts Of(QueueId id)
    {
        if (id.IsNone)
        {
            return default;
        }
        if (TryPacked(id, out QueueIdParts parts))
        {
            return parts;
        }
        if (!id.TryDecode(out bool isLong, out long seconds, out int micros, out ulong inode)
            || seconds >= SecondsEnd)
        {
            return new QueueIdParts(QueueIdForm.Raw, (long)id.Lo, id.Hi);
        }
        return isLong
            ? new QueueIdParts(QueueIdForm.Long, (seconds * MicrosPerSecond) + micros, inode)
            : new QueueIdParts(QueueIdForm.Short, micros, inode);
    }

    public QueueId ToQueueId()
    {
        switch (Form)
        {
            case QueueIdForm.None:
                return default;
            case QueueIdForm.Short when Micros is >= 0 and < MicrosPerSecond:
                return QueueId.Encode(isLong: false, 0, (int)Micros, Inode);
            case QueueIdForm.Long when Micros is >= 0 and < SecondsEnd * MicrosPerSecond:
                long seconds = Math.DivRem(Micros, MicrosPerSecond, out long micros);
                return QueueId.Encode(isLong: true, seconds, (int)micros, Inode);
            // Packed characters fill 63 bits of each half; a set top bit means numbers.
            case QueueIdForm.Raw when Micros >= 0 && (long)Inode >= 0:
                return new QueueId((ulong)Micros, Inode);
            default:
                Damage.Throw();
                return default;
        }
    }

    // The usual ids, character by character. Those that are not written canonically (leading
    // zeros) or have large numbers are left to the general way.
    private static bool TryPacked(QueueId id, out QueueIdParts parts)
    {
        parts = default;
        if ((long)(id.Lo | id.Hi) < 0)
        {
            return false;
        }
        Span<byte> text = stackalloc byte[18];
        int length = 0;
        for (ulong rest = id.Lo; rest != 0; rest >>= 7)
        {
            text[length++] = (byte)(rest & 127);
        }
        for (ulong rest = id.Hi; rest != 0; rest >>= 7)
        {
            text[length++] = (byte)(rest & 127);
        }
        // Six digits of seconds reach to the year 2596.
        if (length is > 11 and <= 18 && s_digits[text[10]] == Separator)
        {
            return TryRead(text[..6], s_digits, 52, out ulong seconds)
                && TryRead(text[6..10], s_digits, 52, out ulong micros)
                && TryInode(text[11..length], s_digits, 51, out ulong inode)
                && Set(QueueIdForm.Long, (long)((seconds * MicrosPerSecond) + micros), micros, inode, out parts);
        }
        return length is > 5 and <= 17
            && TryRead(text[..5], s_hexDigits, 16, out ulong shortMicros)
            && TryInode(text[5..length], s_hexDigits, 16, out ulong shortInode)
            && Set(QueueIdForm.Short, (long)shortMicros, shortMicros, shortInode, out parts);
    }

    private static bool Set(
        QueueIdForm form, long time, ulong micros, ulong inode, out QueueIdParts parts)
    {
        parts = new QueueIdParts(form, time, inode);
        return micros < MicrosPerSecond;
    }

    private static bool TryInode(ReadOnlySpan<byte> text, byte[] digits, uint radix, out ulong value)
    {
        value = 0;
        return (text[0] != '0' || text.Length == 1) && TryRead(text, digits, radix, out value);
    }

    // At most twelve digits: no overflow.
    private static bool TryRead(ReadOnlySpan<byte> text, byte[] digits, uint radix, out ulong value)
    {
        value = 0;
        foreach (byte b in text)
        {
            uint digit = digits[b];
            if (digit >= radix)
            {
                return false;
            }
            value = (value * radix) + digit;
        }
        return true;
    }

    private static byte[] Digits(ReadOnlySpan<byte> alphabet)
    {
        var digits = new byte[128];
        Array.Fill(digits, byte.MaxValue);
        for (int i = 0; i < alphabet.Length; i++)
        {
            digits[alphabet[i]] = (byte)i;
        }
        return digits;
    }
}
