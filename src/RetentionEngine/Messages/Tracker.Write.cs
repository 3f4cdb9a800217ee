using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>When a hop is done, and the rows it gives.</summary>
internal sealed partial class Tracker
{
    private byte[] _scratch = new byte[Math.Max(RetryList.BytesMax, 1024)];

    private void End(int index, long timeUnixMicros)
    {
        ref Hop hop = ref _hops[index];
        hop.Marks |= HopMarks.Ended;
        hop.EndUnixMicros = timeUnixMicros;
        TryWriteEnded(index);
    }

    /// <summary>Ends a hop whose last line was not seen, and writes it without further waiting.</summary>
    private void Close(int index)
    {
        ref Hop hop = ref _hops[index];
        if (!hop.Has(HopMarks.Ended))
        {
            hop.Marks |= HopMarks.Ended | HopMarks.Idle;
            hop.EndUnixMicros = hop.LastUnixMicros;
        }
        Write(index);
    }

    private void TryWriteEnded(int index)
    {
        if (_hops[index].Has(HopMarks.Ended) && !TryWrite(index)
            && !_hops[index].Has(HopMarks.Waiting))
        {
            _hops[index].Marks |= HopMarks.Waiting;
            _waiting.Add(index);
        }
    }

    private bool TryWrite(int index)
    {
        ref Hop hop = ref _hops[index];
        long clock = _clocks[_groups[hop.Host]];
        if (hop.RecipientCount < hop.Nrcpt && clock <= hop.EndUnixMicros + LateMax
            && !hop.Has(HopMarks.Continued))
        {
            return false;
        }
        if (clock <= hop.EdgeUntilUnixMicros && HasOpenEdge(in hop))
        {
            return false;
        }
        if (hop.Has(HopMarks.Filtered) && !_hops[hop.Parent].Has(HopMarks.Ended)
            && clock <= Math.Max(hop.LinkedUnixMicros, hop.EndUnixMicros) + LateMax)
        {
            // Status lines of the parent may still tell how a recipient was addressed.
            return false;
        }
        if (hop.Has(HopMarks.Unsettled) && WaitsForFates(in hop, clock))
        {
            return false;
        }
        if (!IsOriginSettled(index))
        {
            return false;
        }
        Write(index);
        return true;
    }

    private bool HasOpenEdge(ref readonly Hop hop)
    {
        for (int r = hop.FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            if (_recipients[r].EdgeKind != QueueEdge.None && !_recipients[r].Handed)
            {
                return true;
            }
        }
        return false;
    }

    private bool IsOriginSettled(int index)
    {
        while (_hops[index].Parent >= 0)
        {
            index = _hops[index].Parent;
        }
        ref Hop root = ref _hops[index];
        return root.Has(HopMarks.Notification | HopMarks.Written)
            || (root.Has(HopMarks.Started) && (!root.Ip.IsLoopback || root.Id.IsCourier))
            || (root.Has(HopMarks.Ended)
                && _clocks[_groups[root.Host]] > root.EndUnixMicros + OriginWait);
    }

    private void SweepWaiting()
    {
        int kept = 0;
        for (int i = 0; i < _waiting.Count; i++)
        {
            int index = _waiting[i];
            if (_hops[index].Has(HopMarks.Waiting) && !_hops[index].Has(HopMarks.Written)
                && !TryWrite(index))
            {
                _waiting[kept++] = index;
            }
        }
        _waiting.RemoveRange(kept, _waiting.Count - kept);
    }

    private void SweepIdle()
    {
        int step = 0;
        do
        {
            for (int index = 0; index < _hops.Used; index++)
            {
                ref Hop hop = ref _hops[index];
                if (!hop.Id.IsNone && !hop.Has(HopMarks.Ended)
                    && _clocks[_groups[hop.Host]] - hop.LastUnixMicros
                        > Shortened(IdleMax(in hop), step))
                {
                    Close(index);
                }
            }
            step++;
        }
        while (IsOverfull && step < 15);
    }

