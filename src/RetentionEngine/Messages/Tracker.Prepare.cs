using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Looks up the texts of a batch of events, and has fetched what they belong to.</summary>
/// <remarks>
/// The tables are larger than the caches. The texts of all events, whatever their kind, go through
/// four loops that hardly branch: hash and fetch the slot, fetch the text that the slot names,
/// compare. So the misses of a whole batch overlap, and the pass that does the work, in the order
/// of the lines, finds ids and everything near.
/// </remarks>
internal sealed partial class Tracker
{
    private const int PreparedMax = 256;
    private const int TextsPerEvent = 3;

    // Which of its texts an event of each kind wants looked up: bits in the order of LogEvent.TextAt.
    private static readonly byte[] s_wantedTexts = WantedTexts();

    private readonly TextJob[] _jobs = new TextJob[(PreparedMax * TextsPerEvent) + 1];

    // By event: hash of its queue id, or of its session id (0 = none).
    private readonly ulong[] _keyHashes = new ulong[PreparedMax];

    // By event: ids of its texts, 0 when absent.
    private readonly uint[] _textIds = new uint[PreparedMax * TextsPerEvent];

    // By event, of access lines: hash of the user.
    private readonly ulong[] _userHashes = new ulong[PreparedMax];
    private int _current;

    /// <summary>A text to be looked up.</summary>
    private struct TextJob
    {
        public int Start;
        public int Length;
        public ulong Hash;

        /// <summary>Where its id goes.</summary>
        public int Target;
    }

    private uint SenderText => _textIds[_current * TextsPerEvent];

    private uint OrigToText => _textIds[_current * TextsPerEvent];

    private uint UserText => _textIds[_current * TextsPerEvent];

    private uint RecipientText => _textIds[(_current * TextsPerEvent) + 1];

    private uint SaslText => _textIds[(_current * TextsPerEvent) + 1];

    private uint RelayText => _textIds[(_current * TextsPerEvent) + 2];

    private static ClientIp IpOf(Slice text, ReadOnlySpan<byte> block) => ClientIp.Parse(
        ref Unsafe.Add(ref MemoryMarshal.GetReference(block), text.Start), text.Length);

    private static byte[] WantedTexts()
    {
        var wanted = new byte[256];
        wanted[(int)EventKind.Delivery] = 7;
        wanted[(int)EventKind.Reject] = 3;
        wanted[(int)EventKind.QueueActive] = 1;
        wanted[(int)EventKind.Expired] = 1;
        wanted[(int)EventKind.Pickup] = 1;
        wanted[(int)EventKind.Client] = 2;
        wanted[(int)EventKind.Login] = 1;
        wanted[(int)EventKind.Logout] = 1;
        wanted[(int)EventKind.WebLogin] = 1;
        return wanted;
    }

    private void Prepare(ReadOnlySpan<LogEvent> events, ReadOnlySpan<byte> block)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        int jobs = ListTexts(events);
        HashTexts(jobs, ref first);
        PrepareKeys(events, block);
        FindTexts(jobs, ref first);
        PrefetchTargets(events);
    }

    /// <returns>Count of texts that are neither absent nor empty.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ListTexts(ReadOnlySpan<LogEvent> events)
    {
        ref byte wantedTexts = ref MemoryMarshal.GetArrayDataReference(s_wantedTexts);
        ref TextJob job = ref MemoryMarshal.GetArrayDataReference(_jobs);
        ref uint ids = ref MemoryMarshal.GetArrayDataReference(_textIds);
        int target = 0;
        int count = 0;
        for (int i = 0; i < events.Length; i++)
        {
            ref readonly LogEvent e = ref events[i];
            int wanted = Unsafe.Add(ref wantedTexts, (int)e.Kind);
            for (int n = 0; n < TextsPerEvent; n++)
            {
                Slice text = e.TextAt(n);
                int isPresent = (-text.Start >>> 31) & (wanted >> n);
                int isFilled = isPresent & (-text.Length >>> 31);
                Unsafe.Add(ref ids, target) = (uint)isPresent;
                job.Start = text.Start;
                job.Length = text.Length;
                job.Target = target++;
                job = ref Unsafe.Add(ref job, isFilled);
                count += isFilled;
            }
        }
        return count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HashTexts(int count, ref byte block)
    {
        StringTable strings = _batch.Strings;
        foreach (ref TextJob job in _jobs.AsSpan(0, count))
        {
            job.Length = Math.Min(job.Length, StringTable.LengthMax);
            job.Hash = strings.Hash(ref Unsafe.Add(ref block, job.Start), job.Length);
            strings.PrefetchSlot(job.Hash);
            _userHashes[job.Target / TextsPerEvent] = job.Hash;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void PrepareKeys(ReadOnlySpan<LogEvent> events, ReadOnlySpan<byte> block)
    {
        for (int i = 0; i < events.Length; i++)
        {
            ref readonly LogEvent e = ref events[i];
            if (e.Kind is EventKind.Login or EventKind.Logout)
            {
                _userHashes[i] = e.User.Length > 0
                    ? SessionHash(e.Host, e.Protocol, _userHashes[i])
                    : 0;
                _keyHashes[i] = e.Session.Length > 0
                    ? SessionHash(
                        e.Host, e.Protocol, XxHash3.HashToUInt64(e.Session.Of(block), _seed))
                    : 0;
                _sessionIds.Prefetch(_keyHashes[i]);
                _sessionUsers.Prefetch(_userHashes[i]);
                continue;
            }
            _keyHashes[i] = KeyHash(e.Host, e.QueueId);
            _keys.Prefetch(_keyHashes[i]);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FindTexts(int count, ref byte block)
    {
        StringTable strings = _batch.Strings;
        foreach (ref TextJob job in _jobs.AsSpan(0, count))
        {
            strings.PrefetchText(job.Hash);
        }
        foreach (ref TextJob job in _jobs.AsSpan(0, count))
        {
            _textIds[job.Target] =
                strings.Intern(ref Unsafe.Add(ref block, job.Start), job.Length, job.Hash);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void PrefetchTargets(ReadOnlySpan<LogEvent> events)
    {
        for (int i = 0; i < events.Length; i++)
        {
            if (events[i].Kind is EventKind.Login)
            {
                continue;
            }
            if (events[i].Kind is EventKind.Logout)
            {
                int session = _sessionIds.First(_keyHashes[i]);
                if (session >= 0)
                {
                    _sessions.Prefetch(_sessionIds.IndexAt(session));
                }
                continue;
            }
            int hop = _keys.First(_keyHashes[i]);
            if (hop >= 0)
            {
                _hops.Prefetch(_keys.IndexAt(hop));
            }
        }
    }
}
