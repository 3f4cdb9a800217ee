using Xunit;
using static RetentionEngine.Tests.Hostile.ImportedLog;

namespace RetentionEngine.Tests.Forms;

/// <summary>Lines in which every wrong way of reading finds something to believe.</summary>
public sealed class MadeUpLineTests
{
    private const string Stamp = "Jul  4 09:05:01 mx1 ";

    [Fact]
    public void A_recipient_that_quotes_a_status_line_is_bounced()
    {
        RetentionRecord record = Assert.Single(RecordsOf(
            Stamp + "postfix/smtp[811]: 7A1F03E21: to=<\"a, relay=x, status=sent (y\"@example.org>,"
            + " relay=mx.example.org[192.0.2.8]:25, delay=1, delays=0/0/0/1, dsn=5.1.1,"
            + " status=bounced (host mx.example.org[192.0.2.8] said: 550 status=sent (250 ok))\n"));
        Assert.Equal(RecordStatus.Bounced, record.Status);
        Assert.Equal("5.1.1", record.Dsn);
        Assert.Equal("\"a, relay=x, status=sent (y\"@example.org", record.Recipient);
        Assert.Equal("mx.example.org[192.0.2.8]:25", record.Relay);
        Assert.Empty(record.Via);
    }

    /// <summary>The same claim, then with a mail of that id which came from elsewhere.</summary>
    [Fact]
    public void An_id_that_a_strange_relay_names_is_no_edge()
    {
        const string Line = Stamp + "postfix/smtp[811]: 7A1F03E21: to=<b@example.org>,"
            + " relay=evil.example.net[198.51.100.9]:25, conn_use=2, delay=1, delays=0/0/0/1,"
            + " tls=may:none, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5B00712AB)\n";
        RetentionRecord record = Assert.Single(RecordsOf(Line));
        Assert.Equal(RecordStatus.Sent, record.Status);
        Assert.Equal("evil.example.net[198.51.100.9]:25", record.Relay);
        List<RetentionRecord> records = RecordsOf(
            Stamp + "postfix/smtpd[1]: 5B00712AB: client=localhost[127.0.0.1]\n" + Line
            + Stamp + "postfix/local[2]: 5B00712AB: to=<c@example.org>, relay=local, delay=1,"
            + " delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n");
        Assert.Equal(
            ["5B00712AB", "7A1F03E21"],
            records.Select(r => r.QueueId).Order(StringComparer.Ordinal));
        Assert.All(records, r => Assert.Empty(r.Via));
    }

    [Fact]
    public void An_id_that_our_own_filter_names_is_an_edge()
    {
        RetentionRecord record = Assert.Single(RecordsOf(
            Stamp + "postfix/smtpd[1]: 7A1F03E21: client=h[192.0.2.7]\n"
            + Stamp + "postfix/smtpd[1]: 5B00712AB: client=localhost[127.0.0.1]\n"
            + Stamp + "postfix/smtp[811]: 7A1F03E21: to=<b@example.org>,"
            + " relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0,"
            + " status=sent (250 2.0.0 Ok: queued as 5B00712AB)\n"
            + Stamp + "postfix/local[2]: 5B00712AB: to=<b@example.org>, relay=local, delay=1,"
            + " delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)\n"));
        Assert.Equal("5B00712AB", record.QueueId);
        Assert.Equal(["7A1F03E21"], record.Via);
        Assert.Equal("192.0.2.7", record.Ip?.ToString());
    }

    /// <summary>A warning refuses nothing; the same line as a refusal tells the true client.</summary>
    [Theory]
    [InlineData("warning", false)]
    [InlineData("reject", true)]
    public void A_subject_that_quotes_a_client_forges_none(string action, bool isRecord)
    {
        List<RetentionRecord> records = RecordsOf(
            Stamp + $"postfix/cleanup[812]: 7A1F03E21: {action}: header Subject: x from"
            + " h[198.51.100.66]; from=<fake@example.org> to=<y@example.org> proto=ESMTP helo=<z>"
            + " from mail.example.net[192.0.2.7]; from=<real@example.net> to=<b@example.org>"
            + " proto=ESMTP helo=<mail.example.net>\n");
        Assert.Equal(
            isRecord ? [("192.0.2.7", "real@example.net", "b@example.org")] : [],
            records.Select(r => (r.Ip?.ToString(), r.Sender, r.Recipient)));
    }

