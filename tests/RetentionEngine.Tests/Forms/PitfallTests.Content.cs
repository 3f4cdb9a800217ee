using System.Globalization;
using System.Text;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Tool;
using RetentionEngine.Tool.Sources;
using Xunit;
using static RetentionEngine.Tests.Hostile.ImportedLog;

namespace RetentionEngine.Tests.Forms;

/// <summary>The same: repeats, words, addresses, and what a status means.</summary>
public sealed partial class PitfallTests
{
    [Fact]
    public void Pitfall_10_lines_are_repeated_or_lost()
    {
        List<RetentionRecord> records = RecordsOf(
            $"{Day}0Z mx {Login}{Day}1Z mx last message repeated 2 times\n"
            + $"{Day}2Z mx imapd: message repeated 3 times: [ {Login.TrimEnd()["imapd: ".Length..]}]\n"
            + $"{Day}3Z mx rsyslogd: imuxsock lost 312 messages from pid 811 due to rate-limiting\n"
            + $"{Day}4Z mx systemd-journald[5]: Suppressed 512 messages from postfix.service\n"
            + $"{Day}5Z mx2 last message repeated 9 times\n", out ImportReport report);
        Assert.Equal(6, records.Count);
        Assert.Equal(
            [("mx", 312L, 4L), ("mx", 512L, 5L), ("mx2", 9L, 6L)],
            report.Gaps.Select(g => (g.Host, g.LostLines, g.Line)));
    }

    [Fact]
    public void Pitfall_11_case_matters_in_some_places()
    {
        // Long queue ids that differ by case alone are two mails.
        string log = Interleave(
            Mail("4bCdFg1234zBC", Sent("4bCdFg1234zBC", "Q@example.org")),
            Mail("4bCdfg1234zBC", Sent("4bCdfg1234zBC", "q@example.org")));
        Assert.Equal(
            ["Q@example.org", "q@example.org"],
            RecordsOf(log).Select(r => r.Recipient).Order(StringComparer.Ordinal));

        // Local parts are kept as written, but found in any case.
        using var directory = new TestDirectory();
        using RetentionStore store = Create(directory);
        Import(store, new ImportOptions(), ("log", log + $"{Day}5Z mx imapd: LOGIN,"
            + " user=MixedCase@Example.ORG, ip=[192.0.2.7], protocol=IMAP\n"));
        Assert.Equal("MixedCase@Example.ORG", Assert.Single(store.Query(new RetentionQuery
        {
            Mailbox = "mixedcase@example.org",
        })).Recipient);
    }

