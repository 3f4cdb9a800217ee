using LogGen.Text;

namespace LogGen.Mail;

/// <summary>What smtpd refuses, and clients that go away.</summary>
internal sealed partial class Connection
{
    private void RefuseAttempt(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        _refusalsLeft--;
        int draw = rng.Below(100);
        if (draw < 8)
        {
            RefuseGreeting(sim, now, draw);
        }
        else
        {
            _mail += _rcptBad == 0 && _business == Business.Refused ? 1 : 0;
            _rcptBad++;
            RefuseRecipient(sim, now, default, draw);
        }
        long later = now + rng.Between(40 * Ms, 700 * Ms);
        if (_refusalsLeft > 0)
        {
            sim.At(later, this, Refuse);
        }
        else if (_mailsLeft > 0)
        {
            sim.At(later, this, Accept);
        }
        else
        {
            _isLost = rng.Below(3) == 0;
            sim.At(later, this, _isLost ? GiveUp : Disconnect);
        }
    }

    private void RefuseGreeting(Simulation sim, long now, int draw)
    {
        if (draw < 3)
        {
            sim.Truth.Rejected(_node, now, 50_701, 554, default, default, _client.Ip, default);
            sim.Log.Line(
                now,
                _node,
                _daemon,
                _pid,
                $"NOQUEUE: reject: CONNECT from {_client}: 554 5.7.1 <{_client}>: Client host "
                    + $"rejected: Access denied; proto=SMTP");
            return;
        }
        bool isHelo = draw < 6;
        (int dsn, int reply) = isHelo ? (50_502, 504) : (50_701, 554);
        sim.Truth.Rejected(_node, now, dsn, reply, default, default, _client.Ip, default);
        ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
        line.Put($"NOQUEUE: reject: EHLO from {_client}: ");
        if (isHelo)
        {
            line.Put("504 5.5.2 <win-"u8);
            WriteHelo(line);
            line.Put(">: Helo command rejected: need fully-qualified hostname; proto=SMTP "u8
                + "helo=<win-"u8);
        }
        else
        {
            line.Put("554 5.7.1 <"u8);
            WriteHelo(line);
            line.Put(">: Helo command rejected: You are not me; proto=SMTP helo=<"u8);
        }
        WriteHelo(line);
        line.Put(">"u8);
        sim.Log.End();
    }

    private void RefuseRecipient(Simulation sim, long now, QueueId id, int draw)
    {
        Rng rng = sim.Rng;
        Address sender = rng.Below(20) == 0
            ? Address.Null
            : new Address(
                rng.Below(1_500) == 0 ? AddressKind.Quoted : AddressKind.Peer, sim.Mails.Peer());
        bool isRelayAttempt = draw is >= 92 and < 96;
        Address recipient = isRelayAttempt
            ? new Address(AddressKind.Peer, sim.Mails.Peer())
            : draw is >= 60 and < 80
                ? new Address(AddressKind.Unknown, rng.Rank(100_000))
                : new Address(AddressKind.Mailbox, sim.Mails.Mailbox());
        (int reply, int dsn) = draw switch
        {
            < 40 => (554, 50_701),
            < 60 => (450, 40_701),
            < 80 => (550, 50_101),
            < 88 => (450, 40_108),
            < 92 => (450, 40_725),
            < 96 => (554, 50_701),
            _ => (552, 50_202),
        };
        sim.Truth.Rejected(_node, now, dsn, reply, sender, recipient, _client.Ip, id);
        ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
        if (id.IsNone)
        {
            line.Put("NOQUEUE"u8);
        }
        else
        {
            id.WriteTo(line);
        }
        line.Put($": reject: RCPT from {_client}: {reply} {new DsnText(dsn)} ");
        WriteReason(line, draw, sender, recipient);
        line.Put($"; from=<{sender}> to=<{recipient}> proto=ESMTP helo=<");
        WriteHelo(line);
        line.Put(">"u8);
        sim.Log.End();
    }

    private void WriteReason(ByteWriter line, int draw, Address sender, Address recipient)
    {
        switch (draw)
        {
            case < 40:
                line.Put($"Service unavailable; Client host [{_client.Ip}] blocked using "
                    + $"bl.example.net; https://www.example.net/lookup?ip={_client.Ip}");
                break;
            case < 60:
                line.Put($"<{recipient}>: Recipient address rejected: Greylisted, see "
                    + $"https://postgrey.example.net/help/example.org.html");
                break;
            case < 80:
                line.Put($"<{recipient}>: Recipient address rejected: User unknown in virtual "
                    + $"mailbox table");
                break;
            case < 88:
                line.Put($"<{sender}>: Sender address rejected: Domain not found");
                break;
            case < 92:
                line.Put($"Client host rejected: cannot find your hostname, [{_client.Ip}]");
                break;
            case < 96:
                line.Put($"<{recipient}>: Relay access denied");
                break;
            default:
                line.Put($"<{recipient}>: Recipient address rejected: Mailbox is full");
                break;
        }
    }

