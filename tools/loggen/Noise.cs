using LogGen.Mail;
using LogGen.Text;

namespace LogGen;

/// <summary>Lines that give no record, and failed logins, which give none either.</summary>
internal static class Noise
{
    private static readonly string[] s_cronJobs =
    [
        "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
        "(root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)",
        "(www-data) CMD (php -f /var/www/cloud/cron.php)",
        "(backup) CMD (/usr/local/bin/backup-queue --quiet)",
    ];

    public static void Write(Simulation sim, long now, Node node)
    {
        Rng rng = sim.Rng;
        int draw = rng.Below(100);
        switch (draw)
        {
            case < 26:
                WriteAnvil(sim, now, node);
                break;
            case < 34:
                sim.Log.Line(now, node, Daemon.Cron, node.FreshPid(),
                    $"{s_cronJobs[rng.Below(s_cronJobs.Length)]}");
                break;
            case < 60:
                WriteRspamd(sim, now, node);
                break;
            case < 72:
                WriteAuth(sim, now, node);
                break;
            case < 82:
                WriteScache(sim, now, node);
                break;
            default:
                sim.Log.Line(
                    now,
                    node,
                    Daemon.Smtp,
                    node.Pid(Daemon.Smtp),
                    $"Untrusted TLS connection established to {Remote(rng)}:25: TLSv1.3 with "
                        + $"cipher TLS_AES_256_GCM_SHA384 (256/256 bits)");
                break;
        }
    }

    public static void WriteFailedLogin(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        Node node = sim.Nodes[rng.Below(sim.Options.Hosts)];
        Ip ip = Ip.Device(Rng.Mix((ulong)rng.Rank(20_000) + 0xBADUL));
        Address user = rng.Below(3) == 0
            ? new Address(AddressKind.Unknown, rng.Rank(50_000))
            : new Address(AddressKind.Mailbox, sim.Mails.Mailbox());
        if (node.Access == AccessServer.Courier)
        {
            Daemon daemon = rng.Below(2) == 0 ? Daemon.ImapdSsl : Daemon.Pop3dSsl;
            ByteWriter courier = sim.Log.Begin(now, node, daemon, 0);
            courier.Put($"LOGIN FAILED, user={user}, ip=[");
            ip.WriteMapped(courier);
            courier.Put($"], port=[{rng.Between(1025, 65_534)}]");
            sim.Log.End();
            return;
        }
        ByteWriter line = sim.Log.Begin(now, node, Daemon.Dovecot, node.Pid(Daemon.Dovecot));
        line.Put(node.Access == AccessServer.Dovecot24
            ? "imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) "
                + "(auth_failed): user=<"
            : "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): "
                + "user=<");
        line.Put($"{user}>, method=PLAIN, rip={ip}, lip=192.0.2.{node.Host + 1}, TLS, session=<");
        line.Scrambled(
            rng.Next(), 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8);
        line.Put(">"u8);
        sim.Log.End();
    }

    private static Client Remote(Rng rng)
    {
        var server = new Server(rng.Rank(5_000), 1, Sends: false);
        return new Client(ClientKind.Server, 0, server, server.Ip);
    }

    private static void WriteAnvil(Simulation sim, long now, Node node)
    {
        ByteWriter line = sim.Log.Begin(now, node, Daemon.Anvil, node.Pid(Daemon.Anvil));
        Rng rng = sim.Rng;
        Ip ip = Ip.Device(rng.Next());
        switch (rng.Below(3))
        {
            case 0:
                line.Put($"statistics: max connection rate {rng.Between(1, 30)}/60s for "
                    + $"(smtp:{ip}) at ");
                break;
            case 1:
                line.Put($"statistics: max connection count {rng.Between(1, 9)} for (smtp:{ip}) "
                    + $"at ");
                break;
            default:
                line.Put($"statistics: max cache size {rng.Between(1, 60)} at ");
                break;
        }
        sim.Log.Stamps.WriteTraditional(line, now - rng.Between(60_000_000, 600_000_000));
        sim.Log.End();
    }

    private static void WriteRspamd(Simulation sim, long now, Node node)
    {
        Rng rng = sim.Rng;
        ulong seed = rng.Next();
        ByteWriter line = sim.Log.Begin(now, node, Daemon.Rspamd, node.Pid(Daemon.Rspamd));
        line.Put("<"u8);
        line.Hex(seed & 0xFFFFFF, 6, upper: false);
        line.Put(">; "u8);
        line.Put((seed >> 32) % 4 == 0
            ? "lua; greylist.lua:331: skip greylisting, reason: score is below the threshold"
            : "proxy; rspamd_protocol_http_reply: regexp statistics: 0 pcre regexps scanned, 2 "
                + "regexps matched, 176 regexps total");
        sim.Log.End();
    }

    private static void WriteAuth(Simulation sim, long now, Node node)
    {
        Rng rng = sim.Rng;
        if (node.Access == AccessServer.Courier)
        {
            WriteCourierVisit(sim, now, node);
            return;
        }
        ByteWriter line = sim.Log.Begin(now, node, Daemon.Dovecot, node.Pid(Daemon.Dovecot));
        if (rng.Below(2) == 0)
        {
            Ip ip = Ip.Device(Rng.Mix((ulong)rng.Rank(20_000) + 0xBADUL));
            line.Put($"imap-login: Disconnected: Aborted login by logging out (no auth attempts "
                + $"in {rng.Below(9)} secs): user=<>, rip={ip}, lip=192.0.2.{node.Host + 1}, TLS");
        }
        else
        {
            line.Put($"auth-worker({node.Pid(Daemon.Lmtp)}): conn unix:auth-worker "
                + $"(pid=711,uid=107): auth-worker<{rng.Between(1, 900)}>: sql(");
            new Address(AddressKind.Unknown, rng.Rank(50_000)).WriteTo(line);
            line.Put("): unknown user"u8);
        }
        sim.Log.End();
    }

