using LogGen.Text;

namespace LogGen.Mail;

internal enum Business : byte
{
    /// <summary>Mail from elsewhere.</summary>
    Inbound,

    /// <summary>An authenticated user.</summary>
    Submission,

    /// <summary>A device of ours without authentication.</summary>
    Lan,

    /// <summary>The content filter hands a mail back.</summary>
    Filter,

    /// <summary>Only refused attempts.</summary>
    Refused,

    /// <summary>Monitoring, scanners, failed logins.</summary>
    Nothing,
}

/// <summary>One SMTP connection, from connect to disconnect.</summary>
internal sealed partial class Connection : Actor
{
    private const long Ms = 1_000;
    private const long Second = 1_000_000;

    public const int Connect = 0;
    private const int Accept = 1;
    private const int Header = 2;
    private const int EndOfMessage = 3;
    private const int Disconnect = 4;
    private const int Refuse = 5;
    private const int GiveUp = 6;
    private const int AuthFailure = 7;

    private readonly Node _node;
    private readonly Business _business;
    private readonly Daemon _daemon;
    private readonly int _pid;
    private readonly Client _client;
    private readonly int _mailbox;
    private Hop? _parent;
    private Hop? _hop;
    private int _peer;
    private int _mailsLeft;
    private int _refusalsLeft;
    private bool _usesTls;
    private bool _isLost;
    private int _helo;
    private int _auth;
    private int _authBad;
    private int _mail;
    private int _rcptGood;
    private int _rcptBad;
    private int _data;
    private int _dataBad;

    private Connection(Node node, Business business, Client client, int mailbox)
    {
        _node = node;
        _business = business;
        _client = client;
        _mailbox = mailbox;
        _daemon = business switch
        {
            Business.Submission => Daemon.Submission,
            Business.Filter => Daemon.Reinject,
            _ => Daemon.Smtpd,
        };
        _pid = node.TakeSmtpd();
    }

    public static Connection FromFilter(Simulation sim, Hop parent)
    {
        bool isV6 = parent.Node.Index == 4 && sim.Rng.Below(2) == 0;
        Ip loopback = isV6 ? Ip.LoopbackV6 : Ip.LoopbackV4;
        var client = new Client(ClientKind.Loopback, 0, default, loopback);
        return new Connection(parent.Node, Business.Filter, client, 0)
        {
            _parent = parent,
            _mailsLeft = 1,
        };
    }

    public static Connection Open(Simulation sim, Node node, Business business)
    {
        Rng rng = sim.Rng;
        int mailbox = sim.Mails.Mailbox();
        int peer = business == Business.Inbound ? sim.Mails.Peer() : 0;
        Client client = DrawClient(sim, business, mailbox, peer);
        var connection = new Connection(node, business, client, mailbox)
        {
            _peer = peer,
            _auth = business == Business.Submission ? 1 : 0,
            _usesTls = business == Business.Submission || rng.Below(100) < 80,
            _mailsLeft = business switch
            {
                Business.Inbound => rng.Below(100) < 86 ? 1 : 2 + rng.Below(4),
                Business.Submission => rng.Below(100) < 93 ? 1 : 2,
                Business.Lan => 1,
                _ => 0,
            },
        };
        connection._refusalsLeft = business switch
        {
            Business.Refused => rng.Below(100) < 85 ? 1 : 2 + rng.Below(3),
            Business.Inbound => rng.Below(40) == 0 ? 1 : 0,
            _ => 0,
        };
        return connection;
    }

    public override void Step(Simulation sim, long now, int step)
    {
        switch (step)
        {
            case Connect:
                StartSession(sim, now);
                break;
            case Accept:
                AcceptMail(sim, now);
                break;
            case Header:
                ReadHeader(sim, now);
                break;
            case EndOfMessage:
                QueueMail(sim, now);
                break;
            case Refuse:
                RefuseAttempt(sim, now);
                break;
            case GiveUp:
                LoseClient(sim, now);
                break;
            case AuthFailure:
                FailAuthentication(sim, now);
                break;
            default:
                EndSession(sim, now);
                break;
        }
    }

    private static Client DrawClient(Simulation sim, Business business, int mailbox, int peer)
    {
        Rng rng = sim.Rng;
        switch (business)
        {
            case Business.Submission:
                ulong device = Rng.Mix(mailbox, rng.Below(10) < 8 ? 0 : 1 + rng.Below(3));
                return new Client(
                    device % 3 == 0 ? ClientKind.Unknown : ClientKind.Device,
                    mailbox,
                    default,
                    Ip.Device(device));
            case Business.Lan:
                ulong printer = Rng.Mix((ulong)rng.Rank(200) + 77);
                return new Client(ClientKind.Lan, 0, default, Ip.Private(printer));
            case Business.Inbound:
                int domain = new Address(AddressKind.Peer, peer).Domain;
                bool isProvider = domain < Names.ProviderCount;
                return ServerClient(domain, 1 + (isProvider ? rng.Rank(60) : rng.Below(2)));
            default:
                ulong stranger = Rng.Mix((ulong)rng.Rank(400_000) + 0xBADUL);
                int kind = rng.Below(10);
                if (kind < 3)
                {
                    return ServerClient((int)(stranger % 50_000) + Names.ProviderCount, 1);
                }
                return new Client(
                    kind < 8 ? ClientKind.Unknown : ClientKind.Device,
                    (int)(stranger % 1000),
                    default,
                    Ip.Device(stranger));
        }
    }

