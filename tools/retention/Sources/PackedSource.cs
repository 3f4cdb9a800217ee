namespace RetentionEngine.Tool.Sources;

/// <summary>What is said of packed files that can't be unpacked to their end.</summary>
internal static class PackedSource
{
    /// <summary>The error, behind the last byte that came out.</summary>
    /// <param name="name">Path.</param>
    /// <param name="deliveredBytes">Unpacked bytes that were read.</param>
    /// <param name="why">What may be wrong, to be put behind the name.</param>
    /// <param name="cause">The decoder's exception.</param>
    /// <remarks>
    /// A checksum stands behind what it protects: when bits were changed, some of the bytes before
    /// it have been read as they came out. A sound copy then begins otherwise than what is known.
    /// </remarks>
    public static RetentionException Damaged(
        string name, long deliveredBytes, string why, Exception? cause = null) => new(
        RetentionError.SourceDamaged,
        $"'{name}' {why}; the first {deliveredBytes} unpacked bytes were read as they came out, and"
            + " unless it is only cut off, a sound copy of it counts as another log.",
        name,
        deliveredBytes,
        cause);
}
