using System.IO.Hashing;
using System.Numerics;
using System.Runtime.CompilerServices;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Joins events into records: docs/RECORDS.md, "The life of a mail" and "Sessions".</summary>
/// <remarks>
/// Events come in line order. What is alive sits in pools of plain structs, found by hash tables;
/// finished mail goes to the current batch as rows. A hop that has ended but must wait (for a link
/// to its origin, for the other end of an edge, for late status lines) stays in a waiting list.
/// Waiting is measured in log time of its host, and checked where it matters, so that the result
/// does not depend on when the list is swept. Invariant: a parent outlives its children.
/// </remarks>
internal sealed partial class Tracker
{
    internal const long Second = 1_000_000;
    internal const long Minute = 60 * Second;
    internal const long Day = 86_400 * Second;

    /// <summary>Lines of one hop that should be in order may be off by this much; edges too.</summary>
    internal const long LateMax = Minute;

    /// <summary>An ended hop without known origin waits this long for the line that names it.</summary>
    internal const long OriginWait = 5 * Minute;

    /// <summary>Postfix gives mail up after 5 days by default, and says so at the next queue scan.</summary>
    internal const long QueuedIdleMax = 6 * Day;

    internal const long UnqueuedIdleMax = Day;

    /// <summary>More hops alive than this are closed from the idle end on, marked missing end.</summary>
    internal const int HopsMax = 1 << 20;

    /// <summary>So many recipients of hops alive, or attempts of theirs, do the same.</summary>
    internal const int RecipientsMax = 1 << 20;

    /// <summary>Edges whose other end has not been seen; more are forgotten, their mails unlinked.</summary>
    internal const int PendingMax = 1 << 17;

    private const int ChainMax = 16;

    private readonly long _seed;
    private readonly HostTable _hosts;
    private readonly LocalDomains _domains;
    private readonly Pool<Hop> _hops = new();
    private readonly Pool<Recipient> _recipients = new();
    private readonly Pool<Retry> _retries = new();
    private readonly Pool<ChildId> _childIds = new();
    private readonly KeyTable _keys = new();
    private readonly KeyTable _recipientKeys = new();
    private readonly Dictionary<(int Group, QueueId Id), PendingEdge> _pending = [];
    private readonly List<int> _waiting = [];
    private long[] _clocks = new long[16];

    // Hosts with several Postfix instances: index of the first, and a list from there.
    private int[] _groups = new int[16];
    private int[] _groupNext = new int[16];
    private uint[] _hostTexts = new uint[16];
    private int _groupsKnown;
    private RecordBatch _batch;
    private long _now;
    private long _nextIdleSweep;
    private int _eventsToSweep = SweepEvery;

    private const int SweepEvery = 1 << 15;

    public Tracker(HostTable hosts, LocalDomains domains, RecordBatch batch, long seed)
    {
        _hosts = hosts;
        _domains = domains;
        _batch = batch;
        _seed = seed;
    }

    /// <summary>Mails written, chains counted once.</summary>
    public long Messages { get; private set; }

    /// <summary>Hops that never were in the queue.</summary>
    public long Abandoned { get; private set; }

    public int HopsAlive => _hops.Live;

    /// <summary>Takes a batch of events, in line order, with the block they point into.</summary>
    public void Add(ReadOnlySpan<LogEvent> events, ReadOnlySpan<byte> block)
    {
        while (events.Length > PreparedMax)
        {
            Add(events[..PreparedMax], block);
            events = events[PreparedMax..];
        }
        Prepare(events, block);
        for (int i = 0; i < events.Length; i++)
        {
            ref readonly LogEvent e = ref events[i];
            _current = i;
            ReachTime(in e);
            Add(in e, block);
            for (int again = e.Repeats; again > 0; again--)
            {
                Add(in e, block);
            }
        }
        _eventsToSweep -= events.Length;
        if (_eventsToSweep <= 0)
        {
            _eventsToSweep = SweepEvery;
            Sweep();
        }
    }

    /// <summary>Moves the clock of the line's host on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ReachTime(ref readonly LogEvent e)
    {
        if (e.Host >= _groupsKnown)
        {
            LearnHosts();
        }
        int group = _groups[e.Host];
        ref long clock = ref _clocks[group];
        if (e.TimeUnixMicros > clock)
        {
            clock = e.TimeUnixMicros;
            _now = Math.Max(_now, clock);
        }
        if (clock - e.TimeUnixMicros >= ClockBehindMin || _clockCounts.Length > 0)
        {
            CountClock(in e, group, clock - e.TimeUnixMicros);
        }
    }

    /// <summary>Writes what need not wait any longer; closes what has been idle for too long.</summary>
    public void Sweep()
    {
        SweepWaiting();
        SweepEnds();
        SweepFates();
        SweepWebLogins();
        if (_now >= _nextIdleSweep || IsOverfull || _sessions.Live > SessionsMax
            || _pending.Count > PendingMax)
        {
            _nextIdleSweep = _now + (60 * Minute);
            SweepIdle();
            SweepSessions();
            SweepPending();
        }
    }

