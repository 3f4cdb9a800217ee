using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Lines of a whole mail that settle what became of its recipients.</summary>
internal sealed partial class Tracker
{
    private void AddExpired(ref readonly LogEvent e)
    {
        if (e.QueueId.IsCourier)
        {
            int old = Find(in e);
            if (old >= 0)
            {
                SettleDeferred(old, RecordStatus.Expired, in e);
            }
            return;
        }
        int index = GetOrAdd(in e);
        ref Hop hop = ref _hops[index];
        hop.Marks |= HopMarks.Queued;
        hop.Sender = SenderText;
        SettleDeferred(index, RecordStatus.Expired, in e);
    }

    private void AddRemoved(ref readonly LogEvent e)
    {
        int index = Find(in e);
        if (index < 0)
        {
            return;
        }
        ref Hop hop = ref _hops[index];
        Touch(ref hop, in e);
        if (e.Removal == Removal.Completed)
        {
            hop.Marks |= HopMarks.Tried;
            if (HasDeferred(in hop))
            {
                return;
            }
        }
        hop.Removal = e.Removal;
        if (e.Removal == Removal.DeletedByAdministrator)
        {
            SettleDeferred(index, RecordStatus.Deleted, in e);
        }
        if (!hop.Has(HopMarks.Ended))
        {
            End(index, e.TimeUnixMicros);
        }
    }

    private bool HasDeferred(ref readonly Hop hop)
    {
        for (int r = hop.FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            if (_recipients[r].Status == RecordStatus.Deferred)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Every recipient that is still deferred gets a last fate by a line of the message.</summary>
    private void SettleDeferred(int index, RecordStatus status, ref readonly LogEvent e)
    {
        for (int r = _hops[index].FirstRecipient; r >= 0; r = _recipients[r].Next)
        {
            ref Recipient recipient = ref _recipients[r];
            if (recipient.Status == RecordStatus.Deferred)
            {
                recipient.Status = status;
                recipient.LastUnixMicros = e.TimeUnixMicros;
                recipient.OffsetMinutes = e.OffsetMinutes;
            }
        }
    }
}
