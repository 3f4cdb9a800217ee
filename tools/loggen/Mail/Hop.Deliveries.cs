using LogGen.Text;

namespace LogGen.Mail;

/// <summary>Attempts of the delivery agents and what they log.</summary>
internal sealed partial class Hop
{
    // Troubles of remote deliveries, by Recipient.Trouble modulo their number.
    private const int TroubleCount = 12;

    private static ReadOnlySpan<byte> LowerHex => "0123456789abcdef"u8;

    private static ReadOnlySpan<byte> Session22 =>
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8;

    private Server MailExchanger(Recipient recipient)
    {
        int domain = recipient.To.Domain;
        long count = domain < Names.ProviderCount ? 4 : 2;
        return new Server(domain, (int)(Id.CreatedUnixMicros % count) + 1, Sends: false);
    }

    private Agent AgentFor(Recipient recipient)
    {
        if (recipient.To.Kind == AddressKind.System || recipient.Fate == Fate.Forward)
        {
            return Agent.Local;
        }
        if (!recipient.To.IsLocal)
        {
            return Agent.Smtp;
        }
        return Node.Transport switch
        {
            LocalTransport.Virtual => Agent.Virtual,
            LocalTransport.Local => Agent.Local,
            LocalTransport.Pipe => Agent.Pipe,
            _ => Agent.Lmtp,
        };
    }

    private Relay RelayFor(Agent agent, Recipient recipient) => agent switch
    {
        Agent.Smtp => new Relay(RelayKind.Mx, 0, MailExchanger(recipient)),
        Agent.Lmtp => Node.Transport == LocalTransport.LmtpSocket
            ? new Relay(RelayKind.LmtpSocket, Node.Host)
            : new Relay(RelayKind.LmtpTcp, Node.Host),
        Agent.Local => new Relay(RelayKind.Local),
        Agent.Virtual => new Relay(RelayKind.Virtual),
        Agent.Pipe => new Relay(RelayKind.Pipe),
        _ => new Relay(RelayKind.None),
    };

    private long DeliveryMicros(Rng rng, Recipient recipient)
    {
        if (AgentFor(recipient) != Agent.Smtp)
        {
            return rng.Between(6 * Ms, 180 * Ms);
        }
        bool timesOut = recipient.FailuresLeft > 0 && recipient.Trouble % TroubleCount < 3
            && !IsSuspended(recipient);
        return timesOut
            ? 30 * Second + rng.Between(5 * Ms, 900 * Ms)
            : (long)Math.Clamp(rng.LogNormal(900, 0.9), 120, 90_000) * Ms;
    }

    // The queue manager remembers dead destinations for a while and does not even try.
    private static bool IsSuspended(Recipient recipient) =>
        recipient.Attempts > 0 && (recipient.Attempts + recipient.Trouble) % 4 == 0;

    private void Deliver(Simulation sim, long now, int index)
    {
        Recipient recipient = Recipients[index];
        if (recipient.FailuresLeft > 0)
        {
            recipient.FailuresLeft--;
            WriteDeferred(sim, now, recipient);
        }
        else if (recipient.Fate == Fate.Forward)
        {
            Forward(sim, now, index);
            return;
        }
        else if (recipient.Fate == Fate.Bounce)
        {
            _bounced = true;
            WriteBounced(sim, now, recipient);
        }
        else
        {
            WriteSent(sim, now, recipient);
        }
        FinishRecipient(sim, now);
    }

    /// <summary>
    /// A delivery line up to <c>delays=</c>; the recipient's state is already the new one.
    /// </summary>
    private ByteWriter BeginDelivery(Simulation sim, long now, Daemon daemon, Recipient recipient)
    {
        ByteWriter line = sim.Log.Begin(now, Node, daemon, Node.Pid(daemon));
        line.Put($"{Id}: to=<{recipient.To}>, ");
        if (!recipient.OrigTo.IsNone)
        {
            line.Put($"orig_to=<{recipient.OrigTo}>, ");
        }
        line.Put($"relay={recipient.Relay}, ");
        Rng rng = sim.Rng;
        bool isRemote = recipient.Relay.Kind == RelayKind.Mx;
        if (isRemote && rng.Below(18) == 0)
        {
            line.Put($"conn_use={rng.Between(2, 9)}, ");
        }
        long before = _activeMicros - _createdMicros;
        long attempt = now - _activeMicros;
        long queue = Math.Min(attempt / 3, rng.Between(Ms, 14 * Ms));
        long connect = isRemote ? attempt / 3
            : recipient.Relay.Kind == RelayKind.None ? attempt - queue
            : 0;
        long transmit = attempt - queue - connect;
        line.Put($"delay={new Delay(now - _createdMicros)}, "
            + $"delays={new Delay(before)}/{new Delay(queue)}/");
        line.Put($"{new Delay(connect)}/{new Delay(transmit)}, ");
        if (Node.IsNew && isRemote)
        {
            line.Put(recipient.Trouble % 5 == 0 ? "tls=may:none, " : "tls=may, ");
        }
        return line;
    }

