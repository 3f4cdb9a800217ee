using System.Buffers;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Messages;

/// <summary>Sessions of webmail programs, whose client is that of the web login.</summary>
public sealed class WebmailTests
{
    /// <summary>Roundcube tries the password by IMAP, writes its line, and goes on.</summary>
    [Fact]
    public void SessionsAroundAWebLoginHaveItsAddress() => TrackerTests.Check(
        """
        2026-11-01T10:00:00.100000Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<aaaaaaaaaaaaaaaa>
        2026-11-01T10:00:00.400000Z mx roundcube: <a1b2c3d4> Successful login for anna@example.org (ID: 7) from 192.0.2.7 in session a1b2c3d4e5
        2026-11-01T10:00:00.500000Z mx dovecot: imap(anna@example.org)<8><aaaaaaaaaaaaaaaa>: Disconnected: Logged out in=112 out=893
        2026-11-01T10:01:00.400000Z mx imapd: LOGIN, user=anna@example.org, ip=[::ffff:127.0.0.1], port=[40000], protocol=IMAP
        2026-11-01T10:01:00.400000Z mx imapd: LOGOUT, user=anna@example.org, ip=[::ffff:127.0.0.1], port=[40000], headers=0, body=0, rcvd=46, sent=347, time=0
        2026-11-01T10:01:00.400001Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=::1, lip=::1, mpid=8, secured, session=<bbbbbbbbbbbbbbbb>
        """,
        "Access 36000100000 36000500000 Session x0 >anna@example.org ip=192.0.2.7 Imap Webmail",
        "Access 36060400000 36060400000 Session x0 >anna@example.org ip=192.0.2.7 Imap Webmail",
        "Access 36060400001 0 Login x0 >anna@example.org ip=::1 Imap InFlight");

    /// <summary>SOGo writes its line before it opens a session.</summary>
    [Fact]
    public void ASessionBeforeTheLineIsNoOneElses() => TrackerTests.Check(
        """
        2026-11-01T10:00:00.000000Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<aaaaaaaaaaaaaaaa>
        2026-11-01T10:00:01.000000Z mx sogod[9]: SOGoRootPage successful login from '2001:db8::7' for user 'Anna@example.org' - expire = -1  grace = -1
        2026-11-01T10:00:02.000000Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=::1, lip=::1, mpid=8, secured, session=<bbbbbbbbbbbbbbbb>
        2026-11-01T10:00:03.000000Z mx dovecot: imap(anna@example.org)<8><cccccccccccccccc>: Disconnected: Logged out in=112 out=893
        2026-11-01T10:00:03.000000Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=::1, lip=::1, mpid=8, secured, session=<cccccccccccccccc>
        """,
        "Access 36000000000 0 Login x0 >anna@example.org ip=127.0.0.1 Imap InFlight",
        "Access 36002000000 0 Login x0 >anna@example.org ip=2001:db8::7 Imap InFlight, Webmail",
        "Access 36003000000 36003000000 Session x0 >anna@example.org ip=2001:db8::7 Imap Webmail");

    [Fact]
    public void OnlyLoopbackSessionsOfThatUserAndHostAreTouched() => TrackerTests.Check(
        """
        2026-11-01T10:00:00.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.66, lip=192.0.2.1, mpid=8, TLS, session=<aaaaaaaaaaaaaaaa>
        2026-11-01T10:00:00.000000Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<bbbbbbbbbbbbbbbb>
        2026-11-01T10:00:00.000000Z my dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<cccccccccccccccc>
        2026-11-01T10:00:01.000000Z mx HORDE: [imp] Login success for anna (192.0.2.7) to {imap://localhost/}
        2026-11-01T10:00:02.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.66, lip=192.0.2.1, mpid=8, TLS, session=<dddddddddddddddd>
        2026-11-01T10:00:02.000000Z mx dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<eeeeeeeeeeeeeeee>
        2026-11-01T10:00:02.000000Z my dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<ffffffffffffffff>
        """,
        "Access 36000000000 0 Login x0 >anna ip=192.0.2.66 Imap InFlight, Tls",
        "Access 36000000000 0 Login x0 >anna@example.org ip=127.0.0.1 Imap InFlight",
        "Access 36000000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight",
        "Access 36002000000 0 Login x0 >anna ip=192.0.2.66 Imap InFlight, Tls",
        "Access 36002000000 0 Login x0 >anna@example.org ip=127.0.0.1 Imap InFlight",
        "Access 36002000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight");

    /// <summary>A proxy's own address, and one that headers claim, are not the browser's.</summary>
    [Fact]
    public void AnAddressThatTellsNothingIsNotTaken() => TrackerTests.Check(
        """
        2026-11-01T10:00:00.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<aaaaaaaaaaaaaaaa>
        2026-11-01T10:00:00.000000Z mx roundcube: Successful login for anna (ID: 7) from 127.0.0.1 (X-Forwarded-For: 203.0.113.9) in session a1
        2026-11-01T10:00:00.000000Z mx sogod[9]: SOGoRootPage successful login from '203.0.113.9, 127.0.0.1' for user 'anna' - expire = -1  grace = -1
        2026-11-01T10:00:01.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<bbbbbbbbbbbbbbbb>
        """,
        "Access 36000000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight",
        "Access 36001000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight");

