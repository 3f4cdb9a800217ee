#pragma warning disable MA0006 // == on strings is ordinal, and plainness is the point here.
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>docs/RECORDS.md, "Sessions", as a list of open logins that is searched from its start.</summary>
/// <param name="clocks">Latest time seen of each host; kept up by the owner.</param>
internal sealed class SlowSessions(IReadOnlyDictionary<string, long> clocks)
{
    private const long IdleMax = 35L * 86_400_000_000;
    private const long Minute = 60_000_000;
    private const long Second = 1_000_000;
    private const long Day = 86_400 * Second;

    private readonly List<SlowEvent> _webLogins = [];

    private readonly List<SlowEvent> _open = [];
    private readonly List<SlowRecord> _closed = [];

    // Ends before their logins, with what becomes of them when none comes.
    private readonly List<(SlowEvent End, SlowRecord Alone)> _early = [];

    public void Add(SlowEvent e)
    {
        Expire(e.TimeUnixMicros);
        if (e.Kind == EventKind.WebLogin)
        {
            AddWebLogin(e);
            return;
        }
        if (e.Kind == EventKind.Login)
        {
            e = e with { WebIp = Browser(e) };
            int early = _early.FindIndex(x => x.End.Session == e.Session && e.Session is not null
                && x.End.Host == e.Host && x.End.Protocol == e.Protocol
                && (x.End.User is null or "" || x.End.User == e.User)
                && Waits(x.End));
            if (early < 0)
            {
                foreach (SlowEvent former in _open.Where(l => e.OwnsProcess
                    && l.Session == e.Session && l.Host == e.Host && l.Protocol == e.Protocol
                    && l.TimeUnixMicros <= e.TimeUnixMicros).ToList())
                {
                    _open.Remove(former);
                    _closed.Add(Record(former, null, RecordStatus.Login, RecordFlags.MissingEnd));
                }
                _open.Add(e);
                return;
            }
            _closed.Add(Record(e, _early[early].End, RecordStatus.Session, RecordFlags.None));
            _early.RemoveAt(early);
            return;
        }
        List<SlowEvent> fitting = Fitting(e);
        if (fitting.Count == 0)
        {
            if (e.User is null)
            {
                return;
            }
            SlowRecord alone = Record(e, e, RecordStatus.Logout, RecordFlags.MissingStart);
            if (e.Session is null || _early.Exists(x => x.End.Session == e.Session
                && x.End.Host == e.Host && x.End.Protocol == e.Protocol && Waits(x.End)))
            {
                _closed.Add(alone);
                return;
            }
            _early.Add((e, alone));
            return;
        }
        SlowEvent login = e.Number is >= 0 and { } seconds
            ? fitting.MinBy(l => Math.Abs(l.TimeUnixMicros - (e.TimeUnixMicros - (seconds * 1_000_000))))!
            : fitting.MinBy(l => l.TimeUnixMicros)!;
        _open.Remove(login);
        _closed.Add(Record(login, e, RecordStatus.Session,
            fitting.Count > 1 ? RecordFlags.JoinAmbiguous : RecordFlags.None));
    }

    private void AddWebLogin(SlowEvent web)
    {
        if (SlowTracker.Ip(web.Ip) is { IsNone: false, IsLoopback: false }
            && web.User!.Length <= 320)
        {
            _webLogins.Add(web);
            foreach (string user in new[] { web.User, Lower(web.User) }.Distinct(StringComparer.Ordinal))
            {
                Serve(web, user);
            }
        }
    }

    private void Serve(SlowEvent web, string user)
    {
        List<int> own = [.. Enumerable.Range(0, _open.Count).Where(i => _open[i].User == user
            && _open[i].Host == web.Host && web.FollowsLogin
            && SlowTracker.Ip(_open[i].Ip).IsLoopback
            && Math.Abs(_open[i].TimeUnixMicros - web.TimeUnixMicros) <= 10 * Second)];
        bool isKnown = own.Count == 1 || !IsAmbiguous(web, user);
        own.ForEach(i => _open[i] = _open[i] with { WebIp = isKnown ? web.Ip : null });
    }

    private static string Lower(string user) =>
        string.Concat(user.Select(c => char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c));

    private static bool Means(SlowEvent web, string user) =>
        web.User == user || Lower(web.User!) == user;

    /// <summary>Whether the one from another address before it is less than a day away.</summary>
    private bool IsAmbiguous(SlowEvent web, string user)
    {
        SlowEvent? other = _webLogins.TakeWhile(w => !ReferenceEquals(w, web)).LastOrDefault(
            w => w.Host == web.Host && Means(w, user)
                && SlowTracker.Ip(w.Ip) != SlowTracker.Ip(web.Ip));
        return other is not null
            && Math.Abs(web.TimeUnixMicros - other.TimeUnixMicros) <= Day;
    }

    private string? Browser(SlowEvent login)
    {
        SlowEvent? web = SlowTracker.Ip(login.Ip).IsLoopback
            ? _webLogins.LastOrDefault(w => w.Host == login.Host && Means(w, login.User!)) : null;
        long behind = login.TimeUnixMicros - (web?.TimeUnixMicros ?? 0);
        return web is null || behind > Minute || behind < (web.FollowsLogin ? -10 * Second : 0)
            || IsAmbiguous(web, login.User!) ? null : web.Ip;
    }

    public IEnumerable<SlowRecord> Closed(long now)
    {
        Expire(now);
        return _closed.Concat(_early.Where(x => !Waits(x.End)).Select(x => x.Alone));
    }

    public IEnumerable<SlowRecord> Open(long now)
    {
        Expire(now);
        return _open.Select(l => Record(l, null, RecordStatus.Login, RecordFlags.InFlight))
            .Concat(_early.Where(x => Waits(x.End)).Select(x => x.Alone));
    }

    private bool Waits(SlowEvent end) => clocks[end.Host] <= end.TimeUnixMicros + Minute;

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
            List<SlowEvent> byId =
            [
                .. same.Where(l => l.Session == e.Session
                    && (e.Ip is null || SlowTracker.Ip(l.Ip) == SlowTracker.Ip(e.Ip))
                    && (e.Port is null || l.Port is null || l.Port == e.Port)),
            ];
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
        Ip = SlowTracker.Ip(a.WebIp ?? a.Ip ?? end?.Ip),
        Host = a.Host,
        Protocol = a.Protocol,
        Flags = flags | (a.WebIp is null ? 0 : RecordFlags.Webmail) | SlowTracker.TimeFlags(a) | (end is null ? 0 : SlowTracker.TimeFlags(end))
            | (a.Tls ? RecordFlags.Tls : RecordFlags.None),
    };
}
