namespace RetentionEngine.Buckets;

/// <summary>How far a source has been read. The name is not kept: content tells it again.</summary>
/// <param name="HeadHash">Keyed hash of the first <paramref name="HeadLength"/> bytes.</param>
/// <param name="HeadLength">Bytes that <paramref name="HeadHash"/> covers.</param>
/// <param name="PositionBytes">Reading goes on here, in the decompressed source.</param>
/// <param name="TailHash">Keyed hash of the bytes just before the position.</param>
/// <param name="TailLength">Bytes that <paramref name="TailHash"/> covers.</param>
/// <param name="ClockState">State of the clock of stamps without year or zone; 0 = none.</param>
/// <param name="Lines">Lines before the position.</param>
/// <param name="Marks">What tells a shorter copy of it from another log.</param>
internal readonly record struct SourceState(
    UInt128 HeadHash,
    int HeadLength,
    long PositionBytes,
    ulong TailHash,
    int TailLength,
    long ClockState,
    long Lines,
    SourceMarks Marks = default);