    /// <summary>
    /// While another browser of the user may be open, only the session that tried the password is
    /// known to belong to the new one.
    /// </summary>
    [Fact]
    public void TwoBrowsersOfAUserAreNotMixedUp() => TrackerTests.Check(
        """
        2026-11-01T01:00:00.000000Z mx roundcube: Successful login for anna (ID: 7) from 192.0.2.7 in session a1
        2026-11-01T10:00:00.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<aaaaaaaaaaaaaaaa>
        2026-11-01T10:00:00.000000Z mx roundcube: Successful login for anna (ID: 7) from 192.0.2.8 in session a2
        2026-11-01T10:00:01.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<bbbbbbbbbbbbbbbb>
        2026-11-01T10:00:02.000000Z mx roundcube: Successful login for anna (ID: 7) from 192.0.2.9 in session a3
        2026-11-01T10:00:03.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<cccccccccccccccc>
        """,
        "Access 36000000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight",
        "Access 36001000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight",
        "Access 36003000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight");

    [Fact]
    public void TheSessionThatTriedThePasswordIsTheNewBrowsers() => TrackerTests.Check(
        """
        2026-11-01T01:00:00.000000Z mx roundcube: Successful login for anna (ID: 7) from 192.0.2.7 in session a1
        2026-11-01T09:59:00.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<aaaaaaaaaaaaaaaa>
        2026-11-01T10:00:00.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<bbbbbbbbbbbbbbbb>
        2026-11-01T10:00:00.000000Z mx roundcube: Successful login for anna (ID: 7) from 192.0.2.8 in session a2
        2026-11-02T10:00:01.000000Z mx roundcube: Successful login for anna (ID: 7) from 192.0.2.9 in session a3
        2026-11-02T10:00:02.000000Z mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<cccccccccccccccc>
        """,
        "Access 35940000000 0 Login x0 >anna ip=127.0.0.1 Imap InFlight",
        "Access 36000000000 0 Login x0 >anna ip=192.0.2.8 Imap InFlight, Webmail",
        "Access 36002000000 0 Login x0 >anna ip=192.0.2.9 Imap InFlight, Webmail");

    [Fact]
    public void WebLoginsAreForgottenAfterADayAndWithTheirPeriod()
    {
        const string First = "2026-11-01T10:00:00Z mx roundcube: Successful login for anna (ID: 7)"
            + " from 192.0.2.7 in session a1";
        const string Next = "2026-11-02T10:00:01Z mx roundcube: Successful login for ben (ID: 8)"
            + " from 192.0.2.8 in session a2";
        (Tracker tracker, _) = Read(First);
        Assert.Equal(1, tracker.WebLogins);
        (tracker, long end) = Read(First, Next);
        Assert.Equal(1, tracker.WebLogins);
        var policy = new RetentionPolicy();
        tracker.Purge(end + (policy.Access.Period.Ticks / 10) + 1, policy);
        Assert.Equal(0, tracker.WebLogins);
    }

    /// <summary>Sessions of a store whose last import did not know of web logins yet.</summary>
    [Fact]
    public void ASnapshotOfTheFormerVersionIsRead()
    {
        // Version; hosts: count, "mx", no instance, clock; two counters; no hops, no edges; count.
        const int SessionStart = 1 + 4 + 6 + 4 + 8 + 16 + 4 + 4 + 4;
        const int SessionBytes = 72;
        const int FormerBytes = 56;
        (Tracker tracker, _) = Read("2026-11-01T10:00:00Z mx dovecot: imap-login: Login: user=<anna>,"
            + " method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=8, secured, session=<aaaaaaaaaaaaaaaa>");
        var snapshot = new ArrayBufferWriter<byte>();
        tracker.Save(snapshot);
        byte[] now = snapshot.WrittenSpan.ToArray();
        byte[] former =
        [
            3,
            .. now[1..(SessionStart + FormerBytes)],
            .. now[(SessionStart + SessionBytes)..^4],
        ];
        var hosts = new HostTable();
        var batch = new RecordBatch(7);
        var loaded = new Tracker(hosts, new LocalDomains([]), batch, 7);
        loaded.Load(former);
        loaded.EmitInFlight();
        Assert.Equal(1, batch.Count);
        Assert.Equal("anna"u8, batch.Strings[batch.Rows[0].Recipient]);
        Assert.Equal(ClientIp.Parse("127.0.0.1"u8), new ClientIp(batch.Rows[0].IpHi, batch.Rows[0].IpLo));

        var again = new ArrayBufferWriter<byte>();
        loaded.Save(again);
        Assert.Equal(now, again.WrittenSpan.ToArray());
    }

    private static (Tracker Tracker, long EndUnixMicros) Read(params string[] lines)
    {
        byte[] log = System.Text.Encoding.ASCII.GetBytes(string.Join('\n', lines));
        byte[] padded = [.. log, .. new byte[BlockReader.PaddingBytes]];
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        var tracker = new Tracker(hosts, new LocalDomains([]), new RecordBatch(7), 7);
        tokenizer.Begin(TimeZoneInfo.Utc, 0);
        var events = new LogEvent[256];
        tokenizer.Read(padded.AsSpan(0, log.Length), 0, events, out int count);
        tracker.Add(events.AsSpan(0, count), padded.AsSpan(0, log.Length));
        tracker.Sweep();
        return (tracker, events[count - 1].TimeUnixMicros);
    }
}
