using LogGen.Text;

namespace LogGen.Mail;

/// <summary>Notifications, forwards and the content filter: where one hop makes another.</summary>
internal sealed partial class Hop
{
    // Index of "postmaster" in the list of roles.
    private const int PostmasterRole = 7;

    // Until Postfix 3.10 the link line follows the notification's message-id line; from 3.11 on it
    // comes first.
    private void StartNotification(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        var origin = new Origin(now, Sasl: default, Uid: -1, Client: default, IsFromUs: true);
        var notification = new Hop(sim, Node, origin, now)
        {
            Sender = Sender.Kind == AddressKind.Null
                ? new Address(AddressKind.DoubleBounce, 0, Node.Host)
                : Address.Null,
            SizeBytes = Math.Min(SizeBytes, 50_000) + rng.Between(1_900, 3_200),
            MessageId = new MessageId(
                MessageIdStyle.Postfix, rng.Next(), now, ~Node.Host),
            Recipients = [sim.Mails.RecipientFor(Node, NotificationTo, isNotification: true)],
        };
        notification.Via = [Id];
        notification.Marks = Marks.Notification;
        _notification = notification;
        long linked;
        if (Node.IsNew)
        {
            WriteLink(sim, now);
            linked = now;
            sim.At(now + rng.Between(300, 4 * Ms), notification, LogMessageId);
        }
        else
        {
            notification.WriteMessageId(sim, now);
            linked = now + rng.Between(400, 6 * Ms);
            sim.OpenWindow();
            _linkClosesWindow = true;
            sim.At(linked, this, LogLink, isCritical: true);
        }
        sim.At(now + rng.Between(4 * Ms, 15 * Ms), notification, Activate);
        sim.At(linked + rng.Between(200, 2 * Ms), this, Conclude);
    }

    // What cannot go back to the null sender goes to the postmaster, where that is configured.
    private Address NotificationTo =>
        Sender.Kind == AddressKind.Null ? new Address(AddressKind.Alias, PostmasterRole) : Sender;

    private void WriteLink(Simulation sim, long now)
    {
        sim.Log.Line(
            now,
            Node,
            Daemon.Bounce,
            Node.Pid(Daemon.Bounce),
            $"{Id}: {_notificationKind} notification: {_notification!.Id}");
        if (_linkClosesWindow)
        {
            _linkClosesWindow = false;
            sim.CloseWindow();
        }
    }

    /// <summary>local(8) makes a new mail for the addresses in an alias or .forward file.</summary>
    private void Forward(Simulation sim, long now, int index)
    {
        Rng rng = sim.Rng;
        Recipient recipient = Recipients[index];
        Address shown = rng.Below(2) == 0 ? recipient.To : default;
        var targets = new Recipient[rng.Below(12) == 0 ? 2 : 1];
        int peer = sim.Mails.Peer();
        for (int i = 0; i < targets.Length; i++)
        {
            var to = new Address(AddressKind.Peer, (peer + i * 7) % sim.Options.Peers);
            Recipient planned = sim.Mails.RecipientFor(Node, to, isNotification: false);
            targets[i] = planned.Continue(to, shown, recipient.To);
        }
        var next = new Hop(sim, Node, Origin, now)
        {
            Sender = Sender,
            SizeBytes = SizeBytes + rng.Between(200, 500),
            MessageId = MessageId,
            Recipients =
                targets.Length == 2 && targets[0].To == targets[1].To ? [targets[0]] : targets,
        };
        next.Continues(this, Marks.Forwarded);
        recipient.ForwardedTo = next;
        next.WriteMessageId(sim, now);
        sim.OpenWindow();
        sim.At(now + rng.Between(Ms, 9 * Ms), this, ForwardFirst + index, isCritical: true);
        sim.OpenWindow();
        next._activationClosesWindow = true;
        sim.At(now + rng.Between(2 * Ms, 12 * Ms), next, Activate, isCritical: true);
    }

    private void WriteForwarded(Simulation sim, long now, Recipient recipient)
    {
        recipient.Log(Status.Sent, 20_000, new Relay(RelayKind.Local), Agent.Local, now);
        recipient.IsHandedOn = true;
        ByteWriter line = BeginDelivery(sim, now, Daemon.Local, recipient);
        line.Put($"dsn=2.0.0, status=sent (forwarded as {recipient.ForwardedTo!.Id})");
        sim.Log.End();
        sim.CloseWindow();
        FinishRecipient(sim, now);
    }

