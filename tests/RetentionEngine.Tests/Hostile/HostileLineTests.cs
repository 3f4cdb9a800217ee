using Xunit;
using static RetentionEngine.Tests.Hostile.ImportedLog;

namespace RetentionEngine.Tests.Hostile;

/// <summary>Lines in which a stranger wrote what would be true if it were believed.</summary>
public sealed class HostileLineTests
{
    private const string Day = "2026-11-01T10:00:0";

    /// <summary>A mail to q, from its first to its last line; {0} is the status line's tail.</summary>
    private static string Mail(string id, string tail, string client = "h[192.0.2.7]") => $"""
        {Day}0Z mx postfix/smtpd[1]: {id}: client={client}
        {Day}0Z mx postfix/cleanup[2]: {id}: message-id=<a@example.net>
        {Day}0Z mx postfix/qmgr[3]: {id}: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        {Day}1Z mx postfix/{tail}
        {Day}1Z mx postfix/qmgr[3]: {id}: removed

        """;

    [Theory]
    [InlineData("smtp[5]: 8F00AA: to=<q@example.org>, relay=mx.example.org[198.51.100.8]:25, delay=1,"
        + " delays=0/0/0/1, dsn=5.1.1, status=bounced (host said: 550 status=sent (250 ok))")]
    [InlineData("smtp[5]: 8F00AA: to=<q@example.org>, relay=mx.example.org[198.51.100.8]:25, delay=1,"
        + " delays=0/0/0/1, dsn=5.1.1, status=bounced (said: 550 >, relay=local, status=sent (x)")]
    public void A_reply_changes_no_status(string tail)
    {
        RetentionRecord record = Assert.Single(RecordsOf(Mail("8F00AA", tail)));
        Assert.Equal(RecordStatus.Bounced, record.Status);
        Assert.Equal("q@example.org", record.Recipient);
        Assert.Equal("mx.example.org[198.51.100.8]:25", record.Relay);
        Assert.Equal("5.1.1", record.Dsn);
    }

    [Fact]
    public void A_quoted_recipient_changes_no_status()
    {
        RetentionRecord record = Assert.Single(RecordsOf(Mail(
            "8F00AA",
            "smtp[5]: 8F00AA: to=<\"a>, relay=x, delay=0, dsn=2.0.0, status=sent (y\"@example.org>,"
            + " relay=none, delay=1, delays=0/0/0/1, dsn=5.4.4, status=bounced (no host)")));
        Assert.Equal(RecordStatus.Bounced, record.Status);
        Assert.Equal("none", record.Relay);
    }

    [Fact]
    public void An_unquoted_recipient_with_a_space_is_read_whole()
    {
        RetentionRecord record = Assert.Single(RecordsOf(Mail(
            "8F00AA",
            "smtp[5]: 8F00AA: to=<a b@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1,"
            + " status=deferred (timed out)")));
        Assert.Equal("a b@example.org", record.Recipient);
    }

    [Theory]
    [InlineData("mx.example.org[198.51.100.8]:25", "192.0.2.9")]
    [InlineData("127.0.0.1[127.0.0.1]:10024", "192.0.2.9")]
    [InlineData("mx.example.org[198.51.100.8]:25", "127.0.0.1")]
    public void A_claimed_queue_id_joins_no_two_mails(string relay, string otherClient)
    {
        string log = Mail(
                "8F00AA",
                $"smtp[5]: 8F00AA: to=<q@example.org>, relay={relay}, delay=1, delays=0/0/0/1,"
                + " dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9F00BB)")
            + Mail(
                "9F00BB",
                "local[5]: 9F00BB: to=<w@example.org>, relay=local, delay=1, delays=0/0/0/1,"
                + " dsn=2.0.0, status=sent (delivered to mailbox)",
                $"o[{otherClient}]");
        List<RetentionRecord> records = RecordsOf(log);
        Assert.Equal(2, records.Count);
        Assert.All(records, r => Assert.Empty(r.Via));
    }

    [Theory]
    [InlineData("from=<\"a>, size=1, nrcpt=1 (queue active)")]
    [InlineData("from=<\"a>, status=expired, returned to sender")]
    [InlineData("from=<a@example.net>, status=expired, returned to senders of old")]
    public void A_cut_queue_line_says_nothing(string text)
    {
        string log = $"""
            {Day}0Z mx postfix/smtpd[1]: 8F00AA: client=h[192.0.2.7]
            {Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
            {Day}1Z mx postfix/smtp[5]: 8F00AA: to=<q@example.org>, relay=none, delay=1, status=deferred (no)
            {Day}2Z mx postfix/qmgr[3]: 8F00AA: {text}

            """;
        RetentionRecord record = Assert.Single(RecordsOf(log, out ImportReport report));
        Assert.Equal(RecordStatus.Deferred, record.Status);
        Assert.Equal("x@example.net", record.Sender);
        Assert.Equal(100, record.SizeBytes);
        Assert.Equal(1, report.StrangeLines);
    }

