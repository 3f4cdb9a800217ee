using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;
using RetentionEngine.Tests.Acceptance;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Events;

/// <summary>What a source's name and its long queue ids tell of its time.</summary>
public sealed class SourceTimeTests
{
    private static readonly TimeZoneInfo s_berlin =
        TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    [Theory]
    [InlineData("/var/log/mail.log-20231103.gz", "2023-11-04")]
    [InlineData("maillog-20231103", "2023-11-04")]
    [InlineData("maillog-2023110306.xz", "2023-11-04")]
    [InlineData("mail.log.2023-11", "2023-12-01")]
    [InlineData("mail.log.2023-12", "2024-01-01")]
    [InlineData("mail.log.202311.zst", "2023-12-01")]
    [InlineData("mx1-2023.11.03.log", "2023-11-04")]
    [InlineData("2024_02_29_mail.log", "2024-03-01")]
    [InlineData("mail.log-20231103-1699012345.gz", "2023-11-04")]
    [InlineData("mail.log-1699012345.gz", "2023-11-03")]
    [InlineData("mail.log.1", null)]
    [InlineData("mail.log.20", null)]
    [InlineData("mail.log-20231303", null)]
    [InlineData("mail.log-20230229", null)]
    [InlineData("mail.log.2023-00", null)]
    [InlineData("mail-12345678901.log", null)]
    [InlineData("/srv/20231103/mail.log", null)]
    public void ADateInTheName(string name, string? latest)
    {
        Assert.Equal(latest is not null, RotationName.TryLatest(name, out DateTimeOffset found));
        if (latest is not null)
        {
            Assert.Equal(latest, found.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData("mail.log", 2025)]
    [InlineData("mail.log-20231231.gz", 2023)]
    [InlineData("mail.log-20240102", 2023)]
    [InlineData("mail.log.2022-12", 2022)]
    [InlineData("mail.log-20991231", 2025)]
    public void TheYearOfACopyIsThatOfItsName(string name, int year)
    {
        const string Log = "Dec 30 10:00:00 mx1 postfix/qmgr[1]: 7A1F03E21: removed\n";
        byte[] bytes = Encoding.ASCII.GetBytes(Log);
        var now = new DateTimeOffset(2026, 11, 25, 0, 0, 0, TimeSpan.Zero);
        using var source = new OpenSource(
            new LogSource(name, () => new MemoryStream(bytes), now, true, bytes.Length));
        Assert.Equal(0, source.Year(null, s_berlin));
        long latest = source.LatestUnixMicros(new FakeTime(now));
        source.Suspend(new HostZones(s_berlin));
        LogEvent e = Assert.Single(Read(bytes, latest, 0, 0));
        Assert.Equal(source.FirstTimeUnixMicros, e.TimeUnixMicros);
        Assert.Equal(year, DateTime.UnixEpoch.AddMicroseconds(e.TimeUnixMicros).Year);
        Assert.True(e.TimeFlags.HasFlag(RecordFlags.YearInferred));
        var slow = new SlowParser(s_berlin, latest);
        Assert.Equal(SlowOutcome.Event, slow.Parse(Log.TrimEnd(), out SlowEvent other));
        Assert.Equal(e.TimeUnixMicros, other.TimeUnixMicros);
    }

    [Fact]
    public void AnyLongQueueIdTellsTheYear()
    {
        string other = Id("2019-12-29T10:00:00Z");
        string start = Id("2017-01-03T00:00:00Z");
        string qmgr = $"Jan  3 00:00:00 mx1 postfix/qmgr[1]: {other}: removed\n";
        string smtpd = $"Jan  3 01:00:00 mx1 postfix/smtpd[1]: {start}: client=a.example[192.0.2.1]\n";
        Assert.Equal(2020, SourceHead.YearHint(Encoding.ASCII.GetBytes(qmgr), s_berlin));
        Assert.Equal(2017, SourceHead.YearHint(Encoding.ASCII.GetBytes(qmgr + smtpd), s_berlin));
        string foreign = qmgr.Replace("postfix/qmgr", "named", StringComparison.Ordinal);
        Assert.Equal(0, SourceHead.YearHint(Encoding.ASCII.GetBytes(foreign), s_berlin));
    }

    /// <summary>The hour from 02:00 occurs twice on 2025-10-26; the log begins within it.</summary>
    [Theory]
    [InlineData("2025-10-26T00:20:00Z", 120)]
    [InlineData("2025-10-26T01:20:00Z", 60)]
    public void ALongQueueIdTellsTheHour(string created, int offset)
    {
        string log = "Oct 26 02:10:00 mx1 postfix/qmgr[1]: 7A1F03E21: removed\n"
            + $"Oct 26 02:20:00 mx1 postfix/smtpd[1]: {Id(created)}: client=a.example[192.0.2.1]\n"
            + "Oct 26 02:40:00 mx1 postfix/qmgr[1]: 7A1F03E21: removed\n"
            + "Oct 26 03:10:00 mx1 postfix/qmgr[1]: 7A1F03E21: removed\n";
        byte[] bytes = Encoding.ASCII.GetBytes(log);
        long latest = Micros("2025-12-01T00:00:00Z");
        foreach (HostZones zones in (HostZones[])[new(s_berlin),
            new(TimeZoneInfo.Utc, new HostZone("MX1"u8.ToArray(), s_berlin))])
        {
            long state = SourceHead.ClockState(bytes, zones, latest, 0);
            LogEvent[] events = Read(bytes, latest, 0, state, zones);
            Assert.Equal([offset, offset, offset, 60], events.Select(e => (int)e.OffsetMinutes));
            Assert.Equal(Micros(created), events[1].TimeUnixMicros);
        }
    }

    [Theory]
    [InlineData("Oct 26 01:50:00", "2025-10-26T01:20:00Z")]
    [InlineData("Oct 26 02:10:00", "2025-10-26T05:20:00Z")]
    public void AnIdThatDoesNotFitTellsNoHour(string first, string created)
    {
        byte[] log = Encoding.ASCII.GetBytes(first + " mx1 postfix/qmgr[1]: 7A1F03E21: removed\n"
            + $"Oct 26 02:20:00 mx1 postfix/smtpd[1]: {Id(created)}: client=a.example[192.0.2.1]\n");
        Assert.Equal(0, SourceHead.ClockState(
            log, new HostZones(s_berlin), Micros("2025-12-01T00:00:00Z"), 0));
    }

    private static LogEvent[] Read(
        byte[] log, long latest, int year, long state, HostZones? zones = null)
    {
        byte[] padded = [.. log, .. new byte[BlockReader.PaddingBytes]];
        var tokenizer = new Tokenizer(new HostTable());
        tokenizer.Begin(zones ?? new HostZones(s_berlin), latest, year);
        tokenizer.BeginHour(state);
        var events = new LogEvent[16];
        tokenizer.Read(padded.AsSpan(0, log.Length), 0, events, out int count);
        return events[..count];
    }

    private static string Id(string created)
    {
        var text = new byte[QueueId.TextLengthMax];
        int length = QueueId.Encode(true, Micros(created) / 1_000_000, 1234, 77).Format(text);
        return Encoding.ASCII.GetString(text, 0, length);
    }

    private static long Micros(string utc) =>
        DateTimeOffset.Parse(utc, CultureInfo.InvariantCulture).UnixMicros();
}
