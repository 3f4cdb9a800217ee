using System.Globalization;

namespace RetentionEngine.Tool;

/// <summary>Reads the instants of <c>--from</c> and <c>--to</c>, and lengths of time.</summary>
/// <remarks>
/// Forms: RFC 3339 with or without offset, seconds or fraction; a date (its first instant); a time
/// of today (<c>18:30</c>); <c>now</c>, <c>today</c>, <c>yesterday</c>, <c>tomorrow</c>; a length
/// of time before now (<c>2h ago</c>, <c>1d12h ago</c>, <c>3 days ago</c>, also without "ago");
/// seconds since 1970 (<c>@1763892000</c>).
/// </remarks>
internal static class TimeExpression
{
    public const string Forms = "RFC 3339, a date, 18:30, now, today, yesterday, '2h ago', '3 days ago'";

    private static readonly string[] s_dates = ["yyyy-MM-dd"];

    private static readonly string[] s_local =
    [
        "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd HH:mm",
        "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd HH:mm:ss",
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", "yyyy-MM-dd HH:mm:ss.FFFFFFF",
    ];

    private static readonly string[] s_withOffset =
    [
        "yyyy-MM-dd'T'HH:mmzzz", "yyyy-MM-dd HH:mmzzz",
        "yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd HH:mm:sszzz",
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd HH:mm:ss.FFFFFFFzzz",
    ];

    /// <summary>Reads an instant.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="now">What "ago" and "today" count from.</param>
    /// <param name="zone">Zone of expressions that name none.</param>
    /// <param name="isEnd">Whether of two instants with the same local time the later is meant.</param>
    /// <param name="time">The instant, in <paramref name="zone"/>.</param>
    /// <returns>False when the expression has no known form.</returns>
    public static bool TryParse(
        string text, DateTimeOffset now, TimeZoneInfo zone, bool isEnd, out DateTimeOffset time)
    {
        text = text.Trim();
        if (TryWord(text, now, zone, isEnd, out time))
        {
            return true;
        }
        if (TrySpan(StripAgo(text), out TimeSpan span))
        {
            time = span <= now - DateTimeOffset.UnixEpoch ? now - span : DateTimeOffset.UnixEpoch;
            return true;
        }
        CultureInfo plain = CultureInfo.InvariantCulture;
        if (text.StartsWith('@')
            && decimal.TryParse(text.AsSpan(1), NumberStyles.AllowDecimalPoint, plain, out decimal s)
            && s < 253_402_300_800m)
        {
            time = TimeZoneInfo.ConvertTime(
                DateTimeOffset.UnixEpoch.AddTicks((long)(s * TimeSpan.TicksPerSecond)), zone);
            return true;
        }
        string upper = text.ToUpperInvariant();
        string zoned = upper.EndsWith('Z') ? upper[..^1] + "+00:00" : upper;
        if (DateTimeOffset.TryParseExact(zoned, s_withOffset, plain, DateTimeStyles.None, out time))
        {
            return true;
        }
        if (DateTime.TryParseExact(text, s_dates, plain, DateTimeStyles.None, out DateTime local)
            || DateTime.TryParseExact(upper, s_local, plain, DateTimeStyles.None, out local))
        {
            time = AtLocal(local, zone, isEnd);
            return true;
        }
        return false;
    }

    /// <summary>Reads a length of time such as <c>7d</c>, <c>1d12h</c>, <c>90 minutes</c>.</summary>
    /// <remarks>A year is 365 days; months have no fixed length and are not taken.</remarks>
    public static bool TrySpan(ReadOnlySpan<char> text, out TimeSpan span)
    {
        span = TimeSpan.Zero;
        text = text.Trim();
        if (text.IsEmpty)
        {
            return false;
        }
        while (!text.IsEmpty)
        {
            int digits = 0;
            while (digits < text.Length && char.IsAsciiDigit(text[digits]))
            {
                digits++;
            }
            if (digits is 0 or > 9)
            {
                return false;
            }
            long count = long.Parse(text[..digits], CultureInfo.InvariantCulture);
            text = text[digits..].TrimStart(' ');
            int letters = 0;
            while (letters < text.Length && char.IsAsciiLetter(text[letters]))
            {
                letters++;
            }
            long unit = UnitTicks(text[..letters]);
            if (unit == 0 || count > (TimeSpan.MaxValue.Ticks - span.Ticks) / unit)
            {
                return false;
            }
            span += TimeSpan.FromTicks(count * unit);
            text = text[letters..].TrimStart(' ');
        }
        return true;
    }

