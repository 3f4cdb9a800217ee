using Xunit;

namespace RetentionEngine.Tests.Messages;

/// <summary>What Dovecot did with mails that Postfix calls sent, in either order of the lines.</summary>
public sealed class SieveTests
{
    private const string Log = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00A1: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00A1: message-id=<8F00A1@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00A1: from=<x@example.net>, size=100, nrcpt=2 (queue active)
        2026-11-01T10:00:01.000000Z mx dovecot: lmtp(anna@example.org)<9><aaaaaaaaaaaa>: sieve: msgid=<8F00A1@example.net>: discard action: Marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T10:00:01.000000Z mx dovecot: lmtp(ben@example.org)<9><aaaaaaaaaaaa:R2>: sieve: msgid=<8F00A1@example.net>: stored mail into mailbox 'INBOX'
        2026-11-01T10:00:02.000000Z mx postfix/lmtp[5]: 8F00A1: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> aaaaaaaaaaaa Saved)
        2026-11-01T10:00:02.000000Z mx postfix/lmtp[5]: 8F00A1: to=<ben@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <ben@example.org> aaaaaaaaaaaa:R2 Saved)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00A1: removed
        2026-11-01T10:10:00.000000Z mx postfix/smtpd[1]: 8F00A2: client=mail.example.net[192.0.2.7]
        2026-11-01T10:10:00.000000Z mx postfix/cleanup[2]: 8F00A2: message-id=<8F00A2@example.net>
        2026-11-01T10:10:00.000000Z mx postfix/qmgr[3]: 8F00A2: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:10:02.000000Z mx postfix/lmtp[5]: 8F00A2: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> bbbbbbbbbbbb Saved)
        2026-11-01T10:10:02.000000Z mx postfix/qmgr[3]: 8F00A2: removed
        2026-11-01T10:10:03.000000Z mx dovecot: lmtp(anna@example.org)<9><bbbbbbbbbbbb>: sieve: msgid=<8F00A2@example.net>: redirect action: forwarded to <ben@example.com>
        2026-11-01T10:20:00.000000Z mx postfix/smtpd[1]: 8F00A3: client=mail.example.net[192.0.2.7]
        2026-11-01T10:20:00.000000Z mx postfix/cleanup[2]: 8F00A3: message-id=<8F00A3@example.net>
        2026-11-01T10:20:00.000000Z mx postfix/qmgr[3]: 8F00A3: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:20:01.000000Z mx dovecot: lmtp(u1)<9><cccccccccccc>: sieve: msgid=<8F00A3@example.net>: redirect action: forwarded to <ben@example.com>
        2026-11-01T10:20:02.000000Z mx postfix/lmtp[5]: 8F00A3: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> cccccccccccc Saved)
        2026-11-01T10:20:02.000000Z mx postfix/qmgr[3]: 8F00A3: removed
        2026-11-01T10:20:03.000000Z mx dovecot: lmtp(u1)<9><cccccccccccc>: sieve: msgid=<8F00A3@example.net>: stored mail into mailbox 'INBOX'
        2026-11-01T10:30:00.000000Z mx postfix/smtpd[1]: 8F00A4: client=mail.example.net[192.0.2.7]
        2026-11-01T10:30:00.000000Z mx postfix/cleanup[2]: 8F00A4: message-id=<8F00A4@example.net>
        2026-11-01T10:30:00.000000Z mx postfix/qmgr[3]: 8F00A4: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:30:02.000000Z mx postfix/lmtp[5]: 8F00A4: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> dddddddddddd Saved)
        2026-11-01T10:30:02.000000Z mx postfix/qmgr[3]: 8F00A4: removed
        2026-11-01T10:30:03.000000Z mx dovecot: lmtp(anna@example.org)<9><dddddddddddd>: sieve: msgid=<8F00A4@example.net>: discard action: Marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T10:30:03.000000Z mx dovecot: lmtp(anna@example.org)<9><dddddddddddd>: sieve: msgid=<8F00A4@example.net>: stored mail into mailbox 'INBOX'
        2026-11-01T10:40:00.000000Z mx postfix/smtpd[1]: 8F00A5: client=mail.example.net[192.0.2.7]
        2026-11-01T10:40:00.000000Z mx postfix/cleanup[2]: 8F00A5: message-id=<8F00A5@example.net>
        2026-11-01T10:40:00.000000Z mx postfix/qmgr[3]: 8F00A5: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:40:01.000000Z mx dovecot: lmtp(anna@example.org)<9><eeeeeeeeeeee>: sieve: msgid=<8F00A5@example.net>: reject action: rejected message from <x@example.net> (reject)
        2026-11-01T10:40:02.000000Z mx postfix/lmtp[5]: 8F00A5: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> eeeeeeeeeeee Saved)
        2026-11-01T10:40:02.000000Z mx postfix/qmgr[3]: 8F00A5: removed
        2026-11-01T10:50:00.000000Z mx postfix/smtpd[1]: 8F00A6: client=mail.example.net[192.0.2.7]
        2026-11-01T10:50:00.000000Z mx postfix/cleanup[2]: 8F00A6: message-id=<8F00A6@example.net>
        2026-11-01T10:50:00.000000Z mx postfix/qmgr[3]: 8F00A6: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:50:01.000000Z mx dovecot: lda(anna)<9><zzz>: sieve: msgid=<8F00A6@example.net>: discard action: Marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T10:50:02.000000Z mx postfix/pipe[5]: 8F00A6: to=<Anna+lists@example.org>, relay=dovecot, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (delivered via dovecot service)
        2026-11-01T10:50:02.000000Z mx postfix/qmgr[3]: 8F00A6: removed
        2026-11-01T11:00:00.000000Z mx postfix/smtpd[1]: 8F00A7: client=mail.example.net[192.0.2.7]
        2026-11-01T11:00:00.000000Z mx postfix/cleanup[2]: 8F00A7: message-id=<8F00A7@example.net>
        2026-11-01T11:00:00.000000Z mx postfix/qmgr[3]: 8F00A7: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T11:00:02.000000Z mx postfix/pipe[5]: 8F00A7: to=<anna@example.org>, relay=dovecot, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (delivered via dovecot service)
        2026-11-01T11:00:02.000000Z mx postfix/qmgr[3]: 8F00A7: removed
        2026-11-01T11:00:03.000000Z mx dovecot: lda(anna@example.org): sieve: msgid=<8F00A7@example.net>: marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T11:10:00.000000Z mx postfix/smtpd[1]: 8F00A8: client=mail.example.net[192.0.2.7]
        2026-11-01T11:10:00.000000Z mx postfix/cleanup[2]: 8F00A8: message-id=<8F00A8@example.net>
        2026-11-01T11:10:00.000000Z mx postfix/qmgr[3]: 8F00A8: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T11:10:01.000000Z mx dovecot: lda(anna@example.com): sieve: msgid=<8F00A8@example.net>: marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T11:10:02.000000Z mx postfix/pipe[5]: 8F00A8: to=<anna@example.org>, relay=dovecot, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (delivered via dovecot service)
        2026-11-01T11:10:02.000000Z mx postfix/qmgr[3]: 8F00A8: removed
        2026-11-01T12:00:00.000000Z mx postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP
        """;

    private const string FirstOfItsHost = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00A1: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00A1: message-id=<8F00A1@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00A1: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:02.000000Z mx postfix/lmtp[5]: 8F00A1: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> aaaaaaaaaaaa Saved)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00A1: removed
        2026-11-01T10:00:03.000000Z mx dovecot: lmtp(anna@example.org)<9><aaaaaaaaaaaa>: sieve: msgid=<8F00A1@example.net>: discard action: Marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T12:00:00.000000Z mx postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP
        """;

    private const string JustNow = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00A1: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00A1: message-id=<8F00A1@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00A1: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:01.000000Z mx dovecot: lmtp(anna@example.org)<9><aaaaaaaaaaaa>: sieve: msgid=<8F00A1@example.net>: discard action: Marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T10:00:02.000000Z mx postfix/lmtp[5]: 8F00A1: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> aaaaaaaaaaaa Saved)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00A1: removed
        """;

    private const string OtherSession = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00A1: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00A1: message-id=<8F00A1@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00A1: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:01.000000Z mx dovecot: lmtp(anna@example.org)<9><ffffffffffff>: sieve: msgid=<8F00A1@example.net>: discard action: Marked message to be discarded if not explicitly delivered (discard action)
        2026-11-01T10:00:02.000000Z mx postfix/lmtp[5]: 8F00A1: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> aaaaaaaaaaaa Saved)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00A1: removed
        2026-11-01T12:00:00.000000Z mx postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP
        """;

    private const string LogsElsewhere = """
        2026-11-01T10:00:00.000000Z mx postfix/smtpd[1]: 8F00A1: client=mail.example.net[192.0.2.7]
        2026-11-01T10:00:00.000000Z mx postfix/cleanup[2]: 8F00A1: message-id=<8F00A1@example.net>
        2026-11-01T10:00:00.000000Z mx postfix/qmgr[3]: 8F00A1: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:00:02.000000Z mx postfix/lmtp[5]: 8F00A1: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> aaaaaaaaaaaa Saved)
        2026-11-01T10:00:02.000000Z mx postfix/qmgr[3]: 8F00A1: removed
        2026-11-01T10:10:00.000000Z mx postfix/smtpd[1]: 8F00A2: client=mail.example.net[192.0.2.7]
        2026-11-01T10:10:00.000000Z mx postfix/cleanup[2]: 8F00A2: message-id=<8F00A2@example.net>
        2026-11-01T10:10:00.000000Z mx postfix/qmgr[3]: 8F00A2: from=<x@example.net>, size=100, nrcpt=1 (queue active)
        2026-11-01T10:10:02.000000Z mx postfix/lmtp[5]: 8F00A2: to=<anna@example.org>, relay=mx[private/dovecot-lmtp], delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 <anna@example.org> bbbbbbbbbbbb Saved)
        2026-11-01T10:10:02.000000Z mx postfix/qmgr[3]: 8F00A2: removed
        """;

    private const string Refused =
        "Rejected 43200000000 0 Rejected 4.3.2 x0 > ip=192.0.2.99 reply=421";

    [Fact]
    public void WhatSieveDidIsTheFate() => TrackerTests.Check(
        Log,
        Mail(0, "Discarded", "anna@example.org", "8F00A1"),
        Mail(0, "Sent", "ben@example.org", "8F00A1"),
        Mail(10, "Redirected", "anna@example.org", "8F00A2"),
        Mail(20, "Sent", "anna@example.org", "8F00A3"),
        Mail(30, "Sent", "anna@example.org", "8F00A4"),
        Mail(40, "Rejected", "anna@example.org", "8F00A5"),
        Mail(50, "Discarded", "Anna+lists@example.org", "8F00A6"),
        Mail(60, "Discarded", "anna@example.org", "8F00A7"),
        Mail(70, "Sent", "anna@example.org", "8F00A8"),
        Refused);

    [Fact]
    public void TheFirstLineOfDovecotMayBeLate() => TrackerTests.Check(
        FirstOfItsHost, Mail(0, "Discarded", "anna@example.org", "8F00A1"), Refused);

    [Fact]
    public void AMailThatMayYetBeStoredIsInFlight() => TrackerTests.Check(
        JustNow, Mail(0, "Discarded", "anna@example.org", "8F00A1") + " InFlight");

    [Fact]
    public void AnotherSessionIsAnotherMail() => TrackerTests.Check(
        OtherSession, Mail(0, "Sent", "anna@example.org", "8F00A1"), Refused);

    [Fact]
    public void DovecotThatLogsElsewhereIsNotWaitedForAgain() => TrackerTests.Check(
        LogsElsewhere,
        Mail(0, "Sent", "anna@example.org", "8F00A1"),
        Mail(10, "Sent", "anna@example.org", "8F00A2"));

    private static string Mail(int minute, string status, string box, string id)
    {
        long start = 36_000_000_000 + (minute * 60_000_000L);
        return $"Received {start} {start + 2_000_000} {status} 2.0.0 x1 x@example.net>{box}"
            + $" ip=192.0.2.7 size=100 {id}";
    }
}
