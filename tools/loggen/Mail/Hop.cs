using LogGen.Text;

namespace LogGen.Mail;

/// <summary>One queue file from its creation to its removal: the queue manager's view.</summary>
/// <remarks>
/// State that the truth reads changes only when the line that shows it is written, so the truth of
/// a log that ends at any moment is the state at that moment.
/// </remarks>
internal sealed partial class Hop : Actor
{
    private const long Ms = 1_000;
    private const long Second = 1_000_000;

    // Steps; from DeliverFirst on they carry the recipient's index.
    public const int LogMessageId = 0;
    public const int Activate = 1;
    private const int Notify = 2;
    private const int LogLink = 3;
    private const int Conclude = 4;
    private const int Remove = 5;
    private const int Expire = 6;
    private const int Delete = 7;
    private const int Requeue = 8;
    private const int PickUpAgain = 9;
    private const int SendToFilter = 10;
    private const int DeliverFirst = 1_000;
    private const int HandOnFirst = 1_000_000;
    private const int ForwardFirst = 2_000_000;

    private readonly long _createdMicros;
    private long _activeMicros;
    private int _outstanding;
    private bool _bounced;
    private bool _isDelayWarned;
    private bool _isExpired;
    private bool _linkClosesWindow;
    private bool _activationClosesWindow;
    private bool _removalClosesWindow;
    private bool _hasReported;
    private string _notificationKind = "";
    private Hop? _notification;
    private Hop? _handedTo;

    public Hop(Simulation sim, Node node, Origin origin, long now)
    {
        Node = node;
        Origin = origin;
        Id = node.QueueIds.Take(now);
        _createdMicros = now;
        sim.HopsAlive.Add(this);
    }

    public Node Node { get; }

    public Origin Origin { get; }

    public QueueId Id { get; }

    public QueueId[] Via { get; private set; } = [];

    public Marks Marks { get; private set; }

    public Address Sender { get; init; }

    /// <summary>The sender that pickup logs, before the queue manager has completed it.</summary>
    public Address PickupSender { get; init; }

    public long SizeBytes { get; init; }

    public MessageId MessageId { get; init; }

    public MessageId LoggedMessageId { get; private set; }

    public required Recipient[] Recipients { get; init; }

    /// <summary>The queue manager has logged it.</summary>
    public bool IsQueued { get; private set; }

    public Address LoggedSender => IsQueued ? Sender : PickupSender;

    /// <summary>Handed to the content filter instead of being delivered.</summary>
    public bool WantsFilter { get; init; }

    /// <summary>Its sender asked to be told of the delivery.</summary>
    public bool ReportsSuccess { get; init; }

    /// <summary>Place in the list of hops alive.</summary>
    public int AliveIndex { get; set; } = -1;

    public override void Step(Simulation sim, long now, int step)
    {
        switch (step)
        {
            case LogMessageId:
                WriteMessageId(sim, now);
                break;
            case Activate:
                BecomeActive(sim, now);
                break;
            case Notify:
                StartNotification(sim, now);
                break;
            case LogLink:
                WriteLink(sim, now);
                break;
            case Conclude:
                ConcludePass(sim, now);
                break;
            case Remove:
                sim.Log.Line(now, Node, Daemon.Qmgr, Node.Pid(Daemon.Qmgr), $"{Id}: removed");
                End(sim, now, isDeleted: false);
                break;
            case Expire:
                WriteExpired(sim, now);
                break;
            case Delete:
                DeleteByAdministrator(sim, now);
                break;
            case Requeue:
                RequeueByAdministrator(sim, now);
                break;
            case PickUpAgain:
                PickUpRequeued(sim, now);
                break;
            case SendToFilter:
                TryFilter(sim, now);
                break;
            case >= ForwardFirst:
                WriteForwarded(sim, now, Recipients[step - ForwardFirst]);
                break;
            case >= HandOnFirst:
                WriteHandedOn(sim, now, step - HandOnFirst);
                break;
            default:
                Deliver(sim, now, step - DeliverFirst);
                break;
        }
    }

    /// <summary>Makes this hop the continuation of another one.</summary>
    public void Continues(Hop earlier, Marks mark)
    {
        Via = [.. earlier.Via, earlier.Id];
        Marks = earlier.Marks | mark;
        LoggedMessageId = earlier.LoggedMessageId;
    }

