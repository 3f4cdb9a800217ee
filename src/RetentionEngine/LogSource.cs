namespace RetentionEngine;

/// <summary>A log that can be read, from its first byte, as often as needed.</summary>
public sealed class LogSource
{
    private readonly Func<Stream> _open;

    /// <summary>Describes a source; nothing is opened yet.</summary>
    /// <param name="name">What reports call it: the path as given, or <c>-</c>.</param>
    /// <param name="open">
    /// Opens the decompressed bytes at their beginning. Reads should complete synchronously. A
    /// stream that meets damage delivers every good byte before it and then throws
    /// <see cref="RetentionException"/> with <see cref="RetentionError.SourceDamaged"/>.
    /// </param>
    /// <param name="latestTime">File time: no line is younger. Years are inferred from it.</param>
    /// <param name="isComplete">Whether it will not grow: compressed files and pipes.</param>
    /// <param name="lengthBytes">Bytes on disk, compressed as they are; -1 when not known.</param>
    public LogSource(
        string name, Func<Stream> open, DateTimeOffset latestTime, bool isComplete, long lengthBytes)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(open);
        Name = name;
        _open = open;
        LatestTime = latestTime;
        IsComplete = isComplete;
        LengthBytes = lengthBytes;
    }

    /// <summary>What reports call it.</summary>
    public string Name { get; }

    /// <summary>No line is younger than this.</summary>
    public DateTimeOffset LatestTime { get; }

    /// <summary>Whether it will not grow.</summary>
    public bool IsComplete { get; }

    /// <summary>Bytes on disk; -1 when not known.</summary>
    public long LengthBytes { get; }

    /// <summary>Tells the source from all others; null = its content does.</summary>
    /// <remarks>
    /// For sources that are made, not found, such as the parts of a spool: two of them may hold
    /// the same lines and yet be two.
    /// </remarks>
    public Guid? Identity { get; init; }

    /// <summary>Opens the decompressed bytes at their beginning; the caller disposes.</summary>
    /// <exception cref="RetentionException"><see cref="RetentionError.SourceUnreadable"/>.</exception>
    public Stream Open() => _open();
}