    private static Daemon DaemonOf(Agent agent) => agent switch
    {
        Agent.Smtp => Daemon.Smtp,
        Agent.Lmtp => Daemon.Lmtp,
        Agent.Local => Daemon.Local,
        Agent.Virtual => Daemon.Virtual,
        Agent.Pipe => Daemon.Pipe,
        Agent.Error => Daemon.Error,
        _ => Daemon.Retry,
    };

    private void WriteSent(Simulation sim, long now, Recipient recipient)
    {
        Agent agent = AgentFor(recipient);
        recipient.Log(Status.Sent, DsnOfSent(agent, recipient), RelayFor(agent, recipient), agent,
            now);
        ulong seed = sim.Rng.Next();
        if (agent == Agent.Lmtp)
        {
            WriteDovecotSaved(sim, now, recipient, seed);
        }
        ByteWriter line = BeginDelivery(sim, now, DaemonOf(agent), recipient);
        line.Put($"dsn={new DsnText(recipient.Dsn)}, status=sent (");
        switch (agent)
        {
            case Agent.Smtp:
                WriteRemoteReply(line, now, recipient, seed);
                break;
            case Agent.Lmtp:
                line.Put($"250 2.0.0 <{recipient.To}> ");
                line.Scrambled(seed, 22, Session22);
                line.Put(" Saved"u8);
                break;
            case Agent.Pipe:
                line.Put("delivered via dovecot service"u8);
                break;
            default:
                line.Put(recipient.To.Index % 3 == 0 && agent == Agent.Local
                    ? "delivered to command: /usr/bin/procmail -a \"$EXTENSION\""
                    : "delivered to maildir");
                break;
        }
        line.Put(")"u8);
        sim.Log.End();
    }

    private static int DsnOfSent(Agent agent, Recipient recipient) =>
        agent == Agent.Smtp && ReplyStyle(recipient) == 2 ? 20_600 : 20_000;

    private static int ReplyStyle(Recipient recipient) => recipient.To.Domain % 6;

