using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RetentionEngine.Records;

/// <summary>The distinct texts of one batch: bytes in, dense id out.</summary>
/// <remarks>
/// Open addressing, linear probing, keyed hash: attackers choose the texts. Ids count up from 2
/// in order of first sight; 0 is "absent" and 1 the empty text. Nothing is ever removed; the whole
/// table is cleared when its batch is sealed. After the arrays have grown once there is no
/// allocation. Hashes differ between processors and must not be stored.
/// </remarks>
internal sealed class StringTable
{
    /// <summary>A longer text is cut: no address, relay or host is longer on an honest line.</summary>
    public const int LengthMax = 4096;

    /// <summary>Bytes that must be readable behind a text that is given by reference.</summary>
    public const int PaddingBytes = 32;

    // 32 bytes of ones, then 32 of zeros: a mask of n bytes is the 32 from 32 - n on.
    private static readonly byte[] s_masks = Masks();

    private readonly long _seed;
    private readonly Vector128<byte> _key;
    private readonly Vector128<byte> _firstRound;
    private readonly Vector128<byte> _secondRound;
    private readonly byte[] _padded = new byte[LengthMax + PaddingBytes];
    private byte[] _bytes = new byte[1 << 20];
    private int[] _starts = new int[1 << 15];
    private Slot[] _slots = new Slot[1 << 15];
    private int _bytesUsed;
    private int _count;

    public StringTable(long seed)
    {
        _seed = seed;
        Span<byte> keys = stackalloc byte[48];
        for (int i = 0; i < keys.Length; i += 16)
        {
            XxHash128.Hash("keys of rounds"u8, keys[i..], seed + i);
        }
        _key = Vector128.Create<byte>(keys[..16]);
        _firstRound = Vector128.Create<byte>(keys[16..32]);
        _secondRound = Vector128.Create<byte>(keys[32..]);
        Clear();
    }

    /// <summary>Ids in use are 0 up to, not including, this.</summary>
    public int Count => _count;

    public int BytesUsed => _bytesUsed;

