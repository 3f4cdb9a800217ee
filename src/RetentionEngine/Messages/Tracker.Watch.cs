using RetentionEngine.Events;

namespace RetentionEngine.Messages;

/// <summary>Which rows chosen lines go into; only for explanations, an import has none.</summary>
internal sealed class LineWatch
{
    /// <summary>Lines by what they are part of, while it is alive: index of the hop, of the session.</summary>
    public Dictionary<int, List<int>> Hops { get; } = [];

    public Dictionary<int, List<int>> Sessions { get; } = [];

    /// <summary>Web logins that sessions to come may belong to, by their keys.</summary>
    public Dictionary<ulong, int> WebLogins { get; } = [];

    /// <summary>Ends that wait for their login, by the hash of their session id.</summary>
    public Dictionary<ulong, int> Ends { get; } = [];

    /// <summary>Fates whose status line has not been seen yet, by their key.</summary>
    public Dictionary<ulong, int> Fates { get; } = [];

    /// <summary>Notifications whose hop has not been seen yet, by host group and queue id.</summary>
    public Dictionary<(int Group, QueueId Id), int> Pending { get; } = [];

    /// <summary>Rows of the batch, with the line that went into each.</summary>
    public List<(int Row, int Line)> Rows { get; } = [];

    /// <summary>The line that is being taken in; -1 for one that nobody asked about.</summary>
    public int Line { get; set; } = -1;

    /// <summary>Whether no further row can have anything of the lines watched so far.</summary>
    public bool IsIdle =>
        Hops.Count == 0 && Sessions.Count == 0 && Ends.Count == 0 && Pending.Count == 0
        && Fates.Count == 0 && WebLogins.Count == 0;

    public void AddHop(int index, int line) => Add(Hops, index, line);

    public void AddSession(int index, int line) => Add(Sessions, index, line);

    private static void Add(Dictionary<int, List<int>> all, int index, int line)
    {
        if (!all.TryGetValue(index, out List<int>? lines))
        {
            all.Add(index, lines = []);
        }
        if (!lines.Contains(line))
        {
            lines.Add(line);
        }
    }
}

/// <summary>Follows chosen lines into the rows that they become part of.</summary>
/// <remarks>
/// A line of a hop is part of the rows of that hop and of those that have it in their chain. All
/// hooks lie where rows are written, not where lines are read.
/// </remarks>
internal sealed partial class Tracker
{
    private LineWatch? _watch;

    /// <summary>Begins to watch; rows are told by their places in the current batch.</summary>
    public LineWatch Watch() => _watch = new LineWatch();

    /// <summary>Takes one event in, as <see cref="Add(ReadOnlySpan{LogEvent}, ReadOnlySpan{byte})"/> does.</summary>
    /// <param name="one">The event of the watched line.</param>
    /// <param name="block">What it points into.</param>
    /// <param name="line">What the watch is to call it.</param>
    public void AddWatched(ReadOnlySpan<LogEvent> one, ReadOnlySpan<byte> block, int line)
    {
        LineWatch watch = _watch!;
        ref readonly LogEvent e = ref one[0];
        bool isOfHop = e.Kind is not (EventKind.Login or EventKind.Logout or EventKind.WebLogin)
            && !e.QueueId.IsNone;
        if (isOfHop)
        {
            WatchKnown(one, block, line);
        }
        int rows = _batch.Count;
        watch.Line = line;
        Add(one, block);
        watch.Line = -1;
        for (int row = rows; e.Kind == EventKind.Reject && row < _batch.Count; row++)
        {
            if (_batch.Rows[row].Kind == RecordKind.Rejected)
            {
                watch.Rows.Add((row, line));
            }
        }
        if (isOfHop && Living(e.Host, e.QueueId) is >= 0 and int hop)
        {
            watch.AddHop(hop, line);
        }
        if (e.Kind == EventKind.Notification)
        {
            WatchNotification(in e, line);
        }
    }

    /// <summary>Watches the hop that the line belongs to, if it is known: the line may end it.</summary>
    private void WatchKnown(ReadOnlySpan<LogEvent> one, ReadOnlySpan<byte> block, int line)
    {
        ref readonly LogEvent e = ref one[0];
        Prepare(one, block);
        _current = 0;
        ReachTime(in e);
        int index = Find(in e);
        bool isStart = e.Kind is EventKind.Client or EventKind.Pickup;
        if (index >= 0 && !(isStart && IsOtherIncarnation(in _hops[index], in e)))
        {
            _watch!.AddHop(index, line);
        }
    }

