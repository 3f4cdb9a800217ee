using RetentionEngine.Events;

namespace RetentionEngine.Blocks;

/// <summary>Hashes under which ids stand in the term table.</summary>
internal static class RunTerm
{
    private const ulong Odd = 0xD6E8_FEB8_6659_FD93;

    // The fingerprint is a keyed hash already; the product spreads those that a test makes up.
    public static ulong OfMessageId(ulong fingerprint) => Mix(fingerprint);

    public static ulong OfQueueId(QueueId id) => Mix(id.Lo ^ Mix(id.Hi ^ 0x9E37_79B9_7F4A_7C15));

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 32)) * Odd;
        return (value ^ (value >> 32)) * Odd;
    }
}

/// <summary>A queue id's time as a difference to its record's time.</summary>
internal static class QueueIdTime
{
    private const long MicrosPerSecond = 1_000_000;

    public static long Encode(QueueIdParts id, long timeUnixMicros)
    {
        if (id.Form == QueueIdForm.Long)
        {
            return id.Micros - timeUnixMicros;
        }
        if (id.Form == QueueIdForm.Short)
        {
            // The nearest instant with these microseconds: half a second either way.
            long difference = id.Micros - Modulo(timeUnixMicros);
            return Modulo(difference + (MicrosPerSecond / 2)) - (MicrosPerSecond / 2);
        }
        return id.Micros;
    }

    public static long Decode(QueueIdForm form, long stored, long timeUnixMicros) => form switch
    {
        QueueIdForm.Long => stored + timeUnixMicros,
        QueueIdForm.Short => Modulo(stored + Modulo(timeUnixMicros)),
        _ => stored,
    };

    /// <summary>Whether the id tells, within a minute, the time of a record that bears it.</summary>
    public static bool IsNear(QueueIdParts id, long timeUnixMicros) =>
        id.Form == QueueIdForm.Long
        && Math.Abs(id.Micros - timeUnixMicros) <= RunFormat.NearMicros;

    private static long Modulo(long micros)
    {
        long rest = micros % MicrosPerSecond;
        return rest < 0 ? rest + MicrosPerSecond : rest;
    }
}

/// <summary>Notes the earlier queue ids of a mail, a text of ids with spaces between.</summary>
internal static class ViaTerms
{
    public static void Add(ReadOnlySpan<byte> via, long timeUnixMicros, int group, RunPostings postings)
    {
        foreach (Range range in via.Split((byte)' '))
        {
            if (QueueId.TryParse(via[range], out QueueId id)
                && !QueueIdTime.IsNear(QueueIdParts.Of(id), timeUnixMicros))
            {
                postings.Add(RunTerm.OfQueueId(id), group);
            }
        }
    }
}
