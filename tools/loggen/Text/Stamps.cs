namespace LogGen.Text;

/// <summary>Writes the time stamp of a line and tells the zone offset in force.</summary>
/// <param name="isRfc3339">Stamps with microseconds and zone instead of traditional ones.</param>
/// <param name="zone">Zone of the hosts.</param>
/// <param name="isJournal">No stamps: an entry of the journal holds UTC microseconds.</param>
internal sealed class Stamps(bool isRfc3339, TimeZoneInfo zone, bool isJournal = false)
{
    private const long SecondMicros = 1_000_000;

    // All zones change on a quarter of an hour.
    private const long QuarterMicros = 900 * SecondMicros;

    private static readonly string[] s_months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    private readonly ByteWriter _second = new();
    private readonly ByteWriter _suffix = new();
    private long _cachedSecond = long.MinValue;
    private long _cachedQuarter = long.MinValue;
    private int _cachedOffset;

    public bool IsJournal => isJournal;

    /// <summary>Whether the log shows year, zone and microseconds of a time.</summary>
    public bool IsExact => isRfc3339 || isJournal;

    /// <summary>What a reader can know of the time: traditional stamps end at the second.</summary>
    public long AsLogged(long unixMicros) =>
        IsExact ? unixMicros : unixMicros - unixMicros % SecondMicros;

    /// <summary>The offset that a reader sees, in minutes east of UTC.</summary>
    public int LoggedOffsetMinutes(long unixMicros) => isJournal ? 0 : OffsetMinutes(unixMicros);

    /// <summary>Minutes east of UTC.</summary>
    public int OffsetMinutes(long unixMicros)
    {
        long quarter = unixMicros / QuarterMicros;
        if (quarter != _cachedQuarter)
        {
            _cachedQuarter = quarter;
            DateTime time = DateTime.UnixEpoch.AddMicroseconds(quarter * QuarterMicros);
            _cachedOffset = (int)zone.GetUtcOffset(time).TotalMinutes;
        }
        return _cachedOffset;
    }

    public DateTime LocalTime(long unixMicros) =>
        DateTime.UnixEpoch.AddMicroseconds(unixMicros).AddMinutes(OffsetMinutes(unixMicros));

    public void Write(ByteWriter line, long unixMicros)
    {
        long second = unixMicros / SecondMicros;
        if (second != _cachedSecond)
        {
            _cachedSecond = second;
            Render(LocalTime(second * SecondMicros), OffsetMinutes(unixMicros));
        }
        line.Put(_second.Written);
        if (isRfc3339)
        {
            line.Padded(unixMicros % SecondMicros, 6);
            line.Put(_suffix.Written);
        }
    }

    /// <summary>As anvil and others write a time inside their text.</summary>
    public void WriteTraditional(ByteWriter line, long unixMicros) =>
        Traditional(line, LocalTime(unixMicros));

    private void Render(DateTime local, int offsetMinutes)
    {
        _second.Clear();
        if (!isRfc3339)
        {
            Traditional(_second, local);
            return;
        }
        _second.Padded(local.Year, 4);
        _second.Put("-"u8);
        _second.Padded(local.Month, 2);
        _second.Put("-"u8);
        _second.Padded(local.Day, 2);
        _second.Put("T"u8);
        TimeOfDay(_second, local);
        _second.Put("."u8);
        _suffix.Clear();
        _suffix.Put(offsetMinutes < 0 ? "-"u8 : "+"u8);
        _suffix.Padded(Math.Abs(offsetMinutes) / 60, 2);
        _suffix.Put(":"u8);
        _suffix.Padded(Math.Abs(offsetMinutes) % 60, 2);
    }

    private static void Traditional(ByteWriter writer, DateTime local)
    {
        writer.Put(s_months[local.Month - 1]);
        writer.Put(local.Day < 10 ? "  "u8 : " "u8);
        writer.Put(local.Day);
        writer.Put(" "u8);
        TimeOfDay(writer, local);
    }

    private static void TimeOfDay(ByteWriter writer, DateTime local)
    {
        writer.Padded(local.Hour, 2);
        writer.Put(":"u8);
        writer.Padded(local.Minute, 2);
        writer.Put(":"u8);
        writer.Padded(local.Second, 2);
    }
}
