using FASTER.core;

namespace RetentionEngine;

/// <summary>
/// Takes FASTER's checkpoints in memory and hands them back for recovery: the one file that makes
/// them durable is written by <see cref="FasterBlockStore"/>, for all logs at once.
/// </summary>
internal sealed class CheckpointHolder(string indexPath, bool readOnly) : ICheckpointManager
{
    private SegmentDevice? _indexDevice;

    /// <summary>Called before each write; for tests.</summary>
    public Action<string, long>? BeforeWrite { get; set; }

    public Guid LogToken { get; private set; }

    public byte[] LogMetadata { get; private set; } = [];

    public Guid IndexToken { get; private set; }

    public byte[] IndexMetadata { get; private set; } = [];

    /// <summary>Hands over what was durable, before recovery.</summary>
    public void Load(Guid logToken, byte[] logMetadata, Guid indexToken, byte[] indexMetadata)
    {
        LogToken = logToken;
        LogMetadata = logMetadata;
        IndexToken = indexToken;
        IndexMetadata = indexMetadata;
    }

    public string IndexPath(Guid token) => $"{indexPath}.{token:N}";

    public void CommitIndexCheckpoint(Guid indexToken, byte[] commitMetadata)
    {
        IndexToken = indexToken;
        IndexMetadata = commitMetadata;
    }

    public void CommitLogCheckpoint(Guid logToken, byte[] commitMetadata)
    {
        LogToken = logToken;
        LogMetadata = commitMetadata;
    }

    public byte[] GetIndexCheckpointMetadata(Guid indexToken) => IndexMetadata;

    public byte[] GetLogCheckpointMetadata(
        Guid logToken, DeltaLog deltaLog, bool scanDelta = false, long recoverTo = -1) =>
        LogMetadata;

    public IDevice GetIndexDevice(Guid indexToken)
    {
        _indexDevice = new SegmentDevice(IndexPath(indexToken), readOnly)
        {
            BeforeWrite = BeforeWrite,
        };
        _indexDevice.Initialize(-1, null, omitSegmentIdFromFilename: true);
        return _indexDevice;
    }

    /// <summary>Throws when the index that was last saved could not be written.</summary>
    public void ThrowIfFailed() => _indexDevice?.ThrowIfFailed();

    public IDevice GetDeltaLogDevice(Guid token) => null!;

    public IDevice GetSnapshotLogDevice(Guid token) => throw new NotSupportedException();

    public IDevice GetSnapshotObjectLogDevice(Guid token) => throw new NotSupportedException();

    public void CommitLogIncrementalCheckpoint(
        Guid logToken, long version, byte[] commitMetadata, DeltaLog deltaLog) =>
        throw new NotSupportedException();

    public IEnumerable<Guid> GetIndexCheckpointTokens() =>
        IndexToken == Guid.Empty ? [] : [IndexToken];

    public IEnumerable<Guid> GetLogCheckpointTokens() => LogToken == Guid.Empty ? [] : [LogToken];

    public void InitializeIndexCheckpoint(Guid indexToken)
    {
    }

    public void InitializeLogCheckpoint(Guid logToken)
    {
    }

    public void CheckpointVersionShift(long oldVersion, long newVersion)
    {
    }

    public void OnRecovery(Guid indexToken, Guid logToken)
    {
    }

    public void Purge(Guid token)
    {
    }

    public void PurgeAll()
    {
    }

    public void Dispose()
    {
    }
}
