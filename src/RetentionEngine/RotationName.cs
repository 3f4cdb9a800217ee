using System.Globalization;

namespace RetentionEngine;

/// <summary>What the name of a rotated log says of its time.</summary>
/// <remarks>
/// logrotate's dateext writes <c>maillog-20251103</c>, with the hour or the seconds since 1970 where
/// that is configured; others write <c>mail.log.2025-11-03</c> or <c>mail.log.2025-11</c>. The date
/// is that of the rotation, or of the day or month that the file holds: either way no line is
/// younger than the end of that day or month.
/// </remarks>
internal static class RotationName
{
    private const int YearMin = 1990;
    private const int YearMax = 2099;

    /// <summary>Finds the date in a name.</summary>
    /// <param name="name">A path, or a name without directories.</param>
    /// <param name="latest">The end of the day, hour or month, a day later at most in any zone.</param>
    public static bool TryLatest(string name, out DateTimeOffset latest)
    {
        latest = default;
        ReadOnlySpan<char> file = Path.GetFileName(name.AsSpan());
        for (int at = 0; at < file.Length;)
        {
            if (!char.IsAsciiDigit(file[at]))
            {
                at++;
                continue;
            }
            int behind = at;
            while (behind < file.Length && char.IsAsciiDigit(file[behind]))
            {
                behind++;
            }
            if (behind - at == 4 && TryParted(file[at..], out latest))
            {
                return true;
            }
            if (TryNumber(file[at..behind], out latest))
            {
                return true;
            }
            at = behind;
        }
        return false;
    }

    /// <summary><c>2025-11-03</c> or <c>2025-11</c>; points and underscores part it as well.</summary>
    private static bool TryParted(ReadOnlySpan<char> text, out DateTimeOffset latest)
    {
        latest = default;
        if (text.Length < 7 || text[4] is not ('-' or '.' or '_')
            || !TryDigits(text[..4], out int year) || !TryDigits(text[5..7], out int month))
        {
            return false;
        }
        bool hasDay = text.Length >= 10 && text[7] == text[4] && TryDigits(text[8..10], out _)
            && (text.Length == 10 || !char.IsAsciiDigit(text[10]));
        if (!hasDay)
        {
            bool ends = text.Length == 7 || !char.IsAsciiDigit(text[7]);
            return ends && TryEnd(year, month, 0, out latest);
        }
        return TryDigits(text[8..10], out int day) && TryEnd(year, month, day, out latest);
    }

    /// <summary><c>20251103</c>, <c>2025110306</c>, <c>202511</c>, or seconds since 1970.</summary>
    private static bool TryNumber(ReadOnlySpan<char> digits, out DateTimeOffset latest)
    {
        latest = default;
        if (digits.Length is not (6 or 8 or 10 or 12 or 14))
        {
            return false;
        }
        if (digits.Length == 10 && digits[0] == '1'
            && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
        {
            latest = DateTimeOffset.FromUnixTimeSeconds(seconds);
            return true;
        }
        int day = 0;
        return TryDigits(digits[..4], out int year) && TryDigits(digits[4..6], out int month)
            && (digits.Length == 6 || (TryDigits(digits[6..8], out day) && day > 0))
            && TryEnd(year, month, day, out latest);
    }

    /// <summary>The end of a day, or of a month if the day is 0.</summary>
    private static bool TryEnd(int year, int month, int day, out DateTimeOffset latest)
    {
        latest = default;
        if (year is < YearMin or > YearMax || month is < 1 or > 12
            || day > DateTime.DaysInMonth(year, month))
        {
            return false;
        }
        latest = new DateTimeOffset(year, month, Math.Max(day, 1), 0, 0, 0, TimeSpan.Zero);
        latest = day == 0 ? latest.AddMonths(1) : latest.AddDays(1);
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
