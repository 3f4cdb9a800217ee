namespace RetentionEngine.Tool.Sources;

/// <summary>How a source is packed; told by its first bytes, never by its name.</summary>
internal enum Compression
{
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Journal,
}

/// <summary>Recognises packed sources and opens the bytes inside.</summary>
internal static class Decoders
{
    /// <summary>The longest of the magic numbers.</summary>
    public const int MagicBytesMax = 8;

    /// <summary>Tells how a source is packed.</summary>
    /// <param name="head">First bytes, at least <see cref="MagicBytesMax"/> unless it is shorter.</param>
    public static Compression Detect(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            return Compression.Gzip;
        }
        // A zstd file may begin with a skippable frame (pzstd): 0x50..0x5f 2a 4d 18.
        if (head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd])
            || (head.Length >= 4 && head[0] >> 4 == 5
                && head[1..].StartsWith((ReadOnlySpan<byte>)[0x2a, 0x4d, 0x18])))
        {
            return Compression.Zstd;
        }
        if (head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]))
        {
            return Compression.Xz;
        }
        if (head.Length >= 4 && head.StartsWith("BZh"u8) && head[3] is >= (byte)'1' and <= (byte)'9')
        {
            return Compression.Bzip2;
        }
        return head.StartsWith("LPKSHHRH"u8) ? Compression.Journal : Compression.None;
    }

    /// <summary>Opens the bytes inside.</summary>
    /// <param name="openPacked">Opens the packed bytes at their beginning.</param>
    /// <param name="kind">How they are packed.</param>
    /// <param name="name">Path for error messages.</param>
    /// <param name="isReopenable">Whether <paramref name="openPacked"/> may be called again.</param>
    /// <returns>A stream that ends by an exception where damage is met.</returns>
    public static Stream Open(
        Func<Stream> openPacked, Compression kind, string name, bool isReopenable) => kind switch
    {
        Compression.None => openPacked(),
        Compression.Xz => XzStream.Open(openPacked(), name),
        Compression.Journal => throw new RetentionException(
            RetentionError.SourceUnreadable,
            $"'{name}' is a systemd journal: pipe it in with "
                + $"'journalctl --file {name} -o short-iso-precise | retention import -'.",
            name),
        _ => new DecodedStream(() => Decode(openPacked(), kind), name, isReopenable),
    };

    private static Stream Decode(Stream packed, Compression kind) => kind switch
    {
        Compression.Gzip => MembersStream.OfGzip(packed),
        Compression.Zstd => new ZstdSharp.DecompressionStream(packed, leaveOpen: false),
        Compression.Bzip2 => MembersStream.OfBzip2(packed),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
