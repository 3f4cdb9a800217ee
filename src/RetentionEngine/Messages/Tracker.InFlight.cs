using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>What is alive at a commit: counted, shown, and forgotten when its period is over.</summary>
internal sealed partial class Tracker
{
    /// <summary>Mails that are, or were, in the queue and are not written yet.</summary>
    public int MailsInFlight
    {
        get
        {
            int count = 0;
            for (int index = 0; index < _hops.Used; index++)
            {
                count += IsMailInFlight(in _hops[index]) ? 1 : 0;
            }
            return count;
        }
    }

    /// <summary>Forgets what is alive but past the period of every class it could belong to.</summary>
    /// <returns>Count of mails and sessions forgotten.</returns>
    public long Purge(long nowUnixMicros, RetentionPolicy policy)
    {
        long purged = 0;
        TimeSpan mail = policy.Sent.Period > policy.Received.Period
            ? policy.Sent.Period
            : policy.Received.Period;
        long mailLimit = nowUnixMicros - (mail.Ticks / 10);
        for (int index = 0; index < _hops.Used; index++)
        {
            ref Hop hop = ref _hops[index];
            if (!hop.Id.IsNone && !hop.Has(HopMarks.Written) && hop.FirstUnixMicros <= mailLimit)
            {
                purged += IsMail(in hop) ? 1 : 0;
                _keys.Remove(KeyHash(hop.Host, hop.Id), index);
                hop.Marks |= HopMarks.Written;
                Free(index);
            }
        }
        long accessLimit = nowUnixMicros - (policy.Access.Period.Ticks / 10);
        for (int index = 0; index < _sessions.Used; index++)
        {
            if (_sessions[index].IsLive && _sessions[index].TimeUnixMicros <= accessLimit)
            {
                purged++;
                RemoveSession(index);
            }
        }
        PurgeEnds(accessLimit);
        PurgeWebLogins(accessLimit);
        PurgeFates(mailLimit);
        return purged;
    }

    /// <summary>The rows of everything that is alive, marked in flight; nothing changes.</summary>
    public void EmitInFlight()
    {
        for (int index = 0; index < _hops.Used; index++)
        {
            if (IsMailInFlight(in _hops[index]))
            {
                EmitHop(index, HopMarks.Waiting);
            }
        }
        EmitOpenSessions();
    }

    private static bool IsMailInFlight(ref readonly Hop hop) =>
        !hop.Id.IsNone && !hop.Has(HopMarks.Written) && IsMail(in hop);
}
