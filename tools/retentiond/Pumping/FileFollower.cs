using Microsoft.Win32.SafeHandles;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Finds what is new in log files and their rotated siblings.</summary>
/// <remarks>
/// Which file is which, after a rotation, is told by content when it is read; here only what has
/// not changed since it was read to its end is left out. A file is opened once a turn and read by
/// that handle alone: its name may be another file's a moment later.
/// </remarks>
/// <param name="paths">The logs as they are written: <c>/var/log/mail.log</c>.</param>
internal sealed class FileFollower(IReadOnlyList<string> paths) : IDisposable
{
    /// <summary>A packed file that was written to so lately may not be whole yet.</summary>
    private static readonly TimeSpan s_packing = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, FileState> _read = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (SafeFileHandle Handle, FileState State)> _open =
        new(StringComparer.Ordinal);

    /// <summary>The logs, and whether each is there now.</summary>
    public IEnumerable<(string Path, bool IsThere)> Presence() =>
        paths.Select(path => (path, File.Exists(path)));

    /// <summary>Bytes of a log that were written and not read yet.</summary>
    public long BytesBehind(string path)
    {
        var file = new FileInfo(path);
        return !file.Exists ? 0
            : Math.Max(0, file.Length - _read.GetValueOrDefault(file.FullName).Length);
    }

    /// <summary>Opens files that may have something new; <see cref="Done"/> closes them.</summary>
    /// <param name="now">The time by which files are old or young.</param>
    /// <param name="unreadable">Told of each that can't be opened.</param>
    public List<LogSource> Changed(DateTimeOffset now, Action<string>? unreadable = null)
    {
        Close();
        var sources = new List<LogSource>();
        var there = new HashSet<string>(StringComparer.Ordinal);
        foreach (FileInfo file in paths.SelectMany(Siblings))
        {
            try
            {
                var state = new FileState(file.Length, file.LastWriteTimeUtc);
                there.Add(file.FullName);
                bool isRead = _read.TryGetValue(file.FullName, out FileState read) && read == state;
                bool isYoung = IsPacked(file) && now.UtcDateTime - state.Time <= s_packing;
                if (!isRead && !isYoung && state.Length > 0 && !_open.ContainsKey(file.FullName))
                {
                    sources.Add(Open(file.FullName));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Gone between two looks, or not ours to read.
                if (e is not FileNotFoundException)
                {
                    unreadable?.Invoke(file.FullName);
                }
            }
        }
        foreach (string gone in _read.Keys.Where(path => !there.Contains(path)).ToArray())
        {
            _read.Remove(gone);
        }
        return sources;
    }

    /// <summary>Notes that what <see cref="Changed"/> opened was read, and closes it.</summary>
    /// <remarks>What could not be read is tried again when it has changed, like all else.</remarks>
    public void Done()
    {
        foreach ((string path, (_, FileState state)) in _open)
        {
            _read[path] = state;
        }
        Close();
    }

    public void Dispose() => Close();

    private LogSource Open(string path)
    {
        SafeFileHandle handle = File.OpenHandle(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var state = new FileState(RandomAccess.GetLength(handle), File.GetLastWriteTimeUtc(handle));
        _open.Add(path, (handle, state));
        byte[] head = new byte[Decoders.MagicBytesMax];
        int length = RandomAccess.Read(handle, head, 0);
        Compression kind = Decoders.Detect(head.AsSpan(0, length));
        // The file's time comes from a coarser clock than the stamps in it.
        return new LogSource(
            path,
            () => Decoders.Open(() => new HandleStream(handle), kind, path, isReopenable: true),
            new DateTimeOffset(state.Time).AddSeconds(1),
            isComplete: kind != Compression.None,
            state.Length);
    }

    private void Close()
    {
        foreach ((SafeFileHandle handle, _) in _open.Values)
        {
            handle.Dispose();
        }
        _open.Clear();
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

    private readonly record struct FileState(long Length, DateTime Time);

    /// <summary>An open file, read from its beginning; nobody else's position moves.</summary>
    private sealed class HandleStream(SafeFileHandle handle) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => RandomAccess.GetLength(handle);

        public override long Position { get; set; }

        public override int Read(Span<byte> buffer)
        {
            int count = RandomAccess.Read(handle, buffer, Position);
            Position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            Read(buffer.AsSpan(offset, count));

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => Length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();
    }
}