    /// <summary>Writes the hop's rows and frees it, or keeps it for its children.</summary>
    private void Write(int index)
    {
        ref Hop hop = ref _hops[index];
        if (!IsMail(in hop))
        {
            Abandoned += hop.Has(HopMarks.Probe) ? 0 : 1;
        }
        else
        {
            int first = _batch.Count;
            EmitHop(index, HopMarks.None);
            if (_watch is not null)
            {
                NoteHop(index, first);
            }
            Messages += hop.Parent < 0 ? 1 : 0;
        }
        _keys.Remove(KeyHash(hop.Host, hop.Id), index);
        hop.Marks |= HopMarks.Written;
        Free(index);
    }

    private void Free(int index)
    {
        while (index >= 0 && _hops[index].Has(HopMarks.Written) && _hops[index].Children == 0)
        {
            ref Hop hop = ref _hops[index];
            int position = 0;
            for (int r = hop.FirstRecipient; r >= 0;)
            {
                ref Recipient recipient = ref _recipients[r];
                if (++position > LinearRecipientsMax)
                {
                    _recipientKeys.Remove(RecipientHash(index, recipient.To, recipient.OrigTo), r);
                }
                for (int retry = recipient.FirstRetry; retry >= 0;)
                {
                    int nextRetry = _retries[retry].Next;
                    _retries.Remove(retry);
                    retry = nextRetry;
                }
                ForgetFates(r);
                int next = recipient.Next;
                _recipients.Remove(r);
                r = next;
            }
            for (int i = hop.FirstChildId; i >= 0;)
            {
                int next = _childIds[i].Next;
                _childIds.Remove(i);
                i = next;
            }
            int parent = hop.Parent;
            _watch?.Hops.Remove(index);
            _hops.Remove(index);
            if (parent >= 0)
            {
                _hops[parent].Children--;
            }
            index = parent;
        }
    }

    /// <summary>Whether the hop is, or was, in the queue, and not only to try addresses.</summary>
    private static bool IsMail(ref readonly Hop hop) =>
        hop.RecipientCount > 0 || (hop.Marks & (HopMarks.Queued | HopMarks.Probe)) == HopMarks.Queued;

    private void EmitHop(int index, HopMarks inFlight)
    {
        ref Hop hop = ref _hops[index];
        bool alive = inFlight != HopMarks.None;
        Origin origin = OriginOf(index);
        if (alive)
        {
            origin.Flags |= RecordFlags.InFlight;
        }
        else if (hop.Has(HopMarks.Idle))
        {
            origin.Flags |= RecordFlags.MissingEnd;
        }
        if (hop.RecipientCount == 0)
        {
            if (hop.Has(HopMarks.Continued))
            {
                return;
            }
            Recipient none = default;
            none.FirstRetry = -1;
            none.Status = alive || hop.Has(HopMarks.Idle) ? RecordStatus.Queued
                : hop.Removal == Removal.DeletedByAdministrator ? RecordStatus.Deleted
                : hop.Removal == Removal.Completed ? RecordStatus.None
                : RecordStatus.Discarded;
            if (none.Status == RecordStatus.Deleted)
            {
                none.LastUnixMicros = hop.EndUnixMicros;
                none.OffsetMinutes = hop.LastOffsetMinutes;
            }
            EmitRow(in hop, in origin, ref none, 0);
            return;
        }
        bool guessHanded = HasUnnamedChild(in hop);
        for (int r = hop.FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            ref Recipient recipient = ref _recipients[r];
            if (recipient.Handed
                || (hop.Has(HopMarks.Continued) && recipient.Status == RecordStatus.Deferred)
                || (guessHanded && recipient.Status == RecordStatus.Sent
                    && recipient.EdgeKind == QueueEdge.None
                    && IsOwnRelay(_batch.Strings[recipient.Relay])))
            {
                continue;
            }
            uint origTo = recipient.OrigTo != 0 || hop.Parent < 0
                ? recipient.OrigTo
                : InheritedOrigTo(index, recipient.To);
            EmitRow(in hop, in origin, ref recipient, origTo);
        }
    }

