using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RetentionEngine.Events;

/// <summary>The <c>host tag</c> pairs of late, found by one compare of 64 bytes.</summary>
/// <remarks>
/// Two-way set-associative in front of <see cref="HeaderTable"/>: a log has some hundred pairs and
/// nearly every line hits. Keys are the pair's bytes, zero behind them.
/// </remarks>
internal sealed class HeaderMemo
{
    public const int KeyBytes = 64;

    private const int SetBits = 12;

    // 64 bytes of ones, then 64 of zeros: a mask of n bytes is the 64 from 64 - n on.
    private static readonly byte[] s_masks = Masks();

    // Pinned, so that a key stays within the one cache line that it begins with.
    private readonly byte[] _keys =
        GC.AllocateArray<byte>((KeyBytes << SetBits) * 2 + KeyBytes, pinned: true);
    private readonly int _keysStart;
    private readonly LineHeader[] _headers = new LineHeader[2 << SetBits];

    public unsafe HeaderMemo()
    {
        nuint address = (nuint)Unsafe.AsPointer(ref _keys[0]);
        _keysStart = (int)(0 - address & (KeyBytes - 1));
    }

    /// <summary>Finds the pair that begins at <paramref name="at"/>.</summary>
    /// <param name="at">64 readable bytes.</param>
    /// <param name="length">
    /// Length of the pair and the byte behind it, which is not zero; at most 64.
    /// </param>
    /// <param name="slot">Where it is or, if the result is false, is to be stored.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ref byte at, int length, out int slot)
    {
        ref byte mask = ref Unsafe.Add(
            ref MemoryMarshal.GetArrayDataReference(s_masks), KeyBytes - length);
        Vector256<byte> low = Vector256.LoadUnsafe(ref at) & Vector256.LoadUnsafe(ref mask);
        Vector256<byte> high = Vector256.LoadUnsafe(ref at, 32) & Vector256.LoadUnsafe(ref mask, 32);

        // Any mixing will do: the compare decides. Vectors of 64 bits multiply slowly.
        Vector256<ulong> mixed = low.AsUInt64() ^ (high.AsUInt64() << 29) ^ (high.AsUInt64() >> 35);
        ulong hash = (mixed.GetElement(0) * 0x9E3779B97F4A7C15)
            + (mixed.GetElement(1) * 0xC2B2AE3D27D4EB4F)
            + (mixed.GetElement(2) * 0x165667B19E3779F9)
            + (mixed.GetElement(3) * 0x27D4EB2F165667C5);
        slot = (int)(hash >> (64 - SetBits)) * 2;
        ref byte key = ref Unsafe.Add(
            ref MemoryMarshal.GetArrayDataReference(_keys), _keysStart + (slot * KeyBytes));
        if (((Vector256.LoadUnsafe(ref key) ^ low)
            | (Vector256.LoadUnsafe(ref key, 32) ^ high)) == Vector256<byte>.Zero)
        {
            return true;
        }
        slot++;
        return ((Vector256.LoadUnsafe(ref key, 64) ^ low)
            | (Vector256.LoadUnsafe(ref key, 96) ^ high)) == Vector256<byte>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref readonly LineHeader At(int slot) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_headers), slot);

    /// <summary>Stores a pair that TryFind did not find; the older one of its set goes.</summary>
    public void Store(int slot, ReadOnlySpan<byte> pair, LineHeader header)
    {
        int first = slot & ~1;
        Span<byte> set = _keys.AsSpan(_keysStart + (first * KeyBytes), 2 * KeyBytes);
        set[..KeyBytes].CopyTo(set[KeyBytes..]);
        _headers[first + 1] = _headers[first];
        set[..KeyBytes].Clear();
        pair.CopyTo(set);
        _headers[first] = header;
    }

    /// <summary>Forgets all pairs.</summary>
    public void Clear() => Array.Clear(_keys);

    private static byte[] Masks()
    {
        var masks = new byte[2 * KeyBytes];
        masks.AsSpan(0, KeyBytes).Fill(255);
        return masks;
    }
}
