using System.Runtime.CompilerServices;
using RetentionEngine.Records;

namespace RetentionEngine.Events;

/// <summary>Turns the stamps of one source into UTC instants, with year and zone inferred.</summary>
/// <remarks>
/// Year: the first year-less line gets the latest year that does not put it after the source's
/// latest possible time; every further one the year that brings it nearest to the line before, so
/// that December to January goes forward and a late December line goes back. Zone: offset and
/// kind of each quarter hour of local time are looked up once; every transition since 1970 lies on
/// a quarter hour. In the hour that occurs twice, order decides: a step back of more than a
/// quarter of an hour, or a step back from behind that hour, means its second occurrence. A time that spring leaves out is read with the offset before the jump;
/// the offset behind it is the one in force.
/// </remarks>
internal sealed class LineClock
{
    private const long MicrosPerSecond = 1_000_000;
    private const long SecondsPerDay = 86_400;
    private const long SecondsPerHour = 3_600;
    private const long SlotSeconds = 900;
    private const long LateSecondsMax = 900;

    private TimeZoneInfo _zone = TimeZoneInfo.Utc;
    private long _latestUnixMicros;
    private int _year;
    private bool _hasYear;
    private bool _hasLast;

    // The year-less line before: the same day has the same year.
    private int _month;
    private int _day;
    private long _dayStart;
    private long _lastLocal;

    private long _slot = long.MinValue;
    private int _slotOffset;
    private int _slotSecondOffset;
    private bool _slotAmbiguous;
    private bool _slotSkipped;
    private bool _second;
    private bool _lastAmbiguous;
    private long _stateBefore;

    /// <summary>What is known of the order of lines, to go on with later; 0 before the first line.</summary>
    /// <remarks>Local seconds of the last line, times four; 2: they occur twice, 1: the second time.</remarks>
    public long State =>
        _hasLast ? (_lastLocal << 2) | (_lastAmbiguous ? 2L : 0) | (_second ? 1L : 0) : 0;

    /// <summary>Starts a source.</summary>
    /// <param name="zone">For stamps without zone.</param>
    /// <param name="firstLineLatestUnixMicros">The first line is at most a day younger.</param>
    /// <param name="yearOfFirstLine">0 when not known.</param>
    public void Begin(TimeZoneInfo zone, long firstLineLatestUnixMicros, int yearOfFirstLine)
    {
        _zone = zone;
        _latestUnixMicros = firstLineLatestUnixMicros;
        _year = yearOfFirstLine;
        _hasYear = yearOfFirstLine != 0;
        _hasLast = false;
        _month = 0;
        _slot = long.MinValue;
        _second = false;
        _lastAmbiguous = false;
        _stateBefore = 0;
    }

    /// <summary>Goes on in the middle of the source that was just begun.</summary>
    /// <param name="state"><see cref="State"/> after the line before.</param>
    public void Resume(long state)
    {
        if (state == 0)
        {
            return;
        }
        _lastLocal = state >> 2;
        _lastAmbiguous = (state & 2) != 0;
        _second = (state & 1) != 0;
        _hasLast = true;
        _year = DateTime.UnixEpoch.AddSeconds(_lastLocal).Year;
    }

    /// <summary>Says where the source before ended: a log may be cut in the hour that occurs twice.</summary>
    /// <param name="state"><see cref="State"/> after its last line.</param>
    public void Follow(long state) => _stateBefore = state;

    /// <summary>The same, where only the instant of that line is known.</summary>
    public void FollowInstant(long unixMicros)
    {
        DateTime utc = DateTime.UnixEpoch.AddSeconds(
            Math.Clamp(unixMicros / MicrosPerSecond, 0, 200L * 366 * SecondsPerDay));
        DateTime local = DateTime.SpecifyKind(
            TimeZoneInfo.ConvertTimeFromUtc(utc, _zone), DateTimeKind.Unspecified);
        bool isAmbiguous = _zone.IsAmbiguousTime(local);
        bool isSecond = isAmbiguous && local - utc < Latest(_zone.GetAmbiguousTimeOffsets(local));
        long seconds = (long)(local - DateTime.UnixEpoch).TotalSeconds;
        Follow((seconds << 2) | (isAmbiguous ? 2L : 0) | (isSecond ? 1L : 0));
    }

    private static TimeSpan Latest(TimeSpan[] offsets) =>
        offsets[0] > offsets[^1] ? offsets[0] : offsets[^1];

    /// <summary>Whether the time of the last stamp without zone occurs twice.</summary>
    public bool IsAmbiguous => _lastAmbiguous;

    /// <summary>Local time of the last stamp without zone: seconds since 1970 as if it were UTC.</summary>
    public long LastLocalSeconds => _lastLocal;

    /// <summary>Seconds since 1970 of a civil time, as if it were UTC.</summary>
    public static long CivilSeconds(int year, int month, int day, int secondOfDay)
    {
        // Days of the proleptic Gregorian calendar, years counted from March.
        long y = month <= 2 ? year - 1 : year;
        long era = y / 400;
        long yearOfEra = y - (era * 400);
        long dayOfYear = ((153 * (month + (month > 2 ? -3 : 9))) + 2) / 5 + day - 1;
        long days = (era * 146_097) + (yearOfEra * 365) + (yearOfEra / 4) - (yearOfEra / 100)
            + dayOfYear - 719_468;
        return (days * SecondsPerDay) + secondOfDay;
    }