    private void WatchNotification(ref readonly LogEvent e, int line)
    {
        int group = _groups[e.Host];
        for (int host = group; host >= 0; host = _groupNext[host])
        {
            if (Living(host, e.OrigQueueId) is >= 0 and int hop)
            {
                _watch!.AddHop(hop, line);
                return;
            }
        }
        _watch!.Pending[(group, e.OrigQueueId)] = line;
    }

    private int Living(int host, QueueId id)
    {
        ulong hash = KeyHash(host, id);
        for (int p = _keys.First(hash); p >= 0; p = _keys.Next(p, hash))
        {
            int index = _keys.IndexAt(p);
            if (_hops[index].Id == id && _hops[index].Host == host)
            {
                return index;
            }
        }
        return -1;
    }

    /// <summary>A hop that a watched notification spoke of has come.</summary>
    private void NotePending(int index)
    {
        if (_watch!.Pending.Remove((_groups[_hops[index].Host], _hops[index].Id), out int line))
        {
            _watch.AddHop(index, line);
        }
    }

    /// <summary>The rows from <paramref name="first"/> on were written for this hop.</summary>
    private void NoteHop(int index, int first)
    {
        for (int i = index; i >= 0; i = _hops[i].Parent)
        {
            if (!_watch!.Hops.TryGetValue(i, out List<int>? lines))
            {
                continue;
            }
            foreach (int line in lines)
            {
                for (int row = first; row < _batch.Count; row++)
                {
                    _watch.Rows.Add((row, line));
                }
            }
        }
    }

    /// <summary>A session begins with the line that is being taken in.</summary>
    /// <param name="index">Of the session.</param>
    /// <param name="webLine">A watched line of the web login that it belongs to; -1 for none.</param>
    private void WatchSession(int index, int webLine)
    {
        if (webLine >= 0)
        {
            _watch!.AddSession(index, webLine);
        }
        if (_watch!.Line >= 0)
        {
            _watch.AddSession(index, _watch.Line);
        }
    }

    /// <summary>The last row was written for a session, which is about to be forgotten.</summary>
    private void NoteSession(int index)
    {
        if (_watch!.Sessions.Remove(index, out List<int>? lines))
        {
            NoteLines(lines);
        }
    }

    private void NoteLines(List<int> lines)
    {
        foreach (int line in lines)
        {
            _watch!.Rows.Add((_batch.Count - 1, line));
        }
    }

    /// <summary>The last row was written for an end that waited.</summary>
    private void NoteEnd(ulong idHash)
    {
        if (_watch!.Ends.Remove(idHash, out int line))
        {
            _watch.Rows.Add((_batch.Count - 1, line));
        }
    }

    /// <summary>The last row was written for the line that is being taken in.</summary>
    private void NoteLine()
    {
        if (_watch!.Line >= 0)
        {
            _watch.Rows.Add((_batch.Count - 1, _watch.Line));
        }
    }

    /// <summary>The rows of what is watched and alive, marked in flight; nothing changes.</summary>
    public void EmitWatchedInFlight()
    {
        for (int index = 0; index < _hops.Used; index++)
        {
            if (!IsMailInFlight(in _hops[index]) || !IsWatched(index))
            {
                continue;
            }
            int first = _batch.Count;
            EmitHop(index, HopMarks.Waiting);
            NoteHop(index, first);
        }
        foreach ((int index, List<int> lines) in _watch!.Sessions)
        {
            EmitLogin(in _sessions[index], RecordFlags.InFlight);
            NoteLines(lines);
        }
        foreach ((ulong idHash, int line) in _watch.Ends)
        {
            if (_ends.TryGetValue(idHash, out OpenSession end))
            {
                EmitLogout(in end);
                _watch.Rows.Add((_batch.Count - 1, line));
            }
        }
    }

    private bool IsWatched(int index)
    {
        for (int i = index; i >= 0; i = _hops[i].Parent)
        {
            if (_watch!.Hops.ContainsKey(i))
            {
                return true;
            }
        }
        return false;
    }
}