    private bool IsOverfull => _hops.Live > HopsMax
        || _recipients.Live > RecipientsMax || _retries.Live > RecipientsMax;

    /// <summary>
    /// How long something may be idle: at first as long as is right, then, where there is too much
    /// of it, ever less; at last, since the log's time may stand still, no time at all.
    /// </summary>
    private static long Shortened(long idleMax, int step) => step < 14 ? idleMax >> (3 * step) : -1;

    private void Add(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        switch (e.Kind)
        {
            case EventKind.Client:
                AddClient(in e, block);
                break;
            case EventKind.Pickup:
                AddPickup(in e);
                break;
            case EventKind.MessageId:
                AddMessageId(in e, block);
                break;
            case EventKind.QueueActive:
                AddQueueActive(in e);
                break;
            case EventKind.Expired:
                AddExpired(in e);
                break;
            case EventKind.Delivery:
                AddDelivery(in e, block);
                break;
            case EventKind.Removed:
                AddRemoved(in e);
                break;
            case EventKind.Notification:
                AddNotification(in e);
                break;
            case EventKind.Reject:
                AddReject(in e, block);
                break;
            case EventKind.Login:
                AddLogin(in e, block);
                break;
            case EventKind.Logout:
                AddLogout(in e, block);
                break;
            case EventKind.WebLogin:
                AddWebLogin(in e, block);
                break;
            case EventKind.Handed:
                AddHanded(in e);
                break;
            case EventKind.Fate:
                AddFate(in e, block);
                break;
        }
    }

    private void AddClient(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        int index = Begin(in e);
        ref Hop hop = ref _hops[index];
        hop.Ip = IpOf(e.Ip, block);
        if (e.OrigIp.IsPresent)
        {
            hop.OrigIp = IpOf(e.OrigIp, block);
        }
        hop.Sasl = SaslText;
        int parent = e.OrigQueueId.IsNone ? -1 : FindInGroup(e.Host, e.OrigQueueId, in e);
        if (parent >= 0 && hop.Parent < 0)
        {
            Link(index, parent, HopMarks.Filtered, e.TimeUnixMicros);
        }
        else if (hop.Ip.IsLoopback)
        {
            ResolvePending(index, e.TimeUnixMicros);
        }
    }

    private void AddPickup(ref readonly LogEvent e)
    {
        int index = Begin(in e);
        _hops[index].Uid = (int)e.Number;
        _hops[index].PickupSender = SenderText;
        if (e.OrigQueueId.IsNone)
        {
            return;
        }
        int parent = FindInGroup(e.Host, e.OrigQueueId, in e);
        if (parent >= 0 && parent != index && Link(index, parent, HopMarks.Requeued, e.TimeUnixMicros))
        {
            ref Hop old = ref _hops[parent];
            old.Marks |= HopMarks.Continued;
            if (!old.Has(HopMarks.Ended))
            {
                End(parent, e.TimeUnixMicros);
            }
        }
        else
        {
            _hops[index].Marks |= HopMarks.Requeued;
            _hops[index].Via = IdText(e.OrigQueueId);
        }
    }

    private void AddMessageId(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        ref Hop hop = ref _hops[GetOrAdd(in e)];
        ReadOnlySpan<byte> id = e.MessageId.Of(block);
        if (!id.IsEmpty)
        {
            hop.MessageIdHash = MessageIdHash(id, _seed);
        }
    }

    private void AddQueueActive(ref readonly LogEvent e)
    {
        ref Hop hop = ref _hops[GetOrAdd(in e)];
        hop.Marks |= HopMarks.Queued;
        hop.Sender = SenderText;
        if (e.QueueId.IsCourier)
        {
            // A line for each recipient of the first round.
            hop.Nrcpt += hop.Has(HopMarks.Tried) ? 0 : 1;
            return;
        }
        hop.SizeBytes = e.Number;
        hop.Nrcpt = Math.Max(hop.Nrcpt, e.Count);
    }

    private void AddReject(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        ref RecordRow row = ref _batch.Add();
        row.Kind = RecordKind.Rejected;
        row.Status = RecordStatus.Rejected;
        row.TimeUnixMicros = e.TimeUnixMicros;
        row.OffsetMinutes = e.OffsetMinutes;
        row.Flags = e.TimeFlags;
        row.SizeBytes = -1;
        row.Uid = -1;
        row.QueueId = e.QueueId;
        row.Dsn = e.Dsn;
        row.ReplyCode = e.ReplyCode;
        ClientIp ip = IpOf(e.Ip, block);
        (row.IpHi, row.IpLo) = (ip.Hi, ip.Lo);
        row.Sender = SenderText;
        row.Recipient = RecipientText;
        row.Host = HostText(e.Host);
        if (e.EndsMessage != 0 && !e.QueueId.IsNone)
        {
            int index = Find(in e);
            if (index >= 0 && !_hops[index].Has(HopMarks.Ended))
            {
                End(index, e.TimeUnixMicros);
            }
        }
    }

