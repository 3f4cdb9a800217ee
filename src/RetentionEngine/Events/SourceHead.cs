using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events;

/// <summary>What the beginning of a source tells about its time, before it is read.</summary>
internal static class SourceHead
{
    /// <summary>As much of a source as is looked at.</summary>
    public const int LengthMax = 64 * 1024;

    /// <summary>Year of the first year-less line, from a long queue id.</summary>
    /// <remarks>
    /// A long id holds the UTC second of its creation, which is that of the <c>client=</c> or
    /// <c>uid=</c> line; it dates files whose own time is wrong. Where there is no such line, the
    /// first of any line serves: mail is given up within weeks, and half a year would do.
    /// </remarks>
    /// <param name="head">Beginning of the source; a partial last line is not used.</param>
    /// <param name="zone">Zone of its stamps.</param>
    /// <returns>The year in that zone; 0 when nothing tells it.</returns>
    public static int YearHint(ReadOnlySpan<byte> head, TimeZoneInfo zone)
    {
        byte[] block = Padded(ref head);
        ref byte at = ref MemoryMarshal.GetArrayDataReference(block);
        var prefix = new LinePrefix();
        prefix.Begin(zone, 0, yearOfFirstLine: 2000);
        var headers = new HeaderTable(new HostTable());
        long first = long.MinValue;
        int byOther = 0;
        for (int line = 0; line < head.Length;)
        {
            int end = head[line..].IndexOf((byte)'\n');
            if (end < 0)
            {
                break;
            }
            int start = line;
            end += line;
            line = end + 1;
            if (prefix.Read(ref at, start, end) != LineOutcome.Event
                || !prefix.TimeFlags.HasFlag(RecordFlags.YearInferred))
            {
                continue;
            }
            first = first == long.MinValue ? prefix.TimeUnixMicros : first;
            ReadOnlySpan<byte> pair = prefix.Pair(ref at, out int hostLength);
            LineHeader header = headers.Find(pair, hostLength);
            if (TryLongId(ref at, prefix.MessageStart, end, header.Tag, out bool isStart, out long seconds)
                && (isStart || byOther == 0))
            {
                byOther = YearOfFirst(first, prefix.TimeUnixMicros, seconds, zone);
                if (isStart)
                {
                    return byOther;
                }
            }
        }
        return byOther;
    }

    /// <summary>Which of the doubled hours a source begins in, by its first long queue id.</summary>
    /// <param name="head">Beginning of the source.</param>
    /// <param name="zones">Zones of stamps that name none.</param>
    /// <param name="latestUnixMicros">As when a source is begun.</param>
    /// <param name="year">Year of the first line; 0 when not known.</param>
    /// <returns>For <see cref="LineClock.Follow"/>; 0 when nothing tells it.</returns>
    /// <remarks>
    /// Lines are read as if the source began in the first hour; where that is wrong, the id was
    /// made an hour later than its line says.
    /// </remarks>
    public static long ClockState(
        ReadOnlySpan<byte> head, HostZones zones, long latestUnixMicros, int year)
    {
        const long Hour = 3_600;
        const long ErrorMax = 900;
        byte[] block = Padded(ref head);
        ref byte at = ref MemoryMarshal.GetArrayDataReference(block);
        var prefix = new LinePrefix();
        prefix.Begin(zones.Zone, latestUnixMicros, year);
        var headers = new HeaderTable(new HostTable());
        LineClock? clock = null;
        TimeZoneInfo? zone = null;
        long firstLocal = 0;
        for (int line = 0; line < head.Length;)
        {
            int start = line;
            int end = head[line..].IndexOf((byte)'\n');
            end = end < 0 ? head.Length : line + end;
            line = end + 1;
            if (prefix.Read(ref at, start, end) != LineOutcome.Event
                || (prefix.TimeFlags & RecordFlags.ZoneInferred) == 0)
            {
                continue;
            }
            ReadOnlySpan<byte> pair = prefix.Pair(ref at, out int hostLength);
            TimeZoneInfo own = zones.Of(pair[..hostLength]);
            if (clock is null)
            {
                (clock, zone, firstLocal) = (new LineClock(), own, prefix.Clock.LastLocalSeconds);
                clock.Begin(zone, 0, 0);
            }
            if (!ReferenceEquals(own, zone))
            {
                continue;
            }
            long time = clock.Local(prefix.Clock.LastLocalSeconds, out _) / 1_000_000;
            if (!clock.IsAmbiguous)
            {
                return 0;
            }
            if (TryLongId(ref at, prefix.MessageStart, end, headers.Find(pair, hostLength).Tag,
                out bool isStart, out long created) && isStart)
            {
                bool isSecond = Math.Abs(created - time - Hour) < ErrorMax;
                bool isFirst = Math.Abs(created - time) < ErrorMax;
                return isFirst || isSecond ? (firstLocal << 2) | 2 | (isSecond ? 1L : 0) : 0;
            }
        }
        return 0;
    }

