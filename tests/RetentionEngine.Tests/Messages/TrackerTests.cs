using System.Buffers;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Messages;

/// <summary>Lives of mails and sessions, each written out; and the same with a restart after every line.</summary>
public sealed class TrackerTests
{
    private const long Seed = 42;

    private const string Filtered = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 4bCdFg1234zBC: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.100000Z mx postfix/cleanup[2]: 4bCdFg1234zBC: message-id=<a@example.net>
        2026-11-01T10:00:00.200000Z mx postfix/qmgr[3]: 4bCdFg1234zBC: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:01.000000Z mx postfix/smtpd[4]: 4bCdFh1234zBD: client=localhost[127.0.0.1]
        2026-11-01T10:00:01.100000Z mx postfix/cleanup[2]: 4bCdFh1234zBD: message-id=<a@example.net>
        2026-11-01T10:00:01.200000Z mx postfix/qmgr[3]: 4bCdFh1234zBD: from=<x@example.net>, size=200, nrcpt=1 (queue active)
        2026-11-01T10:00:01.300000Z mx postfix/lmtp[5]: 4bCdFh1234zBD: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> Saved)
        2026-11-01T10:00:01.400000Z mx postfix/qmgr[3]: 4bCdFh1234zBD: removed
        2026-11-01T10:00:01.500000Z mx postfix/smtp[6]: 4bCdFg1234zBC: to=<anna@example.org>, orig_to=<info@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1.5, delays=0/0/0/1.5, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4bCdFh1234zBD)
        2026-11-01T10:00:01.600000Z mx postfix/qmgr[3]: 4bCdFg1234zBC: removed
        """;

    private const string Bounced = """
        2026-11-01T10:00:00.000000Z mx postfix/pickup[1]: 8F00AA: uid=33 from=<www-data>
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00AA: message-id=<b@example.org>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00AA: from=<www-data@example.org>, size=10, nrcpt=2 (queue active)
        2026-11-01T10:00:00.000000Z mx postfix/smtp[6]: 8F00AA: to=<q@example.net>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to mx.example.net[198.51.100.1]:25: Connection timed out)
        2026-11-01T10:00:01.000000Z mx postfix/smtp[6]: 8F00AA: to=<p@example.net>, relay=mx.example.net[198.51.100.1]:25, delay=1, delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.net[198.51.100.1] said: 550 5.1.1 no)
        2026-11-01T10:10:00.000000Z mx postfix/smtp[6]: 8F00AA: to=<q@example.net>, relay=mx.example.net[198.51.100.1]:25, delay=601, delays=0/0/1/0, dsn=2.0.0, status=sent (250 ok queued as 8F00AB)
        2026-11-01T10:10:00.000000Z mx postfix/cleanup[2]: 8F00AB: message-id=<c@example.org>
        2026-11-01T10:10:00.000000Z mx postfix/bounce[7]: 8F00AA: sender non-delivery notification: 8F00AB
        2026-11-01T10:10:00.000000Z mx postfix/qmgr[3]: 8F00AA: removed
        2026-11-01T10:10:00.000000Z mx postfix/qmgr[3]: 8F00AB: from=<>, size=2000, nrcpt=1 (queue active)
        2026-11-01T10:10:00.500000Z mx postfix/local[7]: 8F00AB: to=<www-data@example.org>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (forwarded as 8F00AC)
        2026-11-01T10:10:00.500000Z mx postfix/qmgr[3]: 8F00AB: removed
        2026-11-01T10:10:00.500000Z mx postfix/qmgr[3]: 8F00AC: from=<>, size=2100, nrcpt=1 (queue active)
        2026-11-01T10:10:00.600000Z mx postfix/virtual[7]: 8F00AC: to=<root@example.org>, relay=virtual, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)
        2026-11-01T10:10:00.600000Z mx postfix/qmgr[3]: 8F00AC: removed
        """;

    private const string Requeued = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00AA: client=unknown[2001:db8::7], sasl_method=PLAIN, sasl_username=anna
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00AA: from=<anna@example.org>, size=10, nrcpt=1 (queue active)
        2026-11-01T10:00:00.000000Z mx postfix/smtp[6]: 8F00AA: to=<q@example.net>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (timed out)
        2026-11-01T11:00:00.000000Z mx postfix/pickup[1]: 8F00BB: uid=0 from=<anna@example.org> orig_id=8F00AA
        2026-11-01T11:00:00.000000Z mx postfix/cleanup[2]: 8F00BB: message-id=<r@example.org>
        2026-11-01T11:00:00.000000Z mx postfix/qmgr[3]: 8F00BB: from=<anna@example.org>, size=10, nrcpt=1 (queue active)
        2026-11-01T11:00:02.000000Z mx postfix/smtp[6]: 8F00BB: to=<q@example.net>, relay=mx.example.net[198.51.100.1]:25, delay=3602, delays=0/0/1/0, dsn=2.0.0, status=sent (250 ok)
        2026-11-01T11:00:02.000000Z mx postfix/qmgr[3]: 8F00BB: removed
        2026-11-01T11:01:00.000000Z mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 <x@example.net>: Relay access denied; from=<a@example.net> to=<x@example.net> proto=ESMTP helo=<foo>
        """;

    private const string Sessions = """
        Nov  2 16:08:54 charon imaplogin: LOGIN, user=dana, ip=[::ffff:192.0.2.15], protocol=IMAP
        Nov  2 16:09:00 charon imapd: LOGIN, user=ben@example.org, ip=[::ffff:192.0.2.16], port=[50312], protocol=IMAP
        Nov  2 16:10:00 charon imapd: LOGIN, user=ben@example.org, ip=[::ffff:192.0.2.16], port=[50313], protocol=IMAP
        Nov  2 16:11:00 charon imapd: LOGOUT, user=ben@example.org, ip=[::ffff:192.0.2.16], port=[50313], headers=0, body=0, rcvd=46, sent=347, time=60
        Nov  2 16:12:00 charon dovecot: imap-login: Login: user=<eve@example.org>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=811, TLS, session=<aB3dEfGhIjKlMnOp>
        Nov  2 16:13:00 charon dovecot: imap(eve@example.org)<811><aB3dEfGhIjKlMnOp>: Disconnected: Logged out in=112 out=893 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0
        Nov  2 16:45:17 charon imaplogin: LOGOUT, user=dana, ip=[::ffff:192.0.2.15], headers=20200, body=2439620
        Nov  2 16:46:00 charon pop3d: LOGOUT, user=finn@example.org, ip=[::ffff:192.0.2.18], port=[50400], top=0, retr=0, rcvd=12, sent=39, time=0
        """;

    // The second login comes more than a minute after its end, as if its id were used again.
    private const string EndsFirst = """
        2026-11-01T16:12:00.000000Z mx dovecot: imap(eve@example.org)<811><aB3dEfGhIjKlMnOp>: Disconnected: Logged out in=112 out=893
        2026-11-01T16:12:00.100000Z mx dovecot: imap-login: Login: user=<eve@example.org>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=811, TLS, session=<aB3dEfGhIjKlMnOp>
        2026-11-01T16:13:00.000000Z mx dovecot: imap(ben@example.org)<812><bB3dEfGhIjKlMnOp>: Disconnected: Logged out in=112 out=893
        2026-11-01T16:14:01.000000Z mx dovecot: imap-login: Login: user=<ben@example.org>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, mpid=812, session=<bB3dEfGhIjKlMnOp>
        """;

    // A process that takes a new client has lost the end of the one before; both lines of a
    // proxied session name it; the logger of Courier gives its own pid to every session.
    private const string Joins = """
        Nov  2 10:00:00 mx cyrus/imap[811]: login: mail.example.net [192.0.2.7] anna plaintext+TLS User logged in
        Nov  2 10:01:00 mx cyrus/imap[811]: login: mail.example.net [192.0.2.8] ben+dovecot plaintext User logged in SESSIONID=<cyrus-811-2-1>
        Nov  2 10:02:00 mx cyrus/imap[811]: USAGE ben user: 0.010000 sys: 0.004000
        Nov  2 10:03:00 mx ipop3d[44]: Login user=carl host=h.example.net [192.0.2.9]
        Nov  2 10:04:00 mx ipop3d[44]: Login user=carl host=h.example.net [192.0.2.9]
        Nov  2 10:05:00 mx ipop3d[44]: Logout user=carl host=h.example.net [192.0.2.9] nmsgs=0 ndele=0
        Nov  2 11:00:00 mx dovecot: imap-login: proxy(dora): started proxying to 192.0.2.20:143: user=<dora>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<AB3dEfGhIjKlMnOp>
        Nov  2 11:01:00 mx dovecot: imap-login: proxy(dora): started proxying to 192.0.2.20:143: user=<dora>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<BB3dEfGhIjKlMnOp>
        Nov  2 11:02:00 mx dovecot: imap-login: proxy(dora): disconnecting 192.0.2.7 (Disconnected by client(10s idle, in=112, out=893)): user=<dora>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<BB3dEfGhIjKlMnOp>
        Nov  2 12:00:00 mx imapd[20]: LOGIN, user=eve, ip=[::ffff:192.0.2.16], port=[50312], protocol=IMAP
        Nov  2 12:01:00 mx imapd[20]: LOGIN, user=eve, ip=[::ffff:192.0.2.17], port=[50313], protocol=IMAP
        Nov  2 12:02:00 mx imapd[20]: LOGOUT, user=eve, ip=[::ffff:192.0.2.17], port=[50313], headers=0, body=0, rcvd=46, sent=347, time=60
        """;

    private const string Cyrus = """
        Nov  2 10:00:00 mx cyrus/imap[811]: login: mail.example.net [192.0.2.7] anna plaintext+TLS User logged in SESSIONID=<cyrus-811-1-1>
        Nov  2 10:01:00 mx cyrus/imap[811]: USAGE anna user: 0.010000 sys: 0.004000
        Nov  2 10:01:00 mx cyrus/imap[811]: session ended sessionid=<cyrus-811-1-1> userid=<anna>
        Nov  2 10:01:00 mx cyrus/imap[811]: auditlog: traffic sessionid=<cyrus-811-1-1> bytes_in=<1> bytes_out=<2>
        Nov  2 10:02:00 mx cyrus/imap[811]: event=login.good r.sessionid=b r.clienthost="[192.0.2.8]" u.username=ben@example.org login.mech=PLAIN login.tls=0
        Nov  2 10:03:00 mx cyrus/imap[811]: event=auditlog.traffic r.sessionid=b used.bytes.in=1 used.bytes.out=2
        """;

    private const string Courier = """
        2026-11-01T10:00:00.000000Z mx courierd: newmsg,id=00000000000001C9.000000006B06E0C7.00001168, auth=anna: dns; laptop ([::ffff:192.0.2.7])
        2026-11-01T10:00:00.000000Z mx courierd: started,id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,module=esmtp,host=example.net,addr=<q@example.net>
        2026-11-01T10:00:00.000000Z mx courierd: started,id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,module=local,host=x!!1!1!/!,addr=<ben>
        2026-11-01T10:00:01.000000Z mx courieresmtp: id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,addr=<q@example.net>,status: deferred
        2026-11-01T10:00:01.000000Z mx courierd: completed,id=00000000000001C9.000000006B06E0C7.00001168
        2026-11-01T10:00:02.000000Z mx courierlocal: id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,addr=<ben@example.org>,size=266,success: Message delivered.
        2026-11-01T10:05:00.000000Z mx courierd: started,id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,module=esmtp,host=example.net,addr=<q@example.net>
        2026-11-01T10:05:01.000000Z mx courieresmtp: id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,addr=<q@example.net>,size=266,success: delivered: mx.example.net [198.51.100.25]
        2026-11-01T10:05:01.000000Z mx courieresmtp: id=00000000000001C9.000000006B06E0C7.00001168,from=<anna@example.org>,addr=<q@example.net>,size=266,status: success
        2026-11-01T10:05:01.000000Z mx courierd: completed,id=00000000000001C9.000000006B06E0C7.00001168
        2026-11-01T10:06:00.000000Z mx courierd: newmsg,id=00000000000001CA.000000006B06E0C8.00001169: dns; localhost (localhost [127.0.0.1])
        2026-11-01T10:06:00.000000Z mx courierd: started,id=00000000000001CA.000000006B06E0C8.00001169,from=<anna@example.org>,module=esmtp,host=example.net,addr=<q@example.net>
        2026-11-01T10:06:01.000000Z mx courieresmtp: id=00000000000001CA.000000006B06E0C8.00001169,from=<anna@example.org>,addr=<q@example.net>,status: deferred
        2026-11-01T10:06:01.000000Z mx courierd: completed,id=00000000000001CA.000000006B06E0C8.00001169
        2026-11-01T10:07:00.000000Z mx courierd: started,id=00000000000001CA.000000006B06E0C8.00001169,from=<>,module=dsn,host=,addr=<anna@example.org>
        2026-11-01T10:07:00.000000Z mx courierd: completed,id=00000000000001CA.000000006B06E0C8.00001169
        """;

    private const string Amavis = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00AA: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00AA: message-id=<a@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:01.000000Z mx postfix/smtpd[4]: 8F00AB: client=localhost[127.0.0.1]
        2026-11-01T10:00:01.000000Z mx postfix/cleanup[2]: 8F00AB: message-id=<a@example.net>
        2026-11-01T10:00:01.000000Z mx postfix/qmgr[3]: 8F00AB: from=<x@example.net>, size=200, nrcpt=1 (queue active)
        2026-11-01T10:00:02.000000Z mx amavis[9]: (9-01) Passed CLEAN, [192.0.2.7] <x@example.net> -> <anna@example.org>, Queue-ID: 8F00AA, Message-ID: <a@example.net>, mail_id: x, Hits: 1, size: 100, queued_as: 8F00AB, 812 ms
        2026-11-01T10:00:02.000000Z mx postfix/smtp[6]: 8F00AA: to=<anna@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.5.0 Ok, id=9-01, continue delivery)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00AA: removed
        2026-11-01T10:00:03.000000Z mx postfix/virtual[7]: 8F00AB: to=<anna@example.org>, relay=virtual, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (delivered to maildir)
        2026-11-01T10:00:03.000000Z mx postfix/qmgr[3]: 8F00AB: removed
        """;

    private const string AmavisOfAnother = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00AA: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00AA: message-id=<a@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:01.000000Z mx postfix/smtpd[4]: 8F00AB: client=localhost[127.0.0.1]
        2026-11-01T10:00:01.000000Z mx postfix/cleanup[2]: 8F00AB: message-id=<other@example.net>
        2026-11-01T10:00:01.000000Z mx postfix/qmgr[3]: 8F00AB: from=<x@example.net>, size=200, nrcpt=1 (queue active)
        2026-11-01T10:00:02.000000Z mx amavis[9]: (9-01) Passed CLEAN, [192.0.2.7] <x@example.net> -> <anna@example.org>, Queue-ID: 8F00AA, Message-ID: <a@example.net>, mail_id: x, Hits: 1, size: 100, queued_as: 8F00AB, 812 ms
        2026-11-01T10:00:02.000000Z mx postfix/smtp[6]: 8F00AA: to=<anna@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.5.0 Ok, id=9-01, continue delivery)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00AA: removed
        2026-11-01T10:00:03.000000Z mx postfix/virtual[7]: 8F00AB: to=<anna@example.org>, relay=virtual, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (delivered to maildir)
        2026-11-01T10:00:03.000000Z mx postfix/qmgr[3]: 8F00AB: removed
        2026-11-01T11:00:00.000000Z mx postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP
        """;

    [Fact]
    public void TheFilterSaysWhatItHandedBack() => Check(
        Amavis,
        "Received 36000000000 36003000000 Sent 2.0.0 x1 x@example.net>anna@example.org"
        + " ip=192.0.2.7 size=200 8F00AB via=8F00AA Filtered");

    [Fact]
    public void TheFilterLinksNoMailOfAnotherMessageId() => Check(
        AmavisOfAnother,
        "Received 36000000000 36002000000 Sent 2.0.0 x1 x@example.net>anna@example.org"
        + " ip=192.0.2.7 size=100 8F00AA",
        "Internal 36001000000 36003000000 Sent 2.0.0 x1 x@example.net>anna@example.org"
        + " ip=127.0.0.1 size=200 8F00AB",
        "Rejected 39600000000 0 Rejected 4.3.2 x0 > ip=192.0.2.99 reply=421");

    [Fact]
    public void FilteredMailIsOneMail() => Check(
        Filtered,
        "Received 36000000000 36001300000 Sent 2.0.0 x1 x@example.net>anna@example.org"
        + " orig_to=info@example.org ip=192.0.2.7 size=200 4bCdFh1234zBD via=4bCdFg1234zBC Filtered");

    [Fact]
    public void BouncesRetriesAndForwards() => Check(
        Bounced,
        "Sent 36000000000 36001000000 Bounced 5.1.1 x1 www-data@example.org>p@example.net"
        + " size=10 8F00AA LocalSubmission",
        "Sent 36000000000 36600000000 Sent 2.0.0 x2 www-data@example.org>q@example.net"
        + " size=10 8F00AA retries=1 LocalSubmission",
        "Internal 36600000000 36600600000 Sent 2.0.0 x1 >root@example.org"
        + " orig_to=www-data@example.org size=2100 8F00AC via=8F00AA 8F00AB Notification, Forwarded");

    [Fact]
    public void RequeuedMailKeepsItsOrigin() => Check(
        Requeued,
        "Rejected 39660000000 0 Rejected 5.7.1 x0 a@example.net>x@example.net ip=192.0.2.9 reply=554",
        "Sent 36000000000 39602000000 Sent 2.0.0 x1 anna@example.org>q@example.net"
        + " sasl=anna ip=2001:db8::7 size=10 8F00BB via=8F00AA Requeued");

    [Fact]
    public void SessionsAreJoined() => Check(
        Sessions,
        "Access 58200000000 58260000000 Session x0 >ben@example.org ip=192.0.2.16 Imap",
        "Access 58134000000 60317000000 Session x0 >dana ip=192.0.2.15 Imap",
        "Access 58320000000 58380000000 Session x0 >eve@example.org ip=192.0.2.7 Imap Tls",
        "Access 60360000000 60360000000 Logout x0 >finn@example.org ip=192.0.2.18 Pop3 MissingStart",
        "Access 58140000000 0 Login x0 >ben@example.org ip=192.0.2.16 Imap InFlight");

    [Fact]
    public void AnEndWithoutUserEndsOnlyWhatIsOpen() => Check(
        Cyrus,
        "Access 36000000000 36060000000 Session x0 >anna ip=192.0.2.7 Imap Tls",
        "Access 36120000000 36180000000 Session x0 >ben@example.org ip=192.0.2.8 Imap");

    [Fact]
    public void CouriersRoundsAreOneMail() => Check(
        Courier,
        "Internal 36000000000 36002000000 Sent x1 anna@example.org>ben@example.org sasl=anna"
        + " ip=192.0.2.7 size=266 00000000000001C9.000000006B06E0C7.00001168",
        "Sent 36000000000 36301000000 Sent x2 anna@example.org>q@example.net sasl=anna"
        + " ip=192.0.2.7 size=266 00000000000001C9.000000006B06E0C7.00001168 retries=1",
        "Sent 36360000000 36420000000 Expired x1 anna@example.org>q@example.net"
        + " ip=127.0.0.1 00000000000001CA.000000006B06E0C8.00001169");

    [Fact]
    public void EndsBelongToTheirOwnLogins() => Check(
        Joins,
        "Access 36000000000 0 Login x0 >anna ip=192.0.2.7 Imap MissingEnd, Tls",
        "Access 36060000000 36120000000 Session x0 >ben ip=192.0.2.8 Imap",
        "Access 36180000000 0 Login x0 >carl ip=192.0.2.9 Pop3 MissingEnd",
        "Access 36240000000 36300000000 Session x0 >carl ip=192.0.2.9 Pop3",
        "Access 39600000000 0 Login x0 >dora ip=192.0.2.7 Imap InFlight",
        "Access 39660000000 39720000000 Session x0 >dora ip=192.0.2.7 Imap",
        "Access 43200000000 0 Login x0 >eve ip=192.0.2.16 Imap InFlight",
        "Access 43260000000 43320000000 Session x0 >eve ip=192.0.2.17 Imap");

    [Fact]
    public void AnEndLoggedBeforeItsLoginIsJoined() => Check(
        EndsFirst,
        "Access 58320100000 58320000000 Session x0 >eve@example.org ip=192.0.2.7 Imap Tls",
        "Access 58380000000 58380000000 Logout x0 >ben@example.org Imap MissingStart",
        "Access 58441000000 0 Login x0 >ben@example.org ip=192.0.2.8 Imap InFlight");

    internal static void Check(string log, params string[] expected)
    {
        string[] lines = log.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        string[] want = [.. expected.Order(StringComparer.Ordinal)];
        Assert.Equal(want, Run(lines, restarts: false));
        Assert.Equal(want, Run(lines, restarts: true));
    }

    private static string[] Run(string[] lines, bool restarts)
    {
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        var batch = new RecordBatch(Seed);
        var domains = new LocalDomains(["example.org"]);
        var tracker = new Tracker(hosts, domains, batch, Seed);
        var events = new LogEvent[256];
        var rows = new List<string>();
        long latest = new DateTimeOffset(2026, 11, 3, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        tokenizer.Begin(TimeZoneInfo.Utc, latest * 1000);
        foreach (string line in lines)
        {
            byte[] bytes = Encoding.Latin1.GetBytes(line + "\n");
            byte[] padded = [.. bytes, .. new byte[BlockReader.PaddingBytes]];
            ReadOnlySpan<byte> block = padded.AsSpan(0, bytes.Length);
            Assert.Equal(bytes.Length, tokenizer.Read(block, 0, events, out int count));
            Assert.True(count == 1, line);
            tracker.Add(events.AsSpan(0, count), block);
            if (restarts)
            {
                var snapshot = new ArrayBufferWriter<byte>();
                tracker.Save(snapshot);
                rows.AddRange(Rows(batch));
                batch = new RecordBatch(Seed);
                hosts = new HostTable();
                tracker = new Tracker(hosts, domains, batch, Seed);
                tracker.Load(snapshot.WrittenSpan);
                tokenizer = new Tokenizer(hosts);
                tokenizer.Begin(TimeZoneInfo.Utc, latest * 1000);
            }
        }
        tracker.Sweep();
        tracker.EmitInFlight();
        rows.AddRange(Rows(batch));
        return [.. rows.Order(StringComparer.Ordinal)];
    }

    private static List<string> Rows(RecordBatch batch)
    {
        var texts = new List<string>();
        foreach (ref readonly RecordRow row in batch.Rows)
        {
            long day = row.TimeUnixMicros - (row.TimeUnixMicros % Tracker.Day);
            var text = new StringBuilder();
            text.Append($"{row.Kind} {row.TimeUnixMicros - day} ");
            text.Append($"{(row.FinalTimeUnixMicros == 0 ? 0 : row.FinalTimeUnixMicros - day)} ");
            text.Append(row.Status);
            (int c, int s, int d) = DsnCode.Unpack(row.Dsn);
            text.Append(row.Dsn == 0 ? "" : $" {c}.{s}.{d}");
            text.Append($" x{row.Attempts} {Text(batch, row.Sender)}>{Text(batch, row.Recipient)}");
            text.Append(row.OrigTo == 0 ? "" : $" orig_to={Text(batch, row.OrigTo)}");
            text.Append(row.Sasl == 0 ? "" : $" sasl={Text(batch, row.Sasl)}");
            var ip = new ClientIp(row.IpHi, row.IpLo);
            text.Append(ip.IsNone ? "" : $" ip={ip.ToIPAddress()}");
            text.Append(row.ReplyCode == 0 ? "" : $" reply={row.ReplyCode}");
            text.Append(row.SizeBytes < 0 ? "" : $" size={row.SizeBytes}");
            Span<byte> id = new byte[QueueId.TextLengthMax];
            text.Append(row.QueueId.IsNone
                ? ""
                : " " + Encoding.ASCII.GetString(id[..row.QueueId.Format(id)]));
            text.Append(row.Via == 0 ? "" : $" via={Text(batch, row.Via)}");
            text.Append(row.Retries == 0
                ? ""
                : $" retries={RetryList.Decode(batch.Strings[row.Retries], 0, 0).Count}");
            text.Append(row.Protocol == AccessProtocol.None ? "" : $" {row.Protocol}");
            RecordFlags flags = row.Flags & ~(RecordFlags.YearInferred | RecordFlags.ZoneInferred);
            text.Append(flags == RecordFlags.None ? "" : $" {flags}");
            texts.Add(text.ToString());
        }
        return texts;
    }

    private static string Text(RecordBatch batch, uint id) =>
        id == 0 ? "" : Encoding.Latin1.GetString(batch.Strings[id]);
}
