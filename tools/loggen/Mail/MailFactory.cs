using LogGen.Text;

namespace LogGen.Mail;

/// <summary>Draws senders, recipients and their fates.</summary>
internal sealed class MailFactory(Rng rng, Options options)
{
    private const int RecipientsMax = 40;
    private const int AliasCount = 400;

    private readonly List<Recipient> _list = [];

    public int Mailbox() => rng.Rank(options.Mailboxes);

    public int Peer() => options.HasUniformPeers ? rng.Below(options.Peers)
        : rng.Rank(options.Peers);

    public long SizeBytes() => (long)Math.Clamp(rng.LogNormal(13_000, 1.5), 480, 52_428_800);

    /// <summary>Envelope sender of a mail from elsewhere to a mailbox of ours.</summary>
    public Address ForeignSender(int mailbox, int peer)
    {
        return rng.Below(1000) switch
        {
            < 120 => new Address(AddressKind.Verp, peer, mailbox),
            < 135 => new Address(AddressKind.Srs, peer, mailbox),
            < 165 => Address.Null,
            < 166 => new Address(AddressKind.Quoted, peer),
            _ => new Address(AddressKind.Peer, peer),
        };
    }

    public MessageId NewMessageId(long now, int domain, bool isSubmission)
    {
        int draw = rng.Below(1000);
        MessageIdStyle style = isSubmission
            ? draw switch
            {
                < 300 => MessageIdStyle.UuidUpper,
                < 650 => MessageIdStyle.UuidLower,
                < 850 => MessageIdStyle.Roundcube,
                _ => MessageIdStyle.Outlook,
            }
            : draw switch
            {
                < 8 => MessageIdStyle.None,
                < 80 => MessageIdStyle.UuidUpper,
                < 200 => MessageIdStyle.UuidLower,
                < 400 => MessageIdStyle.Webmail,
                < 600 => MessageIdStyle.Exchange,
                < 800 => MessageIdStyle.Java,
                < 880 => MessageIdStyle.Postfix,
                < 940 => MessageIdStyle.Roundcube,
                _ => MessageIdStyle.Outlook,
            };
        return new MessageId(style, rng.Next(), now, domain);
    }

    /// <summary>Recipients of a mail from elsewhere: ours, with few exceptions.</summary>
    public Recipient[] Inbound(Node node, Address first, bool isFiltered)
    {
        int count = DrawCount();
        for (int i = 0; i < count; i++)
        {
            int draw = rng.Below(1000);
            if (draw < 12)
            {
                Add(Fated(node, new Address(AddressKind.Peer, Peer()), default, mayForward: false));
            }
            else if (draw < 90 && (i == 0 || !isFiltered))
            {
                Add(Aliased(node, new Address(AddressKind.Alias, rng.Rank(AliasCount)),
                    isFiltered));
            }
            else
            {
                Address to = i == 0 ? first : new Address(AddressKind.Mailbox, Mailbox());
                Add(Fated(node, draw > 985 ? Detailed(to) : to, default, mayForward: true));
            }
        }
        return Take();
    }

    /// <summary>Recipients of a mail that one of our users sends.</summary>
    public Recipient[] Outbound(Node node, bool copiesToArchive)
    {
        int count = DrawCount();
        for (int i = 0; i < count; i++)
        {
            Address to = rng.Below(100) < 38
                ? new Address(AddressKind.Mailbox, Mailbox())
                : new Address(
                    rng.Below(2_000) == 0 ? AddressKind.Quoted : AddressKind.Peer, Peer());
            Add(Fated(node, to, default, mayForward: true));
        }
        if (copiesToArchive)
        {
            Add(new Recipient { To = new Address(AddressKind.Archive) });
        }
        return Take();
    }

