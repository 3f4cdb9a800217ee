using System.IO.Hashing;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Whom loopback sessions serve: docs/RECORDS.md, "Webmail".</summary>
/// <remarks>
/// A webmail program on the host itself logs who was let in and from where, and opens sessions that
/// come from 127.0.0.1 or ::1. The last web login of each user is remembered. A session keeps the
/// address it came from, by which its end finds it; only its record shows the browser's.
/// </remarks>
internal sealed partial class Tracker
{
    /// <summary>A web login serves sessions that begin this long behind it.</summary>
    internal const long WebLoginServes = Minute;

    /// <summary>The session by which the password was tried began this long before it at most.</summary>
    internal const long WebLoginBefore = 10 * Second;

    /// <summary>So long another browser of the user may still be open.</summary>
    internal const long WebLoginKept = Day;

    /// <summary>Web logins of more users than this are not heeded.</summary>
    internal const int WebLoginsMax = 1 << 16;

    // By host group and user; the user as the program wrote it, and in lower case.
    private readonly Dictionary<ulong, WebLogin> _webLogins = [];
    private readonly List<int> _webSessions = [];

    public int WebLogins => _webLogins.Count;

    private struct WebLogin
    {
        public long TimeUnixMicros;

        /// <summary>The last one of the same user from another address; 0 for none.</summary>
        public long OtherUnixMicros;
        public ClientIp Ip;
        public int Group;

        /// <summary>As <see cref="LogEvent.FollowsLogin"/>.</summary>
        public bool FollowsLogin;

        /// <summary>Whether it can't be told from which browser a session is.</summary>
        public readonly bool IsAmbiguous =>
            OtherUnixMicros != 0 && Math.Abs(TimeUnixMicros - OtherUnixMicros) <= WebLoginKept;
    }

    private void AddWebLogin(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        ClientIp ip = IpOf(e.Ip, block);
        ReadOnlySpan<byte> user = e.User.Of(block);
        if (ip.IsNone || ip.IsLoopback || user.Length > BoxLengthMax)
        {
            return;
        }
        AddWebLogin(in e, ip, UserText, user);
        Span<byte> lower = stackalloc byte[user.Length];
        for (int i = 0; i < user.Length; i++)
        {
            lower[i] = (byte)(user[i] is >= (byte)'A' and <= (byte)'Z' ? user[i] | 0x20 : user[i]);
        }
        if (!user.SequenceEqual(lower))
        {
            AddWebLogin(in e, ip, _batch.Strings.Intern(lower), lower);
        }
    }

    private void AddWebLogin(
        ref readonly LogEvent e, ClientIp ip, uint userText, ReadOnlySpan<byte> user)
    {
        int group = _groups[e.Host];
        ulong key = WebLoginKey(group, user);
        bool isKnown = _webLogins.TryGetValue(key, out WebLogin former);
        if (!isKnown && _webLogins.Count >= WebLoginsMax)
        {
            return;
        }
        var login = new WebLogin
        {
            TimeUnixMicros = e.TimeUnixMicros,
            OtherUnixMicros = isKnown
                ? former.Ip == ip ? former.OtherUnixMicros : former.TimeUnixMicros
                : 0,
            Ip = ip,
            Group = group,
            FollowsLogin = e.FollowsLogin != 0,
        };
        _webLogins[key] = login;
        if (_watch is not null)
        {
            _watch.WebLogins.Remove(key);
            if (_watch.Line >= 0)
            {
                _watch.WebLogins[key] = _watch.Line;
            }
        }
        if (login.FollowsLogin)
        {
            ServeOpenSessions(in login, in e, userText);
        }
    }