    private void WriteRemoteReply(ByteWriter line, long now, Recipient recipient, ulong seed)
    {
        long seconds = now / Second;
        switch (ReplyStyle(recipient))
        {
            case 0:
                line.Put($"250 2.0.0 OK  {seconds} ");
                line.Scrambled(seed, 13, LowerHex);
                line.Put($"si{(long)(seed >> 40) % 9_999_999}.{(long)(seed & 1023) % 1000} - "
                    + $"gsmtp");
                break;
            case 2:
                line.Put($"250 2.6.0 <{MessageId}> [InternalId={(long)(seed >> 20)}, Hostname=");
                line.Scrambled(seed, 12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"u8);
                line.Put($".prod.example.net] {SizeBytes + 1234} bytes in "
                    + $"0.{(long)(seed % 900) + 100}, "
                    + $"{(long)(seed % 300) + 20}.{(long)(seed % 997)} KB/sec Queued mail for "
                    + $"delivery");
                break;
            case 3:
                line.Put("250 OK id=1v"u8);
                line.Scrambled(seed, 4, Session22[..62]);
                line.Put("-"u8);
                line.Scrambled(seed >> 30, 11, Session22[..62]);
                line.Put("-"u8);
                line.Scrambled(seed >> 50, 4, Session22[..62]);
                break;
            default:
                var remoteId = new QueueId(
                    recipient.To.Domain % 2 == 0,
                    now - (long)(seed % 300_000),
                    (long)(seed >> 44) + 65_536);
                line.Put($"250 2.0.0 Ok: queued as {remoteId}");
                break;
        }
    }

    // Dovecot's own line about the same delivery; no record comes of it.
    private void WriteDovecotSaved(Simulation sim, long now, Recipient recipient, ulong seed)
    {
        if (Node.Transport != LocalTransport.LmtpSocket)
        {
            return;
        }
        ByteWriter line = sim.Log.Begin(now, Node, Daemon.Dovecot, Node.Pid(Daemon.Dovecot));
        line.Put($"lmtp({recipient.To})<{Node.Pid(Daemon.Lmtp)}><");
        line.Scrambled(seed, 22, Session22);
        line.Put($">: sieve: msgid=<{MessageId}>: stored mail into mailbox 'INBOX'");
        sim.Log.End();
    }

    private void WriteBounced(Simulation sim, long now, Recipient recipient)
    {
        Agent agent = AgentFor(recipient);
        int trouble = recipient.Trouble % TroubleCount;
        if (agent != Agent.Smtp && trouble < 3)
        {
            recipient.Log(Status.Bounced, 50_101, new Relay(RelayKind.None), Agent.Error, now);
            ByteWriter line = BeginDelivery(sim, now, Daemon.Error, recipient);
            line.Put("dsn=5.1.1, status=bounced (User unknown in virtual alias table)"u8);
        }
        else if (agent == Agent.Smtp && trouble < 2)
        {
            recipient.Log(Status.Bounced, 50_404, new Relay(RelayKind.None), agent, now);
            ByteWriter line = BeginDelivery(sim, now, Daemon.Smtp, recipient);
            line.Put("dsn=5.4.4, status=bounced (Host or domain name not found. Name service "u8
                + "error for name="u8);
            Names.WriteDomain(line, recipient.To.Domain);
            line.Put(" type=AAAA: Host not found)"u8);
        }
        else
        {
            WriteRefused(sim, now, recipient, agent, trouble);
        }
        sim.Log.End();
    }

    private void WriteRefused(Simulation sim, long now, Recipient recipient, Agent agent,
        int trouble)
    {
        int dsn = agent switch
        {
            Agent.Smtp => trouble switch { < 7 => 50_101, < 9 => 50_701, 9 => 50_202, _ => 50_700 },
            _ => 50_101,
        };
        recipient.Log(Status.Bounced, dsn, RelayFor(agent, recipient), agent, now);
        ByteWriter line = BeginDelivery(sim, now, DaemonOf(agent), recipient);
        line.Put($"dsn={new DsnText(dsn)}, status=bounced (");
        if (agent is Agent.Local or Agent.Virtual)
        {
            bool isBare = agent == Agent.Local && recipient.To.Kind == AddressKind.Mailbox;
            Address user = isBare ? new Address(AddressKind.BareMailbox, recipient.To.Index)
                : recipient.To;
            line.Put($"unknown user: \"{user}\")");
            return;
        }
        if (agent == Agent.Pipe)
        {
            line.Put("user unknown)"u8);
            return;
        }
        WriteSaid(line, recipient);
        string text = dsn switch
        {
            50_101 => "550 5.1.1",
            50_701 => "554 5.7.1",
            50_202 => "552 5.2.2",
            _ => "550 5.7.0",
        };
        line.Put($"{text} <{recipient.To}>");
        line.Put(dsn switch
        {
            50_101 => agent == Agent.Lmtp
                ? " User doesn't exist: unknown (in reply to RCPT TO command))"
                : ": Recipient address rejected: User unknown in virtual mailbox table (in reply "
                    + "to RCPT TO command))",
            50_701 => " Message rejected due to content restrictions, see "
                + "https://www.example.net/reject?id=71 (in reply to end of DATA command))",
            50_202 => " Mailbox full (in reply to RCPT TO command))",
            _ => " Local policy violation (in reply to MAIL FROM command))",
        });
    }

    // "host NAME[ADDRESS] said: ", taken from the relay.
    private static void WriteSaid(ByteWriter line, Recipient recipient)
    {
        if (recipient.Relay.Kind == RelayKind.Mx)
        {
            Server server = recipient.Relay.Server;
            line.Put($"host {server}[{server.Ip}] said: ");
        }
        else
        {
            line.Put($"host {recipient.Relay} said: ");
        }
    }

    private void WriteDeferred(Simulation sim, long now, Recipient recipient)
    {
        Agent agent = AgentFor(recipient);
        if (agent == Agent.Smtp)
        {
            WriteRemoteDeferred(sim, now, recipient);
            return;
        }
        int dsn = agent == Agent.Pipe ? 40_300 : 40_202;
        recipient.Log(Status.Deferred, dsn, RelayFor(agent, recipient), agent, now);
        ByteWriter line = BeginDelivery(sim, now, DaemonOf(agent), recipient);
        line.Put($"dsn={new DsnText(recipient.Dsn)}, status=deferred (");
        switch (agent)
        {
            case Agent.Lmtp:
                WriteSaid(line, recipient);
                line.Put($"452 4.2.2 <{recipient.To}> Quota exceeded (mailbox for user is full) "
                    + $"(in reply to end of DATA command))");
                break;
            case Agent.Pipe:
                line.Put("temporary failure. Command output: lda: Error: sieve: execution of "u8
                    + "script failed )"u8);
                break;
            default:
                line.Put("maildir delivery failed: error writing message: Disk quota exceeded)"u8);
                break;
        }
        sim.Log.End();
    }

    private void WriteRemoteDeferred(Simulation sim, long now, Recipient recipient)
    {
        int trouble = recipient.Trouble % TroubleCount;
        Server server = MailExchanger(recipient);
        bool isSuspended = trouble < 3 && IsSuspended(recipient);
        if (trouble < 3 && !isSuspended && sim.Rng.Below(3) == 0)
        {
            sim.Log.Line(now, Node, Daemon.Smtp, Node.Pid(Daemon.Smtp), $"connect to "
                + $"{server}[{server.Ip}]:25: Connection timed out");
        }
        int dsn = trouble switch
        {
            < 3 => 40_401,
            < 8 => 40_701,
            8 => 40_403,
            9 => 40_202,
            _ => 40_700,
        };
        bool isReached = trouble >= 3 && trouble != 8;
        Relay relay = isReached ? new Relay(RelayKind.Mx, 0, server) : new Relay(RelayKind.None);
        recipient.Log(Status.Deferred, dsn, relay, isSuspended ? Agent.Retry : Agent.Smtp, now);
        Daemon daemon = isSuspended ? Daemon.Retry : Daemon.Smtp;
        ByteWriter line = BeginDelivery(sim, now, daemon, recipient);
        line.Put($"dsn={new DsnText(dsn)}, status=deferred (");
        if (isReached)
        {
            WriteSaid(line, recipient);
            line.Put(trouble switch
            {
                < 8 => "450 4.7.1 Greylisted, please try again in 300 seconds",
                9 => "452 4.2.2 Over quota",
                _ => "421 4.7.0 Too many connections from your host, try later",
            });
            line.Put(trouble < 10 ? " (in reply to RCPT TO command))" : " (in reply to MAIL FROM "
                + "command))");
        }
        else if (trouble == 8)
        {
            line.Put("Host or domain name not found. Name service error for name="u8);
            Names.WriteDomain(line, recipient.To.Domain);
            line.Put(" type=MX: Host not found, try again)"u8);
        }
        else
        {
            line.Put(isSuspended ? "delivery temporarily suspended: " : "");
            line.Put($"connect to {server}[{server.Ip}]:25: Connection timed out)");
        }
        sim.Log.End();
    }
}

/// <summary>A delay as Postfix prints it: two significant digits, not below 0.01.</summary>
internal readonly record struct Delay(long Micros) : IText
{
    public void WriteTo(ByteWriter writer)
    {
        if (Micros >= 10_000_000)
        {
            writer.Put((Micros + 500_000) / 1_000_000);
            return;
        }
        long unit = Micros >= 1_000_000 ? 100_000 : 10_000;
        long rounded = (Micros + unit / 2) / unit;
        long perSecond = 1_000_000 / unit;
        writer.Put(rounded / perSecond);
        long rest = rounded % perSecond;
        if (rest == 0)
        {
            return;
        }
        writer.Put("."u8);
        if (perSecond == 100 && rest % 10 != 0)
        {
            writer.Padded(rest, 2);
        }
        else
        {
            writer.Put(perSecond == 100 ? rest / 10 : rest);
        }
    }
}