    public ReadOnlySpan<byte> this[uint id] =>
        _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]);

    /// <summary>Finds or adds a text; what is longer than <see cref="LengthMax"/> is cut.</summary>
    public uint Intern(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return 1;
        }
        text = text[..Math.Min(text.Length, LengthMax)];
        text.CopyTo(_padded);
        return Intern(ref _padded[0], text.Length, Hash(ref _padded[0], text.Length));
    }

    /// <summary>The hash that <see cref="Intern(ref byte, int, ulong)"/> wants.</summary>
    /// <param name="text">Its first byte; <see cref="PaddingBytes"/> lie behind it.</param>
    /// <param name="length">1 to <see cref="LengthMax"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(ref byte text, int length)
    {
        if (!Aes.IsSupported || !BitConverter.IsLittleEndian)
        {
            return XxHash3.HashToUInt64(MemoryMarshal.CreateReadOnlySpan(ref text, length), _seed);
        }

        // Two rounds of AES a block: every bit of the block reaches every bit of the state, by a
        // key that whoever writes the text does not know.
        Vector128<byte> state = _key ^ Vector128.CreateScalar(length).AsByte();
        int at = 0;
        for (; length - at > 32; at += 16)
        {
            state = Mix(state ^ Vector128.LoadUnsafe(ref text, (nuint)at));
        }
        Vector256<byte> rest = Masked(ref Unsafe.Add(ref text, at), length - at);
        state = Mix(state ^ rest.GetLower());
        state = Mix(state ^ rest.GetUpper());
        return state.AsUInt64().ToScalar();
    }

    /// <summary>The hash of a text that is in the table.</summary>
    public ulong HashOf(uint id) => Hash(ref _bytes[_starts[id]], this[id].Length);

    /// <summary>First step ahead of an Intern: has the slot fetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void PrefetchSlot(ulong hash)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref _slots[(int)hash & (_slots.Length - 1)]));
        }
    }

    /// <summary>Second step: has the text fetched that the slot names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void PrefetchText(ulong hash)
    {
        if (Sse.IsSupported)
        {
            int start = _slots[(int)hash & (_slots.Length - 1)].Start;
            Sse.Prefetch0(Unsafe.AsPointer(ref _bytes[start]));
        }
    }

    /// <summary>Has a text fetched that is about to be read.</summary>
    public unsafe void Fetch(uint id)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref _bytes[Math.Min(_starts[id], _bytes.Length - 1)]));
        }
    }

    /// <summary>Finds or adds a text.</summary>
    /// <param name="text">Its first byte; <see cref="PaddingBytes"/> lie behind it.</param>
    /// <param name="length">1 to <see cref="LengthMax"/>.</param>
    /// <param name="hash">Its <see cref="Hash"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Intern(ref byte text, int length, ulong hash)
    {
        ulong key = (hash >> 32) | ((ulong)(uint)length << 32);
        int mask = _slots.Length - 1;
        ref Slot slots = ref MemoryMarshal.GetArrayDataReference(_slots);
        ref byte bytes = ref MemoryMarshal.GetArrayDataReference(_bytes);
        for (int i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            ref Slot slot = ref Unsafe.Add(ref slots, i);
            if (slot.Key == key && IsSame(ref Unsafe.Add(ref bytes, slot.Start), ref text, length))
            {
                return slot.Id;
            }
            if (slot.Id == 0)
            {
                return Add(i, key, MemoryMarshal.CreateReadOnlySpan(ref text, length));
            }
        }
    }

    public void Clear()
    {
        Array.Clear(_slots);
        _bytesUsed = 0;
        _starts[0] = _starts[1] = _starts[2] = 0;
        _count = 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSame(ref byte known, ref byte text, int length) =>
        length <= 32
            ? ((Vector256.LoadUnsafe(ref known) ^ Vector256.LoadUnsafe(ref text)) & Mask(length))
                == Vector256<byte>.Zero
            : MemoryMarshal.CreateReadOnlySpan(ref known, length)
                .SequenceEqual(MemoryMarshal.CreateReadOnlySpan(ref text, length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Masked(ref byte text, int length) =>
        Vector256.LoadUnsafe(ref text) & Mask(length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Mask(int length) => Vector256.LoadUnsafe(
        ref MemoryMarshal.GetArrayDataReference(s_masks), (nuint)(32 - length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<byte> Mix(Vector128<byte> state) =>
        Aes.Encrypt(Aes.Encrypt(state, _firstRound), _secondRound);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint Add(int index, ulong key, ReadOnlySpan<byte> text)
    {
        uint id = (uint)_count;
        if (_bytesUsed + text.Length + PaddingBytes > _bytes.Length)
        {
            LargeArray.Grow(ref _bytes, _bytesUsed);
        }
        if (_count + 2 > _starts.Length)
        {
            LargeArray.Grow(ref _starts, _count + 1);
        }
        text.CopyTo(_bytes.AsSpan(_bytesUsed));
        _slots[index] = new Slot { Key = key, Id = id, Start = _bytesUsed };
        _bytesUsed += text.Length;
        _starts[++_count] = _bytesUsed;
        if (_count * 4L > _slots.Length * 3L)
        {
            Grow();
        }
        return id;
    }

    private void Grow()
    {
        _slots = LargeArray.Zeros<Slot>(_slots.Length * 2);
        int mask = _slots.Length - 1;
        for (uint id = 2; id < _count; id++)
        {
            int start = _starts[id];
            int length = _starts[id + 1] - start;
            ulong hash = Hash(ref _bytes[start], length);
            int i = (int)hash & mask;
            while (_slots[i].Id != 0)
            {
                i = (i + 1) & mask;
            }
            _slots[i] = new Slot
            {
                Key = (hash >> 32) | ((ulong)(uint)length << 32),
                Id = id,
                Start = start,
            };
        }
    }

    private static byte[] Masks()
    {
        var masks = new byte[64];
        masks.AsSpan(0, 32).Fill(255);
        return masks;
    }

    private struct Slot
    {
        /// <summary>Upper half of the hash, and the length above it; 0 when free.</summary>
        public ulong Key;
        public uint Id;
        public int Start;
    }
}
