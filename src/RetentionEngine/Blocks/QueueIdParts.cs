using RetentionEngine.Events;

namespace RetentionEngine.Blocks;

/// <summary>How a queue id is kept in a column. Values are part of the store's format.</summary>
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

    public static QueueIdParts Of(QueueId id)
    {
        if (id.IsNone)
        {
            return default;
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
}