    // A client that connects and goes away again.
    private static void WriteCourierVisit(Simulation sim, long now, Node node)
    {
        Rng rng = sim.Rng;
        Ip ip = Ip.Device(Rng.Mix((ulong)rng.Rank(20_000) + 0xBADUL));
        bool isConnect = rng.Below(2) == 0;
        ByteWriter line = sim.Log.Begin(now, node, Daemon.ImapdSsl, 0);
        line.Put(isConnect ? "Connection, ip=[" : "Disconnected, ip=[");
        ip.WriteMapped(line);
        line.Put($"], port=[{rng.Between(1025, 65_534)}]");
        line.Put(isConnect ? "" : ", time=0");
        sim.Log.End();
    }

    private static void WriteScache(Simulation sim, long now, Node node)
    {
        ByteWriter line = sim.Log.Begin(now, node, Daemon.Scache, node.Pid(Daemon.Scache));
        Rng rng = sim.Rng;
        switch (rng.Below(3))
        {
            case 0:
                line.Put("statistics: start interval "u8);
                sim.Log.Stamps.WriteTraditional(line, now - 200_000_000);
                break;
            case 1:
                line.Put($"statistics: domain lookup hits={rng.Between(0, 90)} "
                    + $"miss={rng.Between(1, 90)} success={rng.Between(0, 99)}%");
                break;
            default:
                line.Put($"statistics: max simultaneous domains={rng.Between(1, 6)} "
                    + $"addresses={rng.Between(1, 8)} connection={rng.Between(1, 9)}");
                break;
        }
        sim.Log.End();
    }
}

/// <summary>A client before postscreen: it passes the tests, or it is refused.</summary>
internal sealed class PostscreenVisit : Actor
{
    private const long Second = 1_000_000;

    private readonly Node _node;
    private readonly Ip _ip;
    private readonly int _port;
    private readonly int _kind;

    public PostscreenVisit(Node node, Rng rng)
    {
        _node = node;
        _ip = Ip.Device(Rng.Mix((ulong)rng.Rank(300_000) + 0xBAD5UL));
        _port = (int)rng.Between(1025, 65_534);
        _kind = rng.Below(100);
    }

    public override void Step(Simulation sim, long now, int step)
    {
        Rng rng = sim.Rng;
        switch (step)
        {
            case 0:
                Write(sim, now, "CONNECT from ", $" to [192.0.2.{_node.Host + 1}]:25");
                Next(sim, now + rng.Between(20_000, 200_000), _kind < 45 ? 1 : 2);
                break;
            case 1:
                sim.Log.Line(now, _node, Daemon.Dnsblog, _node.Pid(Daemon.Dnsblog), $"addr {_ip} "
                    + $"listed by domain bl.example.net as 127.0.0.4");
                Next(sim, now + rng.Between(Second, 6 * Second), 3);
                break;
            case 2:
                Write(sim, now, _kind < 80 ? "PASS OLD " : "PASS NEW ", "");
                break;
            case 3:
                Write(sim, now, "DNSBL rank 3 for ", "");
                Next(sim, now + rng.Between(10_000, 500_000), _kind < 28 ? 4 : 5);
                break;
            case 4:
                Refuse(sim, now);
                Next(sim, now + rng.Between(10_000, 500_000), 5);
                break;
            case 5:
                Write(sim, now, "HANGUP after 0.4 from ", " in tests after SMTP handshake");
                Next(sim, now, 6);
                break;
            default:
                Write(sim, now, "DISCONNECT ", "");
                break;
        }
    }

    private void Next(Simulation sim, long at, int step) => sim.At(at, this, step);

    private void Write(Simulation sim, long now, string before, string after) => sim.Log.Line(
        now, _node, Daemon.Postscreen, _node.Pid(Daemon.Postscreen), $"{before}[{_ip}]:{_port}"
            + $"{after}");

    private void Refuse(Simulation sim, long now)
    {
        int pid = _node.Pid(Daemon.Postscreen);
        if (_kind == 0)
        {
            sim.Truth.Rejected(_node, now, 0, 0, default, default, _ip, default);
            sim.Log.Line(now, _node, Daemon.Postscreen, pid, $"NOQUEUE: reject: CONNECT from "
                + $"[{_ip}]:{_port}: too many connections");
            return;
        }
        var sender = new Address(AddressKind.Peer, sim.Mails.Peer());
        var recipient = new Address(AddressKind.Mailbox, sim.Mails.Mailbox());
        sim.Truth.Rejected(_node, now, 50_701, 550, sender, recipient, _ip, default);
        sim.Log.Line(
            now,
            _node,
            Daemon.Postscreen,
            pid,
            $"NOQUEUE: reject: RCPT from [{_ip}]:{_port}: 550 5.7.1 Service unavailable; client "
                + $"[{_ip}] blocked using bl.example.net; from=<{sender}>, to=<{recipient}>, "
                + $"proto=ESMTP, helo=<[{_ip}]>");
    }
}
