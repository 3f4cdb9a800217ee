using System.Globalization;
using System.Text;
using RetentionEngine.Records;
using RetentionEngine.Tests.Differential;
using Xunit;

namespace RetentionEngine.Tests.Explain;

/// <summary>How lines are read and which records they go into, without a store.</summary>
public sealed class LineExplainerTests
{
    private const string Mail = """
        Nov  1 10:00:00 mx postfix/smtpd[1]: 8F00AA: client=mail.example.net[192.0.2.7]
        Nov  1 10:00:00 mx postfix/qmgr[3]: 8F00AA: from=<>, size=100, nrcpt=2 (queue active)
        Nov  1 10:00:01 mx postfix/local[5]: 8F00AA: to=<anna@example.org>, orig_to=<info@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)
        Nov  1 10:00:01 mx postfix/local[5]: 8F00AA: to=<ben@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (unknown user: "ben")
        Nov  1 10:00:01 mx postfix/qmgr[3]: 8F00AA: removed
        """;

    private static readonly DateTimeOffset s_latest = new(2026, 11, 3, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void FieldsOfADelivery()
    {
        ExplainedLine line = Explain(Mail, 3);
        Assert.Equal(LineUse.Used, line.Use);
        Assert.Null(line.Reason);
        Assert.Equal(
            [
                "prefix=traditional",
                "time=2026-11-01T10:00:01.000000+01:00",
                "year=inferred",
                "zone=inferred: Europe/Berlin",
                "host=mx",
                "program=postfix/local",
                "pid=5",
                "grammar=Postfix agent",
                "queue_id=8F00AA",
                "event=delivery",
                "recipient=anna@example.org",
                "orig_to=info@example.org",
                "agent=local",
                "relay=local",
                "dsn=2.0.0",
                "status=sent",
            ],
            Fields(line));
        RetentionRecord record = Assert.Single(line.Records);
        Assert.Equal("anna@example.org", record.Recipient);
    }

    [Fact]
    public void LinesOfAMailGoIntoAllItsRecords()
    {
        foreach (int number in (int[])[1, 2, 5])
        {
            Assert.Equal(
                ["anna@example.org", "ben@example.org"],
                Explain(Mail, number).Records.Select(r => r.Recipient));
        }
        Assert.Equal("ben@example.org", Assert.Single(Explain(Mail, 4).Records).Recipient);
    }

    [Fact]
    public void AMailStillInTheQueueIsShownInFlight()
    {
        string log = string.Join('\n', Mail.Split('\n').Take(2));
        RetentionRecord record = Assert.Single(Explain(log, 1).Records);
        Assert.Equal(RecordStatus.Queued, record.Status);
        Assert.True(record.Flags.HasFlag(RecordFlags.InFlight));
    }

    [Fact]
    public void AnIdThatIsUsedAgainIsTwoMails()
    {
        string again = Mail.Replace(" 10:00", " 14:00", StringComparison.Ordinal)
            .Replace("anna@", "eve@", StringComparison.Ordinal);
        string both = Mail + "\n" + again;
        Assert.Equal(["anna@example.org", "ben@example.org"], Recipients(Explain(both, 5)));
        Assert.Equal(["eve@example.org", "ben@example.org"], Recipients(Explain(both, 6)));
        Assert.Equal(["eve@example.org", "ben@example.org"], Recipients(Explain(both, 10)));

        // The first mail's last line is lost: the second one's first line ends it.
        string[] lines = both.Split('\n');
        string cut = string.Join('\n', [.. lines[..4], .. lines[5..]]);
        Assert.Equal(["eve@example.org", "ben@example.org"], Recipients(Explain(cut, 5)));
        Assert.Equal(["anna@example.org", "ben@example.org"], Recipients(Explain(cut, 1)));
    }

    [Fact]
    public void AWebLoginIsShownWithTheSessionsItServes()
    {
        const string Log = """
            2026-11-01T16:09:00Z mx dovecot: imap-login: Login: user=<eve>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, session=<aaaaaaaaaaaaaaaa>
            2026-11-01T16:09:01Z mx roundcube: <a1b2> Successful login for eve (ID: 7) from 192.0.2.7 in session a1b2
            2026-11-01T16:09:02Z mx dovecot: imap(eve)<811><aaaaaaaaaaaaaaaa>: Disconnected: Logged out in=1 out=8
            2026-11-01T16:09:30Z mx dovecot: imap(eve)<811><bbbbbbbbbbbbbbbb>: Disconnected: Logged out in=1 out=8
            2026-11-01T16:09:30Z mx dovecot: imap-login: Login: user=<eve>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, session=<bbbbbbbbbbbbbbbb>
            2026-11-01T16:09:40Z mx dovecot: imap-login: Login: user=<eve>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, session=<cccccccccccccccc>
            """;
        IReadOnlyList<ExplainedLine> lines = ExplainAll(Log, 6).Lines;
        Assert.Equal([1, 3, 1, 1, 1, 1], lines.Select(line => line.Records.Count));
        Assert.All(
            lines.SelectMany(line => line.Records),
            record => Assert.Equal("192.0.2.7", record.Ip?.ToString()));
        Assert.Equal(
            ["program=roundcube", "grammar=Roundcube",
                "event=web login: whom sessions of the webmail program serve",
                "user=eve", "ip=192.0.2.7"],
            Fields(lines[1]).TakeLast(5));
    }

    [Fact]
    public void EqualLoginsAreToldApart()
    {
        const string Log = """
            2026-11-01T16:09:00Z mx imapd: LOGIN, user=ben, ip=[::ffff:192.0.2.16], port=[50312], protocol=IMAP
            2026-11-01T16:09:00Z mx imapd: LOGIN, user=ben, ip=[::ffff:192.0.2.16], port=[50313], protocol=IMAP
            2026-11-01T16:11:00Z mx imapd: LOGOUT, user=ben, ip=[::ffff:192.0.2.16], port=[50312], headers=0, body=0, rcvd=46, sent=347, time=120
            2026-11-01T16:12:00Z mx imapd: LOGOUT, user=ben, ip=[::ffff:192.0.2.16], port=[50313], headers=0, body=0, rcvd=46, sent=347, time=180
            2026-11-01T16:13:00Z mx dovecot: imap(eve)<811><aB3dEfGhIjKlMnOp>: Disconnected: Logged out in=1 out=8
            2026-11-01T16:13:00Z mx dovecot: imap-login: Login: user=<eve>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<aB3dEfGhIjKlMnOp>
            2026-11-01T16:14:00Z mx dovecot: imap(joe)<811><cB3dEfGhIjKlMnOp>: Disconnected: Logged out in=1 out=8
            2026-11-01T16:15:00Z mx imapd: LOGIN, user=ben, ip=[::ffff:192.0.2.16], port=[50314], protocol=IMAP
            """;
        IReadOnlyList<ExplainedLine> lines = ExplainAll(Log, 8).Lines;
        string[] ends = ["16:11", "16:12", "16:11", "16:12", "16:13", "16:13", "16:14", "-"];
        Assert.Equal(ends, lines.Select(line => Assert.Single(line.Records).Final?.ToString(
            "HH:mm", CultureInfo.InvariantCulture) ?? "-"));
        Assert.Equal(RecordStatus.Logout, lines[6].Records[0].Status);
        Assert.True(lines[7].Records[0].Flags.HasFlag(RecordFlags.InFlight));
    }

    [Fact]
    public void LinesOfCouriersServer()
    {
        const string Log = """
            2026-11-01T10:00:00Z mx courierd: newmsg,id=00000000000001C9.000000006B06E0C7.00001168: dns; h.example.net (h.example.net [::ffff:192.0.2.7])
            2026-11-01T10:00:00Z mx courierd: started,id=00000000000001C9.000000006B06E0C7.00001168,from=<a@example.net>,module=local,host=ben!!1000!1000!/home/ben!!,addr=<ben@example.org>
            2026-11-01T10:00:01Z mx courierlocal: id=00000000000001C9.000000006B06E0C7.00001168,from=<a@example.net>,addr=<ben@example.org>,size=266,success: Message delivered.
            2026-11-01T10:00:01Z mx courierd: completed,id=00000000000001C9.000000006B06E0C7.00001168
            """;
        foreach (ExplainedLine line in ExplainAll(Log, 4).Lines)
        {
            Assert.Equal(LineUse.Used, line.Use);
            Assert.Contains("queue_id=00000000000001C9.000000006B06E0C7.00001168", Fields(line));
            Assert.Contains("grammar=Courier's mail server", Fields(line));
            Assert.Equal("ben@example.org", Assert.Single(line.Records).Recipient);
        }
        Assert.Contains("removal=completed", Fields(Explain(Log, 4)));
    }

    [Fact]
    public void ANotificationGoesIntoItsOwnMailToo()
    {
        const string Log = """
            2026-11-01T10:00:00Z mx postfix/bounce[7]: 8F00AA: sender non-delivery notification: 8F00AB
            2026-11-01T10:00:00Z mx postfix/cleanup[2]: 8F00AB: message-id=<c@example.org>
            2026-11-01T10:00:00Z mx postfix/qmgr[3]: 8F00AB: from=<>, size=2000, nrcpt=1 (queue active)
            2026-11-01T10:00:00Z mx postfix/local[7]: 8F00AB: to=<joe@example.org>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)
            2026-11-01T10:00:00Z mx postfix/qmgr[3]: 8F00AB: removed
            """;
        ExplainedLine line = Explain(Log, 1);
        Assert.Contains("notification_queue_id=8F00AB", Fields(line));
        Assert.Equal("joe@example.org", Assert.Single(line.Records).Recipient);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public void AFateGoesIntoTheRecordOfItsMailbox(int fate, int delivery)
    {
        string[] lines =
        [
            "2026-11-01T10:00:01Z mx dovecot: lmtp(ben@example.org)<9><aBcDeFgHiJkLmNoP>: sieve: msgid=<c@example.org>: marked message to be discarded if not explicitly delivered (discard action)",
            "2026-11-01T10:00:01Z mx postfix/lmtp[7]: 8F00AB: to=<ben@example.org>, relay=mx[private/dovecot-lmtp], delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <ben@example.org> aBcDeFgHiJkLmNoP Saved)",
            "2026-11-01T10:00:02Z mx postfix/qmgr[3]: 8F00AB: removed",
        ];
        string log = string.Join('\n', lines[fate - 1], lines[delivery - 1], lines[2]);
        ExplainedLine line = Explain(log, 1);
        RetentionRecord record = Assert.Single(line.Records);
        Assert.Equal((RecordStatus.Discarded, "8F00AB"), (record.Status, record.QueueId));
        Assert.Single(Explain(log, 2).Records);
    }

    [Theory]
    [InlineData(1, LineUse.NotNeeded, "no record needs lines of this program", null)]
    [InlineData(2, LineUse.NotNeeded, "no record needs this kind of line of its program", null)]
    [InlineData(3, LineUse.NotUnderstood, "delivery: cut, or its status is not known",
        "* postfix/smtp[*]: *: to=<*>, relay=*[*]:*, delay=*")]
    [InlineData(4, LineUse.NotUnderstood, "no known stamp, host and program at the beginning", "*, *")]
    [InlineData(5, LineUse.Empty, null, null)]
    [InlineData(6, LineUse.Gap, "rate limiting dropped lines", null)]
    [InlineData(7, LineUse.Overlong, "too long for a log line", null)]
    [InlineData(8, LineUse.NotNeeded, "it is no log line but a remark of a tool", null)]
    [InlineData(9, LineUse.Used, null, null)]
    [InlineData(10, LineUse.Missing, null, null)]
    public void WhyALineIsNotUsed(int number, LineUse use, string? reason, string? shape)
    {
        string log = "2026-11-01T10:00:00Z mx named[7]: x\n"
            + "2026-11-01T10:00:00Z mx postfix/smtpd[7]: connect from h.example.net[192.0.2.1]\n"
            + "2026-11-01T10:00:00Z mx postfix/smtp[7]: 8F00AB: to=<joe@example.org>, relay=h[192.0.2.1]:25, delay=1\n"
            + "Anna Example, joe\r\n\n"
            + "2026-11-01T10:00:00Z mx rsyslogd: imuxsock lost 312 messages from pid 811 due to rate-limiting\n"
            + new string('x', 70_000) + "\n"
            + "-- Boot 0123 --\n"
            + "2026-11-01T10:00:00Z mx postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP";
        ExplainedLine line = Explain(log, number);
        Assert.Equal((use, reason, shape), (line.Use, line.Reason, line.Shape));
        Assert.Equal(use == LineUse.Used ? 1 : 0, line.Records.Count);
    }

    /// <summary>
    /// All lines of generated lives: together they give exactly the records of an import, and a
    /// line that names a queue id goes only into records that have that id.
    /// </summary>
    [Theory]
    [InlineData(500)]
    [InlineData(700)]
    public void GeneratedLives_EveryRecordIsReachedAndNoOther(int firstSeed)
    {
        for (int seed = firstSeed; seed < firstSeed + 30; seed++)
        {
            string log = Encoding.Latin1.GetString(new LifeGenerator(seed).Make(4 + (seed % 25), 40));
            int count = log.Count(c => c == '\n');
            IReadOnlyList<ExplainedLine> lines = ExplainAll(log, count).Lines;
            Assert.Equal(
                ImportedRecords.Of(log, s_latest),
                lines.SelectMany(line => line.Records).Select(ImportedRecords.Text).Distinct()
                    .Order(StringComparer.Ordinal));
            foreach (ExplainedLine line in lines)
            {
                AssertOwnIds(line, seed);
            }
        }
    }

    private static void AssertOwnIds(ExplainedLine line, int seed)
    {
        string[] ids =
        [
            .. line.Fields.Where(f => f.Name is "queue_id" or "notification_queue_id")
                .Select(f => f.Value),
        ];
        foreach (RetentionRecord record in line.Records)
        {
            Assert.True(
                ids.Length == 0 || ids.Any(id => record.Via.Append(record.QueueId).Contains(id)),
                $"seed {seed}, line {line.Number}");
        }
    }

    [Fact]
    public void TheMiddleOfALargeLogIsExplained()
    {
        // More refusals than a batch holds, then lines of a mail that began before all of them.
        var log = new StringBuilder();
        string[] mail = Mail.Split('\n');
        log.Append(mail[0]).Append('\n').Append(mail[1]).Append('\n');
        for (int i = 0; i < RecordBatch.RowsMax + 1000; i++)
        {
            log.Append("Nov  1 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP\n");
        }
        log.AppendJoin('\n', mail[2..]);
        ExplainedLine line = Explain(log.ToString(), RecordBatch.RowsMax + 1003);
        Assert.Equal("192.0.2.7", Assert.Single(line.Records).Ip?.ToString());
        Assert.Equal(2, Explain(log.ToString(), 1).Records.Count);
    }

    [Fact]
    public void OtherSourcesGiveTheRest()
    {
        string[] mail = Mail.Split('\n');
        LogSource first = Source("1", string.Join('\n', mail[..2]) + "\n");
        LogSource second = Source("2", string.Join('\n', mail[2..]) + "\n");
        var options = new ExplainOptions { Source = second, FirstLine = 3, LastLine = 3 };
        LineExplanation alone = LineExplainer.Explain(
            [second], options, TestContext.Current.CancellationToken);
        Assert.Null(alone.Lines[0].Records[0].Ip);
        LineExplanation both = LineExplainer.Explain(
            [second, first], options, TestContext.Current.CancellationToken);
        Assert.Equal("192.0.2.7", both.Lines[0].Records[0].Ip?.ToString());
    }

    private static IEnumerable<string?> Recipients(ExplainedLine line) =>
        line.Records.Select(r => r.Recipient);

    private static IEnumerable<string> Fields(ExplainedLine line) =>
        line.Fields.Select(f => $"{f.Name}={f.Value}");

    private static ExplainedLine Explain(string log, int number) =>
        Assert.Single(Explain(log, number, number).Lines);

    private static LineExplanation ExplainAll(string log, int count) => Explain(log, 1, count);

    private static LineExplanation Explain(string log, int first, int last)
    {
        LogSource source = Source("log", log);
        var options = new ExplainOptions
        {
            Source = source,
            FirstLine = first,
            LastLine = last,
            Policy = new RetentionPolicy { LocalDomains = ["example.org"], TimeZone = "Europe/Berlin" },
        };
        return LineExplainer.Explain([source], options, TestContext.Current.CancellationToken);
    }

    private static LogSource Source(string name, string log)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(log);
        return new LogSource(name, () => new MemoryStream(bytes), s_latest, true, bytes.Length);
    }
}
