#pragma warning disable MA0006 // == on strings is ordinal, and plainness is the point here.
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>docs/RECORDS.md, "Sessions", as a list of open logins that is searched from its start.</summary>
internal sealed class SlowSessions
{
    private const long IdleMax = 35L * 86_400_000_000;

    private readonly List<SlowEvent> _open = [];
    private readonly List<SlowRecord> _closed = [];

    public void Add(SlowEvent e)
    {
        Expire(e.TimeUnixMicros);
        if (e.Kind == EventKind.Login)
        {
            _open.Add(e);
            return;
        }
        List<SlowEvent> fitting = Fitting(e);
        if (fitting.Count == 0)
        {
            _closed.Add(Record(e, e, RecordStatus.Logout, RecordFlags.MissingStart));
            return;
        }
        SlowEvent login = e.Number is >= 0 and { } seconds
            ? fitting.MinBy(l => Math.Abs(l.TimeUnixMicros - (e.TimeUnixMicros - (seconds * 1_000_000))))!
            : fitting.MinBy(l => l.TimeUnixMicros)!;
        _open.Remove(login);
        _closed.Add(Record(login, e, RecordStatus.Session,
            fitting.Count > 1 ? RecordFlags.JoinAmbiguous : RecordFlags.None));
    }

    public IEnumerable<SlowRecord> Closed(long now)
    {
        Expire(now);
        return _closed;
    }

    public IEnumerable<SlowRecord> Open(long now)
    {
        Expire(now);
        return _open.Select(l => Record(l, null, RecordStatus.Login, RecordFlags.InFlight));
    }

    private void Expire(long now)
    {
        foreach (SlowEvent login in _open.Where(l => now - l.TimeUnixMicros > IdleMax).ToList())
        {
            _open.Remove(login);
            _closed.Add(Record(login, null, RecordStatus.Login, RecordFlags.MissingEnd));
        }
    }

    private List<SlowEvent> Fitting(SlowEvent e)
    {
        List<SlowEvent> same = [.. _open.Where(l => l.Host == e.Host && l.Protocol == e.Protocol)];
        if (e.Session is not null)
        {
            List<SlowEvent> byId = [.. same.Where(l => l.Session == e.Session)];
            if (byId.Count > 0)
            {
                return byId;
            }
        }
        same = [.. same.Where(l => l.User == e.User && (l.Session is null || e.Session is null))];
        if (e.Ip is null)
        {
            return same;
        }
        same = [.. same.Where(l => SlowTracker.Ip(l.Ip) == SlowTracker.Ip(e.Ip))];
        List<SlowEvent> byPort = [.. same.Where(l => e.Port is not null && l.Port == e.Port)];
        return byPort.Count > 0 ? byPort : [.. same.Where(l => l.Port is null || e.Port is null)];
    }

    private static SlowRecord Record(SlowEvent a, SlowEvent? end, RecordStatus status, RecordFlags flags) => new()
    {
        Kind = RecordKind.Access,
        Status = status,
        TimeUnixMicros = a.TimeUnixMicros,
        OffsetMinutes = a.OffsetMinutes,
        FinalTimeUnixMicros = end?.TimeUnixMicros,
        FinalOffsetMinutes = end?.OffsetMinutes ?? 0,
        Recipient = a.User,
        Ip = SlowTracker.Ip(a.Ip ?? end?.Ip),
        Host = a.Host,
        Protocol = a.Protocol,
        Flags = flags | SlowTracker.TimeFlags(a) | (end is null ? 0 : SlowTracker.TimeFlags(end))
            | (a.Tls ? RecordFlags.Tls : RecordFlags.None),
    };
}
