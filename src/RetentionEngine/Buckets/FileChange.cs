namespace RetentionEngine.Buckets;

/// <summary>What is about to happen to the files of a store.</summary>
internal enum FileChangeKind
{
    Create,
    Write,
    SetLength,
    Sync,
    Rename,
    Delete,
    CreateDirectory,
    DeleteDirectory,
    SyncDirectory,
}

/// <summary>One change of files, as whoever makes devices fail or lose power sees it.</summary>
/// <param name="kind">What.</param>
/// <param name="path">The file or directory.</param>
/// <param name="offset">Of a write; of <see cref="FileChangeKind.SetLength"/> the length.</param>
/// <param name="bytes">What is written.</param>
/// <param name="target">The new name of what is renamed.</param>
internal readonly ref struct FileChange(
    FileChangeKind kind,
    string path,
    long offset = 0,
    ReadOnlySpan<byte> bytes = default,
    string? target = null)
{
    public FileChangeKind Kind { get; } = kind;

    public string Path { get; } = path;

    public long Offset { get; } = offset;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public string? Target { get; } = target;
}

/// <summary>Sees every change before it is made.</summary>
/// <returns>Negative: go on. Else that many bytes are written, and then the device has failed.</returns>
internal delegate int FileObserver(in FileChange change);