    [Theory]
    [InlineData("\"john doe\"@example.org")]
    [InlineData("a%40b@example.org")]
    [InlineData("anna+lists+b@example.org")]
    [InlineData("bounces-1234-anna=example.org@example.net")]
    [InlineData("SRS0=HHH=TT=example.org=anna@example.net")]
    [InlineData("prvs=1234567890=anna@example.org")]
    [InlineData("")]
    [InlineData("double-bounce@mx.example.org")]
    [InlineData("root")]
    [InlineData("anna@[192.0.2.1]")]
    [InlineData("anna@[IPv6:2001:db8::1]")]
    [InlineData("@a.example,@b.example:anna@example.org")]
    [InlineData("anna@example.org.")]
    [InlineData("änna@exämple.org")]
    [InlineData(LongAddress)]
    public void Pitfall_12_addresses_have_many_forms(string address)
    {
        string bytes = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(address));
        string log = Mail("8F00AA", Sent("8F00AA", bytes).Replace(
                ", relay", $", orig_to=<{bytes}>, relay", StringComparison.Ordinal))
            .Replace("x@example.net", bytes, StringComparison.Ordinal);
        RetentionRecord record = Assert.Single(RecordsOf(log));
        Assert.Equal((address, address, address), (record.Sender, record.Recipient, record.OrigTo));
        RetentionRecord refused = Assert.Single(RecordsOf(
            $"{Day}0Z mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.9]: 554 5.7.1 <{bytes}>:"
            + $" Relay access denied; from=<{bytes}> to=<{bytes}> proto=ESMTP helo=<h>\n"));
        Assert.Equal((address, address), (refused.Sender, refused.Recipient));
    }

    private const string LongAddress =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        + "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
        + "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
        + "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd@example.org";

    /// <summary>What Sieve did afterwards, and what a filter kept, is told apart from a delivery.</summary>
    [Fact]
    public void Pitfall_13_sent_is_not_in_a_mailbox()
    {
        const string Lmtp = "lmtp[5]: 8F00AA: to=<q@example.org>, relay=mx[private/dovecot-lmtp], delay=1,"
            + " delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 <q@example.org> aB3dEfGhIjKl Saved)";
        const string Sieve = Day + "1Z mx dovecot: lmtp(q@example.org)<9><aB3dEfGhIjKl>: sieve:"
            + " msgid=<8F00AA@example.net>: ";
        foreach ((string said, RecordStatus status) in new[]
        {
            ("stored mail into mailbox 'INBOX'", RecordStatus.Sent),
            ("discard action: Marked message to be discarded if not explicitly delivered (discard action)",
                RecordStatus.Discarded),
        })
        {
            string[] lines = Mail("8F00AA", Lmtp).Split('\n');
            RetentionRecord record = Assert.Single(RecordsOf(
                string.Join('\n', lines[..3]) + "\n" + Sieve + said + "\n" + string.Join('\n', lines[3..])));
            Assert.Equal(status, record.Status);
        }

        // The transport that throws away says sent; its relay says what it is.
        RetentionRecord thrown = Assert.Single(RecordsOf(Mail(
            "8F00AA", "discard[5]: 8F00AA: to=<q@example.org>, relay=none, delay=1, delays=0/0/0/1,"
            + " dsn=2.0.0, status=sent (silently discarded)")));
        Assert.Equal(RecordStatus.Discarded, thrown.Status);
    }

    [Fact]
    public void Pitfall_14_every_recipient_has_a_line_and_a_late_refusal_is_of_all()
    {
        string log = string.Concat(Enumerable.Range(0, 3).Select(n =>
            $"{Day}1Z mx postfix/smtp[5]: 8F00AA: to=<q{n}@example.com>, relay=m.example.com[203.0.113.5]:25,"
            + " delay=1, delays=0/0/0/1, dsn=4.3.0, status=deferred (host m.example.com[203.0.113.5]"
            + " said: 451 4.3.0 no (in reply to end of DATA command))\n"));
        log = $"{Day}0Z mx postfix/smtpd[1]: 8F00AA: client=h[192.0.2.7], sasl_method=PLAIN, sasl_username=x\n"
            + $"{Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.org>, size=100, nrcpt=3 (queue active)\n"
            + log;
        Assert.Equal(
            ["q0@example.com", "q1@example.com", "q2@example.com"],
            RecordsOf(log).Where(r => r.Status == RecordStatus.Deferred).Select(r => r.Recipient)
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("deliverable", "2.1.5")]
    [InlineData("undeliverable", "5.1.1")]
    public void Pitfall_15_an_address_probe_is_no_mail(string status, string dsn)
    {
        string log = $"""
            {Day}0Z mx postfix/cleanup[2]: 8F00AA: message-id=<p@example.org>
            {Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<double-bounce@example.org>, size=1, nrcpt=1 (queue active)
            {Day}1Z mx postfix/smtp[5]: 8F00AA: to=<q@example.net>, relay=none, delay=1, dsn={dsn}, status={status} (x)

            """;
        Assert.Empty(RecordsOf(log));
        Assert.Empty(RecordsOf(log + $"{Day}1Z mx postfix/qmgr[3]: 8F00AA: removed\n"));
    }

    /// <summary>Neither records nor the report show what stood in such a line.</summary>
    [Theory]
    [InlineData("imapd: LOGIN: DEBUG: ip=[::ffff:192.0.2.7], password=s3cret")]
    [InlineData("authdaemond: Authenticated: sysusername=anna, clearpasswd=s3cret, passwd=s3cret")]
    [InlineData("dovecot: auth-worker(123): sql(anna,192.0.2.7): Password mismatch (given password: s3cret)")]
    [InlineData("dovecot: auth: passdb(anna,192.0.2.7,<abc>): s3cret")]
    [InlineData("postfix/smtpd[1]: < h[192.0.2.7]: AUTH PLAIN s3cret")]
    [InlineData("postfix/smtpd[1]: input attribute value: s3cret")]
    [InlineData("cyrus/imap[1]: login: h [192.0.2.7] anonymous s3cret")]
    [InlineData("vpopmail[1]: vchkpw-pop3: password fail (pass: 's3cret') anna@example.org:192.0.2.7")]
    [InlineData("imapd: LOGIN, user=anna, password=s3cret")]
    public void Pitfall_16_passwords_stand_in_lines(string text)
    {
        List<RetentionRecord> records = RecordsOf($"{Day}0Z mx {text}\n", out ImportReport report);
        Assert.Empty(records);
        string told = string.Join('\n', report.Shapes.Select(s => s.Shape)
            .Concat(report.Strange.Select(s => s.Reason)));
        Assert.DoesNotContain("s3cret", told, StringComparison.Ordinal);
        Assert.DoesNotContain("anna", told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dovecot: imap-login: Login aborted: Connection closed (auth failed, 3 attempts in 16 secs)"
        + " (auth_failed): user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<abc>")]
    [InlineData("dovecot: imap-login: Disconnected: Logged out (auth failed, 1 attempts in 2 secs):"
        + " user=<anna>, rip=192.0.2.7, lip=192.0.2.1, session=<abc>")]
    [InlineData("dovecot: imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=192.0.2.7,"
        + " lip=192.0.2.1, session=<abc>")]
    [InlineData("postfix/smtp[5]: TLSRPT: status=success, domain=example.net")]
    [InlineData("postfix/smtp[5]: 8F00AA: TLSRPT: status=success, domain=example.net")]
    [InlineData("postfix/qmgr[5]: 8F00AA: status=deferred (bounce failed)")]
    [InlineData("postfix/smtp[5]: 8F00AA: host m[203.0.113.5] said: 450 status=sent (in reply to RCPT TO command)")]
    [InlineData("amavis[9]: (9-01) Blocked SPAM, <x@example.net> -> <q@example.org>, Queue-ID: 8F00AA,"
        + " queued_as: 9F00BB, 812 ms")]
    [InlineData("imapd: LOGIN FAILED, user=anna, ip=[::ffff:192.0.2.7]")]
    [InlineData("exim[5]: 8F00AA => q@example.org R=x T=y status=sent (250 ok)")]
    public void Pitfall_17_words_mislead(string text) =>
        Assert.Empty(RecordsOf($"{Day}0Z mx {text}\n"));

    /// <summary>
    /// The same lines packed, rotated and copied are read once; equal lines of one log are as many
    /// records.
    /// </summary>
    [Fact]
    public void Pitfall_18_logs_are_packed_rotated_and_copied()
    {
        string log = $"{Day}0Z mx {Login}{Day}0Z mx {Login}{Day}0Z mx {Login}"
            + Mail("8F00AA", Sent("8F00AA", "q@example.org"));
        string newer = log.Replace(Day, "2026-11-01T11:00:0", StringComparison.Ordinal);
        using var directory = new TestDirectory();
        using RetentionStore store = Create(directory);
        Import(store, new ImportOptions(), ("mail.log.1", log));
        byte[] packed = SourceTests.Gzip(Encoding.Latin1.GetBytes(log));
        string path = directory["mail.log.2.gz"];
        File.WriteAllBytes(path, packed);
        FoundSources found = SourceFinder.Find([path], Now);
        store.Import(found.Sources, new ImportOptions(), CancellationToken.None);
        Import(store, new ImportOptions(), ("mail.log.1.bak", log), ("mail.log", newer));
        Import(store, new ImportOptions(), ("mail.log", newer));
        Assert.Equal(8, store.Query(new RetentionQuery()).Count());
        Assert.Equal(6, store.Query(new RetentionQuery()).Count(r => r.Kind == RecordKind.Access));
    }

    /// <summary>A mail from its first to its last line, all of one second but the delivery.</summary>
    private static string Mail(string id, string delivery, string client = "h[192.0.2.7]") => $"""
        {Day}0Z mx postfix/smtpd[1]: {id}: client={client}
        {Day}0Z mx postfix/cleanup[2]: {id}: message-id=<{id}@example.net>
        {Day}0Z mx postfix/qmgr[3]: {id}: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        {Day}1Z mx postfix/{delivery}
        {Day}1Z mx postfix/qmgr[3]: {id}: removed

        """;

    private static string Sent(string id, string recipient) =>
        $"local[5]: {id}: to=<{recipient}>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0,"
        + " status=sent (delivered to mailbox)";

    private static string Interleave(string a, string b) => string.Join(
        '\n', a.Split('\n').Zip(b.Split('\n'), (x, y) => x + "\n" + y)).TrimEnd('\n') + "\n";

    private static string Brief(RetentionRecord r) =>
        $"{r.Kind} {r.Status} {r.Sender}>{r.Recipient} {r.Ip}";

    private static string[] Briefs(string log) => [.. RecordsOf(log).Select(Brief)];

    private static ImportOptions In(string zone) =>
        new() { Zone = TimeZoneInfo.FindSystemTimeZoneById(zone) };

    private static string[] Times(string log, string zone = "UTC") =>
        [.. RecordsOf([("log", log)], In(zone), out _).Select(r => Utc(r.Time)).Order(StringComparer.Ordinal)];

    private static string Utc(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