    /// <summary>The hop that a start line belongs to: the living one if it lacks a start, else a new one.</summary>
    private int Begin(ref readonly LogEvent e)
    {
        int index = Find(in e);
        if (index >= 0)
        {
            ref Hop old = ref _hops[index];
            if (IsOtherIncarnation(in old, in e))
            {
                Close(index);
                index = -1;
            }
            else
            {
                Touch(ref old, in e);
            }
        }
        if (index < 0)
        {
            index = Create(in e);
        }
        ref Hop hop = ref _hops[index];
        hop.Marks |= HopMarks.Started;
        hop.StartUnixMicros = e.TimeUnixMicros;
        hop.StartOffsetMinutes = e.OffsetMinutes;
        return index;
    }

    /// <summary>Whether a start line can't be the start of the hop that has its key.</summary>
    private static bool IsOtherIncarnation(ref readonly Hop old, ref readonly LogEvent e) =>
        old.Has(HopMarks.Started) || e.TimeUnixMicros - old.FirstUnixMicros > LateMax;

    private int GetOrAdd(ref readonly LogEvent e)
    {
        int index = Find(in e);
        if (index >= 0)
        {
            Touch(ref _hops[index], in e);
            return index;
        }
        index = Create(in e);
        ResolvePending(index, e.TimeUnixMicros);
        return index;
    }

    private int Create(ref readonly LogEvent e)
    {
        int index = _hops.Add();
        ref Hop hop = ref _hops[index];
        hop.Id = e.QueueId;
        hop.Host = e.Host;
        hop.Parent = hop.FirstRecipient = hop.LastRecipient = hop.FirstChildId = -1;
        hop.FirstUnixMicros = hop.LastUnixMicros = e.TimeUnixMicros;
        hop.FirstOffsetMinutes = hop.LastOffsetMinutes = e.OffsetMinutes;
        hop.TimeFlags = e.TimeFlags;
        hop.SizeBytes = -1;
        hop.Uid = -1;
        _keys.Add(_keyHashes[_current], index);
        return index;
    }

    private static void Touch(ref Hop hop, ref readonly LogEvent e)
    {
        hop.TimeFlags |= e.TimeFlags;
        if (e.TimeUnixMicros > hop.LastUnixMicros)
        {
            hop.LastUnixMicros = e.TimeUnixMicros;
            hop.LastOffsetMinutes = e.OffsetMinutes;
        }
        if (e.TimeUnixMicros < hop.FirstUnixMicros)
        {
            hop.FirstUnixMicros = e.TimeUnixMicros;
            hop.FirstOffsetMinutes = e.OffsetMinutes;
        }
    }

    /// <summary>The hop a line belongs to; one that need not wait any longer is written first.</summary>
    private int Find(ref readonly LogEvent e) =>
        Find(_keyHashes[_current], e.Host, e.QueueId, in e);

    /// <summary>The same for another id, which an event names.</summary>
    private int Find(int host, QueueId id, ref readonly LogEvent e) =>
        Find(KeyHash(host, id), host, id, in e);

    private int Find(ulong hash, int host, QueueId id, ref readonly LogEvent e)
    {
        for (int p = _keys.First(hash); p >= 0; p = _keys.Next(p, hash))
        {
            int index = _keys.IndexAt(p);
            ref Hop hop = ref _hops[index];
            if (hop.Id != id || hop.Host != host)
            {
                continue;
            }
            if (hop.Has(HopMarks.Ended))
            {
                return TryWrite(index) ? -1 : index;
            }
            if (e.TimeUnixMicros - hop.LastUnixMicros > IdleMax(in hop))
            {
                Close(index);
                return -1;
            }
            return index;
        }
        return -1;
    }

    /// <summary>As Find, in every Postfix instance of the same host.</summary>
    private int FindInGroup(int host, QueueId id, ref readonly LogEvent e)
    {
        int index = Find(host, id, in e);
        for (int other = _groups[host]; index < 0 && other >= 0; other = _groupNext[other])
        {
            if (other != host)
            {
                index = Find(other, id, in e);
            }
        }
        return index;
    }

    private static long IdleMax(ref readonly Hop hop) =>
        hop.Has(HopMarks.Queued) || hop.RecipientCount > 0 ? QueuedIdleMax : UnqueuedIdleMax;

    private uint IdText(QueueId id)
    {
        Span<byte> text = stackalloc byte[QueueId.TextLengthMax];
        return _batch.Strings.Intern(text[..id.Format(text)]);
    }

    /// <summary>The fingerprint of a message-id without angle brackets; never 0.</summary>
    internal static ulong MessageIdHash(ReadOnlySpan<byte> id, long seed) =>
        Math.Max(1, XxHash3.HashToUInt64(id, seed));

    private ulong KeyHash(int host, QueueId id)
    {
        ulong high = Math.BigMul(
            id.Lo ^ (ulong)_seed, (id.Hi ^ 0x9E37_79B9_7F4A_7C15) + (ulong)(uint)host * 0xD6E8_FEB8_6659_FD93 | 1,
            out ulong low);
        return BitOperations.RotateLeft(high, 29) ^ low;
    }
}
