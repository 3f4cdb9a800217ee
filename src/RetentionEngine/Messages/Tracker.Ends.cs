using System.Runtime.InteropServices;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Ends of sessions that were logged before their logins.</summary>
/// <remarks>
/// Login and end of a Dovecot session come from two processes through two sockets: a session that
/// is over at once may have them the wrong way round. Such an end waits for a minute of log time.
/// </remarks>
internal sealed partial class Tracker
{
    /// <summary>More than these do not wait: their logins are before the log's beginning.</summary>
    internal const int EndsWaitingMax = 1 << 16;

    // By (host, protocol, session id). Time, offset and flags are those of the end.
    private readonly Dictionary<ulong, OpenSession> _ends = [];

    /// <summary>Lets an end without a login wait for it.</summary>
    /// <returns>Whether it waits; else it is a record of its own already.</returns>
    private bool TryWait(ref readonly OpenSession end)
    {
        if (end.IdHash == 0 || _ends.Count >= EndsWaitingMax)
        {
            return false;
        }
        if (_ends.TryGetValue(end.IdHash, out OpenSession former))
        {
            if (Waits(in former))
            {
                return false;
            }
            EmitWaiting(in former);
        }
        _ends[end.IdHash] = end;
        if (_watch is { Line: >= 0 })
        {
            _watch.Ends[end.IdHash] = _watch.Line;
        }
        return true;
    }

    private bool Waits(ref readonly OpenSession end) =>
        _clocks[_groups[end.Host]] <= end.TimeUnixMicros + LateMax;

    /// <summary>Joins a login to the end that was there before it.</summary>
    private bool TryJoinEnd(ref readonly OpenSession login)
    {
        if (_ends.Count == 0 || !_ends.TryGetValue(login.IdHash, out OpenSession end)
            || end.Host != login.Host || end.Protocol != login.Protocol
            || (end.UserHash != 0 && end.UserHash != login.UserHash)
            || !Waits(in end))
        {
            return false;
        }
        ref RecordRow row = ref AddEnd(in end, RecordStatus.Session);
        FillAccess(ref row, in login);
        _ends.Remove(login.IdHash);
        if (_watch is not null)
        {
            NoteEnd(login.IdHash);
            NoteLine();
        }
        return true;
    }

    private ref RecordRow AddEnd(ref readonly OpenSession end, RecordStatus status)
    {
        ref RecordRow row = ref AddAccess(in end, status, end.Flags);
        row.FinalTimeUnixMicros = end.TimeUnixMicros;
        row.FinalOffsetMinutes = end.OffsetMinutes;
        return ref row;
    }

    private void EmitLogout(ref readonly OpenSession end)
    {
        ref RecordRow row = ref AddEnd(in end, RecordStatus.Logout);
        FillAccess(ref row, in end);
        row.Flags |= RecordFlags.MissingStart;
    }

    /// <summary>Writes an end whose login did not come in time.</summary>
    private void EmitWaiting(ref readonly OpenSession end)
    {
        EmitLogout(in end);
        if (_watch is not null)
        {
            NoteEnd(end.IdHash);
        }
    }

    private void SweepEnds()
    {
        foreach (KeyValuePair<ulong, OpenSession> entry in _ends)
        {
            OpenSession end = entry.Value;
            if (!Waits(in end))
            {
                EmitWaiting(in end);
                _ends.Remove(entry.Key);
            }
        }
    }

    private void PurgeEnds(long limitUnixMicros)
    {
        foreach (KeyValuePair<ulong, OpenSession> entry in _ends)
        {
            if (entry.Value.TimeUnixMicros <= limitUnixMicros)
            {
                _ends.Remove(entry.Key);
            }
        }
    }

    private void EmitWaitingEnds()
    {
        foreach (OpenSession end in _ends.Values)
        {
            EmitLogout(in end);
        }
    }

    private void MoveEnds(StringTable source, StringTable target)
    {
        foreach (ulong key in _ends.Keys)
        {
            Move(source, target, ref CollectionsMarshal.GetValueRefOrNullRef(_ends, key).User);
        }
    }

    private void SaveEnds(ref SnapshotWriter writer)
    {
        writer.Int(_ends.Count);
        foreach (OpenSession end in _ends.Values)
        {
            writer.Raw(end);
            writer.Text(end.User);
        }
    }

    private void LoadEnds(ref SnapshotReader reader, byte version)
    {
        int count = reader.Count(int.MaxValue);
        for (int i = 0; i < count; i++)
        {
            OpenSession end = LoadSession(ref reader, version);
            end.UserHash = end.User == 0
                ? 0
                : SessionHash(end.Host, end.Protocol, _batch.Strings.HashOf(end.User));
            _ends[end.IdHash] = end;
        }
    }
}
