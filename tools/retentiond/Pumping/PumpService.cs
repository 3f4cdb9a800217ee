using System.Collections.Concurrent;
using System.Diagnostics;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Reads all sources into the store: takes lines in, commits, merges, expires.</summary>
/// <remarks>
/// One thread owns the store. What can be read again (files) it reads where it lies; the rest comes
/// by way of the spool. When the store fails, it is closed and opened anew from its last commit.
/// </remarks>
internal sealed class PumpService : IAsyncDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_chores = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_tellFull = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_partAge = TimeSpan.FromMinutes(10);

    private readonly Status _status;
    private readonly Log _log;
    private readonly TimeProvider _wall;
    private readonly TrustedClock _clock;
    private readonly PumpCounts _counts;
    private readonly SpoolGate _gate;
    private readonly SourceReaders _readers;
    private readonly Thread _thread;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly ConcurrentQueue<TaskCompletionSource> _syncs = new();
    private Settings _settings;
    private FileFollower _files;
    private Settings? _next;
    private OpenedStore? _opened;
    private readonly HashSet<string> _unreadable = new(StringComparer.Ordinal);
    private IReadOnlyList<LogSource> _spooled = [];
    private long _firstUncommitted;
    private long _bytesUncommitted;
    private long _lastChores;
    private long _toldFull;
    private volatile bool _isStopping;

    public PumpService(Settings settings, Status status, TimeProvider clock, Log log)
    {
        (_settings, _status, _wall, _log) = (settings, status, clock, log);
        _clock = new TrustedClock(clock, KernelClock.IsSynchronised);
        _counts = new PumpCounts(status);
        _files = new FileFollower(settings.Files);
        _gate = new SpoolGate { Appended = Wake };
        _readers = new SourceReaders(_gate, status, clock, log);
        _thread = new Thread(Loop) { IsBackground = true, Name = "pump" };
    }

    /// <summary>Opens or creates the store; from here on, lines may come.</summary>
    /// <exception cref="RetentionException">The store can't be used.</exception>
    public void Start()
    {
        Open();
        _readers.Apply(_settings);
        _thread.Start();
    }

    /// <summary>Makes lines durable.</summary>
    /// <param name="lines">Whole lines, each with its line end.</param>
    /// <param name="cancel">Gives up waiting; the lines may be durable nevertheless.</param>
    /// <exception cref="RetentionException">The device failed: try again later.</exception>
    public ValueTask AppendAsync(ReadOnlyMemory<byte> lines, CancellationToken cancel) =>
        _gate.AppendAsync(lines, default, cancel);

    /// <summary>Takes a changed configuration, between two turns.</summary>
    public void Reload(Settings settings)
    {
        Volatile.Write(ref _next, settings);
        Wake();
    }

    /// <summary>Brings all that is there into the store; completes when queries see it.</summary>
    /// <exception cref="OperationCanceledException">The store can't take anything now.</exception>
    public async Task SyncAsync(CancellationToken cancel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _syncs.Enqueue(done);
        Wake();
        await done.Task.WaitAsync(cancel);
    }

    /// <summary>Reads what there is, commits, and closes the store.</summary>
    public async Task StopAsync()
    {
        _status.Pump.State = PumpState.Stopping;
        await _readers.StopAsync();
        _isStopping = true;
        Wake();
        await Task.Run(_thread.Join);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isStopping && _thread.IsAlive)
        {
            await StopAsync();
        }
        Close();
        _files.Dispose();
        _wake.Dispose();
    }

    private void Wake()
    {
        if (_wake.CurrentCount == 0)
        {
            _wake.Release();
        }
    }

    private void Loop()
    {
        while (true)
        {
            bool isLast = _isStopping;
            try
            {
                if (_opened is null)
                {
                    Reopen();
                }
                if (_opened is not null)
                {
                    Turn(isLast);
                }
            }
            catch (RetentionException e)
            {
                Fail(e);
            }
            _status.Pump.Move();
            if (isLast)
            {
                Close();
                return;
            }
            if (_wake.Wait(_opened is null ? s_retry : s_poll) && _syncs.IsEmpty && !_isStopping)
            {
                // What comes in small pieces is read in larger ones.
                Thread.Sleep(s_gather);
            }
        }
    }

    private void Open()
    {
        _opened = OpenedStore.Open(_settings, _clock, _status.Pump.Move);
        _gate.Open(_opened.Spool);
        _spooled = [];
        (_bytesUncommitted, _firstUncommitted) = (0, 0);
        _lastChores = 0;
        _counts.Begin();
        _status.Store.Key = KeyState.Loaded;
        _status.Pump.State = PumpState.Running;
    }

    private void Close()
    {
        _gate.Close();
        _opened?.Dispose();
        _opened = null;
    }

    /// <summary>Tries whether the store can be used again.</summary>
    private void Reopen()
    {
        if (IsDiskFull())
        {
            _status.Pump.State = PumpState.DiskFull;
            ReportExpired(OpenedStore.Expire(_settings, _clock));
            if (IsDiskFull())
            {
                return;
            }
        }
        Open();
        _log.Info("going on behind the last commit");
    }

    private bool IsDiskFull()
    {
        _status.Store.DiskFreeBytes = new DriveInfo(_settings.Store.Path).AvailableFreeSpace;
        return _status.Store.DiskFreeBytes < _settings.Spool.DiskReserveBytes;
    }

    private void Fail(RetentionException e)
    {
        Close();
        bool isFull = e.Error == RetentionError.DiskFull;
        _status.Pump.State = isFull ? PumpState.DiskFull : PumpState.StoreError;
        if (e.Error == RetentionError.Key)
        {
            _status.Store.Key = KeyState.Missing;
        }
        if (_toldFull == 0 || _wall.GetElapsedTime(_toldFull) >= s_tellFull)
        {
            _toldFull = _wall.GetTimestamp();
            _log.Error(
                isFull ? "disk full: nothing is taken in until there is room"
                    : "the store can't be used; trying again",
                ("error", e.Error), ("path", e.Path), ("offset", e.OffsetBytes));
        }
    }

    private void Turn(bool isLast)
    {
        TakeSettings();
        var syncs = new List<TaskCompletionSource>();
        while (_syncs.TryDequeue(out TaskCompletionSource? sync))
        {
            syncs.Add(sync);
        }
        Read();
        bool isDue = _bytesUncommitted > 0
            && (isLast || syncs.Count > 0 || _bytesUncommitted >= _settings.Store.CommitVolumeBytes
                || _wall.GetElapsedTime(_firstUncommitted) >= _settings.Store.CommitInterval);
        if (isDue)
        {
            Commit();
        }
        syncs.ForEach(static sync => sync.TrySetResult());
        if (_opened!.Spool.IsFull)
        {
            _status.Pump.State = PumpState.DiskFull;
        }
        else if (_status.Pump.State == PumpState.DiskFull)
        {
            _status.Pump.State = PumpState.Running;
        }
        if (!isLast && (_lastChores == 0 || _wall.GetElapsedTime(_lastChores) >= s_chores))
        {
            _lastChores = _wall.GetTimestamp();
            DoChores();
        }
    }

    private void TakeSettings()
    {
        Settings? next = Interlocked.Exchange(ref _next, null);
        if (next is null)
        {
            return;
        }
        Commit();
        _opened!.SetPolicy(next.Policy, _status.Pump.Move);
        _counts.Begin();
        if (!next.Files.SequenceEqual(_settings.Files, StringComparer.Ordinal))
        {
            _files.Dispose();
            _files = new FileFollower(next.Files);
            _unreadable.Clear();
        }
        _settings = next;
        _readers.Apply(next);
    }

    private void Read()
    {
        List<LogSource> files = _files.Changed(_wall.GetUtcNow(), TellUnreadable);
        IReadOnlyList<LogSource> spooled = _opened!.Spool.Sources();
        if (files.Count + spooled.Count == 0)
        {
            return;
        }
        ImportReport report =
            _opened.Pump.Read([.. files, .. spooled], CancellationToken.None);
        _files.Done();
        _spooled = spooled;
        long read = _counts.Add(report, _settings.Files);
        if (read > 0 && _bytesUncommitted == 0)
        {
            _firstUncommitted = _wall.GetTimestamp();
        }
        _bytesUncommitted += read;
        _status.Pump.SpoolBytes = _opened.Spool.UnreadBytes;
    }

    /// <summary>Tells of a file that can't be opened; once, until it could be.</summary>
    private void TellUnreadable(string path)
    {
        SourceStatus source = _status.Source(
            SourceKind.File,
            _settings.Files.First(p => path.StartsWith(p, StringComparison.Ordinal)));
        if (_unreadable.Add(path))
        {
            _log.Warning("file can't be read", ("path", path));
        }
        source.IsUp = false;
    }

    private void Commit()
    {
        _opened!.Pump.Commit();
        if (_opened.Spool.Release(_spooled))
        {
            _opened.Pump.KeepOnly(_opened.Spool.Identities());
        }
        _counts.Committed(
            _bytesUncommitted == 0 ? TimeSpan.Zero : _wall.GetElapsedTime(_firstUncommitted),
            _wall.GetUtcNow(), _opened.Pump.Report());
        _spooled = [];
        _bytesUncommitted = 0;
        _status.Pump.SpoolBytes = _opened.Spool.UnreadBytes;
    }

    /// <summary>What need not be done at every turn.</summary>
    private void DoChores()
    {
        Commit();
        ExpireReport due = _opened!.Store.Expire(dryRun: true);
        if (due.Buckets.Count + due.Holds.Count > 0)
        {
            ReportExpired(_opened.Store.Expire(dryRun: false));
        }
        int merged = _opened.Pump.Merge();
        if (merged > 0)
        {
            _log.Debug("merged", ("runs", merged));
        }
        _opened.Spool.Turn(s_partAge);
        _counts.Take(_opened.Store.Stats());
        _counts.TakeFiles(_files);
        IsDiskFull();
        TimeSpan ahead = _clock.Ahead;
        if (ahead > TrustedClock.Tolerance)
        {
            _log.Warning(
                "the machine's clock is ahead and nobody vouches for it: nothing expires by it yet",
                ("seconds", (long)ahead.TotalSeconds));
        }
    }

    private void ReportExpired(ExpireReport report)
    {
        long records = report.Buckets.Sum(static b => b.Records);
        if (report.Buckets.Count + report.Holds.Count > 0)
        {
            _status.Store.Expired += report.Buckets.Count;
            _log.Info(
                "expired", ("buckets", report.Buckets.Count), ("records", records),
                ("holds", report.Holds.Count));
        }
    }
}
