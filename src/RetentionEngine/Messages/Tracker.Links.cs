using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Deliveries, and the edges between hops that they and other lines tell of.</summary>
internal sealed partial class Tracker
{
    /// <summary>Up to this many recipients of a hop are searched one by one.</summary>
    private const int LinearRecipientsMax = 16;

    /// <summary>Half an edge: the other hop has not been seen yet.</summary>
    private readonly record struct PendingEdge(
        int Parent,
        QueueId ParentId,
        int ParentHost,
        HopMarks Mark,
        long UntilUnixMicros,
        short OffsetMinutes);

    private void AddDelivery(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        int index = GetOrAdd(in e);
        if (e.Status is RecordStatus.Deliverable or RecordStatus.Undeliverable)
        {
            _hops[index].Marks |= HopMarks.Probe;
            return;
        }
        uint to = RecipientText;
        uint origTo = OrigToText;
        int r = FindRecipient(index, to, origTo);
        if (r < 0)
        {
            r = AddRecipient(index, to, origTo);
        }
        else if (e.QueueId.IsCourier && _recipients[r].Status == RecordStatus.Sent)
        {
            // esmtp says it twice.
            return;
        }
        else
        {
            PushRetry(ref _recipients[r]);
            ForgetFates(r);
        }
        if (e.Number > 0)
        {
            _hops[index].SizeBytes = e.Number;
        }
        ref Recipient recipient = ref _recipients[r];
        recipient.Status = e.Status;
        recipient.Agent = e.Agent;
        recipient.Dsn = e.Dsn;
        recipient.Relay = RelayText;
        recipient.LastUnixMicros = e.TimeUnixMicros;
        recipient.OffsetMinutes = e.OffsetMinutes;
        recipient.Attempts += recipient.Attempts < ushort.MaxValue ? (ushort)1 : (ushort)0;
        recipient.EdgeKind = QueueEdge.None;
        recipient.Edge = default;
        if (e.Edge != QueueEdge.None && e.Status == RecordStatus.Sent
            && (e.Edge == QueueEdge.ForwardedAs || IsOwnRelay(e.Relay.Of(block))))
        {
            recipient.EdgeKind = e.Edge;
            recipient.Edge = e.OrigQueueId;
            AddEdge(index, r, in e);
        }
        if (e.Status == RecordStatus.Sent && e.Agent != DeliveryAgent.Smtp)
        {
            FindFates(index, r, in e, block);
        }
    }

    private int FindRecipient(int index, uint to, uint origTo)
    {
        ref Hop hop = ref _hops[index];
        int seen = 0;
        for (int r = hop.FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            if (_recipients[r].To == to && _recipients[r].OrigTo == origTo)
            {
                return r;
            }
            if (++seen == LinearRecipientsMax)
            {
                break;
            }
        }
        if (hop.RecipientCount <= LinearRecipientsMax)
        {
            return -1;
        }
        ulong hash = RecipientHash(index, to, origTo);
        for (int p = _recipientKeys.First(hash); p >= 0; p = _recipientKeys.Next(p, hash))
        {
            // The hash is a bijection of what is compared but for the fold to 64 bits.
            int r = _recipientKeys.IndexAt(p);
            if (_recipients[r].To == to && _recipients[r].OrigTo == origTo
                && _recipients[r].Hop == index)
            {
                return r;
            }
        }
        return -1;
    }

    private int AddRecipient(int index, uint to, uint origTo)
    {
        int r = _recipients.Add();
        ref Recipient recipient = ref _recipients[r];
        recipient.Hop = index;
        recipient.To = to;
        recipient.OrigTo = origTo;
        recipient.Next = recipient.FirstRetry = recipient.LastRetry = -1;
        ref Hop hop = ref _hops[index];
        if (hop.LastRecipient >= 0)
        {
            _recipients[hop.LastRecipient].Next = r;
        }
        else
        {
            hop.FirstRecipient = r;
        }
        hop.LastRecipient = r;
        if (++hop.RecipientCount > LinearRecipientsMax)
        {
            _recipientKeys.Add(RecipientHash(index, to, origTo), r);
        }
        return r;
    }