    /// <summary>An instant from a stamp without year and zone.</summary>
    public long YearLess(int month, int day, int secondOfDay, out short offsetMinutes)
    {
        if (month == _month && day == _day)
        {
            return Advance(_dayStart + secondOfDay, out offsetMinutes);
        }
        int year = _year;
        if (!_hasLast && !_hasYear)
        {
            year = FirstYear(month, day, secondOfDay);
        }
        else if (_hasLast)
        {
            year = NearestYear(month, day, secondOfDay);
        }
        else if (month == 2 && day == 29 && !DateTime.IsLeapYear(year))
        {
            year = LeapYearBefore(year);
        }
        _year = year;
        _month = month;
        _day = day;
        _dayStart = CivilSeconds(year, month, day, 0);
        return Advance(_dayStart + secondOfDay, out offsetMinutes);
    }

    /// <summary>An instant from local civil seconds; moves the order along.</summary>
    public long Local(long localSeconds, out short offsetMinutes)
    {
        // A stamp without year that follows is read by this one, not by the last of its day.
        _month = 0;
        return Advance(localSeconds, out offsetMinutes);
    }

    private long Advance(long localSeconds, out short offsetMinutes)
    {
        long slot = Math.DivRem(localSeconds, SlotSeconds, out long within);
        slot -= within < 0 ? 1 : 0;
        if (slot != _slot)
        {
            LookUp(slot);
        }
        if (_slotAmbiguous)
        {
            long back = _lastLocal - localSeconds;
            if (!_lastAmbiguous)
            {
                _second = _hasLast ? back > 0 : IsSecondAfter(_stateBefore, localSeconds);
            }
            else if (back > LateSecondsMax)
            {
                _second = true;
            }
        }
        _lastAmbiguous = _slotAmbiguous;
        _lastLocal = localSeconds;
        _hasLast = true;
        int offset = _slotAmbiguous && _second ? _slotSecondOffset : _slotOffset;
        long unixSeconds = localSeconds - offset;
        offsetMinutes = (short)((_slotSkipped ? _slotSecondOffset : offset) / 60);
        return unixSeconds * MicrosPerSecond;
    }

    /// <summary>Whether a first line goes on in the second hour, by the end of the source before.</summary>
    private static bool IsSecondAfter(long state, long localSeconds)
    {
        long back = (state >> 2) - localSeconds;
        if (state == 0 || Math.Abs(back) > SecondsPerHour)
        {
            return false;
        }
        bool wasAmbiguous = (state & 2) != 0;
        return wasAmbiguous
            ? (state & 1) != 0 || back > LateSecondsMax
            : back is > 0 and <= LateSecondsMax;
    }

    private void LookUp(long slot)
    {
        _slot = slot;
        _slotSkipped = false;
        DateTime local = DateTime.UnixEpoch.AddSeconds(slot * SlotSeconds);
        local = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        _slotAmbiguous = _zone.IsAmbiguousTime(local);
        if (_slotAmbiguous)
        {
            TimeSpan[] offsets = _zone.GetAmbiguousTimeOffsets(local);
            int a = (int)offsets[0].TotalSeconds;
            int b = (int)offsets[^1].TotalSeconds;
            _slotOffset = Math.Max(a, b);
            _slotSecondOffset = Math.Min(a, b);
            return;
        }
        DateTime valid = local;
        while (_zone.IsInvalidTime(valid))
        {
            valid = valid.AddSeconds(-SlotSeconds);
        }
        _slotOffset = (int)_zone.GetUtcOffset(valid).TotalSeconds;
        if (valid != local)
        {
            DateTime utc = DateTime.SpecifyKind(
                local.AddSeconds(-_slotOffset), DateTimeKind.Utc);
            _slotSecondOffset = (int)_zone.GetUtcOffset(utc).TotalSeconds;
            _slotSkipped = true;
        }
    }

    private int FirstYear(int month, int day, int secondOfDay)
    {
        long latest = (_latestUnixMicros / MicrosPerSecond) + SecondsPerDay;
        int year = DateTime.UnixEpoch
            .AddSeconds(Math.Clamp(latest, 0, 200L * 366 * SecondsPerDay)).Year + 1;
        for (; year > 1970; year--)
        {
            if (month == 2 && day == 29 && !DateTime.IsLeapYear(year))
            {
                continue;
            }
            long local = CivilSeconds(year, month, day, secondOfDay);
            if (PlainUnixSeconds(local) <= latest)
            {
                break;
            }
        }
        return year;
    }

    private long PlainUnixSeconds(long localSeconds)
    {
        DateTime local = DateTime.SpecifyKind(
            DateTime.UnixEpoch.AddSeconds(localSeconds), DateTimeKind.Unspecified);
        return localSeconds - (long)_zone.GetUtcOffset(local).TotalSeconds;
    }

    private int NearestYear(int month, int day, int secondOfDay)
    {
        bool leapDay = month == 2 && day == 29;
        int reach = leapDay ? 8 : 1;
        int last = DateTime.UnixEpoch.AddSeconds(_lastLocal).Year;
        int best = last;
        long bestDistance = long.MaxValue;
        for (int year = last - reach; year <= last + reach; year++)
        {
            if (leapDay && !DateTime.IsLeapYear(year))
            {
                continue;
            }
            long distance = Math.Abs(CivilSeconds(year, month, day, secondOfDay) - _lastLocal);
            if (distance < bestDistance)
            {
                bestDistance = distance;
                best = year;
            }
        }
        return best;
    }

    private static int LeapYearBefore(int year)
    {
        while (!DateTime.IsLeapYear(year))
        {
            year--;
        }
        return year;
    }
}
