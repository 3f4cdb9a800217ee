using System.Runtime.CompilerServices;
using RetentionEngine.Events;

namespace RetentionEngine.Messages;

/// <summary>Daemons whose clock differs from their host's: docs/RECORDS.md, "Year and zone".</summary>
/// <remarks>
/// A daemon in a chroot without a zone writes UTC beside its neighbours' local time. Where stamps
/// name no zone, its lines are then behind the host's latest line by whole quarters of an hour, or
/// all others are behind its own. Lines are counted by program from the first one that lies so far
/// behind; a log that is sound never gets there. Nothing is corrected.
/// </remarks>
internal sealed partial class Tracker
{
    /// <summary>Fewer lines prove nothing.</summary>
    internal const int OtherClockLinesMin = 10;

    private const long QuarterHour = 15 * Minute;

    // How far the host's latest line may be in front of the line beside it.
    private const long ClockSlack = 30 * Second;
    private const long ClockBehindMin = QuarterHour - ClockSlack;
    private const int QuartersMax = 14 * 4;

    // By group; only of hosts with a line that lies far behind.
    private ClockCount[]?[] _clockCounts = [];

    /// <summary>Lines of one daemon on one host.</summary>
    private struct ClockCount
    {
        /// <summary>As late as the host's latest line.</summary>
        public long Level;

        /// <summary>As many quarters of an hour behind it as any line that is so by whole ones.</summary>
        public long Behind;

        /// <summary>How many these are: of the first, which stands for the host.</summary>
        public int Quarters;

        /// <summary>Behind it by less than that.</summary>
        public long Less;

        /// <summary>Behind it by more.</summary>
        public long More;
    }

    /// <summary>Counts a line where some line lay behind.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountClock(ref readonly LogEvent e, int group, long behind)
    {
        PostfixDaemon daemon = DaemonOf(in e);
        if (daemon == PostfixDaemon.None || (e.TimeFlags & RecordFlags.ZoneInferred) == 0)
        {
            return;
        }
        if (group >= _clockCounts.Length || _clockCounts[group] is null)
        {
            if (behind < ClockBehindMin)
            {
                return;
            }
            Array.Resize(ref _clockCounts, Math.Max(_clockCounts.Length, group + 1));
            _clockCounts[group] = new ClockCount[(int)PostfixDaemon.Count];
        }
        ClockCount[] counts = _clockCounts[group]!;
        ref ClockCount count = ref counts[(int)daemon];
        int known = counts[0].Quarters;
        long quarters = (behind + ClockSlack) / QuarterHour;
        bool isWhole = quarters is > 0 and <= QuartersMax
            && behind - (quarters * QuarterHour) <= 2 * Second;
        if (quarters == 0)
        {
            count.Level++;
        }
        else if (isWhole && quarters >= known)
        {
            if (quarters > known)
            {
                Reach(counts, (int)quarters);
            }
            count.Behind++;
        }
        else if (quarters >= known && known > 0)
        {
            count.More++;
        }
        else
        {
            count.Less++;
        }
    }

    /// <summary>What was far behind before is less so now.</summary>
    private static void Reach(ClockCount[] counts, int quarters)
    {
        counts[0].Quarters = quarters;
        for (int program = 1; program < counts.Length; program++)
        {
            counts[program].Less += counts[program].Behind;
            counts[program].Behind = 0;
        }
    }

    /// <summary>What seems to run on another clock than the rest of its host.</summary>
    public List<OtherClock> OtherClocks()
    {
        List<OtherClock> found = [];
        for (int group = 0; group < _clockCounts.Length; group++)
        {
            if (_clockCounts[group] is { } counts)
            {
                AddOtherClocks(found, group, counts);
            }
        }
        return found;
    }

    private static void AddOtherClocks(List<OtherClock> found, int group, ClockCount[] counts)
    {
        int quarters = counts[0].Quarters;
        (int Programs, long Lines) level = (0, 0);
        (int Programs, long Lines) behind = (0, 0);
        bool isSteady = true;
        foreach (ref readonly ClockCount count in counts.AsSpan())
        {
            long late = count.Behind + count.Less + count.More;
            if (late + count.Level == 0)
            {
                continue;
            }
            if (count.Level >= 9 * late)
            {
                level = (level.Programs + 1, level.Lines + count.Level);
                continue;
            }
            isSteady &= count.Level + count.More <= late / 2;
            behind = (behind.Programs + 1, behind.Lines + count.Behind);
        }
        if (!isSteady || level.Programs == 0 || behind.Lines < OtherClockLinesMin)
        {
            return;
        }
        bool isBehind = behind.Programs < level.Programs
            || (behind.Programs == level.Programs && behind.Lines < level.Lines);
        for (int program = 0; program < counts.Length; program++)
        {
            ref readonly ClockCount count = ref counts[program];
            long late = count.Behind + count.Less + count.More;
            long lines = isBehind ? count.Behind : count.Level;
            bool isOdd = isBehind ? late > count.Level : count.Level >= 9 * late && count.Level > 0;

            // In front of all others, any count of lines may be lost in their own.
            bool isProved = isBehind
                ? count.Behind >= 9 * (count.Level + count.Less + count.More)
                : count.Level >= OtherClockLinesMin;
            if (isOdd && isProved)
            {
                found.Add(new OtherClock(
                    group, (PostfixDaemon)program, lines, quarters * (isBehind ? -15 : 15)));
            }
        }
    }

    /// <summary>Who wrote a line, as far as its event tells: None for sessions and refusals.</summary>
    private static PostfixDaemon DaemonOf(ref readonly LogEvent e) => e.Kind switch
    {
        _ when e.QueueId.IsCourier => PostfixDaemon.None,
        EventKind.Client => PostfixDaemon.Smtpd,
        EventKind.Pickup => PostfixDaemon.Pickup,
        EventKind.MessageId => PostfixDaemon.Cleanup,
        EventKind.QueueActive or EventKind.Expired => PostfixDaemon.Qmgr,
        EventKind.Removed when e.Removal == Removal.Removed => PostfixDaemon.Qmgr,
        EventKind.Notification => PostfixDaemon.Bounce,
        EventKind.Delivery => e.Agent switch
        {
            DeliveryAgent.Cleanup => PostfixDaemon.Cleanup,
            DeliveryAgent.Qmgr => PostfixDaemon.Qmgr,
            DeliveryAgent.Bounce => PostfixDaemon.Bounce,
            DeliveryAgent.None or DeliveryAgent.Other => PostfixDaemon.None,
            _ => (PostfixDaemon)((int)PostfixDaemon.Bounce + (int)e.Agent),
        },
        _ => PostfixDaemon.None,
    };
}

/// <summary>Who writes lines with queue ids. The agents are in the order of DeliveryAgent.</summary>
internal enum PostfixDaemon : byte
{
    None = 0,
    Smtpd,
    Pickup,
    Cleanup,
    Qmgr,
    Bounce,
    Smtp,
    Lmtp,
    Local,
    Virtual,
    Pipe,
    Error,
    Retry,
    Discard,

    /// <summary>Count of the values.</summary>
    Count,
}

/// <summary>A daemon whose lines seem to be stamped by another clock than its host's.</summary>
/// <param name="Host">Index into <see cref="HostTable"/>.</param>
/// <param name="Daemon">Whose.</param>
/// <param name="Lines">How many lines show it.</param>
/// <param name="OffsetMinutes">How far their stamps are in front of the host's.</param>
internal readonly record struct OtherClock(
    int Host, PostfixDaemon Daemon, long Lines, int OffsetMinutes);
