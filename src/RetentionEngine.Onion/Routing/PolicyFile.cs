using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Routing;

/// <summary>The map file as it stands on the disk now.</summary>
/// <remarks>Looked at once a second at most. A new one that is wrong does not take the place of
/// the last that was right: mail must not take another way because of a slip of the pen.</remarks>
internal sealed class PolicyFile
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private volatile Policies _current;
    private (DateTime, long) _stamp;
    private long _looked;

    /// <param name="path">Null for a daemon without a map file.</param>
    /// <exception cref="ConfigException">It is wrong at the start: then there is no last one.
    /// </exception>
    public PolicyFile(string? path, Log log, TimeProvider time)
    {
        _path = path ?? "";
        _log = log;
        _time = time;
        _looked = time.GetTimestamp();
        _stamp = Stamp();
        _current = path == null ? Policies.Empty : Policies.Read(path);
    }

    public Policies Current
    {
        get
        {
            if (_path.Length > 0
                && _time.GetElapsedTime(Interlocked.Read(ref _looked)) >= s_interval)
            {
                Reload();
            }
            return _current;
        }
    }

    private void Reload()
    {
        lock (_lock)
        {
            Interlocked.Exchange(ref _looked, _time.GetTimestamp());
            (DateTime, long) stamp = Stamp();
            if (stamp == _stamp)
            {
                return;
            }
            _stamp = stamp;
            try
            {
                Policies fresh = Policies.Read(_path);
                _current = fresh;
                _log.Info(FormattableString.Invariant($"map read again: {fresh.Count} domains"));
            }
            catch (Exception e) when (e is ConfigException or IOException
                or UnauthorizedAccessException)
            {
                _log.Warn($"the last good map stays in use: {e.Message}");
            }
        }
    }

    private (DateTime Written, long Length) Stamp()
    {
        var file = new FileInfo(_path.Length > 0 ? _path : "/");
        return file.Exists ? (file.LastWriteTimeUtc, file.Length) : default;
    }
}