    public void WriteMessageId(Simulation sim, long now)
    {
        ByteWriter line = sim.Log.Begin(now, Node, Daemon.Cleanup, Node.Pid(Daemon.Cleanup));
        line.Put($"{Id}: message-id=<{MessageId}>");
        sim.Log.End();
        LoggedMessageId = MessageId;
    }

    /// <summary>The mail never came into the queue; there is nothing left of it.</summary>
    public void Abandon(Simulation sim, long now)
    {
        sim.HopsAlive.Remove(this);
        Node.QueueIds.Free(Id, now);
    }

    private void BecomeActive(Simulation sim, long now)
    {
        sim.Log.Line(
            now,
            Node,
            Daemon.Qmgr,
            Node.Pid(Daemon.Qmgr),
            $"{Id}: from=<{Sender}>, size={SizeBytes}, nrcpt={Recipients.Length} (queue active)");
        bool isFirst = !IsQueued;
        _activeMicros = now;
        IsQueued = true;
        if (_activationClosesWindow)
        {
            _activationClosesWindow = false;
            sim.CloseWindow();
        }
        Rng rng = sim.Rng;
        if (isFirst && Via.Length == 0 && rng.Below(8_000) == 0)
        {
            sim.At(now + rng.Between(Second, 40 * Second), this, Delete);
        }
        else if (WantsFilter)
        {
            sim.At(now + rng.Between(3 * Ms, 60 * Ms), this, SendToFilter);
        }
        else
        {
            ScheduleDeliveries(sim, now);
        }
    }

    private void ScheduleDeliveries(Simulation sim, long now)
    {
        _outstanding = 0;
        _bounced = false;
        for (int i = 0; i < Recipients.Length; i++)
        {
            if (Recipients[i].IsPending)
            {
                _outstanding++;
                sim.At(now + DeliveryMicros(sim.Rng, Recipients[i]), this, DeliverFirst + i);
            }
        }
    }

    /// <summary>The last outstanding recipient of this pass has reported.</summary>
    private void FinishRecipient(Simulation sim, long now)
    {
        if (--_outstanding > 0)
        {
            return;
        }
        Rng rng = sim.Rng;
        if (_bounced && (Sender.Kind != AddressKind.Null || (Node.IsNew && Marks == Marks.None)))
        {
            _notificationKind = Sender.Kind == AddressKind.Null
                ? "postmaster non-delivery"
                : "sender non-delivery";
            sim.At(now + rng.Between(Ms, 8 * Ms), this, Notify);
        }
        else if (ReportsSuccess && !_hasReported)
        {
            _hasReported = true;
            _notificationKind = "sender delivery status";
            sim.At(now + rng.Between(Ms, 8 * Ms), this, Notify);
        }
        else
        {
            sim.At(now + rng.Between(200, 3 * Ms), this, Conclude, _removalClosesWindow);
        }
    }

    private void ConcludePass(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        if (_isExpired || !Array.Exists(Recipients, r => r.IsPending))
        {
            sim.At(now, this, Remove, _removalClosesWindow);
            return;
        }
        long ageSeconds = (now - _createdMicros) / Second;
        if (ageSeconds > Node.QueueLifetimeSeconds)
        {
            _isExpired = true;
            sim.At(now, this, Expire);
        }
        else if (Node.WarnsOfDelay && !_isDelayWarned && ageSeconds > 4 * 3600
            && Sender.Kind != AddressKind.Null)
        {
            _isDelayWarned = true;
            _notificationKind = "sender delay";
            sim.At(now, this, Notify);
        }
        else
        {
            ScheduleRetry(sim, now, ageSeconds);
        }
    }

    // Postfix waits about as long as the mail is old, at least 300 s and at most 4000 s, and looks
    // every 300 s. Now and then the administrator is faster.
    private void ScheduleRetry(Simulation sim, long now, long ageSeconds)
    {
        Rng rng = sim.Rng;
        long wait = Math.Clamp(ageSeconds, 300, 4_000) * Second + rng.Between(0, 300 * Second);
        int act = rng.Below(200) switch
        {
            0 => Delete,
            1 or 2 when Marks == Marks.None && !WantsFilter => Requeue,
            _ => Activate,
        };
        sim.At(act == Activate ? now + wait : now + rng.Between(60 * Second, wait), this, act);
    }

