using RetentionEngine.Tool;
using RetentionEngine.Tool.Output;
using Xunit;

namespace RetentionEngine.Tests.Tool;

public sealed class TimeExpressionTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 20, 30, TimeSpan.Zero);

    [Theory]
    [InlineData("now", "2026-11-23T10:20:30.000000+00:00")]
    [InlineData("today", "2026-11-23T00:00:00.000000+00:00")]
    [InlineData("Yesterday", "2026-11-22T00:00:00.000000+00:00")]
    [InlineData("tomorrow", "2026-11-24T00:00:00.000000+00:00")]
    [InlineData("18:30", "2026-11-23T18:30:00.000000+00:00")]
    [InlineData("7:05:09", "2026-11-23T07:05:09.000000+00:00")]
    [InlineData("2h ago", "2026-11-23T08:20:30.000000+00:00")]
    [InlineData("90m", "2026-11-23T08:50:30.000000+00:00")]
    [InlineData("1d12h ago", "2026-11-21T22:20:30.000000+00:00")]
    [InlineData("3 days ago", "2026-11-20T10:20:30.000000+00:00")]
    [InlineData("1 week 2 hours ago", "2026-11-16T08:20:30.000000+00:00")]
    [InlineData("900y ago", "1970-01-01T00:00:00.000000+00:00")]
    [InlineData("2026-11-01", "2026-11-01T00:00:00.000000+00:00")]
    [InlineData("2026-11-01 13:00", "2026-11-01T13:00:00.000000+00:00")]
    [InlineData("2026-11-01T13:00:01", "2026-11-01T13:00:01.000000+00:00")]
    [InlineData("2026-11-01T13:00:01.123456", "2026-11-01T13:00:01.123456+00:00")]
    [InlineData("2026-11-01T13:00:01.123456789", null)]
    [InlineData("2026-11-01T13:00:01Z", "2026-11-01T13:00:01.000000+00:00")]
    [InlineData("2026-11-01t13:00:01z", "2026-11-01T13:00:01.000000+00:00")]
    [InlineData("2026-11-01T13:00:01.5+02:00", "2026-11-01T13:00:01.500000+02:00")]
    [InlineData("2026-11-01 13:00:01-0330", "2026-11-01T13:00:01.000000-03:30")]
    [InlineData("@1763892000.25", "2025-11-23T10:00:00.250000+00:00")]
    [InlineData("@99999999999999", null)]
    [InlineData("2026-02-29", null)]
    [InlineData("01.11.2026", null)]
    [InlineData("2 months ago", null)]
    [InlineData("ago", null)]
    [InlineData("", null)]
    [InlineData("99999999999h", null)]
    [InlineData("999999999y", null)]
    public void Reads(string text, string? expected)
    {
        bool isRead = TimeExpression.TryParse(
            text, s_now, TimeZoneInfo.Utc, isEnd: false, out DateTimeOffset time);
        Assert.Equal(expected, isRead ? Times.ToRfc3339(time) : null);
    }

    [Theory]
    [InlineData("today", false, "2026-11-23T00:00:00.000000+01:00")]
    [InlineData("2026-07-01", false, "2026-07-01T00:00:00.000000+02:00")]
    // Clocks go back: this time is there twice.
    [InlineData("2026-10-25 02:30", false, "2026-10-25T02:30:00.000000+02:00")]
    [InlineData("2026-10-25 02:30", true, "2026-10-25T02:30:00.000000+01:00")]
    // Clocks go forward: this time is not there.
    [InlineData("2026-03-29 02:30", false, "2026-03-29T03:00:00.000000+02:00")]
    public void ReadsInAZone(string text, bool isEnd, string expected)
    {
        Assert.True(TimeExpression.TryZone("Europe/Berlin", out TimeZoneInfo zone));
        Assert.True(TimeExpression.TryParse(text, s_now, zone, isEnd, out DateTimeOffset time));
        Assert.Equal(expected, Times.ToRfc3339(time));
    }

    [Theory]
    [InlineData("UTC", true)]
    [InlineData("+02:00", true)]
    [InlineData("-11:30", true)]
    [InlineData("+15:00", false)]
    [InlineData("local", true)]
    [InlineData("Europe/Nowhere", false)]
    [InlineData("", false)]
    public void KnowsZones(string name, bool isKnown) =>
        Assert.Equal(isKnown, TimeExpression.TryZone(name, out _));

    [Theory]
    [InlineData(0.2, "200 ms")]
    [InlineData(12.34, "12.3 s")]
    [InlineData(75, "1m15s")]
    [InlineData(3700, "1h01m")]
    [InlineData(90_000, "1d01h")]
    public void WritesLengths(double seconds, string expected) =>
        Assert.Equal(expected, Times.ToText(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.0 kB")]
    [InlineData(999_999, "1.0 MB")]
    [InlineData(123_456_789, "123.5 MB")]
    public void WritesSizes(double bytes, string expected) =>
        Assert.Equal(expected, Times.ToSize(bytes));
}
