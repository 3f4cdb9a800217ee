using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace RetentionEngine.Records;

/// <summary>The distinct texts of one batch: bytes in, dense id out.</summary>
/// <remarks>
/// Open addressing, linear probing, seeded hash: attackers choose the texts. Ids count up from 2
/// in order of first sight; 0 is "absent" and 1 the empty text. Nothing is ever removed; the whole
/// table is cleared when its batch is sealed. After the arrays have grown once there is no
/// allocation.
/// </remarks>
internal sealed class StringTable
{
    /// <summary>A longer text is cut: no address, relay or host is longer on an honest line.</summary>
    public const int LengthMax = 4096;

    private readonly long _seed;
    private byte[] _bytes = new byte[1 << 20];
    private int[] _starts = new int[1 << 14];
    private Slot[] _slots = new Slot[1 << 15];
    private int _bytesUsed;
    private int _count;

    public StringTable(long seed)
    {
        _seed = seed;
        Clear();
    }

    /// <summary>Ids in use are 0 up to, not including, this.</summary>
    public int Count => _count;

    public int BytesUsed => _bytesUsed;

    public ReadOnlySpan<byte> this[uint id] =>
        _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]);

    public uint Intern(ReadOnlySpan<byte> text) => Intern(text, Hash(text));

    /// <summary>The hash that <see cref="Intern(ReadOnlySpan{byte}, ulong)"/> wants.</summary>
    public ulong Hash(ReadOnlySpan<byte> text) =>
        XxHash3.HashToUInt64(text[..Math.Min(text.Length, LengthMax)], _seed);

    /// <summary>First step ahead of an Intern: has the slot fetched.</summary>
    public unsafe void PrefetchSlot(ulong hash)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref _slots[(int)hash & (_slots.Length - 1)]));
        }
    }

    /// <summary>Second step: has the text fetched that the slot names.</summary>
    public unsafe void PrefetchText(ulong hash)
    {
        if (Sse.IsSupported)
        {
            Slot slot = _slots[(int)hash & (_slots.Length - 1)];
            Sse.Prefetch0(Unsafe.AsPointer(ref _bytes[slot.Start]));
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
    /// <param name="text">Cut at <see cref="LengthMax"/>.</param>
    /// <param name="hash">Its <see cref="Hash"/>.</param>
    public uint Intern(ReadOnlySpan<byte> text, ulong hash)
    {
        if (text.IsEmpty)
        {
            return 1;
        }
        if (text.Length > LengthMax)
        {
            text = text[..LengthMax];
        }
        uint tag = (uint)(hash >> 32);
        int mask = _slots.Length - 1;
        for (int i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            ref Slot slot = ref _slots[i];
            if (slot.Id == 0)
            {
                return Add(i, tag, text);
            }
            if (slot.Tag == tag && slot.Length == text.Length
                && _bytes.AsSpan(slot.Start, slot.Length).SequenceEqual(text))
            {
                return slot.Id;
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

    private uint Add(int index, uint tag, ReadOnlySpan<byte> text)
    {
        uint id = (uint)_count;
        if (_bytesUsed + text.Length > _bytes.Length)
        {
            Array.Resize(ref _bytes, checked(_bytes.Length * 2));
        }
        if (_count + 2 > _starts.Length)
        {
            Array.Resize(ref _starts, _starts.Length * 2);
        }
        text.CopyTo(_bytes.AsSpan(_bytesUsed));
        _bytesUsed += text.Length;
        _starts[++_count] = _bytesUsed;
        _slots[index] = new Slot
        {
            Tag = tag,
            Id = id,
            Start = _bytesUsed - text.Length,
            Length = text.Length,
        };
        if (_count * 2 > _slots.Length)
        {
            Grow();
        }
        return id;
    }

    private void Grow()
    {
        _slots = new Slot[_slots.Length * 2];
        int mask = _slots.Length - 1;
        for (uint id = 2; id < _count; id++)
        {
            ulong hash = XxHash3.HashToUInt64(this[id], _seed);
            int i = (int)hash & mask;
            while (_slots[i].Id != 0)
            {
                i = (i + 1) & mask;
            }
            _slots[i] = new Slot
            {
                Tag = (uint)(hash >> 32),
                Id = id,
                Start = _starts[id],
                Length = this[id].Length,
            };
        }
    }

    private struct Slot
    {
        public uint Tag;
        public uint Id;
        public int Start;
        public int Length;
    }
}
