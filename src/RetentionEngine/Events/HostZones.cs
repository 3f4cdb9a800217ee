using System.Text;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events;

/// <summary>A host whose stamps without zone are of another zone than the others'.</summary>
/// <param name="Host">As logged, case aside.</param>
/// <param name="Zone">Its zone.</param>
internal readonly record struct HostZone(byte[] Host, TimeZoneInfo Zone);

/// <summary>The zones of stamps that name none: one for all hosts, others for single ones.</summary>
internal sealed class HostZones(TimeZoneInfo zone, params HostZone[] hosts)
{
    /// <summary>Of every host that has no other.</summary>
    public TimeZoneInfo Zone { get; } = zone;

    /// <summary>How many hosts have their own.</summary>
    public int Count => hosts.Length;

    /// <summary>The host with that index below <see cref="Count"/>.</summary>
    public HostZone this[int index] => hosts[index];

    /// <summary>Index of a host with a zone of its own; -1 for any other.</summary>
    public int Find(ReadOnlySpan<byte> host)
    {
        for (int i = 0; i < hosts.Length; i++)
        {
            if (Ascii.EqualsIgnoreCase(hosts[i].Host, host))
            {
                return i;
            }
        }
        return -1;
    }

    /// <summary>The zone of a host.</summary>
    public TimeZoneInfo Of(ReadOnlySpan<byte> host) =>
        Find(host) is >= 0 and int index ? hosts[index].Zone : Zone;
}

/// <summary>A clock for each host that has a zone of its own, and one for all others.</summary>
/// <remarks>
/// The clock of the source infers the year, by the order of all lines; from the local time that it
/// finds, the clock of the host makes the instant, by the order of lines in its zone alone: a line
/// of another zone would look like a step back. Only logs for which host zones were told come here.
/// </remarks>
internal sealed class HostClocks
{
    private const long MicrosPerSecond = 1_000_000;

    private readonly HostZones _zones;
    private readonly HostTable _hosts;

    // The first is that of all hosts without a zone of their own.
    private readonly LineClock[] _clocks;
    private readonly long[] _followed;

    // By index of the host: 0 = not looked up yet, else the clock's index + 1.
    private int[] _clockOfHost = new int[16];

    public HostClocks(HostZones zones, HostTable hosts)
    {
        _zones = zones;
        _hosts = hosts;
        _clocks = new LineClock[zones.Count + 1];
        _followed = new long[_clocks.Length];
        for (int i = 0; i < _clocks.Length; i++)
        {
            _clocks[i] = new LineClock();
            _clocks[i].Begin(i == 0 ? zones.Zone : zones[i - 1].Zone, 0, 0);
        }
    }

    /// <summary>Says when a host wrote its last line before this source; for the doubled hour.</summary>
    public void Follow(int host, long lastUnixMicros)
    {
        int index = IndexOf(host);
        if (lastUnixMicros > _followed[index])
        {
            _followed[index] = lastUnixMicros;
            _clocks[index].FollowInstant(lastUnixMicros);
        }
    }

    /// <summary>Says in which of the doubled hours a source begins.</summary>
    /// <param name="state">As for <see cref="LineClock.Follow"/>.</param>
    public void Follow(long state)
    {
        foreach (LineClock clock in _clocks)
        {
            clock.Follow(state);
        }
    }

    /// <summary>Gives a line whose stamp names no zone the instant in its host's zone.</summary>
    /// <param name="host">Index of the host.</param>
    /// <param name="localSeconds">What the stamp says, as if it were UTC.</param>
    /// <param name="frame">Has the instant in the zone of all.</param>
    public void Adjust(int host, long localSeconds, ref LineFrame frame)
    {
        if ((frame.TimeFlags & RecordFlags.ZoneInferred) == 0)
        {
            return;
        }
        long micros = frame.TimeUnixMicros % MicrosPerSecond;
        micros += micros < 0 ? MicrosPerSecond : 0;
        frame.TimeUnixMicros =
            _clocks[IndexOf(host)].Local(localSeconds, out short offset) + micros;
        frame.OffsetMinutes = offset;
    }

    private int IndexOf(int host)
    {
        if (host >= _clockOfHost.Length)
        {
            Array.Resize(ref _clockOfHost, Math.Max(host + 1, _clockOfHost.Length * 2));
        }
        ref int index = ref _clockOfHost[host];
        if (index == 0)
        {
            index = _zones.Find(_hosts.Host(host)) + 2;
        }
        return index - 1;
    }
}
