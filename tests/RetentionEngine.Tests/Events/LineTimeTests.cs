using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using Xunit;

namespace RetentionEngine.Tests.Events;

public sealed class LineTimeTests
{
    private static readonly TimeZoneInfo s_berlin =
        TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    [Theory]
    [InlineData("2025-07-04T09:05:01.123456+02:00", "2025-07-04T07:05:01.123456Z", 120, "None")]
    [InlineData("2025-07-04T09:05:01.123456789Z", "2025-07-04T09:05:01.123456Z", 0, "None")]
    [InlineData("2025-07-04T09:05:01.5-0330", "2025-07-04T12:35:01.5Z", -210, "None")]
    [InlineData("2024-02-29T23:59:60Z", "2024-03-01T00:00:00Z", 0, "None")]
    [InlineData("2025-01-04T09:05:01", "2025-01-04T08:05:01Z", 60, "ZoneInferred")]
    [InlineData("Jul  4 09:05:01", "2025-07-04T07:05:01Z", 120, "YearInferred, ZoneInferred")]
    [InlineData("Dec  1 00:59:59", "2025-11-30T23:59:59Z", 60, "YearInferred, ZoneInferred")]
    [InlineData("Dec  3 09:05:01", "2024-12-03T08:05:01Z", 60, "YearInferred, ZoneInferred")]
    [InlineData("Feb 29 09:05:01", "2024-02-29T08:05:01Z", 60, "YearInferred, ZoneInferred")]
    public void StampsBecomeInstants(string stamp, string utc, int offset, string flags)
    {
        LogEvent e = Assert.Single(Times([stamp]));
        Assert.Equal(Micros(utc), e.TimeUnixMicros);
        Assert.Equal(offset, e.OffsetMinutes);
        Assert.Equal(flags, e.TimeFlags.ToString());
    }

    [Theory]
    [InlineData("Jul 32 09:05:01")]
    [InlineData("Jux  4 09:05:01")]
    [InlineData("Jul  4 24:05:01")]
    [InlineData("Jul  4 09:60:01")]
    [InlineData("Feb 30 09:05:01")]
    [InlineData("2025-02-29T09:05:01Z")]
    [InlineData("2025-13-01T09:05:01Z")]
    [InlineData("2025-12-01T09:05:01.Z")]
    [InlineData("2025-12-01T09:05:01+2:00")]
    [InlineData("2025-12-01_09:05:01Z")]
    [InlineData("1969 Dec  1 09:05:01")]
    [InlineData("2025 Feb 29 09:05:01")]
    [InlineData("12345678.123456")]
    [InlineData("1751612701")]
    [InlineData("<1234>Jul  4 09:05:01")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public void OtherStampsAreStrange(string stamp) => Assert.Empty(Times([stamp]));

    [Fact]
    public void YearsFollowTheOrderOfLines()
    {
        string[] stamps =
        [
            "Nov 30 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58",
            "Jan  1 00:00:02", "Feb 28 12:00:00", "Jul  1 12:00:00", "Nov 30 10:00:00",
        ];
        int[] years = [2023, 2023, 2024, 2023, 2024, 2024, 2024, 2024];
        LogEvent[] events = Times(stamps, year: 2023);
        Assert.Equal(years, events.Select(e =>
            DateTime.UnixEpoch.AddMicroseconds(
                e.TimeUnixMicros + (e.OffsetMinutes * 60_000_000L)).Year));
    }

    [Fact]
    public void TheDoubledHourIsToldByOrder()
    {
        string[] stamps =
        [
            "Oct 26 01:59:59", "Oct 26 02:00:00", "Oct 26 02:59:59", "Oct 26 02:59:50",
            "Oct 26 02:00:00", "Oct 26 02:30:00", "Oct 26 03:00:00",
        ];
        LogEvent[] events = Times(stamps);
        Assert.Equal([120, 120, 120, 120, 60, 60, 60], events.Select(e => (int)e.OffsetMinutes));
        Assert.Equal(Micros("2025-10-26T01:00:00Z"), events[4].TimeUnixMicros);
    }

    [Fact]
    public void TheSkippedHourGoesForward()
    {
        LogEvent[] events = Times(["Mar 30 01:59:59", "Mar 30 02:30:00", "Mar 30 03:30:00"]);
        Assert.Equal(Micros("2025-03-30T01:30:00Z"), events[1].TimeUnixMicros);
        Assert.Equal([60, 120, 120], events.Select(e => (int)e.OffsetMinutes));
    }

    [Fact]
    public void ALongQueueIdTellsTheYear()
    {
        long created = Micros("2019-01-01T00:00:00Z") / 1_000_000;
        var text = new byte[QueueId.TextLengthMax];
        int length = QueueId.Encode(true, created - 3600, 999_999, 77).Format(text);
        string id = Encoding.ASCII.GetString(text, 0, length);
        byte[] head = Encoding.ASCII.GetBytes(
            "Dec 31 23:50:00 mx1 postfix/anvil[1]: statistics\n"
            + "Jan  1 00:00:00 mx1 postfix/smtpd[1]: " + id + ": client=a.example[192.0.2.1]\n");
        Assert.Equal(2018, SourceHead.YearHint(head, s_berlin));
        Assert.Equal(0, SourceHead.YearHint(head.AsSpan(0, 90), s_berlin));
        Assert.True(SourceHead.TryFirstTime(head, new HostZones(s_berlin), TokenizerCase.Latest, out long first));
        Assert.Equal(Micros("2018-12-31T22:50:00Z"), first);
    }

    private static LogEvent[] Times(string[] stamps, int year = 0)
    {
        var log = new StringBuilder();
        foreach (string stamp in stamps)
        {
            log.Append(stamp).Append(" mx1 postfix/qmgr[1]: 7A1F03E21: removed\n");
        }
        byte[] bytes = Encoding.Latin1.GetBytes(log.ToString());
        byte[] padded = TokenizerCase.Pad(bytes);
        var tokenizer = new Tokenizer(new HostTable());
        tokenizer.Begin(s_berlin, TokenizerCase.Latest - (24 * 3_600_000_000L), year);
        var events = new LogEvent[64];
        tokenizer.Read(padded.AsSpan(0, bytes.Length), 0, events, out int count);
        Assert.Equal(stamps.Length - count, tokenizer.StrangeOf(LineOutcome.NoPrefix).Count);
        return events[..count];
    }

    private static long Micros(string utc) =>
        (DateTimeOffset.Parse(utc, CultureInfo.InvariantCulture).UtcTicks
            - DateTimeOffset.UnixEpoch.UtcTicks) / 10;
}
