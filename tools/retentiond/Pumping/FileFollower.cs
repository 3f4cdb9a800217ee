using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Finds what is new in log files and their rotated siblings.</summary>
/// <remarks>
/// Which file is which, after a rotation, is told by content when it is read; here only what has
/// not changed since it was read to its end is left out.
/// </remarks>
/// <param name="paths">The logs as they are written: <c>/var/log/mail.log</c>.</param>
internal sealed class FileFollower(IReadOnlyList<string> paths)
{
    /// <summary>A packed file that was written to so lately may not be whole yet.</summary>
    private static readonly TimeSpan s_packing = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, (long Length, DateTime Time)> _read =
        new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long Length, DateTime Time)> _offered =
        new(StringComparer.Ordinal);

    /// <summary>The logs that can be reached now, by the path that names them.</summary>
    public IEnumerable<(string Path, bool IsThere)> Presence() =>
        paths.Select(path => (path, File.Exists(path)));

    /// <summary>Bytes of a log that were written and not read yet.</summary>
    public long BytesBehind(string path)
    {
        var file = new FileInfo(path);
        return !file.Exists ? 0
            : Math.Max(0, file.Length - _read.GetValueOrDefault(file.FullName).Length);
    }

    /// <summary>Files that may hold something new.</summary>
    /// <param name="now">The time by which files are old or young.</param>
    public FoundSources Changed(DateTimeOffset now)
    {
        _offered.Clear();
        var there = new HashSet<string>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            foreach (FileInfo file in Siblings(path))
            {
                there.Add(file.FullName);
                (long Length, DateTime Time) stat = (file.Length, file.LastWriteTimeUtc);
                bool isRead = _read.TryGetValue(file.FullName, out var read) && read == stat;
                if (!isRead && stat.Length > 0 && (!IsPacked(file) || now.UtcDateTime - stat.Time > s_packing))
                {
                    _offered[file.FullName] = stat;
                }
            }
        }
        foreach (string gone in _read.Keys.Where(path => !there.Contains(path)).ToArray())
        {
            _read.Remove(gone);
        }
        return SourceFinder.Find([.. _offered.Keys], now);
    }

    /// <summary>Notes that what <see cref="Changed"/> found was read, errors apart.</summary>
    public void Done(ImportReport report)
    {
        foreach (SourceReport source in report.Sources)
        {
            // What could not be read is tried again when it has changed, like all else.
            if (_offered.TryGetValue(source.Name, out var stat))
            {
                _read[source.Name] = stat;
            }
        }
    }

    private static bool IsPacked(FileInfo file) =>
        file.Extension is ".gz" or ".xz" or ".bz2" or ".zst";

    /// <summary>The log and what rotation made of it: mail.log.1, mail.log-20261124.gz.</summary>
    private static IEnumerable<FileInfo> Siblings(string path)
    {
        var directory = new DirectoryInfo(Path.GetDirectoryName(path)!);
        string name = Path.GetFileName(path);
        return !directory.Exists
            ? []
            : directory.EnumerateFiles(name + "*").Where(file => file.Name.Length == name.Length
                || (file.Name[name.Length] is '.' or '-'
                    && !file.Name.EndsWith(".tmp", StringComparison.Ordinal)));
    }
}
