using System.Text;
using RetentionEngine.Events;

namespace RetentionEngine.Records;

/// <summary>The attempts before the last one, as bytes that live in a <see cref="StringTable"/>.</summary>
/// <remarks>
/// For each attempt, oldest first: varint of the microseconds since the record's time, zigzag;
/// one byte status; varint DSN (<see cref="DsnCode"/>); varint length of the relay; the relay.
/// </remarks>
internal static class RetryList
{
    /// <summary>Of a longer history the oldest attempts are dropped; the count stays right.</summary>
    public const int CountMax = 15;

    /// <summary>A longer relay name is cut here.</summary>
    public const int RelayLengthMax = 255;

    /// <summary>Enough for <see cref="CountMax"/> attempts.</summary>
    public const int BytesMax = CountMax * (10 + 1 + 5 + 2 + RelayLengthMax);

    public static int Append(
        Span<byte> target, long sinceMicros, RecordStatus status, int dsn, ReadOnlySpan<byte> relay)
    {
        relay = relay[..Math.Min(relay.Length, RelayLengthMax)];
        int at = WriteVarint(target, (ulong)((sinceMicros << 1) ^ (sinceMicros >> 63)));
        target[at++] = (byte)status;
        at += WriteVarint(target[at..], (ulong)dsn);
        at += WriteVarint(target[at..], (ulong)relay.Length);
        relay.CopyTo(target[at..]);
        return at + relay.Length;
    }

    /// <summary>Reads the next attempt and moves <paramref name="list"/> behind it.</summary>
    /// <returns>False at the end, and on bytes that <see cref="Append"/> did not write.</returns>
    public static bool TryRead(
        ref ReadOnlySpan<byte> list,
        out long sinceMicros,
        out RecordStatus status,
        out int dsn,
        out ReadOnlySpan<byte> relay)
    {
        sinceMicros = 0;
        status = RecordStatus.None;
        dsn = 0;
        relay = default;
        if (!TryReadVarint(ref list, out ulong zigzag) || list.IsEmpty)
        {
            return false;
        }
        sinceMicros = (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
        status = (RecordStatus)list[0];
        list = list[1..];
        if (!TryReadVarint(ref list, out ulong packed) || !TryReadVarint(ref list, out ulong length)
            || length > (ulong)list.Length)
        {
            return false;
        }
        dsn = (int)packed;
        relay = list[..(int)length];
        list = list[(int)length..];
        return true;
    }

    /// <summary>The list as a query yields it.</summary>
    public static IReadOnlyList<DeliveryAttempt> Decode(
        ReadOnlySpan<byte> list, long timeUnixMicros, short offsetMinutes)
    {
        var attempts = new List<DeliveryAttempt>();
        while (TryRead(ref list, out long since, out RecordStatus status, out int dsn, out var relay))
        {
            (int @class, int subject, int detail) = DsnCode.Unpack(dsn);
            attempts.Add(new DeliveryAttempt(
                DateTimeOffset.UnixEpoch.AddTicks((timeUnixMicros + since) * 10)
                    .ToOffset(TimeSpan.FromMinutes(offsetMinutes)),
                status,
                dsn == 0 ? null : $"{@class}.{subject}.{detail}",
                relay.IsEmpty ? null : Encoding.UTF8.GetString(relay)));
        }
        return attempts;
    }

    public static int WriteVarint(Span<byte> target, ulong value)
    {
        int at = 0;
        while (value >= 0x80)
        {
            target[at++] = (byte)(value | 0x80);
            value >>= 7;
        }
        target[at++] = (byte)value;
        return at;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        for (int i = 0; i < source.Length && i < 10; i++)
        {
            value |= (ulong)(source[i] & 0x7F) << (7 * i);
            if (source[i] < 0x80)
            {
                source = source[(i + 1)..];
                return true;
            }
        }
        return false;
    }
}