    private static ulong RecipientHash(int hop, uint to, uint origTo)
    {
        ulong mixed = (((ulong)to << 32) | origTo) * 0x9E37_79B9_7F4A_7C15;
        mixed = (mixed ^ (mixed >> 32) ^ (uint)hop) * 0xD6E8_FEB8_6659_FD93;
        return mixed ^ (mixed >> 32);
    }

    private void PushRetry(ref Recipient recipient)
    {
        int index;
        if (recipient.RetryCount == RetryList.CountMax)
        {
            index = recipient.FirstRetry;
            recipient.FirstRetry = _retries[index].Next;
        }
        else
        {
            index = _retries.Add();
            recipient.RetryCount++;
        }
        ref Retry retry = ref _retries[index];
        retry.Next = -1;
        retry.TimeUnixMicros = recipient.LastUnixMicros;
        retry.Status = recipient.Status;
        retry.Dsn = recipient.Dsn;
        retry.Relay = recipient.Relay;
        if (recipient.FirstRetry < 0)
        {
            recipient.FirstRetry = index;
        }
        else
        {
            _retries[recipient.LastRetry].Next = index;
        }
        recipient.LastRetry = index;
    }

    /// <summary>Whether a next hop can be a filter of ours: a path, a service, or no public address.</summary>
    internal static bool IsOwnRelay(ReadOnlySpan<byte> relay)
    {
        int open = relay.LastIndexOf((byte)'[');
        if (open < 0)
        {
            return true;
        }
        ReadOnlySpan<byte> address = relay[(open + 1)..];
        int close = address.IndexOf((byte)']');
        ClientIp ip = ClientIp.Parse(close < 0 ? address : address[..close]);
        return ip.IsNone || ip.IsLoopback || ip.IsPrivate;
    }

    /// <summary>A recipient was handed to another hop: finds it, or waits for it.</summary>
    private void AddEdge(int index, int r, ref readonly LogEvent e)
    {
        QueueId child = _recipients[r].Edge;
        if (HasChildId(in _hops[index], child))
        {
            _recipients[r].Handed = true;
            return;
        }
        HopMarks mark = e.Edge == QueueEdge.ForwardedAs ? HopMarks.Forwarded : HopMarks.Filtered;
        int other = FindInGroup(e.Host, child, in e);
        if (other >= 0 && other != index && TryLink(other, index, mark, e.TimeUnixMicros))
        {
            return;
        }
        long until = e.TimeUnixMicros + LateMax;
        ref Hop hop = ref _hops[index];
        hop.EdgeUntilUnixMicros = Math.Max(hop.EdgeUntilUnixMicros, until);
        _pending[(_groups[e.Host], child)] = new PendingEdge(
            index, hop.Id, hop.Host, mark, until, e.OffsetMinutes);
    }

    /// <summary>
    /// The filter itself tells what it made of a mail: heeded where the status line of the parent
    /// names no id or is lost, and where both mails have the same message-id, as it may be forged.
    /// </summary>
    private void AddHanded(ref readonly LogEvent e)
    {
        int parent = FindInGroup(e.Host, e.QueueId, in e);
        int index = FindInGroup(e.Host, e.OrigQueueId, in e);
        if (parent >= 0 && index >= 0 && index != parent && _hops[index].Parent < 0
            && _hops[index].MessageIdHash != 0
            && _hops[index].MessageIdHash == _hops[parent].MessageIdHash)
        {
            TryLink(index, parent, HopMarks.Filtered, e.TimeUnixMicros);
        }
    }

    private void AddNotification(ref readonly LogEvent e)
    {
        int old = Find(in e);
        if (old >= 0)
        {
            Touch(ref _hops[old], in e);
        }
        int index = FindInGroup(e.Host, e.OrigQueueId, in e);
        if (index >= 0)
        {
            MarkNotification(index, e.QueueId);
            return;
        }
        _pending[(_groups[e.Host], e.OrigQueueId)] = new PendingEdge(
            -1,
            e.QueueId,
            e.Host,
            HopMarks.Notification,
            e.TimeUnixMicros + LateMax,
            e.OffsetMinutes);
    }

    private void MarkNotification(int index, QueueId old)
    {
        ref Hop hop = ref _hops[index];
        if (!hop.Has(HopMarks.Started | HopMarks.LinkedToParent | HopMarks.Notification))
        {
            hop.Marks |= HopMarks.Notification;
            hop.Via = IdText(old);
            TryWriteEnded(index);
        }
    }