    private static Client ServerClient(int domain, int which)
    {
        var server = new Server(domain, which, Sends: true);
        return new Client(
            Rng.Mix(domain, which) % 20 == 0 ? ClientKind.Unknown : ClientKind.Server,
            0,
            server,
            server.Ip);
    }

    private void StartSession(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        if (_client.Kind == ClientKind.Unknown && rng.Below(3) == 0)
        {
            ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
            line.Put("warning: hostname host-"u8);
            line.Hex(_client.Ip.Low & 0xFFFFFF, 6, upper: false);
            line.Put($".dyn.example.net does not resolve to address {_client.Ip}: Name or "
                + $"service not known");
            sim.Log.End();
        }
        sim.Log.Line(now, _node, _daemon, _pid, $"connect from {_client}");
        long later = now + rng.Between(30 * Ms, 400 * Ms);
        _helo = _business == Business.Nothing && rng.Below(2) == 0 ? 0 : 1;
        if (_usesTls && _business != Business.Nothing && rng.Below(6) == 0)
        {
            WriteTls(sim, now + (later - now) / 2);
        }
        switch (_business)
        {
            case Business.Nothing:
                StartNothing(sim, later);
                break;
            case Business.Filter:
                sim.At(now + rng.Between(Ms, 8 * Ms), this, Accept);
                break;
            default:
                sim.At(later, this, _refusalsLeft > 0 ? Refuse : Accept);
                break;
        }
    }

    private void StartNothing(Simulation sim, long later)
    {
        int draw = sim.Rng.Below(100);
        if (draw < 25)
        {
            _helo = 1;
            _auth = 1;
            sim.At(later, this, AuthFailure);
        }
        else if (draw < 45)
        {
            _isLost = true;
            sim.At(later, this, GiveUp);
        }
        else
        {
            sim.At(later, this, Disconnect);
        }
    }

    private void WriteTls(Simulation sim, long at) =>
        sim.At(at, new TlsLine(_node, _daemon, _pid, _client), 0);

    private void AcceptMail(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        _hop = _business == Business.Filter ? _parent!.MakeFiltered(sim, now) : MakeMail(sim, now);
        _mailsLeft--;
        _mail++;
        _rcptGood += _hop.Recipients.Length;
        WriteClient(sim, now);
        if (_business == Business.Filter)
        {
            // From here on the log must not end before the link to the first hop is written.
            sim.OpenWindow();
            sim.At(now + rng.Between(2 * Ms, 12 * Ms), this, Header, isCritical: true);
            return;
        }
        if (_business == Business.Inbound && rng.Below(120) == 0)
        {
            RefuseSecondRecipient(sim, now);
        }
        bool givesUp = _business == Business.Inbound && rng.Below(250) == 0;
        long transfer = rng.Between(20 * Ms, 500 * Ms);
        sim.At(now + transfer, this, givesUp ? GiveUp : Header);
    }

    private void WriteClient(Simulation sim, long now)
    {
        Hop hop = _hop!;
        ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
        line.Put($"{hop.Id}: client={_client}");
        if (_business == Business.Submission)
        {
            line.Put($", sasl_method={(_mailbox % 4 == 0 ? "LOGIN" : "PLAIN")}, "
                + $"sasl_username={hop.Origin.Sasl}");
        }
        if (_business == Business.Filter)
        {
            if (_node.Filter == FilterMode.OrigQueueId)
            {
                line.Put($", orig_queue_id={_parent!.Id}");
            }
            if (_node.Filter is FilterMode.OrigQueueId or FilterMode.OrigClient
                && hop.Origin.Uid < 0)
            {
                line.Put($", orig_client={hop.Origin.Client}");
            }
        }
        sim.Log.End();
    }