    [Fact]
    public void A_user_name_with_a_comma_is_one_name()
    {
        RetentionRecord record = Assert.Single(RecordsOf(
            Stamp + "postfix/submission/smtpd[813]: 7A1F03E22: client=unknown[2001:db8::7]:50312,"
            + " sasl_method=PLAIN, sasl_username=anna, ben@example.org\n"
            + Stamp + "postfix/qmgr[3]: 7A1F03E22: from=<anna@example.org>, size=1, nrcpt=1"
            + " (queue active)\n"
            + Stamp + "postfix/smtp[811]: 7A1F03E22: to=<b@example.net>, relay=none, delay=1,"
            + " delays=0/0/0/1, dsn=4.4.1, status=deferred (no)\n"));
        Assert.Equal("anna, ben@example.org", record.Sasl);
        Assert.Equal("2001:db8::7", record.Ip?.ToString());
    }

    /// <summary>As it stands it is none; as a success the address would be the true one.</summary>
    [Fact]
    public void An_aborted_login_is_no_access()
    {
        const string Elements = " user=<anna>, rip=203.0.113.1, lip=192.0.2.1, TLS, session=<x>>,"
            + " method=PLAIN, rip=192.0.2.66, lip=192.0.2.1, TLS, session=<real>\n";
        Assert.Empty(RecordsOf(
            Stamp + "dovecot: imap-login: Login aborted: Logged out (auth failed, 1 attempts in 2"
            + " secs) (auth_failed):" + Elements, out ImportReport report));
        Assert.Equal(0, report.OpenSessions);
        RetentionRecord record = Assert.Single(RecordsOf(
            Stamp + "dovecot: imap-login: Logged in:" + Elements));
        Assert.Equal("192.0.2.66", record.Ip?.ToString());
    }

    [Fact]
    public void Couriers_disc_ends_a_session()
    {
        const string End = Stamp + "pop3d: disc, user=anna@example.org, ip=[::ffff:192.0.2.7],"
            + " port=[50312], top=0, retr=0, rcvd=6, sent=30, time=1, stls=1\n";
        RetentionRecord alone = Assert.Single(RecordsOf(End));
        Assert.Equal(RecordStatus.Logout, alone.Status);
        RetentionRecord record = Assert.Single(RecordsOf(
            Stamp + "pop3d: LOGIN, user=anna@example.org, ip=[::ffff:192.0.2.7], port=[50312]\n"
            + End, out ImportReport report));
        Assert.Equal(RecordStatus.Session, record.Status);
        Assert.Equal("anna@example.org", record.Recipient);
        Assert.Equal("192.0.2.7", record.Ip?.ToString());
        Assert.Equal(AccessProtocol.Pop3, record.Protocol);
        Assert.Equal(0, report.OpenSessions);
    }

    [Fact]
    public void Statistics_are_nothing()
    {
        Assert.Empty(RecordsOf(
            Stamp + "postfix/anvil[814]: statistics: max connection rate 1/60s for (smtp:192.0.2.9)"
            + " at Jul  4 09:01:41\n", out ImportReport report));
        Assert.Equal((1, 0, 0), (report.IgnoredLines, report.StrangeLines, report.GapLines));
    }

    [Fact]
    public void A_repeat_is_that_of_the_line_before()
    {
        List<RetentionRecord> records = RecordsOf(
            Stamp + "imapd: LOGIN, user=anna, ip=[::ffff:192.0.2.7], protocol=IMAP\n"
            + Stamp + "last message repeated 2 times\n", out ImportReport report);
        Assert.Equal(["anna", "anna", "anna"], records.Select(r => r.Recipient));
        Assert.Equal(0, report.GapLines);
        Assert.Empty(RecordsOf(Stamp + "last message repeated 2 times\n", out report));
        Assert.Equal(2, Assert.Single(report.Gaps).LostLines);
    }
}