    // The first recipient was taken, another one is not: the line bears the queue id.
    private void RefuseSecondRecipient(Simulation sim, long now)
    {
        _rcptBad++;
        RefuseRecipient(sim, now, _hop!.Id, 70);
    }

    private void RefuseMessage(Simulation sim, long now)
    {
        Hop hop = _hop!;
        _data--;
        _dataBad++;
        bool isTemporary = sim.Rng.Below(6) == 0;
        Recipient first = hop.Recipients[0];
        Address recipient = first.OrigTo.IsNone ? first.To : first.OrigTo;
        int dsn = isTemporary ? 40_701 : 50_701;
        sim.Truth.Rejected(_node, now, dsn, 0, hop.Sender, recipient, _client.Ip, hop.Id);
        ByteWriter line = sim.Log.Begin(now, _node, Daemon.Cleanup, _node.Pid(Daemon.Cleanup));
        line.Put($"{hop.Id}: milter-reject: END-OF-MESSAGE from {_client}: {new DsnText(dsn)} ");
        line.Put(isTemporary ? "Try again later" : "Spam message rejected");
        line.Put($"; from=<{hop.Sender}> to=<{recipient}> proto=ESMTP helo=<");
        WriteHelo(line);
        line.Put(">"u8);
        sim.Log.End();
        hop.Abandon(sim, now);
    }

    // A header check that only warns: a line full of foreign text that means nothing.
    private void WriteSubject(Simulation sim, long now)
    {
        Hop hop = _hop!;
        ByteWriter line = sim.Log.Begin(now, _node, Daemon.Cleanup, _node.Pid(Daemon.Cleanup));
        line.Put($"{hop.Id}: warning: header Subject: Re: {Names.RoleText(sim.Rng.Below(20))} "
            + $"{sim.Rng.Between(1, 99_999)}; status=sent (removed)");
        line.Put($" from {_client}; from=<{hop.Sender}> to=<{hop.Recipients[0].To}> proto=ESMTP "
            + $"helo=<");
        WriteHelo(line);
        line.Put(">"u8);
        sim.Log.End();
    }

    private void LoseClient(Simulation sim, long now)
    {
        bool isBefore310 = !_node.IsNew;
        ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
        if (!isBefore310)
        {
            if (_hop is null)
            {
                line.Put("NOQUEUE"u8);
            }
            else
            {
                _hop.Id.WriteTo(line);
            }
            line.Put(": "u8);
        }
        line.Put(_hop is { }
            ? $"lost connection after DATA ({sim.Rng.Between(0, 65_000)} bytes) from "
            : _mail > 0 ? "lost connection after RCPT from "
            : _helo > 0 ? "lost connection after EHLO from "
            : "lost connection after CONNECT from ");
        _client.WriteTo(line);
        sim.Log.End();
        _isLost = true;
        if (_hop is { } hop)
        {
            if (_node.IsNew)
            {
                sim.Log.Line(
                    now, _node, Daemon.Cleanup, _node.Pid(Daemon.Cleanup), 
                    $"{hop.Id}: removed (canceled)");
                hop.Abandon(sim, now);
            }
            else
            {
                // Nothing more is ever logged of it; the inode is not used again, since a reader
                // would take a later mail of the same id for this one.
                sim.HopsAlive.Remove(hop);
            }
        }
        sim.At(now, this, Disconnect);
    }

    private void FailAuthentication(Simulation sim, long now)
    {
        _authBad++;
        ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
        line.Put($"warning: {_client}: SASL LOGIN authentication failed: ");
        line.Put(_node.IsNew
            ? $"(reason unavailable), sasl_username={Names.RoleText(_client.Index)}"
            : "UGFzc3dvcmQ6");
        sim.Log.End();
        _isLost = sim.Rng.Below(2) == 0;
        sim.At(now + sim.Rng.Between(100 * Ms, 3 * Second), this, _isLost ? GiveUp : Disconnect);
    }

    private void WriteHelo(ByteWriter line)
    {
        if (_client.Kind == ClientKind.Server)
        {
            _client.WriteName(line);
            return;
        }
        line.Put("host-"u8);
        line.Hex(_client.Ip.Low & 0xFFFFFF, 6, upper: false);
        line.Put(_business == Business.Inbound ? ".example.net"u8 : ""u8);
    }
}