    /// <summary>The first line's time, by which rotated files are put in order.</summary>
    /// <param name="head">Beginning of the source.</param>
    /// <param name="zones">Zones of stamps that name none.</param>
    /// <param name="latestUnixMicros">As when a source is begun.</param>
    /// <param name="unixMicros">Instant of the first line that has one.</param>
    public static bool TryFirstTime(
        ReadOnlySpan<byte> head, HostZones zones, long latestUnixMicros, out long unixMicros)
    {
        int year = YearHint(head, zones.Zone);
        byte[] block = Padded(ref head);
        ref byte at = ref MemoryMarshal.GetArrayDataReference(block);
        var prefix = new LinePrefix();
        prefix.Begin(zones.Zone, latestUnixMicros, year);
        for (int line = 0; line < head.Length;)
        {
            int end = head[line..].IndexOf((byte)'\n');
            end = end < 0 ? head.Length : line + end;
            LineOutcome outcome = prefix.Read(ref at, line, end);
            if (outcome != LineOutcome.NoPrefix)
            {
                unixMicros = prefix.TimeUnixMicros;
                if (outcome == LineOutcome.Event
                    && (prefix.TimeFlags & RecordFlags.ZoneInferred) != 0)
                {
                    ReadOnlySpan<byte> pair = prefix.Pair(ref at, out int hostLength);
                    var clock = new LineClock();
                    clock.Begin(zones.Of(pair[..hostLength]), latestUnixMicros, year);
                    unixMicros = clock.Local(prefix.Clock.LastLocalSeconds, out _);
                }
                return true;
            }
            line = end + 1;
        }
        unixMicros = 0;
        return false;
    }

    private static byte[] Padded(ref ReadOnlySpan<byte> head)
    {
        head = head[..Math.Min(head.Length, LengthMax)];
        var block = new byte[head.Length + BlockReader.PaddingBytes];
        head.CopyTo(block);
        return block;
    }

    /// <summary>
    /// A line of Postfix that begins with a long queue id: when that was made, and whether the line
    /// was written then.
    /// </summary>
    private static bool TryLongId(
        ref byte block, int start, int end, LogTag tag, out bool isStart, out long seconds)
    {
        seconds = 0;
        isStart = false;
        if (tag.Program is LogProgram.None or >= LogProgram.Dovecot)
        {
            return false;
        }
        int behind = start + QueueIdScan.ReadHead(
            ref Unsafe.Add(ref block, start), end - start, -1, out QueueId id);
        isStart = (tag.Program == LogProgram.Smtpd && Scan.Is(ref block, behind, end, "client="u8))
            || (tag.Program == LogProgram.Pickup && Scan.Is(ref block, behind, end, "uid="u8));
        return behind > start && id.TryDecode(out bool isLong, out seconds, out _, out _)
            && isLong && seconds is > 0 and < 1L << 34;
    }

    /// <summary>
    /// Both lines were read with made-up years: their months, and the step between the years, count.
    /// </summary>
    private static int YearOfFirst(long first, long line, long seconds, TimeZoneInfo zone)
    {
        DateTime lineLocal = LocalTime(line / 1_000_000, zone);
        DateTime created = LocalTime(seconds, zone);
        int best = 0;
        double bestDays = double.MaxValue;
        for (int year = created.Year - 1; year <= created.Year + 1; year++)
        {
            double days = Math.Abs((lineLocal.AddYears(year - lineLocal.Year) - created).TotalDays);
            if (days < bestDays)
            {
                bestDays = days;
                best = year;
            }
        }
        return best - (lineLocal.Year - LocalTime(first / 1_000_000, zone).Year);
    }

    private static DateTime LocalTime(long unixSeconds, TimeZoneInfo zone) =>
        TimeZoneInfo.ConvertTimeFromUtc(DateTime.UnixEpoch.AddSeconds(unixSeconds), zone);
}
