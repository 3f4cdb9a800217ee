using RetentionEngine.Events;
using RetentionEngine.Lines;

namespace RetentionEngine.Messages;

/// <summary>Hashes everything a batch of events will look up, and has it fetched ahead.</summary>
/// <remarks>
/// The tables are larger than the caches. Two passes over the events, first for the slots, then for
/// what the slots point to, let the misses of a whole batch overlap; the third pass, which does the
/// work, finds everything near.
/// </remarks>
internal sealed partial class Tracker
{
    private const int PreparedMax = 256;

    private readonly Prepared[] _prepared = new Prepared[PreparedMax];
    private int _current;

    /// <summary>Hashes of an event: of its queue id or session id, and of its texts.</summary>
    private struct Prepared
    {
        public ulong Key;
        public ulong First;
        public ulong Second;
        public ulong Third;
    }

    private void Prepare(ReadOnlySpan<LogEvent> events, ReadOnlySpan<byte> block)
    {
        for (int i = 0; i < events.Length; i++)
        {
            ref readonly LogEvent e = ref events[i];
            ref Prepared prepared = ref _prepared[i];
            if (e.Kind is EventKind.Login or EventKind.Logout)
            {
                prepared.First = PrefetchSlot(e.User, block);
                prepared.Second = SessionHash(in e, prepared.First);
                prepared.Key = e.Session.Length > 0
                    ? SessionHash(in e, _batch.Strings.Hash(e.Session.Of(block)))
                    : 0;
                _sessionIds.Prefetch(prepared.Key);
                _sessionUsers.Prefetch(prepared.Second);
                continue;
            }
            prepared.Key = e.QueueId.IsNone ? 0 : KeyHash(e.Host, e.QueueId);
            _keys.Prefetch(prepared.Key);
            switch (e.Kind)
            {
                case EventKind.Delivery:
                    prepared.First = PrefetchSlot(e.Recipient, block);
                    prepared.Second = PrefetchSlot(e.Relay, block);
                    prepared.Third = PrefetchSlot(e.OrigTo, block);
                    break;
                case EventKind.Reject:
                    prepared.First = PrefetchSlot(e.Sender, block);
                    prepared.Second = PrefetchSlot(e.Recipient, block);
                    break;
                case EventKind.QueueActive or EventKind.Expired or EventKind.Pickup:
                    prepared.First = PrefetchSlot(e.Sender, block);
                    break;
                case EventKind.Client:
                    prepared.First = PrefetchSlot(e.Sasl, block);
                    break;
            }
        }
        for (int i = 0; i < events.Length; i++)
        {
            PrefetchTargets(in events[i], in _prepared[i]);
        }
    }

    private void PrefetchTargets(ref readonly LogEvent e, ref readonly Prepared prepared)
    {
        switch (e.Kind)
        {
            case EventKind.Login:
                _batch.Strings.PrefetchText(prepared.First);
                return;
            case EventKind.Logout:
                int session = _sessionIds.First(prepared.Key);
                if (session >= 0)
                {
                    _sessions.Prefetch(_sessionIds.IndexAt(session));
                }
                return;
            case EventKind.Reject or EventKind.Delivery:
                _batch.Strings.PrefetchText(prepared.First);
                _batch.Strings.PrefetchText(prepared.Second);
                break;
            case EventKind.QueueActive:
                _batch.Strings.PrefetchText(prepared.First);
                break;
        }
        int hop = e.QueueId.IsNone ? -1 : _keys.First(prepared.Key);
        if (hop >= 0)
        {
            _hops.Prefetch(_keys.IndexAt(hop));
        }
    }

    private ulong PrefetchSlot(Slice slice, ReadOnlySpan<byte> block)
    {
        if (!slice.IsPresent)
        {
            return 0;
        }
        ulong hash = _batch.Strings.Hash(slice.Of(block));
        _batch.Strings.PrefetchSlot(hash);
        return hash;
    }

    /// <summary>Interns the text whose hash was prepared first; so on for the others.</summary>
    private uint FirstText(Slice slice, ReadOnlySpan<byte> block) =>
        slice.IsPresent ? _batch.Strings.Intern(slice.Of(block), _prepared[_current].First) : 0;

    private uint SecondText(Slice slice, ReadOnlySpan<byte> block) =>
        slice.IsPresent ? _batch.Strings.Intern(slice.Of(block), _prepared[_current].Second) : 0;

    private uint ThirdText(Slice slice, ReadOnlySpan<byte> block) =>
        slice.IsPresent ? _batch.Strings.Intern(slice.Of(block), _prepared[_current].Third) : 0;
}
