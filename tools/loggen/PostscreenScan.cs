using LogGen.Mail;
using LogGen.Text;

namespace LogGen;

/// <summary>
/// A stranger before postscreen, as they come to a host that asks DNS block lists: many lines of
/// which hardly one makes a record.
/// </summary>
internal sealed class PostscreenScan : Actor
{
    private readonly Node _node;
    private readonly Ip _ip;
    private readonly int _port;
    private readonly int _kind;
    private readonly int _lists;

    public PostscreenScan(Node node, Rng rng)
    {
        _node = node;
        _ip = Ip.Device(Rng.Mix((ulong)rng.Rank(300_000) + 0xBAD5UL));
        _port = (int)rng.Between(1025, 65_534);
        _kind = rng.Below(100);
        _lists = 1 + rng.Below(3);
    }

    public override void Step(Simulation sim, long now, int step)
    {
        bool goesOn = true;
        if (step == 0)
        {
            Say(sim, now, "CONNECT from ", $" to [192.0.2.{_node.Host + 1}]:25");
        }
        else
        {
            goesOn = _kind switch
            {
                < 44 => Listed(sim, now, step),
                < 62 => Eager(sim, now, step),
                < 78 => Encrypted(sim, now, step),
                _ => Passed(sim, now, step),
            };
        }
        if (goesOn)
        {
            sim.At(now + sim.Rng.Between(2_000, 900_000), this, step + 1);
        }
    }

    /// <summary>On block lists; one in 44 stays until it is refused.</summary>
    private bool Listed(Simulation sim, long now, int step)
    {
        if (step <= _lists)
        {
            sim.Log.Line(now, _node, Daemon.Dnsblog, Pid(Daemon.Dnsblog),
                $"addr {_ip} listed by domain bl{step}.example.net as 127.0.0.{1 + step * 3}");
            return true;
        }
        switch (step - _lists)
        {
            case 1:
                Say(sim, now, $"DNSBL rank {_lists * 2} for ", "");
                return true;
            case 2 when _kind == 0:
                Refuse(sim, now);
                return true;
            case 2:
                Say(sim, now, "HANGUP after 0.8 from ", " in tests after SMTP handshake");
                return true;
            default:
                Say(sim, now, "DISCONNECT ", "");
                return false;
        }
    }

    /// <summary>Speaks before it is spoken to.</summary>
    private bool Eager(Simulation sim, long now, int step)
    {
        switch (step)
        {
            case 1:
                Say(sim, now, "PREGREET 14 after 0.04 from ", ": EHLO User\\r\\n");
                return true;
            case 2:
                sim.Log.Line(now, _node, Daemon.Dnsblog, Pid(Daemon.Dnsblog),
                    $"addr {_ip} listed by domain bl.example.net as 127.0.0.2");
                return true;
            case 3:
                Say(sim, now, "COMMAND TIME LIMIT from ", " after EHLO: User");
                return true;
            default:
                Say(sim, now, "DISCONNECT ", "");
                return false;
        }
    }

    private bool Encrypted(Simulation sim, long now, int step)
    {
        switch (step)
        {
            case 1:
                sim.Log.Line(now, _node, Daemon.Tlsproxy, Pid(Daemon.Tlsproxy),
                    $"CONNECT from [{_ip}]:{_port}");
                return true;
            case 2:
                sim.Log.Line(now, _node, Daemon.Tlsproxy, Pid(Daemon.Tlsproxy),
                    $"Anonymous TLS connection established from [{_ip}]:{_port}: TLSv1.3 with "
                        + $"cipher TLS_AES_256_GCM_SHA384 (256/256 bits)");
                return true;
            case 3:
                Say(sim, now, "BARE NEWLINE from ", " after STARTTLS: ");
                return true;
            case 4:
                Say(sim, now, "HANGUP after 2.4 from ", " in tests after SMTP handshake");
                return true;
            case 5:
                sim.Log.Line(now, _node, Daemon.Tlsproxy, Pid(Daemon.Tlsproxy),
                    $"DISCONNECT [{_ip}]:{_port}");
                return true;
            default:
                Say(sim, now, "DISCONNECT ", "");
                return false;
        }
    }

    /// <summary>Passes, and then has nothing to deliver.</summary>
    private bool Passed(Simulation sim, long now, int step)
    {
        switch (step)
        {
            case 1:
                Say(sim, now, _kind < 92 ? "PASS OLD " : "PASS NEW ", "");
                return true;
            case 2:
                sim.Log.Line(now, _node, Daemon.Smtpd, Pid(Daemon.Smtpd),
                    $"connect from unknown[{_ip}]");
                return true;
            case 3:
                sim.Log.Line(now, _node, Daemon.Smtpd, Pid(Daemon.Smtpd),
                    $"Anonymous TLS connection established from unknown[{_ip}]: TLSv1.3 with "
                        + $"cipher TLS_AES_256_GCM_SHA384 (256/256 bits)");
                return true;
            case 4:
                sim.Log.Line(now, _node, Daemon.Smtpd, Pid(Daemon.Smtpd),
                    $"lost connection after EHLO from unknown[{_ip}]");
                return true;
            default:
                sim.Log.Line(now, _node, Daemon.Smtpd, Pid(Daemon.Smtpd),
                    $"disconnect from unknown[{_ip}] ehlo=2 starttls=1 commands=3");
                return false;
        }
    }

    private void Refuse(Simulation sim, long now)
    {
        var sender = new Address(AddressKind.Peer, sim.Mails.Peer());
        var recipient = new Address(AddressKind.Mailbox, sim.Mails.Mailbox());
        sim.Truth.Rejected(_node, now, 50_701, 550, sender, recipient, _ip, default);
        sim.Log.Line(now, _node, Daemon.Postscreen, Pid(Daemon.Postscreen),
            $"NOQUEUE: reject: RCPT from [{_ip}]:{_port}: 550 5.7.1 Service unavailable; client "
                + $"[{_ip}] blocked using bl1.example.net; from=<{sender}>, to=<{recipient}>, "
                + $"proto=ESMTP, helo=<[{_ip}]>");
    }

    private void Say(Simulation sim, long now, string before, string after) => sim.Log.Line(
        now, _node, Daemon.Postscreen, Pid(Daemon.Postscreen), $"{before}[{_ip}]:{_port}{after}");

    private int Pid(Daemon daemon) => _node.Pid(daemon);
}
