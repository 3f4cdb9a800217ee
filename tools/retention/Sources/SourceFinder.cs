using System.Globalization;

namespace RetentionEngine.Tool.Sources;

/// <summary>A file of a directory that is not read, and why.</summary>
internal sealed record SkippedFile(string Path, string Reason);

/// <summary>What the paths of a command line stand for.</summary>
internal sealed class FoundSources
{
    public List<LogSource> Sources { get; } = [];

    /// <summary>Files of directories that are not read.</summary>
    public List<SkippedFile> Skipped { get; } = [];

    /// <summary>Paths that can't be read; the others still are.</summary>
    public List<RetentionException> Errors { get; } = [];

    /// <summary>Counts the bytes on disk as they are read.</summary>
    public SourceMeter Meter { get; } = new();

    /// <summary>Bytes on disk of all sources; -1 when one of them is a pipe.</summary>
    public long BytesTotal { get; set; }
}

/// <summary>Finds the logs that paths name: files, directories and standard input.</summary>
internal static class SourceFinder
{
    /// <summary>The path that stands for standard input.</summary>
    public const string StandardInput = "-";

    private const int HeadBytes = 4096;

    /// <summary>Looks at each path; what can't be read becomes an error of the result.</summary>
    /// <param name="paths">Files, directories (their files, one level deep), or <c>-</c>.</param>
    /// <param name="now">Time of pipes: no line in them is younger.</param>
    /// <param name="cancel">Ends standard input.</param>
    public static FoundSources Find(
        IReadOnlyList<string> paths, DateTimeOffset now, CancellationToken cancel = default)
    {
        var found = new FoundSources();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            string identity = path is StandardInput ? path : Path.GetFullPath(path);
            if (!seen.Add(identity))
            {
                continue;
            }
            try
            {
                if (path is StandardInput)
                {
                    AddPipe(found, new CancellableInput(cancel), path, now);
                }
                else if (Directory.Exists(path))
                {
                    AddDirectory(found, path, seen);
                }
                else
                {
                    AddFile(found, path, now);
                }
            }
            catch (RetentionException e)
            {
                found.Errors.Add(e);
            }
        }
        return found;
    }

    /// <summary>One sentence for a file that can't be opened or read.</summary>
    public static RetentionException Unreadable(string path, Exception cause)
    {
        string why = cause switch
        {
            FileNotFoundException or DirectoryNotFoundException => "does not exist",
            UnauthorizedAccessException => "may not be read by this user",
            _ => string.Create(
                CultureInfo.InvariantCulture, $"can't be read (error {cause.HResult & 0xffff})"),
        };
        return new RetentionException(
            RetentionError.SourceUnreadable, $"'{path}' {why}.", path, inner: cause);
    }

    private static void AddFile(FoundSources found, string path, DateTimeOffset now)
    {
        var file = new RawFileStream(path, new SourceMeter());
        if (!file.CanSeek)
        {
            AddPipe(found, file, path, now);
            return;
        }
        using (file)
        {
            Add(found, path, Detect(file));
        }
    }

    private static Compression Detect(Stream stream)
    {
        Span<byte> head = stackalloc byte[Decoders.MagicBytesMax];
        int length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return Decoders.Detect(head[..length]);
    }

    private static void Add(FoundSources found, string path, Compression kind)
    {
        if (kind == Compression.Journal)
        {
            Decoders.Open(() => Stream.Null, kind, path, isReopenable: false);
        }
        var info = new FileInfo(path);
        // The file's time comes from a coarser clock than the stamps in it.
        DateTimeOffset latest = new DateTimeOffset(info.LastWriteTimeUtc).AddSeconds(1);
        found.Sources.Add(new LogSource(
            path,
            () => Decoders.Open(() => new RawFileStream(path, found.Meter), kind, path, true),
            latest,
            isComplete: kind != Compression.None,
            info.Length));
        if (found.BytesTotal >= 0)
        {
            found.BytesTotal += info.Length;
        }
    }

    private static void AddPipe(
        FoundSources found, Stream pipe, string name, DateTimeOffset now)
    {
        var head = new PipeHead(pipe, name, found.Meter);
        found.BytesTotal = -1;
        found.Sources.Add(new LogSource(
            name,
            () =>
            {
                Compression kind = Detect(head.Open());
                return Decoders.Open(head.Open, kind, name, isReopenable: false);
            },
            now,
            isComplete: true,
            lengthBytes: -1));
    }

    private static void AddDirectory(FoundSources found, string directory, HashSet<string> seen)
    {
        FileInfo[] files;
        try
        {
            files = new DirectoryInfo(directory).GetFiles();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(directory, e);
        }
        Array.Sort(files, static (a, b) =>
        {
            int byTime = a.LastWriteTimeUtc.CompareTo(b.LastWriteTimeUtc);
            return byTime != 0 ? byTime : string.CompareOrdinal(a.Name, b.Name);
        });
        bool hasMailLog = Array.Exists(files, static f => IsMailLog(f.Name));
        int before = found.Sources.Count + found.Errors.Count;
        foreach (FileInfo file in files)
        {
            string path = Path.Combine(directory, file.Name);
            if (!seen.Add(Path.GetFullPath(path)))
            {
                continue;
            }
            try
            {
                AddFileOfDirectory(found, path, hasMailLog && IsRepeat(file.Name));
            }
            catch (RetentionException e)
            {
                found.Errors.Add(e);
            }
        }
        if (found.Sources.Count + found.Errors.Count == before)
        {
            throw new RetentionException(
                RetentionError.SourceUnreadable,
                $"'{directory}' holds no logs: none of its {files.Length} files looks like one.",
                directory);
        }
    }

    private static void AddFileOfDirectory(FoundSources found, string path, bool isRepeat)
    {
        if (isRepeat)
        {
            const string Reason = "holds the same lines as the mail log beside it; name it to read it";
            found.Skipped.Add(new SkippedFile(path, Reason));
            return;
        }
        Compression kind;
        using (var file = new RawFileStream(path, new SourceMeter()))
        {
            if (!file.CanSeek)
            {
                found.Skipped.Add(new SkippedFile(path, "is not a file"));
                return;
            }
            kind = Detect(file);
        }
        string? reason = WhyNoLog(path, kind);
        if (reason is null)
        {
            Add(found, path, kind);
        }
        else
        {
            found.Skipped.Add(new SkippedFile(path, reason));
        }
    }

    // syslog on Debian writes mail lines to several files; reading two of them would count every
    // delivery attempt twice.
    private static bool IsMailLog(string name) =>
        name.StartsWith("mail.log", StringComparison.Ordinal)
        || name.StartsWith("maillog", StringComparison.Ordinal);

    private static bool IsRepeat(string name) =>
        name.StartsWith("syslog", StringComparison.Ordinal)
        || name.StartsWith("messages", StringComparison.Ordinal)
        || name.StartsWith("mail.info", StringComparison.Ordinal)
        || name.StartsWith("mail.warn", StringComparison.Ordinal)
        || name.StartsWith("mail.err", StringComparison.Ordinal);

    /// <summary>Says why a file of a directory is not taken for a log; null when it is.</summary>
    private static string? WhyNoLog(string path, Compression kind)
    {
        if (kind == Compression.Journal)
        {
            return "is a systemd journal";
        }
        byte[] head = new byte[HeadBytes];
        int length;
        try
        {
            using Stream stream = Decoders.Open(
                () => new RawFileStream(path, new SourceMeter()), kind, path, isReopenable: true);
            length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        }
        catch (RetentionException e) when (e.Error == RetentionError.SourceDamaged)
        {
            // It was a log once, or something else: reading it tells more than skipping it.
            return null;
        }
        ReadOnlySpan<byte> text = head.AsSpan(0, length);
        if (text.IsEmpty)
        {
            return "is empty";
        }
        if (text[..Math.Min(512, length)].Contains((byte)0))
        {
            return "is not text";
        }
        return HasTimeOfDay(text) ? null : "has no time stamps";
    }

    /// <summary>Whether one of the first lines has hh:mm:ss near its beginning.</summary>
    private static bool HasTimeOfDay(ReadOnlySpan<byte> text)
    {
        const int StampBytesMax = 80;
        for (int line = 0; line < 20 && !text.IsEmpty; line++)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> stamp = end < 0 ? text : text[..end];
            stamp = stamp[..Math.Min(stamp.Length, StampBytesMax)];
            for (int i = 2; i + 5 < stamp.Length; i++)
            {
                if (stamp[i] == ':' && stamp[i + 3] == ':'
                    && char.IsAsciiDigit((char)stamp[i - 1])
                    && char.IsAsciiDigit((char)stamp[i + 1])
                    && char.IsAsciiDigit((char)stamp[i + 2])
                    && char.IsAsciiDigit((char)stamp[i + 4])
                    && char.IsAsciiDigit((char)stamp[i + 5]))
                {
                    return true;
                }
            }
            text = end < 0 ? default : text[(end + 1)..];
        }
        return false;
    }
}