    private Hop MakeMail(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        bool isFiltered = _node.Filter != FilterMode.None && rng.Chance(_node.FilterShare);
        bool isOurs = _business != Business.Inbound;
        int mailbox = isOurs ? _mailbox : sim.Mails.Mailbox();
        Address sender = _business switch
        {
            Business.Submission when rng.Below(20) == 0 =>
                new Address(AddressKind.Alias, _mailbox % 400),
            Business.Submission => new Address(AddressKind.Mailbox, _mailbox),
            Business.Lan => new Address(AddressKind.Mailbox, (int)(_client.Ip.Low % 50)),
            _ => sim.Mails.ForeignSender(mailbox, NextPeer(sim)),
        };
        Address sasl = default;
        if (_business == Business.Submission)
        {
            sasl = new Address(
                _mailbox % 30 == 0 ? AddressKind.BareMailbox : AddressKind.Mailbox, _mailbox);
        }
        int domain = isOurs ? 12 + _mailbox % 40
            : sender.Kind == AddressKind.Null ? 3
            : sender.Domain;
        var origin = new Origin(now, sasl, Uid: -1, _client, !sasl.IsNone || _client.Ip.IsOurs);
        return new Hop(sim, _node, origin, now)
        {
            Sender = sender,
            SizeBytes = sim.Mails.SizeBytes(),
            MessageId = sim.Mails.NewMessageId(now, domain, isOurs),
            Recipients = isOurs
                ? sim.Mails.Outbound(_node, copiesToArchive: _node.Host == 5)
                : sim.Mails.Inbound(_node, new Address(AddressKind.Mailbox, mailbox), isFiltered),
            WantsFilter = isFiltered,
            ReportsSuccess = !isFiltered && _business == Business.Submission && rng.Below(250) == 0,
        };
    }

    // One connection carries mail of one domain.
    private int NextPeer(Simulation sim)
    {
        int domain = new Address(AddressKind.Peer, _peer).Domain;
        for (int i = 0; i < 4 && _mail > 0; i++)
        {
            int other = sim.Mails.Peer();
            if (new Address(AddressKind.Peer, other).Domain == domain)
            {
                return other;
            }
        }
        return _peer;
    }

    private void ReadHeader(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        _hop!.WriteMessageId(sim, now);
        if (_business == Business.Filter)
        {
            sim.At(now + rng.Between(2 * Ms, 15 * Ms), this, EndOfMessage, isCritical: true);
            return;
        }
        if (_business == Business.Inbound && _node.Host == 1 && rng.Below(3) == 0)
        {
            WriteSubject(sim, now);
        }
        long transfer = rng.Between(5 * Ms, 60 * Ms) + _hop.SizeBytes / 4;
        bool givesUp = _business == Business.Inbound && rng.Below(1500) == 0;
        sim.At(now + Math.Min(transfer, 20 * Second), this, givesUp ? GiveUp : EndOfMessage);
    }

    private void QueueMail(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        _data++;
        Hop hop = _hop!;
        if (_business == Business.Inbound && rng.Below(70) == 0)
        {
            RefuseMessage(sim, now);
        }
        else
        {
            if (_business == Business.Submission && _node.Host is (0 or 6))
            {
                sim.Log.Line(
                    now,
                    _node,
                    Daemon.Opendkim,
                    _node.Pid(Daemon.Opendkim),
                    $"{hop.Id}: DKIM-Signature field added (s=key1, d=example.org)");
            }
            hop.Step(sim, now, Hop.Activate);
            if (_business == Business.Filter)
            {
                _parent!.AcceptedByFilter(sim, now);
            }
        }
        if (_mailsLeft > 0)
        {
            sim.At(now + rng.Between(20 * Ms, 900 * Ms), this, Accept);
        }
        else
        {
            sim.At(now + rng.Between(2 * Ms, 120 * Ms), this, Disconnect);
        }
    }

    private void EndSession(Simulation sim, long now)
    {
        ByteWriter line = sim.Log.Begin(now, _node, _daemon, _pid);
        line.Put($"disconnect from {_client}");
        int starttls = _usesTls && _helo > 0 && _node.Index % 2 == 0 ? 1 : 0;
        bool quits = !_isLost;
        int total = _helo + starttls * 2 + _mail + _rcptGood + _data + (quits ? 1 : 0)
            + Math.Max(0, _auth - _authBad);
        int bad = _rcptBad + _authBad + _dataBad;
        Counter(line, "ehlo=", _helo + starttls, 0);
        Counter(line, "starttls=", starttls, 0);
        Counter(line, "auth=", _auth - _authBad, _authBad);
        Counter(line, "mail=", _mail, 0);
        Counter(line, "rcpt=", _rcptGood, _rcptBad);
        Counter(line, "data=", _data, _dataBad);
        Counter(line, "quit=", quits ? 1 : 0, 0);
        Counter(line, "commands=", total, bad);
        if (total + bad == 0)
        {
            line.Put(" commands=0/0"u8);
        }
        sim.Log.End();
        _node.ReturnSmtpd(_pid);
    }

    // "name=good", or "name=good/all" when some were refused.
    private static void Counter(ByteWriter line, string name, int good, int bad)
    {
        if (good + bad == 0)
        {
            return;
        }
        line.Put($" {name}{good}");
        if (bad > 0)
        {
            line.Put($"/{good + bad}");
        }
    }
}

/// <summary>The line about a TLS handshake within a connection.</summary>
internal sealed class TlsLine(Node node, Daemon daemon, int pid, Client client) : Actor
{
    public override void Step(Simulation sim, long now, int step) => sim.Log.Line(
        now,
        node,
        daemon,
        pid,
        $"Anonymous TLS connection established from {client}: TLSv1.3 with cipher "
            + $"TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA "
            + $"(prime256v1) server-digest SHA256");
}