    [Theory]
    [InlineData("reject: header Subject: x from h[198.51.100.66]; from=<f@example.org>"
        + " to=<v@example.org> proto=ESMTP helo=<z> from m.example.net[192.0.2.7];"
        + " from=<r@example.net> to=<b@example.org> proto=ESMTP helo=<m>: 5.7.1 no")]
    [InlineData("reject: header Subject: x from m.example.net[192.0.2.7];"
        + " from=<\"x from h[198.51.100.66]; from=<f@example.org> to=<v@example.org> proto=ESMTP"
        + " helo=<z>: 5.7.1 \"@example.net> to=<b@example.org> proto=ESMTP helo=<m>: 5.7.1 no")]
    public void A_header_or_sender_forges_no_address(string text)
    {
        List<RetentionRecord> records = RecordsOf($"{Day}0Z mx postfix/cleanup[1]: 8F00AA: {text}\n");
        Assert.DoesNotContain(records, r => r.Ip?.ToString() is "198.51.100.66");
        Assert.DoesNotContain(records, r => r.Sender is "f@example.org");
    }

    [Fact]
    public void No_subject_reaches_the_store()
    {
        List<RetentionRecord> records = RecordsOf(Mail(
            "8F00AA",
            "cleanup[2]: 8F00AA: reject: header Subject: geheimnis from h[192.0.2.7];"
            + " from=<x@example.net> to=<q@example.org> proto=ESMTP helo=<m>: 5.7.1 no"));
        Assert.NotEmpty(records);
        Assert.DoesNotContain("geheimnis", string.Join('\n', records), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("imapd: LOGIN, user=x, ip=[198.51.100.66], protocol=IMAP, ip=[::ffff:192.0.2.7],"
        + " port=[5], protocol=IMAP")]
    [InlineData("pop3d: LOGOUT, user=x, ip=[198.51.100.66], port=[9], top=0, ip=[::ffff:192.0.2.7],"
        + " port=[5], top=0, retr=0, rcvd=6, sent=30, time=1")]
    [InlineData("dovecot: imap-login: Login: user=<x>, rip=198.51.100.66, lip=192.0.2.1>,"
        + " method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=811, TLS, session=<abc>")]
    public void A_user_name_forges_no_address(string text)
    {
        RetentionRecord record = Assert.Single(RecordsOf($"{Day}0Z mx {text}\n"));
        Assert.Equal("192.0.2.7", record.Ip!.ToString());
    }

    [Theory]
    [InlineData("dovecot: imap-login: Login aborted: Logged out (auth failed, 1 attempts in 2 secs)"
        + " (auth_failed): user=<anna>, rip=203.0.113.1, lip=192.0.2.1, TLS, session=<x>>,"
        + " method=PLAIN, rip=192.0.2.66, lip=192.0.2.1, TLS, session=<real>")]
    [InlineData("dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>,"
        + " method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<q>, Login: user=<x>, rip=192.0.2.7")]
    [InlineData("dovecot: auth: passdb(imap-login: Login: user=<x>, rip=192.0.2.7): unknown user")]
    [InlineData("imapd: LOGIN FAILED, user=x, ip=[::ffff:192.0.2.7], port=[5]")]
    [InlineData("imapd: LOGIN FAILED, user=LOGIN, user=x, ip=[::ffff:192.0.2.7], protocol=IMAP")]
    [InlineData("imapd: authdaemon: LOGIN, user=x, ip=[::ffff:192.0.2.7], protocol=IMAP")]
    public void A_failed_login_is_no_access(string text) =>
        Assert.Empty(RecordsOf($"{Day}0Z mx {text}\n"));

    [Theory]
    [InlineData("deliverable", "2.1.5")]
    [InlineData("undeliverable", "5.1.1")]
    public void An_address_probe_is_no_mail(string status, string dsn)
    {
        string log = $"""
            {Day}0Z mx postfix/cleanup[2]: 8F00AA: message-id=<p@example.org>
            {Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<double-bounce@example.org>, size=1, nrcpt=1 (queue active)
            {Day}1Z mx postfix/smtp[5]: 8F00AA: to=<q@example.net>, relay=none, delay=1, dsn={dsn}, status={status} (x)

            """;
        Assert.Empty(RecordsOf(log));
        Assert.Empty(RecordsOf(log + $"{Day}1Z mx postfix/qmgr[3]: 8F00AA: removed\n"));
    }

    [Fact]
    public void A_queue_id_that_comes_again_is_another_mail()
    {
        string first = Mail(
            "8F00AA",
            "local[5]: 8F00AA: to=<q@example.org>, relay=local, delay=1, status=sent (delivered)");
        string second = first
            .Replace(Day, "2026-11-01T13:36:0", StringComparison.Ordinal)
            .Replace("x@example.net", "y@example.net", StringComparison.Ordinal);
        Assert.Equal(
            ["x@example.net", "y@example.net"],
            RecordsOf(first + second).Select(r => r.Sender));
        string unended = first.Replace(": removed", ": skipped", StringComparison.Ordinal);
        List<RetentionRecord> records = RecordsOf(unended + second);
        Assert.Equal(["x@example.net", "y@example.net"], records.Select(r => r.Sender));
        Assert.Equal(RecordFlags.MissingEnd, records[0].Flags & RecordFlags.MissingEnd);
    }

    [Fact]
    public void What_a_journal_holds_ends_no_line()
    {
        string log = "{\"__REALTIME_TIMESTAMP\":\"1793527200000000\",\"_HOSTNAME\":\"mx\","
            + "\"SYSLOG_IDENTIFIER\":\"imapd\",\"_PID\":\"5\",\"MESSAGE\":\"LOGIN, user=anna, "
            + "ip=[::ffff:192.0.2.7], port=[5], protocol=IMAP\"}\n";
        string forged = log.Replace(
            "LOGIN, user=anna",
            $"x\\n{Day}0Z mx imapd: LOGIN, user=ben",
            StringComparison.Ordinal);
        RetentionRecord record = Assert.Single(RecordsOf(log + forged));
        Assert.Equal("anna", record.Recipient);
        Assert.Equal("mx", record.Host);
    }

    [Fact]
    public void A_repeated_access_is_as_many_accesses()
    {
        List<RetentionRecord> records = RecordsOf($"""
            {Day}0Z mx imapd: LOGIN, user=anna, ip=[::ffff:192.0.2.7], port=[5], protocol=IMAP
            {Day}1Z mx last message repeated 2 times
            {Day}2Z mx dovecot: message repeated 3 times: [ pop3-login: Login: user=<ben>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, session=<abc>]

            """);
        Assert.Equal(
            ["anna", "anna", "anna", "ben", "ben", "ben"],
            records.Select(r => r.Recipient).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_repeated_delivery_counts_its_attempts()
    {
        RetentionRecord record = Assert.Single(RecordsOf($"""
            {Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
            {Day}1Z mx postfix/smtp[5]: message repeated 2 times: [ 8F00AA: to=<q@example.org>, relay=none, delay=1, dsn=4.4.1, status=deferred (no)]
            {Day}2Z mx postfix/qmgr[3]: message repeated 2 times: [ 8F00AA: removed]
            {Day}3Z mx rsyslogd: imuxsock lost 312 messages from pid 811 due to rate-limiting

            """, out ImportReport report));
        Assert.Equal(2, record.Attempts);
        LogGap gap = Assert.Single(report.Gaps);
        Assert.Equal(("mx", 312L, "log", 4L), (gap.Host, gap.LostLines, gap.Source, gap.Line));
    }

    /// <summary>
    /// Sieve's words come behind the message-id, and others end in the sender's address: neither
    /// can say what became of the mail.
    /// </summary>
    [Theory]
    [InlineData("msgid=<x: discard action: Marked message to be discarded if not explicitly delivered "
        + "(discard action)@y>: stored mail into mailbox 'INBOX'")]
    [InlineData("msgid=<x@y>: vacation action: sent vacation response to <\"x>: forwarded to <b\"@z>")]
    [InlineData("msgid=<x: rejected message from <a@z> (reject)@y>: vacation action: "
        + "sent vacation response to <a@z>")]
    public void A_message_id_cannot_say_what_Sieve_did(string said)
    {
        RetentionRecord record = Assert.Single(RecordsOf($"""
            {Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
            {Day}1Z mx dovecot: lmtp(anna)<9><aB3dEfGhIjKl>: sieve: {said}
            {Day}2Z mx postfix/lmtp[5]: 8F00AA: to=<anna@example.org>, relay=mx[private/lmtp], delay=1, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> aB3dEfGhIjKl Saved)
            {Day}3Z mx postfix/qmgr[3]: 8F00AA: removed

            """));
        Assert.Equal(RecordStatus.Sent, record.Status);
    }
}
