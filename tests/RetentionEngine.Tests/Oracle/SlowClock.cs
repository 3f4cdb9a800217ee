using System.Globalization;
using System.Text.RegularExpressions;

namespace RetentionEngine.Tests.Oracle;

/// <summary>Turns stamps into instants: the year walk and the order rule of summer time.</summary>
internal sealed class SlowClock(TimeZoneInfo zone, long firstLineLatestUnixMicros, int year = 0)
{
    private const long DayMicros = 86_400_000_000;
    private const string Months = "JanFebMarAprMayJunJulAugSepOctNovDec";

    private static readonly Regex s_rfc3339 = SlowParser.Pattern(
        @"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d|)$");

    private static readonly Regex s_traditional = SlowParser.Pattern(
        @"^([A-Z][a-z][a-z]) (?: ?(\d)|(\d\d)) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$");

    private DateTime? _previousLocal;
    private bool _secondPass;

    public sealed record Stamp(
        long Micros,
        int OffsetMinutes,
        bool YearInferred,
        bool ZoneInferred,
        DateTime LocalTime = default,
        string Fraction = "");

    /// <summary>The same local time in this clock's zone, by the order of its own lines.</summary>
    public Stamp InZone(Stamp other) => Local(other.LocalTime, other.Fraction, other.YearInferred);

    public Stamp? Read(string text) => ReadRfc3339(text) ?? ReadTraditional(text);

    private Stamp? ReadRfc3339(string text)
    {
        Match m = s_rfc3339.Match(text);
        if (!m.Success || !TryDate(Int(m, 1), Int(m, 2), Int(m, 3), m, 4, out DateTime local))
        {
            return null;
        }
        string fraction = m.Groups[7].Value.PadRight(6, '0')[..6];
        if (m.Groups[8].Length == 0)
        {
            return Local(local, fraction, yearInferred: false);
        }
        string zoneText = m.Groups[8].Value.Replace(":", "", StringComparison.Ordinal);
        int offset = 0;
        if (zoneText is not "Z")
        {
            int hours = int.Parse(zoneText.AsSpan(1, 2), CultureInfo.InvariantCulture);
            int minutes = int.Parse(zoneText.AsSpan(3, 2), CultureInfo.InvariantCulture);
            if (hours > 23 || minutes > 59)
            {
                return null;
            }
            offset = ((hours * 60) + minutes) * (zoneText[0] == '-' ? -1 : 1);
        }
        long micros = Micros(local) - (offset * 60_000_000L)
            + int.Parse(fraction, CultureInfo.InvariantCulture);
        _previousLocal = local;
        return new Stamp(micros, offset, YearInferred: false, ZoneInferred: false);
    }

    private Stamp? ReadTraditional(string text)
    {
        Match m = s_traditional.Match(text);
        int month = m.Success ? Months.IndexOf(m.Groups[1].Value, StringComparison.Ordinal) : -1;
        if (month < 0 || month % 3 != 0)
        {
            return null;
        }
        month = (month / 3) + 1;
        int day = m.Groups[2].Success ? Int(m, 2) : Int(m, 3);
        DateTime? best = _previousLocal is null ? First(month, day, m) : Nearest(month, day, m);
        if (best is not { } local)
        {
            return null;
        }
        return Local(local, m.Groups[7].Value.PadRight(6, '0')[..6], yearInferred: true);
    }

    private Stamp Local(DateTime local, string fraction, bool yearInferred)
    {
        int offset = Offset(local);
        long micros = Micros(local) - (offset * 60_000_000L)
            + int.Parse(fraction, CultureInfo.InvariantCulture);
        if (zone.IsInvalidTime(local))
        {
            offset = (int)zone.GetUtcOffset(local.AddHours(3)).TotalMinutes;
        }
        _previousLocal = local;
        return new Stamp(micros, offset, yearInferred, ZoneInferred: true, local, fraction);
    }

    /// <summary>The latest year in which the stamp is at most a day younger than the file.</summary>
    private DateTime? First(int month, int day, Match m)
    {
        if (year != 0)
        {
            return TryDate(year, month, day, m, 4, out DateTime given) ? given : null;
        }
        int last = DateTime.UnixEpoch.AddTicks(firstLineLatestUnixMicros * 10).Year + 1;
        for (int y = last; y > last - 10; y--)
        {
            if (TryDate(y, month, day, m, 4, out DateTime local)
                && Micros(local) - (Offset(local) * 60_000_000L) <= firstLineLatestUnixMicros + DayMicros)
            {
                return local;
            }
        }
        return null;
    }

    /// <summary>The year that puts the stamp nearest to the line before.</summary>
    private DateTime? Nearest(int month, int day, Match m)
    {
        DateTime? best = null;
        DateTime previous = _previousLocal!.Value;
        for (int y = previous.Year - 1; y <= previous.Year + 1; y++)
        {
            if (TryDate(y, month, day, m, 4, out DateTime local)
                && (best is null || (local - previous).Duration() < (best.Value - previous).Duration()))
            {
                best = local;
            }
        }
        return best;
    }

    /// <summary>
    /// In the hour that autumn repeats the first pass counts as summer time, until a line steps
    /// back by more than a quarter of an hour or from behind that hour: the second pass.
    /// </summary>
    private int Offset(DateTime local)
    {
        if (zone.IsAmbiguousTime(local))
        {
            int[] offsets = [.. zone.GetAmbiguousTimeOffsets(local)
                .Select(o => (int)o.TotalMinutes).OrderDescending()];
            DateTime previous = _previousLocal ?? DateTime.MinValue;
            bool fromWithin = zone.IsAmbiguousTime(previous)
                && (local - previous).Duration() < TimeSpan.FromHours(2);
            _secondPass = fromWithin
                ? _secondPass || previous - local > TimeSpan.FromMinutes(15)
                : previous > local;
            return offsets[_secondPass ? ^1 : 0];
        }
        if (zone.IsInvalidTime(local))
        {
            return (int)zone.GetUtcOffset(local.AddHours(-3)).TotalMinutes;
        }
        return (int)zone.GetUtcOffset(local).TotalMinutes;
    }

    private static bool TryDate(int y, int month, int day, Match m, int group, out DateTime local)
    {
        local = default;
        int hour = Int(m, group);
        int minute = Int(m, group + 1);
        int second = Int(m, group + 2);
        if (y < 1970 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(y, month)
            || hour > 23 || minute > 59 || second > 60)
        {
            return false;
        }
        local = new DateTime(y, month, day, hour, minute, 0, DateTimeKind.Unspecified)
            .AddSeconds(second);
        return true;
    }

    private static long Micros(DateTime local) => (local.Ticks - DateTime.UnixEpoch.Ticks) / 10;

    private static int Int(Match m, int group) =>
        int.Parse(m.Groups[group].Value, CultureInfo.InvariantCulture);
}
