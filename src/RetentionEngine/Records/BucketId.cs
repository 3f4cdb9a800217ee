namespace RetentionEngine;

/// <summary>A span of time of one class, whose records live and die under one key.</summary>
/// <param name="Class">The class.</param>
/// <param name="StartHour">First hour, counted in whole hours since 1970 UTC.</param>
/// <param name="LengthHours">Length, 1 or more; StartHour is a multiple of it.</param>
public readonly record struct BucketId(RecordClass Class, int StartHour, int LengthHours)
{
    private const long MicrosPerHour = 3_600_000_000;

    /// <summary>A query meets about this many buckets, whatever the period.</summary>
    private const double BucketsPerPeriod = 168;

    /// <summary>First microsecond inside, since 1970 UTC.</summary>
    public long StartUnixMicros => StartHour * MicrosPerHour;

    /// <summary>First microsecond behind the end, since 1970 UTC.</summary>
    public long EndUnixMicros => (StartHour + (long)LengthHours) * MicrosPerHour;

    /// <summary>The bucket of a class that holds an instant, for a given period.</summary>
    /// <param name="recordClass">The class.</param>
    /// <param name="timeUnixMicros">A record's earliest time, microseconds since 1970 UTC.</param>
    /// <param name="period">The class's retention period.</param>
    /// <returns>A bucket of period / 168, rounded to whole hours, at least one hour long.</returns>
    public static BucketId Of(RecordClass recordClass, long timeUnixMicros, TimeSpan period)
    {
        int length = LengthHoursOf(period);
        long hour = Math.DivRem(timeUnixMicros, MicrosPerHour, out long rest);
        if (rest < 0)
        {
            hour--;
        }
        long index = hour >= 0 ? hour / length : -((-hour + length - 1) / length);
        return new BucketId(recordClass, checked((int)(index * length)), length);
    }

    /// <summary>Bucket length for a period: period / 168 in whole hours, at least 1.</summary>
    public static int LengthHoursOf(TimeSpan period) =>
        Math.Max(1, (int)Math.Round(period.TotalHours / BucketsPerPeriod));
}
