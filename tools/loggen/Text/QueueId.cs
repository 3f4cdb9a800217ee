namespace LogGen.Text;

/// <summary>
/// A Postfix queue id (src/global/mail_queue.h): both forms come from the same numbers.
/// </summary>
/// <remarks>
/// Short: microseconds as five hex digits, inode in hex. Long: seconds in base 52, microseconds as
/// four digits of base 52, <c>z</c>, inode in base 51.
/// </remarks>
internal readonly record struct QueueId(bool IsLong, long CreatedUnixMicros, long Inode) : IText
{
    private static ReadOnlySpan<byte> Base52 =>
        "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"u8;

    public bool IsNone => Inode == 0;

    public void WriteTo(ByteWriter writer)
    {
        long micros = CreatedUnixMicros % 1_000_000;
        if (!IsLong)
        {
            writer.Hex((ulong)micros, 5, upper: true);
            writer.Hex((ulong)Inode, 1, upper: true);
            return;
        }
        WriteDigits(writer, CreatedUnixMicros / 1_000_000, 52, 6);
        WriteDigits(writer, micros, 52, 4);
        writer.Put((byte)'z');
        WriteDigits(writer, Inode, 51, 1);
    }

    private static void WriteDigits(ByteWriter writer, long value, int radix, int digitsMin)
    {
        Span<byte> digits = stackalloc byte[16];
        int start = digits.Length;
        while (value > 0 || digits.Length - start < digitsMin)
        {
            digits[--start] = Base52[(int)(value % radix)];
            value /= radix;
        }
        writer.Put(digits[start..]);
    }
}

/// <summary>
/// Hands out queue ids that are unique while their file lives, as a file system does.
/// </summary>
internal sealed class QueueIdSource(bool isLong, long firstInode, Rng rng)
{
    // A freed inode rests, so that a short id never returns while a reader may still wait for
    // late lines about it.
    private const long RestMicros = 600_000_000;

    private readonly Queue<(QueueId Id, long FreedMicros)> _free = new();
    private long _nextInode = firstInode;

    public QueueId Take(long nowMicros)
    {
        long created = nowMicros - rng.Between(150, 2_500);
        if (_free.TryPeek(out var oldest) && oldest.FreedMicros + RestMicros < nowMicros)
        {
            _ = _free.Dequeue();

            // Short ids do repeat in life; one in 500 here, so that small logs show it too.
            return !isLong && rng.Below(500) == 0
                ? oldest.Id
                : new QueueId(isLong, created, oldest.Id.Inode);
        }
        _nextInode += rng.Below(4) == 0 ? rng.Between(2, 40) : 1;
        return new QueueId(isLong, created, _nextInode);
    }

    /// <summary>The file is gone; its inode may serve again.</summary>
    public void Free(QueueId id, long nowMicros) => _free.Enqueue((id, nowMicros));
}
