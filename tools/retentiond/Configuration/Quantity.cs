using System.Globalization;

namespace RetentionEngine.Daemon.Configuration;

/// <summary>Sizes and lengths of time as people write them.</summary>
internal static class Quantity
{
    private static readonly (string Name, long Bytes)[] s_sizes =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("B", 1)];

    private static readonly (string Name, long Ticks)[] s_spans =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("w", 7 * TimeSpan.TicksPerDay),
        ("d", TimeSpan.TicksPerDay), ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond),
    ];

    /// <summary>Reads "64KiB", "4 GiB" or "100".</summary>
    public static bool TrySize(string text, out long bytes)
    {
        long unit = 1;
        string digits = text;
        foreach ((string name, long size) in s_sizes)
        {
            if (text.EndsWith(name, StringComparison.Ordinal))
            {
                (unit, digits) = (size, text[..^name.Length].TrimEnd());
                break;
            }
        }
        bool isNumber = long.TryParse(
            digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            && number <= long.MaxValue / unit;
        bytes = isNumber ? number * unit : 0;
        return isNumber;
    }

    /// <summary>Reads "30s", "500ms", "1h30m", "7d" or "26w".</summary>
    public static bool TrySpan(string text, out TimeSpan span)
    {
        long ticks = 0;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        span = TimeSpan.Zero;
        if (rest.IsEmpty)
        {
            return false;
        }
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0 || !long.TryParse(
                rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            {
                return false;
            }
            rest = rest[digits..];
            (string unit, long size) = ("", 0L);
            foreach ((string name, long unitTicks) in s_spans)
            {
                if (size == 0 && rest.StartsWith(name, StringComparison.Ordinal))
                {
                    (unit, size) = (name, unitTicks);
                }
            }
            if (size == 0 || number > (TimeSpan.MaxValue.Ticks - ticks) / size)
            {
                return false;
            }
            ticks += number * size;
            rest = rest[unit.Length..];
        }
        span = new TimeSpan(ticks);
        return true;
    }

    /// <summary>A size in the largest unit that it is a multiple of.</summary>
    public static string Of(long bytes)
    {
        (string name, long size) = s_sizes.First(u => bytes % u.Bytes == 0 && bytes >= u.Bytes
            || u.Bytes == 1);
        return $"{bytes / size}{name}";
    }

    /// <summary>A length of time in the largest unit, days at most, that divides it.</summary>
    public static string Of(TimeSpan span)
    {
        (string name, long ticks) = s_spans
            .Where(static u => u.Ticks <= TimeSpan.TicksPerDay)
            .OrderByDescending(static u => u.Ticks)
            .First(u => span.Ticks % u.Ticks == 0 && span.Ticks >= u.Ticks
                || u.Ticks == TimeSpan.TicksPerMillisecond);
        return $"{span.Ticks / ticks}{name}";
    }

    /// <summary>The known name that a wrong one seems to mean; null = none is near.</summary>
    public static string? Nearest(string name, IEnumerable<string> known) => known
        .Select(k => (Name: k, Distance: Distance(name, k)))
        .Where(k => k.Distance <= Math.Min(2, (name.Length - 1) / 2))
        .OrderBy(static k => k.Distance)
        .Select(static k => k.Name)
        .FirstOrDefault();

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
