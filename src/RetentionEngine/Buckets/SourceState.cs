namespace RetentionEngine.Buckets;

/// <summary>How far a source has been read. The name is not kept: content tells it again.</summary>
/// <param name="HeadHash">Keyed hash of the first <paramref name="HeadLength"/> bytes.</param>
/// <param name="HeadLength">Bytes that <paramref name="HeadHash"/> covers.</param>
/// <param name="PositionBytes">Reading goes on here, in the decompressed source.</param>
/// <param name="TailHash">Keyed hash of the bytes just before the position.</param>
/// <param name="LengthBytes">Decompressed length when last seen.</param>
/// <param name="Lines">Lines before the position.</param>
internal readonly record struct SourceState(
    UInt128 HeadHash,
    int HeadLength,
    long PositionBytes,
    ulong TailHash,
    long LengthBytes,
    long Lines);
