using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using RetentionEngine.Tests.Acceptance;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Messages;

/// <summary>Daemons in a chroot that write another time than their host.</summary>
public sealed class OtherClockTests
{
    private static readonly DateTime s_start = new(2026, 7, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>UTC in a zone east of Greenwich, on a busy host.</summary>
    [Theory]
    [InlineData(-120)]
    [InlineData(-330)]
    [InlineData(-840)]
    public void ADaemonBehindItsHost(int minutes) => Assert.Equal(
        [$"mx Smtp 60 {minutes}"],
        Found(Log(60, TimeSpan.FromSeconds(7), smtpMinutes: minutes)));

    /// <summary>West of it, on a host with a mail now and then.</summary>
    [Theory]
    [InlineData(300, 3)]
    [InlineData(300, 600)]
    [InlineData(570, 1500)]
    [InlineData(300, 433)]
    public void ADaemonInFrontOfItsHost(int minutes, int gapSeconds)
    {
        string found = Assert.Single(
            Found(Log(60, TimeSpan.FromSeconds(gapSeconds), smtpMinutes: minutes)));
        string[] words = found.Split(' ');
        Assert.Equal(["mx", "Smtp"], words[..2]);
        Assert.InRange(int.Parse(words[2], CultureInfo.InvariantCulture), 59, 60);
        Assert.Equal(minutes, int.Parse(words[3], CultureInfo.InvariantCulture));
    }

    [Fact]
    public void AllChrootedDaemonsAreNamed() => Assert.Equal(
        ["mx Smtpd 59 -120", "mx Smtp 60 -120"],
        Found(Log(60, TimeSpan.FromSeconds(7), smtpMinutes: -120, smtpdMinutes: -120)));

    [Theory]
    [InlineData(0)]
    [InlineData(-20)]
    [InlineData(-14)]
    [InlineData(-855)]
    public void NoOtherClock(int minutes) =>
        Assert.Empty(Found(Log(60, TimeSpan.FromSeconds(7), smtpMinutes: minutes)));

    [Fact]
    public void AFewLinesProveNothing() =>
        Assert.Empty(Found(Log(9, TimeSpan.FromSeconds(7), smtpMinutes: -120)));

    [Fact]
    public void AStampWithItsOffsetIsRight() => Assert.Empty(
        Found(Log(60, TimeSpan.FromSeconds(7), smtpMinutes: -120, stamp: "yyyy-MM-ddTHH:mm:ssZ")));

    /// <summary>The same logs again, or older ones, are behind as a whole.</summary>
    [Fact]
    public void AnOlderLogIsNoOtherClock()
    {
        string log = Log(120, TimeSpan.FromSeconds(60), smtpMinutes: 0);
        Assert.Empty(Found(log + Log(90, TimeSpan.FromSeconds(60), smtpMinutes: 0)));
    }

    /// <summary>Two machines of one name in two zones: every daemon writes both.</summary>
    [Fact]
    public void TwoHostsOfOneNameAreNoOtherClock()
    {
        string[] here = Log(60, TimeSpan.FromSeconds(7), 0).Split('\n');
        string[] there = Log(60, TimeSpan.FromSeconds(7), -120, -120, -120).Split('\n');
        Assert.Empty(Found(string.Join('\n', here.Zip(there, (a, b) => a + "\n" + b))));
    }

    [Fact]
    public void AnImportReportsIt()
    {
        using var folder = new TestDirectory();
        string path = Path.Combine(folder.Path, "mail.log");
        File.WriteAllText(path, Log(60, TimeSpan.FromSeconds(7), smtpMinutes: -120));
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(3650), ["example.org"]));
        OffClock clock = Assert.Single(store.Import([path]).OffClocks);
        Assert.Equal(new OffClock("mx", "smtp", 60, TimeSpan.FromHours(-2)), clock);
        Assert.All(
            store.Store.Query(new RetentionQuery()),
            record => Assert.True(record.Flags.HasFlag(RecordFlags.ZoneInferred)));
    }

    /// <summary>Mails from smtpd to smtp; two of the daemons may have clocks of their own.</summary>
    private static string Log(
        int mails,
        TimeSpan gap,
        int smtpMinutes,
        int smtpdMinutes = 0,
        int restMinutes = 0,
        string stamp = "MMM d HH:mm:ss")
    {
        var log = new StringBuilder();
        for (int mail = 0; mail < mails; mail++)
        {
            DateTime at = s_start + TimeSpan.FromDays(1) + (mail * gap);
            string id = $"{mail * 1000:X5}1{mail:X4}";
            void Line(int second, int minutes, string text)
            {
                DateTime time = at.AddSeconds(second).AddMinutes(minutes);
                log.Append(CultureInfo.InvariantCulture, $"{time.ToString(stamp, CultureInfo.InvariantCulture)} ")
                    .Append("mx postfix/").Append(text).Append('\n');
            }
            Line(0, smtpdMinutes, $"smtpd[1]: {id}: client=h.example.net[192.0.2.7]");
            Line(0, restMinutes, $"cleanup[2]: {id}: message-id=<{mail}@example.net>");
            Line(1, restMinutes, $"qmgr[3]: {id}: from=<a@example.net>, size=9, nrcpt=1 (queue active)");
            Line(2, smtpMinutes, $"smtp[4]: {id}: to=<b@example.com>, relay=h[192.0.2.8]:25, delay=2, "
                + "delays=0/0/1/1, dsn=2.0.0, status=sent (250 ok)");
            Line(2, restMinutes, $"qmgr[3]: {id}: removed");
        }
        return log.ToString();
    }

    private static List<string> Found(string text)
    {
        byte[] log = Encoding.ASCII.GetBytes(text);
        byte[] padded = [.. log, .. new byte[BlockReader.PaddingBytes]];
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        var tracker = new Tracker(hosts, new LocalDomains([]), new RecordBatch(7), 7);
        tokenizer.Begin(TimeZoneInfo.Utc, new DateTimeOffset(s_start.AddDays(3)).ToUnixTimeMilliseconds() * 1000);
        var events = new LogEvent[256];
        for (int at = 0; at < log.Length;)
        {
            at = tokenizer.Read(padded.AsSpan(0, log.Length), at, events, out int count);
            tracker.Add(events.AsSpan(0, count), padded.AsSpan(0, log.Length));
        }
        Assert.Equal(0, tokenizer.Strange);
        return
        [
            .. tracker.OtherClocks().Select(clock =>
                $"{Encoding.ASCII.GetString(hosts.Host(clock.Host))} {clock.Daemon} {clock.Lines} {clock.OffsetMinutes}"),
        ];
    }
}