    /// <summary>Gives the address to the session by which the program tried the password.</summary>
    /// <remarks>
    /// It is open while the line is written. Where there are several, and another browser of the
    /// user may be open, none of them can be told from that one's.
    /// </remarks>
    private void ServeOpenSessions(
        ref readonly WebLogin login, ref readonly LogEvent e, uint userText)
    {
        _webSessions.Clear();
        for (int host = login.Group; host >= 0; host = _groupNext[host])
        {
            for (var protocol = AccessProtocol.Imap; protocol <= AccessProtocol.Submission; protocol++)
            {
                ulong hash = SessionHash(host, protocol, _batch.Strings.HashOf(userText));
                for (int p = _sessionUsers.First(hash); p >= 0; p = _sessionUsers.Next(p, hash))
                {
                    int index = _sessionUsers.IndexAt(p);
                    ref OpenSession session = ref _sessions[index];
                    if (session.User == userText && _groups[session.Host] == login.Group
                        && session.Ip.IsLoopback && MayServe(in login, session.TimeUnixMicros)
                        && session.TimeUnixMicros <= e.TimeUnixMicros + WebLoginBefore)
                    {
                        _webSessions.Add(index);
                    }
                }
            }
        }
        bool isKnown = _webSessions.Count == 1 || !login.IsAmbiguous;
        foreach (int index in _webSessions)
        {
            _sessions[index].WebIp = isKnown ? login.Ip : default;
            if (_watch is { Line: >= 0 } && isKnown)
            {
                _watch.AddSession(index, _watch.Line);
            }
        }
    }

    private static bool MayServe(ref readonly WebLogin login, long sessionUnixMicros)
    {
        long behind = sessionUnixMicros - login.TimeUnixMicros;
        return behind >= (login.FollowsLogin ? -WebLoginBefore : 0) && behind <= WebLoginServes;
    }

    /// <summary>Gives a session that begins on the host itself the address of the browser.</summary>
    /// <returns>The watched line of the web login, else -1.</returns>
    private int FindBrowser(ref OpenSession session)
    {
        if (_webLogins.Count == 0 || !session.Ip.IsLoopback)
        {
            return -1;
        }
        ulong key = WebLoginKey(_groups[session.Host], _batch.Strings[session.User]);
        if (!_webLogins.TryGetValue(key, out WebLogin login) || login.IsAmbiguous
            || !MayServe(in login, session.TimeUnixMicros))
        {
            return -1;
        }
        session.WebIp = login.Ip;
        return _watch is not null && _watch.WebLogins.TryGetValue(key, out int line) ? line : -1;
    }

    private ulong WebLoginKey(int group, ReadOnlySpan<byte> user) =>
        SessionHash(group, AccessProtocol.None, XxHash3.HashToUInt64(user, _seed));

    private void SweepWebLogins()
    {
        foreach (KeyValuePair<ulong, WebLogin> entry in _webLogins)
        {
            long age = _clocks[entry.Value.Group] - entry.Value.TimeUnixMicros;
            if (age > WebLoginKept)
            {
                _webLogins.Remove(entry.Key);
            }
            if (age > WebLoginServes)
            {
                _watch?.WebLogins.Remove(entry.Key);
            }
        }
    }

    private void PurgeWebLogins(long limitUnixMicros)
    {
        foreach (KeyValuePair<ulong, WebLogin> entry in _webLogins)
        {
            if (entry.Value.TimeUnixMicros <= limitUnixMicros)
            {
                _webLogins.Remove(entry.Key);
            }
        }
    }

    private void SaveWebLogins(ref SnapshotWriter writer)
    {
        writer.Int(_webLogins.Count);
        foreach (KeyValuePair<ulong, WebLogin> entry in _webLogins)
        {
            writer.Raw(entry.Key);
            writer.Raw(entry.Value);
        }
    }

    private void LoadWebLogins(ref SnapshotReader reader)
    {
        for (int count = reader.Count(WebLoginsMax); count > 0; count--)
        {
            ulong key = reader.Raw<ulong>();
            WebLogin login = reader.Raw<WebLogin>();
            _webLogins[key] = login.Group >= 0 && login.Group < _groupsKnown
                ? login : throw SnapshotReader.Damaged();
        }
    }
}