    /// <summary>Finds a zone: an IANA name, <c>UTC</c>, <c>local</c>, or an offset <c>+02:00</c>.</summary>
    public static bool TryZone(string name, out TimeZoneInfo zone)
    {
        if (string.Equals(name, "local", StringComparison.OrdinalIgnoreCase))
        {
            zone = TimeZoneInfo.Local;
            return true;
        }
        if (name.Length == 6 && name[0] is '+' or '-'
            && TimeSpan.TryParseExact(
                name.AsSpan(1), "hh\\:mm", CultureInfo.InvariantCulture, out TimeSpan offset)
            && offset <= TimeSpan.FromHours(14))
        {
            offset = name[0] == '-' ? -offset : offset;
            zone = TimeZoneInfo.CreateCustomTimeZone(name, offset, name, name);
            return true;
        }
        if (string.Equals(name, "UTC", StringComparison.OrdinalIgnoreCase))
        {
            zone = TimeZoneInfo.Utc;
            return true;
        }
        bool isKnown = TimeZoneInfo.TryFindSystemTimeZoneById(name, out TimeZoneInfo? found);
        zone = found ?? TimeZoneInfo.Utc;
        return isKnown;
    }

    private static bool TryWord(
        string text, DateTimeOffset now, TimeZoneInfo zone, bool isEnd, out DateTimeOffset time)
    {
        DateTime today = TimeZoneInfo.ConvertTime(now, zone).Date;
        switch (text.ToUpperInvariant())
        {
            case "NOW":
                time = now;
                return true;
            case "TODAY":
                time = AtLocal(today, zone, isEnd);
                return true;
            case "YESTERDAY":
                time = AtLocal(today.AddDays(-1), zone, isEnd);
                return true;
            case "TOMORROW":
                time = AtLocal(today.AddDays(1), zone, isEnd);
                return true;
        }
        bool isTime = TimeOnly.TryParseExact(
            text, ["H:mm", "H:mm:ss"], CultureInfo.InvariantCulture, DateTimeStyles.None,
            out TimeOnly ofDay);
        time = isTime ? AtLocal(today + ofDay.ToTimeSpan(), zone, isEnd) : default;
        return isTime;
    }

    private static ReadOnlySpan<char> StripAgo(string text) =>
        text.EndsWith("ago", StringComparison.OrdinalIgnoreCase)
            ? text.AsSpan(0, text.Length - 3)
            : text;

    private static long UnitTicks(ReadOnlySpan<char> unit) => unit switch
    {
        "s" or "sec" or "second" or "seconds" => TimeSpan.TicksPerSecond,
        "m" or "min" or "minute" or "minutes" => TimeSpan.TicksPerMinute,
        "h" or "hour" or "hours" => TimeSpan.TicksPerHour,
        "d" or "day" or "days" => TimeSpan.TicksPerDay,
        "w" or "week" or "weeks" => 7 * TimeSpan.TicksPerDay,
        "y" or "year" or "years" => 365 * TimeSpan.TicksPerDay,
        _ => 0,
    };

    // A local time that a change of the clocks skips stands for the instant of the change; of two
    // instants with one local time, a beginning takes the first and an end the second, so that
    // nothing asked for is left out.
    private static DateTimeOffset AtLocal(DateTime local, TimeZoneInfo zone, bool isEnd)
    {
        while (zone.IsInvalidTime(local))
        {
            long past = local.Ticks % TimeSpan.TicksPerMinute;
            local = local.AddTicks(TimeSpan.TicksPerMinute - past);
        }
        TimeSpan offset = zone.GetUtcOffset(local);
        if (zone.IsAmbiguousTime(local))
        {
            TimeSpan[] offsets = zone.GetAmbiguousTimeOffsets(local);
            offset = isEnd ? offsets.Min() : offsets.Max();
        }
        return new DateTimeOffset(local, offset);
    }
}
