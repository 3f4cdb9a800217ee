using LogGen.Text;

namespace LogGen.Mail;

/// <summary>A mail made on the host itself by sendmail(1): pickup instead of smtpd.</summary>
internal static class LocalSubmission
{
    private static readonly int[] s_uids = [0, 33, 38, 34, 998];

    public static void Start(Simulation sim, long now, Node node)
    {
        Rng rng = sim.Rng;
        int account = rng.Below(10) switch { < 5 => 0, < 8 => 1, 8 => 2, _ => 3 + rng.Below(2) };
        int uid = s_uids[account];
        bool isWeb = uid == 33;
        var hop = new Hop(sim, node, new Origin(now, default, uid, default, IsFromUs: true), now)
        {
            Sender = new Address(AddressKind.System, account, node.Host),
            PickupSender = new Address(AddressKind.BareSystem, account),
            SizeBytes = (long)rng.LogNormal(1_400, 0.7) + 420,
            MessageId = new MessageId(
                isWeb ? MessageIdStyle.Roundcube : MessageIdStyle.Postfix,
                rng.Next(),
                now,
                ~node.Host),
            Recipients = isWeb ? sim.Mails.Outbound(node, copiesToArchive: false)
                : sim.Mails.Local(node, account),
            WantsFilter = node.Filter == FilterMode.OrigQueueId && rng.Below(2) == 0,
        };
        sim.Log.Line(
            now,
            node,
            Daemon.Pickup,
            node.Pid(Daemon.Pickup),
            $"{hop.Id}: uid={uid} from=<{hop.PickupSender}>");
        sim.At(now + rng.Between(2_000, 12_000), hop, Hop.LogMessageId);
        sim.At(now + rng.Between(14_000, 40_000), hop, Hop.Activate);
    }
}