    private void WriteExpired(Simulation sim, long now)
    {
        sim.Log.Line(
            now,
            Node,
            Daemon.Qmgr,
            Node.Pid(Daemon.Qmgr),
            $"{Id}: from=<{Sender}>, status=expired, returned to sender");
        foreach (Recipient recipient in Recipients)
        {
            if (recipient.Status == Status.Deferred)
            {
                recipient.Expire(now);
            }
        }
        if (Sender.Kind == AddressKind.Null)
        {
            sim.At(now + sim.Rng.Between(100, Ms), this, Remove);
            return;
        }
        _notificationKind = "sender non-delivery";
        sim.At(now + sim.Rng.Between(Ms, 8 * Ms), this, Notify);
    }

    private void DeleteByAdministrator(Simulation sim, long now)
    {
        int pid = Node.FreshPid();
        sim.Log.Line(now, Node, Daemon.Postsuper, pid, $"{Id}: removed");
        sim.Log.Line(now, Node, Daemon.Postsuper, pid, $"Deleted: 1 message");
        End(sim, now, isDeleted: true);
    }

    private void RequeueByAdministrator(Simulation sim, long now)
    {
        int pid = Node.FreshPid();
        sim.Log.Line(now, Node, Daemon.Postsuper, pid, $"{Id}: requeued");
        sim.Log.Line(now, Node, Daemon.Postsuper, pid, $"Requeued: 1 message");
        sim.At(now + sim.Rng.Between(20 * Ms, 20 * Second), this, PickUpAgain);
    }

    private void PickUpRequeued(Simulation sim, long now)
    {
        Recipient[] rest = Array.ConvertAll(
            Array.FindAll(Recipients, r => r.IsPending),
            r => r.Continue(r.To, r.OrigTo, r.TrueOrigTo));
        var next = new Hop(sim, Node, Origin, now)
        {
            Sender = Sender,
            PickupSender = Sender,
            SizeBytes = SizeBytes,
            MessageId = MessageId,
            Recipients = rest,
        };
        next.Continues(this, Marks.Requeued);
        sim.Log.Line(
            now,
            Node,
            Daemon.Pickup,
            Node.Pid(Daemon.Pickup),
            $"{next.Id}: uid=112 from=<{Sender}> orig_id={Id}");
        sim.At(now + sim.Rng.Between(2 * Ms, 20 * Ms), next, LogMessageId);
        sim.At(now + sim.Rng.Between(25 * Ms, 60 * Ms), next, Activate);
        foreach (Recipient recipient in Recipients)
        {
            recipient.IsHandedOn |= recipient.IsPending;
        }
        End(sim, now, isDeleted: false);
    }

    /// <summary>The queue file is gone: what is known now is final.</summary>
    private void End(Simulation sim, long now, bool isDeleted)
    {
        bool isAnyKnown = false;
        foreach (Recipient recipient in Recipients)
        {
            isAnyKnown |= recipient.Attempts > 0;
            if (recipient.Attempts == 0 || recipient.IsHandedOn)
            {
                continue;
            }
            bool isCut = isDeleted && recipient.Status == Status.Deferred;
            sim.Truth.Mail(
                this,
                recipient,
                isCut ? "deleted" : StatusWord(recipient.Status),
                isCut ? now : recipient.FinalMicros,
                Marks.None);
        }
        if (!isAnyKnown)
        {
            sim.Truth.Mail(this, null, isDeleted ? "deleted" : "discarded", now, Marks.None);
        }
        Abandon(sim, now);
        if (_removalClosesWindow)
        {
            sim.CloseWindow();
        }
    }

    /// <summary>The log ends while the mail is still here.</summary>
    public void WriteInFlight(Truth truth)
    {
        bool isAnyKnown = false;
        foreach (Recipient recipient in Recipients)
        {
            isAnyKnown |= recipient.Attempts > 0;
            if (recipient.Attempts > 0 && !recipient.IsHandedOn)
            {
                truth.Mail(
                    this,
                    recipient,
                    StatusWord(recipient.Status),
                    recipient.FinalMicros,
                    Marks.InFlight);
            }
        }
        if (!isAnyKnown && IsQueued)
        {
            truth.Mail(this, null, "queued", 0, Marks.InFlight);
        }
    }

    private static string StatusWord(Status status) => status switch
    {
        Status.Sent => "sent",
        Status.Bounced => "bounced",
        Status.Expired => "expired",
        _ => "deferred",
    };
}