    /// <summary>Whether a child named this hop as its origin, while the filter's reply named no id.</summary>
    private bool HasUnnamedChild(ref readonly Hop hop)
    {
        for (int i = hop.FirstChildId; i >= 0; i = _childIds[i].Next)
        {
            if (!HasEdgeTo(in hop, _childIds[i].Id))
            {
                return true;
            }
        }
        return false;
    }

    private bool HasEdgeTo(ref readonly Hop hop, QueueId id)
    {
        for (int r = hop.FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            if (_recipients[r].EdgeKind != QueueEdge.None && _recipients[r].Edge == id)
            {
                return true;
            }
        }
        return false;
    }

    private uint InheritedOrigTo(int index, uint to)
    {
        while (_hops[index].Parent >= 0)
        {
            ref Hop child = ref _hops[index];
            for (int r = _hops[child.Parent].FirstRecipient; r >= 0; r = _recipients[r].Next)
            {
                ref Recipient recipient = ref _recipients[r];
                if (child.Has(HopMarks.Forwarded))
                {
                    if (recipient.Edge == child.Id)
                    {
                        return recipient.To;
                    }
                }
                else if (recipient.To == to && recipient.OrigTo != 0)
                {
                    return recipient.OrigTo;
                }
            }
            index = child.Parent;
        }
        return 0;
    }

    private ref struct Origin
    {
        public ClientIp Ip;
        public long TimeUnixMicros;
        public ulong MessageIdHash;
        public RecordFlags Flags;
        public uint Sender;
        public uint Sasl;
        public uint Via;
        public int Uid;
        public short OffsetMinutes;
        public bool IsOurs;
    }

    private Origin OriginOf(int index)
    {
        Origin origin = default;
        Span<int> chain = stackalloc int[ChainMax + 1];
        int length = 0;
        bool hasOrigIp = false;
        for (int i = index; i >= 0; i = _hops[i].Parent)
        {
            ref Hop hop = ref _hops[i];
            chain[length++] = i;
            origin.Flags |= hop.TimeFlags | FlagsOf(hop.Marks);
            if (!hasOrigIp && !hop.OrigIp.IsNone)
            {
                hasOrigIp = true;
                origin.Ip = hop.OrigIp;
            }
            if (origin.Sender == 0)
            {
                origin.Sender = hop.Sender != 0 ? hop.Sender : hop.PickupSender;
            }
        }
        ref Hop root = ref _hops[chain[length - 1]];
        if (!hasOrigIp)
        {
            origin.Ip = root.Ip;
        }
        bool started = root.Has(HopMarks.Started);
        origin.TimeUnixMicros = started ? root.StartUnixMicros : root.FirstUnixMicros;
        origin.OffsetMinutes = started ? root.StartOffsetMinutes : root.FirstOffsetMinutes;
        origin.Sasl = root.Sasl;
        origin.Uid = root.Uid;
        origin.MessageIdHash = _hops[index].MessageIdHash != 0
            ? _hops[index].MessageIdHash
            : root.MessageIdHash;
        bool startKnown = (started && !root.Has(HopMarks.Requeued)) || root.Has(HopMarks.Notification);
        if (!startKnown)
        {
            origin.Flags |= RecordFlags.MissingStart;
        }
        if (root.Uid >= 0)
        {
            origin.Flags |= RecordFlags.LocalSubmission;
        }
        if (_domains.IsEmpty)
        {
            origin.Flags |= RecordFlags.DirectionGuessed;
        }
        origin.Via = length > 1 || root.Via != 0 ? ViaText(chain[1..length], root.Via) : 0;
        origin.IsOurs = origin.Sasl != 0 || origin.Uid >= 0 || root.Has(HopMarks.Notification)
            || origin.Ip.IsLoopback || origin.Ip.IsPrivate
            || (!startKnown && origin.Sender > 1
                && _domains.HasDomainOf(_batch.Strings[origin.Sender]));
        return origin;
    }

