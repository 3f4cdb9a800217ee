using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace RetentionEngine.Buckets;

/// <summary>A snapshot of what is in flight, packed before it is encrypted.</summary>
/// <remarks>Bytes: plain length (4, little endian), then one LZ4 block.</remarks>
internal static class Snapshot
{
    private const int LengthBytes = 4;

    /// <summary>LZ4 can't shrink anything further than this: a larger claim is damage.</summary>
    private const int RatioMax = 255;

    /// <summary>Packs a snapshot into a buffer that is used again.</summary>
    public static ReadOnlySpan<byte> Pack(ReadOnlySpan<byte> plain, ref byte[] buffer)
    {
        int needed = LengthBytes + LZ4Codec.MaximumOutputSize(plain.Length);
        if (buffer.Length < needed)
        {
            buffer = new byte[needed + (needed >> 2)];
        }
        BinaryPrimitives.WriteInt32LittleEndian(buffer, plain.Length);
        int length = LZ4Codec.Encode(plain, buffer.AsSpan(LengthBytes), LZ4Level.L00_FAST);
        return buffer.AsSpan(0, LengthBytes + length);
    }

    /// <summary>Undoes <see cref="Pack"/>; false when the bytes are not what it wrote.</summary>
    public static bool TryUnpack(ReadOnlySpan<byte> packed, out byte[] plain)
    {
        plain = [];
        if (packed.Length < LengthBytes)
        {
            return false;
        }
        int length = BinaryPrimitives.ReadInt32LittleEndian(packed);
        if (length < 1 || length / RatioMax > packed.Length)
        {
            return false;
        }
        plain = new byte[length];
        return LZ4Codec.Decode(packed[LengthBytes..], plain) == length;
    }
}
