namespace RetentionEngine.Records;

/// <summary>Between the framework's times and ours: microseconds since 1970 UTC.</summary>
internal static class TimeConversions
{
    public static long UnixMicros(this DateTimeOffset time) =>
        (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / 10;

    /// <summary>An instant with the offset in force at the source.</summary>
    public static DateTimeOffset ToTime(long unixMicros, short offsetMinutes = 0) =>
        DateTimeOffset.UnixEpoch.AddTicks(unixMicros * 10)
            .ToOffset(TimeSpan.FromMinutes(offsetMinutes));
}
