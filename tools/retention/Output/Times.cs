using System.Globalization;

namespace RetentionEngine.Tool.Output;

/// <summary>How instants and lengths of time are written.</summary>
internal static class Times
{
    /// <summary>RFC 3339 with microseconds and offset; UTC is <c>+00:00</c>.</summary>
    public const string Rfc3339 = "yyyy-MM-dd'T'HH:mm:ss.ffffffzzz";

    private const string Table = "yyyy-MM-dd HH:mm:ss.ffffffzzz";
    private const string TableSeconds = "yyyy-MM-dd HH:mm:sszzz";

    /// <summary>Beginning of a bucket.</summary>
    public static DateTimeOffset Start(BucketId bucket) =>
        DateTimeOffset.UnixEpoch.AddHours(bucket.StartHour);

    /// <summary>End of a bucket, which does not belong to it.</summary>
    public static DateTimeOffset End(BucketId bucket) =>
        Start(bucket).AddHours(bucket.LengthHours);

    public static string ToRfc3339(DateTimeOffset time) =>
        time.ToString(Rfc3339, CultureInfo.InvariantCulture);

    /// <summary>For people: no fraction where the log has none.</summary>
    public static string ToText(DateTimeOffset time) => time.ToString(
        time.Ticks % TimeSpan.TicksPerSecond == 0 ? TableSeconds : Table,
        CultureInfo.InvariantCulture);

    /// <summary>A length as <c>3d04h</c>, <c>2h05m</c>, <c>4m10s</c>, <c>1.25 s</c>.</summary>
    public static string ToText(TimeSpan span)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        if (span < TimeSpan.FromSeconds(1))
        {
            return string.Create(plain, $"{span.TotalMilliseconds:0} ms");
        }
        if (span < TimeSpan.FromMinutes(1))
        {
            return string.Create(plain, $"{span.TotalSeconds:0.0} s");
        }
        if (span < TimeSpan.FromHours(1))
        {
            return string.Create(plain, $"{span.Minutes}m{span.Seconds:00}s");
        }
        return span < TimeSpan.FromDays(1)
            ? string.Create(plain, $"{span.Hours}h{span.Minutes:00}m")
            : string.Create(plain, $"{(long)span.TotalDays}d{span.Hours:00}h");
    }

    /// <summary>A retention period as it is given on the command line: <c>7d</c>, <c>36h</c>.</summary>
    public static string ToPeriod(TimeSpan period) => period.Ticks % TimeSpan.TicksPerDay == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{(long)period.TotalDays}d")
        : string.Create(CultureInfo.InvariantCulture, $"{(long)period.TotalHours}h");

    /// <summary>A size in decimal units: <c>512 B</c>, <c>12.3 MB</c>.</summary>
    public static string ToSize(double bytes)
    {
        if (bytes < 1000)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{bytes:0} B");
        }
        ReadOnlySpan<char> units = "kMGTP";
        int unit = -1;
        while (bytes >= 999.95 && unit < units.Length - 1)
        {
            bytes /= 1000;
            unit++;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.0} {units[unit]}B");
    }

    /// <summary>A count with thin groups: <c>12,345</c>.</summary>
    public static string ToCount(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
