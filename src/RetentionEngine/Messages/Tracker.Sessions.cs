using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Logins and logouts joined: docs/RECORDS.md, "Sessions".</summary>
internal sealed partial class Tracker
{
    internal const long SessionIdleMax = 35 * Day;

    /// <summary>More open sessions than this are closed from the oldest on.</summary>
    internal const int SessionsMax = 1 << 20;

    /// <summary>More open sessions of one user than this, or with one id: the oldest is closed.</summary>
    internal const int SameSessionsMax = 1024;

    private readonly Pool<OpenSession> _sessions = new();

    // By (host, protocol, session id or pid), and by (host, protocol, user).
    private readonly KeyTable _sessionIds = new();
    private readonly KeyTable _sessionUsers = new();

    public int SessionsOpen => _sessions.Live;

    private struct OpenSession
    {
        public long TimeUnixMicros;
        public ulong IdHash;
        public ulong UserHash;
        public ClientIp Ip;
        public uint User;
        public int Host;
        public short OffsetMinutes;
        public ushort Port;
        public RecordFlags Flags;
        public AccessProtocol Protocol;
        public bool IsLive;

        /// <summary>The browser's address, if the session is that of a webmail program.</summary>
        public ClientIp WebIp;
    }

    private void AddLogin(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        var login = new OpenSession
        {
            TimeUnixMicros = e.TimeUnixMicros,
            OffsetMinutes = e.OffsetMinutes,
            Ip = IpOf(e.Ip, block),
            Port = e.Port,
            Host = e.Host,
            Protocol = e.Protocol,
            Flags = e.TimeFlags | (e.Tls != 0 ? RecordFlags.Tls : 0),
            User = UserText,
            IdHash = _keyHashes[_current],
            UserHash = _userHashes[_current],
            IsLive = true,
        };
        int webLine = FindBrowser(ref login);
        if (TryJoinEnd(in login))
        {
            if (webLine >= 0)
            {
                _watch!.Rows.Add((_batch.Count - 1, webLine));
            }
            return;
        }
        if (e.OwnsProcess != 0 && login.IdHash != 0)
        {
            CloseFormer(in login);
        }
        int index = _sessions.Add();
        _sessions[index] = login;
        if (_watch is not null)
        {
            WatchSession(index, webLine);
        }
        (ulong idHash, ulong userHash) = (login.IdHash, login.UserHash);
        int sameId = idHash == 0 ? 0 : _sessionIds.Add(idHash, index);
        int sameUser = _sessionUsers.Add(userHash, index);
        if (sameId >= SameSessionsMax)
        {
            CloseOldest(_sessionIds, idHash);
        }
        if (sameUser >= SameSessionsMax)
        {
            CloseOldest(_sessionUsers, userHash);
        }
    }

    /// <summary>A process that serves a new client has done with the one before.</summary>
    private void CloseFormer(ref readonly OpenSession login)
    {
        for (int p = _sessionIds.First(login.IdHash); p >= 0;)
        {
            int index = _sessionIds.IndexAt(p);
            ref OpenSession former = ref _sessions[index];
            if (former.Host != login.Host || former.Protocol != login.Protocol
                || former.TimeUnixMicros > login.TimeUnixMicros)
            {
                p = _sessionIds.Next(p, login.IdHash);
                continue;
            }
            EmitLogin(in former, RecordFlags.MissingEnd);
            RemoveSession(index);
            p = _sessionIds.First(login.IdHash);
        }
    }

    private void CloseOldest(KeyTable table, ulong hash)
    {
        int oldest = -1;
        for (int p = table.First(hash); p >= 0; p = table.Next(p, hash))
        {
            int index = table.IndexAt(p);
            if (oldest < 0 || _sessions[index].TimeUnixMicros < _sessions[oldest].TimeUnixMicros)
            {
                oldest = index;
            }
        }
        EmitLogin(in _sessions[oldest], RecordFlags.MissingEnd);
        RemoveSession(oldest);
    }

    private void AddLogout(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        ClientIp ip = IpOf(e.Ip, block);
        ulong userHash = _userHashes[_current];
        ulong idHash = _keyHashes[_current];
        bool hasId = idHash != 0;
        int index = -1;
        bool ambiguous = false;
        if (hasId)
        {
            index = Pick(
                _sessionIds, idHash, in e, ip, e.Port, userHash, false, false, out ambiguous);
        }
        if (index < 0 && userHash != 0)
        {
            index = Pick(
                _sessionUsers, userHash, in e, ip, e.Port, userHash, true, hasId, out ambiguous);
        }
        var end = new OpenSession
        {
            TimeUnixMicros = e.TimeUnixMicros,
            OffsetMinutes = e.OffsetMinutes,
            Flags = e.TimeFlags,
            Host = e.Host,
            Protocol = e.Protocol,
            Ip = ip,
            User = UserText,
            IdHash = idHash,
            UserHash = userHash,
        };
        if (index < 0)
        {
            // An end without a user follows another that ended the session already.
            if (userHash != 0 && !TryWait(in end))
            {
                EmitLogout(in end);
                if (_watch is not null)
                {
                    NoteLine();
                }
            }
            return;
        }
        ref RecordRow row = ref AddEnd(in end, RecordStatus.Session);
        FillAccess(ref row, in _sessions[index]);
        row.Flags |= ambiguous ? RecordFlags.JoinAmbiguous : 0;
        if (_watch is not null)
        {
            NoteLine();
        }
        RemoveSession(index);
    }