    private void TryFilter(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        if (rng.Below(150) == 0)
        {
            FailToFilter(sim, now);
            return;
        }
        var connection = Connection.FromFilter(sim, this);
        long analysis = (long)Math.Clamp(rng.LogNormal(700, 0.8), 60, 20_000) * Ms;
        sim.At(now + analysis, connection, Connection.Connect);
    }

    private void FailToFilter(Simulation sim, long now)
    {
        _outstanding = 0;
        _bounced = false;
        foreach (Recipient recipient in Recipients)
        {
            _outstanding += recipient.IsPending ? 1 : 0;
        }
        foreach (Recipient recipient in Recipients)
        {
            if (!recipient.IsPending)
            {
                continue;
            }
            recipient.Log(Status.Deferred, 40_401, new Relay(RelayKind.None), Agent.Smtp, now);
            ByteWriter line = BeginDelivery(sim, now, Daemon.Smtp, recipient);
            line.Put("dsn=4.4.1, status=deferred (connect to 127.0.0.1[127.0.0.1]:10024: "u8
                + "Connection refused)"u8);
            sim.Log.End();
            FinishRecipient(sim, now);
        }
    }

    /// <summary>The mail as the filter hands it back.</summary>
    public Hop MakeFiltered(Simulation sim, long now)
    {
        bool expandsHere = Node.Filter == FilterMode.Anonymous;
        var rest = new List<Recipient>(Recipients.Length);
        foreach (Recipient recipient in Recipients)
        {
            if (recipient.IsPending)
            {
                rest.Add(expandsHere && !recipient.Expansion.IsNone
                    ? recipient.Continue(recipient.Expansion, recipient.To, recipient.To)
                    : recipient.Continue(recipient.To, default, recipient.TrueOrigTo));
            }
        }
        var next = new Hop(sim, Node, Origin, now)
        {
            Sender = Sender,
            SizeBytes = SizeBytes + sim.Rng.Between(380, 900),
            MessageId = MessageId,
            Recipients = [.. rest],
        };
        next.Continues(this, Marks.Filtered);
        _handedTo = next;
        return next;
    }

    /// <summary>
    /// The filter has accepted: the status lines follow, possibly after the delivery.
    /// </summary>
    public void AcceptedByFilter(Simulation sim, long now)
    {
        long at = now + (long)Math.Clamp(sim.Rng.LogNormal(25, 1.6), 1, 4_000) * Ms;
        _outstanding = 0;
        _bounced = false;
        _removalClosesWindow = true;
        for (int i = 0; i < Recipients.Length; i++)
        {
            if (Recipients[i].IsPending)
            {
                at += sim.Rng.Between(20, 120);
                sim.At(at, this, HandOnFirst + i, isCritical: true);
                _outstanding++;
            }
        }
    }

    // The filter's own line names both queue ids; no record comes of it.
    private void WriteAmavis(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        int pid = Node.Pid(Daemon.Amavis);
        ByteWriter line = sim.Log.Begin(now, Node, Daemon.Amavis, pid);
        line.Put($"({pid}-{rng.Between(10, 20)}) Passed CLEAN {{RelayedInbound}}, ");
        if (Origin.Uid < 0)
        {
            line.Put($"[{Origin.Client.Ip}]:{rng.Between(1025, 65_534)} [{Origin.Client.Ip}] ");
        }
        line.Put($"<{Sender}> -> <{Recipients[0].To}>, Queue-ID: {Id}, Message-ID: "
            + $"<{MessageId}>, mail_id: ");
        line.Scrambled(rng.Next(), 12, Session22[..62]);
        line.Put($", Hits: -{rng.Between(0, 9)}.{rng.Between(0, 9)}, size: {SizeBytes}, "
            + $"queued_as: {_handedTo!.Id}, {rng.Between(90, 4_000)} ms");
        sim.Log.End();
    }

    private void WriteHandedOn(Simulation sim, long now, int index)
    {
        Recipient recipient = Recipients[index];
        if (_outstanding == 1 && Node.Filter != FilterMode.OrigClient)
        {
            WriteAmavis(sim, now);
        }
        recipient.Log(Status.Sent, 20_000, new Relay(RelayKind.Filter), Agent.Smtp, now);
        recipient.IsHandedOn = true;
        ByteWriter line = BeginDelivery(sim, now, Daemon.Smtp, recipient);
        line.Put($"dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 "
            + $"Ok: queued as {_handedTo!.Id})");
        sim.Log.End();
        FinishRecipient(sim, now);
    }
}