    /// <summary>Mail of a Unix account, mostly cron's to root.</summary>
    public Recipient[] Local(Node node, int account)
    {
        var root = new Address(AddressKind.BareSystem, account);
        Add(new Recipient
        {
            To = new Address(AddressKind.Mailbox, node.Host % options.Mailboxes),
            OrigTo = root,
            TrueOrigTo = root,
        });
        return Take();
    }

    /// <summary>The only recipient of a notification, or one target of a forward.</summary>
    public Recipient RecipientFor(Node node, Address to, bool isNotification)
    {
        // Half of what is bounced was forged: its sender does not want it either.
        if (isNotification && !to.IsLocal && rng.Below(100) < 25)
        {
            return new Recipient { To = to, Fate = Fate.Bounce, Trouble = rng.Below(1 << 20) };
        }
        return Fated(node, to, default, mayForward: false);
    }

    private int DrawCount()
    {
        if (rng.Below(100) < 84)
        {
            return 1;
        }
        double tail = Math.Pow(1.0 - rng.Unit(), -0.95);
        return (int)Math.Min(RecipientsMax, 1.0 + tail);
    }

    private Address Detailed(Address to) => new(AddressKind.Plus, to.Index, rng.Below(6));

    private Recipient Aliased(Node node, Address alias, bool isFiltered)
    {
        int owner = (int)(Rng.Mix((ulong)alias.Index + 0xA11A5) % (ulong)options.Mailboxes);
        var mailbox = new Address(AddressKind.Mailbox, owner);
        if (isFiltered && node.Filter == FilterMode.Anonymous)
        {
            // Expansion is left to the instance behind the filter.
            return new Recipient { To = alias, Expansion = mailbox };
        }
        return Fated(node, mailbox, alias, mayForward: false);
    }

    private Recipient Fated(Node node, Address to, Address origTo, bool mayForward)
    {
        // What lasts is a dead host or a missing name, not a grey list.
        const int Lasting = 4;
        int trouble = rng.Below(1 << 20);
        int draw = rng.Below(10_000);
        Fate fate = Fate.Deliver;
        int failures = 0;
        if (to.IsLocal || to.Kind == AddressKind.System)
        {
            (fate, failures) = draw switch
            {
                < 90 when to.Kind != AddressKind.System => (Fate.Bounce, 0),
                < 130 => (Fate.Deliver, 1 + rng.Below(30)),
                < 330 when mayForward && to.Kind == AddressKind.Mailbox => (Fate.Forward, 0),
                _ => (Fate.Deliver, 0),
            };
        }
        else
        {
            (fate, failures) = draw switch
            {
                < 350 => (Fate.Bounce, 0),
                < 380 => (Fate.Bounce, 1 + rng.Below(3)),
                < 780 => (Fate.Deliver, 1 + (int)rng.Exponential(0.8)),
                < 830 => (Fate.Deliver, 2 + rng.Below(25)),
                < 850 => (Fate.Deliver, int.MaxValue),
                _ => (Fate.Deliver, 0),
            };
        }
        if (failures > Lasting)
        {
            int kind = (trouble % 5) switch { 3 => 8, 4 => 9, var timeout => timeout };
            trouble = trouble / 12 * 12 + kind;
        }
        bool isUnknown = fate == Fate.Bounce && mayForward && to.Kind == AddressKind.Mailbox;
        return new Recipient
        {
            To = isUnknown ? new Address(AddressKind.Unknown, to.Index) : to,
            OrigTo = origTo,
            TrueOrigTo = origTo,
            Fate = fate,
            Trouble = trouble,
            FailuresLeft = failures,
        };
    }

    // Postfix drops duplicate recipients.
    private void Add(Recipient added)
    {
        foreach (Recipient present in _list)
        {
            if (present.To == added.To || (!added.Expansion.IsNone && present.To == added.Expansion)
                || (!present.Expansion.IsNone && present.Expansion == added.To))
            {
                return;
            }
        }
        _list.Add(added);
    }

    private Recipient[] Take()
    {
        Recipient[] taken = [.. _list];
        _list.Clear();
        return taken;
    }
}