    /// <summary>The open session that an end line belongs to, -1 if none fits.</summary>
    private int Pick(
        KeyTable table,
        ulong hash,
        ref readonly LogEvent e,
        ClientIp ip,
        ushort port,
        ulong userHash,
        bool onlyByUser,
        bool hasId,
        out bool ambiguous)
    {
        int best = -1;
        int fitting = 0;
        for (int p = table.First(hash); p >= 0; p = table.Next(p, hash))
        {
            int index = table.IndexAt(p);
            ref OpenSession session = ref _sessions[index];
            if (session.Host != e.Host || session.Protocol != e.Protocol
                || session.TimeUnixMicros > e.TimeUnixMicros + LateMax
                || (userHash != 0 && session.UserHash != userHash)
                || (hasId && session.IdHash != 0)
                || (!ip.IsNone && session.Ip != ip)
                || (port != 0 && session.Port != port && (onlyByUser || session.Port != 0)))
            {
                continue;
            }
            fitting++;
            if (best < 0 || IsBetter(in session, in _sessions[best], in e))
            {
                best = index;
            }
        }
        ambiguous = fitting > 1;
        return best;
    }

    private static bool IsBetter(
        ref readonly OpenSession session, ref readonly OpenSession best, ref readonly LogEvent e)
    {
        if (e.Number < 0)
        {
            return session.TimeUnixMicros < best.TimeUnixMicros;
        }
        long login = e.TimeUnixMicros - (e.Number * Second);
        long distance = Math.Abs(session.TimeUnixMicros - login);
        long bestDistance = Math.Abs(best.TimeUnixMicros - login);
        return distance < bestDistance
            || (distance == bestDistance && session.TimeUnixMicros < best.TimeUnixMicros);
    }

    private static void FillAccess(ref RecordRow row, ref readonly OpenSession session)
    {
        row.TimeUnixMicros = session.TimeUnixMicros;
        row.OffsetMinutes = session.OffsetMinutes;
        row.Recipient = session.User;
        row.Flags |= session.Flags | (session.WebIp.IsNone ? 0 : RecordFlags.Webmail);
        ClientIp ip = session.WebIp.IsNone ? session.Ip : session.WebIp;
        (row.IpHi, row.IpLo) = (ip.Hi, ip.Lo);
    }

    private void EmitLogin(ref readonly OpenSession session, RecordFlags mark)
    {
        ref RecordRow row = ref AddAccess(in session, RecordStatus.Login, mark);
        FillAccess(ref row, in session);
    }

    private ref RecordRow AddAccess(
        ref readonly OpenSession session, RecordStatus status, RecordFlags flags)
    {
        ref RecordRow row = ref _batch.Add();
        row.Kind = RecordKind.Access;
        row.Status = status;
        row.SizeBytes = -1;
        row.Uid = -1;
        row.Protocol = session.Protocol;
        row.Flags = flags;
        row.Host = HostText(session.Host);
        return ref row;
    }

    /// <summary>Forgets a session whose row was written just before.</summary>
    private void RemoveSession(int index)
    {
        if (_watch is not null)
        {
            NoteSession(index);
        }
        ref OpenSession session = ref _sessions[index];
        if (session.IdHash != 0)
        {
            _sessionIds.Remove(session.IdHash, index);
        }
        _sessionUsers.Remove(session.UserHash, index);
        _sessions.Remove(index);
    }

    private void SweepSessions()
    {
        int step = 0;
        do
        {
            for (int index = 0; index < _sessions.Used; index++)
            {
                ref OpenSession session = ref _sessions[index];
                if (session.IsLive && _clocks[_groups[session.Host]] - session.TimeUnixMicros
                    > Shortened(SessionIdleMax, step))
                {
                    EmitLogin(in session, RecordFlags.MissingEnd);
                    RemoveSession(index);
                }
            }
            step++;
        }
        while (_sessions.Live > SessionsMax && step < 15);
    }

    private void EmitOpenSessions()
    {
        for (int index = 0; index < _sessions.Used; index++)
        {
            if (_sessions[index].IsLive)
            {
                EmitLogin(in _sessions[index], RecordFlags.InFlight);
            }
        }
        EmitWaitingEnds();
    }

    private static ulong SessionHash(int host, AccessProtocol protocol, ulong textHash)
    {
        ulong hash = textHash
            ^ ((((ulong)(uint)host << 8) | (ulong)protocol) * 0x9E37_79B9_7F4A_7C15);
        return hash == 0 ? 1 : hash;
    }
}