    /// <summary>A new hop, or one that has learned its client, may be what an earlier line spoke of.</summary>
    private void ResolvePending(int index, long timeUnixMicros)
    {
        ref Hop hop = ref _hops[index];
        if (_pending.Count == 0
            || !_pending.TryGetValue((_groups[hop.Host], hop.Id), out PendingEdge edge)
            || timeUnixMicros > edge.UntilUnixMicros)
        {
            return;
        }
        if (edge.Mark != HopMarks.Filtered)
        {
            // A hop that has no start line of its own begins with the line that tells of it.
            hop.FirstUnixMicros = Math.Min(hop.FirstUnixMicros, edge.UntilUnixMicros - LateMax);
            hop.FirstOffsetMinutes = edge.OffsetMinutes;
        }
        if (edge.Mark == HopMarks.Notification)
        {
            MarkNotification(index, edge.ParentId);
        }
        else if (edge.Parent == index || _hops[edge.Parent].Id != edge.ParentId
            || _hops[edge.Parent].Host != edge.ParentHost
            || !TryLink(index, edge.Parent, edge.Mark, edge.UntilUnixMicros - LateMax))
        {
            return;
        }
        _pending.Remove((_groups[hop.Host], hop.Id));
        if (_watch is not null)
        {
            NotePending(index);
        }
    }

    /// <summary>Links when the other hop can have been made by the parent at that time.</summary>
    private bool TryLink(int index, int parent, HopMarks mark, long lineUnixMicros)
    {
        ref Hop hop = ref _hops[index];
        if (hop.Parent == parent)
        {
            MarkHanded(index, parent);
            return true;
        }
        bool fits = mark == HopMarks.Forwarded
            ? !hop.Has(HopMarks.Started | HopMarks.Notification)
            : hop.Has(HopMarks.Started) && hop.Ip.IsLoopback;
        return fits
            && hop.FirstUnixMicros >= _hops[parent].FirstUnixMicros
            && hop.FirstUnixMicros <= lineUnixMicros + LateMax
            && Link(index, parent, mark, lineUnixMicros);
    }

    private bool Link(int index, int parent, HopMarks mark, long lineUnixMicros)
    {
        ref Hop hop = ref _hops[index];
        if (hop.Parent >= 0)
        {
            return false;
        }
        int depth = 0;
        for (int ancestor = parent; ancestor >= 0; ancestor = _hops[ancestor].Parent)
        {
            if (ancestor == index || ++depth == ChainMax)
            {
                return false;
            }
        }
        hop.Parent = parent;
        hop.Marks |= mark;
        hop.LinkedUnixMicros = lineUnixMicros;
        _hops[parent].Children++;
        if (mark != HopMarks.Requeued)
        {
            AddChildId(parent, hop.Id);
        }
        MarkHanded(index, parent);
        TryWriteEnded(index);
        return true;
    }

    private void AddChildId(int parent, QueueId id)
    {
        int index = _childIds.Add();
        _childIds[index] = new ChildId { Id = id, Next = _hops[parent].FirstChildId };
        _hops[parent].FirstChildId = index;
    }

    private bool HasChildId(ref readonly Hop hop, QueueId id)
    {
        for (int i = hop.FirstChildId; i >= 0; i = _childIds[i].Next)
        {
            if (_childIds[i].Id == id)
            {
                return true;
            }
        }
        return false;
    }

    private void MarkHanded(int index, int parent)
    {
        QueueId id = _hops[index].Id;
        for (int r = _hops[parent].FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            if (_recipients[r].EdgeKind != QueueEdge.None && _recipients[r].Edge == id)
            {
                _recipients[r].Handed = true;
            }
        }
    }

    private void SweepPending()
    {
        foreach (KeyValuePair<(int, QueueId), PendingEdge> entry in _pending)
        {
            if (entry.Value.UntilUnixMicros < _clocks[entry.Key.Item1])
            {
                _pending.Remove(entry.Key);
            }
        }
        if (_pending.Count > PendingMax)
        {
            _pending.Clear();
        }
    }
}