    private static RecordFlags FlagsOf(HopMarks marks)
    {
        RecordFlags flags = RecordFlags.None;
        flags |= (marks & HopMarks.Notification) != 0 ? RecordFlags.Notification : 0;
        flags |= (marks & HopMarks.Filtered) != 0 ? RecordFlags.Filtered : 0;
        flags |= (marks & HopMarks.Forwarded) != 0 ? RecordFlags.Forwarded : 0;
        flags |= (marks & HopMarks.Requeued) != 0 ? RecordFlags.Requeued : 0;
        return flags;
    }

    private uint ViaText(ReadOnlySpan<int> chain, uint rootVia)
    {
        int at = 0;
        Span<byte> text = _scratch;
        if (rootVia != 0)
        {
            ReadOnlySpan<byte> via = _batch.Strings[rootVia];
            via.CopyTo(text);
            at = via.Length;
        }
        for (int i = chain.Length - 1; i >= 0; i--)
        {
            if (at > 0)
            {
                text[at++] = (byte)' ';
            }
            at += _hops[chain[i]].Id.Format(text[at..]);
        }
        return _batch.Strings.Intern(text[..at]);
    }

    private void EmitRow(
        ref readonly Hop hop, ref readonly Origin origin, ref Recipient recipient, uint origTo)
    {
        uint retries = recipient.FirstRetry >= 0
            ? RetriesText(in recipient, origin.TimeUnixMicros)
            : 0;
        ref RecordRow row = ref _batch.Add();
        row.TimeUnixMicros = origin.TimeUnixMicros;
        row.OffsetMinutes = origin.OffsetMinutes;
        row.FinalTimeUnixMicros = recipient.LastUnixMicros;
        row.FinalOffsetMinutes = recipient.OffsetMinutes;
        row.SizeBytes = hop.SizeBytes;
        row.MessageIdHash = origin.MessageIdHash;
        row.QueueId = hop.Id;
        (row.IpHi, row.IpLo) = (origin.Ip.Hi, origin.Ip.Lo);
        row.Sender = origin.Sender;
        row.Recipient = recipient.To;
        row.OrigTo = origTo;
        row.Sasl = origin.Sasl;
        row.Relay = recipient.Relay;
        row.Via = origin.Via;
        row.Retries = retries;
        row.Host = HostText(hop.Host);
        row.Uid = origin.Uid;
        row.Dsn = recipient.Dsn;
        row.Attempts = recipient.Attempts;
        row.Flags = origin.Flags;
        row.Status = StatusOf(in recipient);
        row.Agent = recipient.Agent;
        bool toUs = recipient.Agent is DeliveryAgent.Local or DeliveryAgent.Virtual
                or DeliveryAgent.Lmtp or DeliveryAgent.Pipe
            || (recipient.To != 0 && _domains.HasDomainOf(_batch.Strings[recipient.To]));
        row.Kind = (origin.IsOurs, toUs) switch
        {
            (true, true) => RecordKind.Internal,
            (true, false) => RecordKind.Sent,
            (false, true) => RecordKind.Received,
            _ => RecordKind.Relayed,
        };
    }

    private uint RetriesText(ref readonly Recipient recipient, long timeUnixMicros)
    {
        int at = 0;
        for (int i = recipient.FirstRetry; i >= 0; i = _retries[i].Next)
        {
            ref Retry retry = ref _retries[i];
            at += RetryList.Append(
                _scratch.AsSpan(at),
                retry.TimeUnixMicros - timeUnixMicros,
                retry.Status,
                retry.Dsn,
                retry.Relay == 0 ? default : _batch.Strings[retry.Relay]);
        }
        return _batch.Strings.Intern(_scratch.AsSpan(0, at));
    }
}
