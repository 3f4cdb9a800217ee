using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace RetentionEngine.Messages;

/// <summary>Finds indexes by a 64-bit hash of their key; the caller compares the keys.</summary>
/// <remarks>
/// Open addressing, linear probing, deletion by backward shift, at most half full. Equal hashes
/// may occur several times.
/// </remarks>
internal sealed class KeyTable
{
    private Slot[] _slots = new Slot[1 << 12];
    private int _count;

    public int Count => _count;

    /// <summary>Position of the first candidate for <paramref name="hash"/>; see <see cref="Next"/>.</summary>
    public int First(ulong hash) => Seek((int)hash & (_slots.Length - 1), hash);

    /// <summary>Position of the candidate behind <paramref name="position"/>, -1 if there is none.</summary>
    public int Next(int position, ulong hash) =>
        Seek((position + 1) & (_slots.Length - 1), hash);

    public int IndexAt(int position) => _slots[position].Index - 1;

    /// <summary>Asks the processor to fetch the slot.</summary>
    public unsafe void Prefetch(ulong hash)
    {
        if (Sse.IsSupported)
        {
            ref Slot slots = ref MemoryMarshal.GetArrayDataReference(_slots);
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref slots, (int)hash & (_slots.Length - 1))));
        }
    }

    /// <returns>How many entries have the same hash; each costs time in every later call.</returns>
    public int Add(ulong hash, int index)
    {
        if ((_count + 1) * 2 > _slots.Length)
        {
            Grow();
        }
        _count++;
        return Insert(_slots, hash, index + 1);
    }

    public void Remove(ulong hash, int index)
    {
        int position = First(hash);
        while (position >= 0 && IndexAt(position) != index)
        {
            position = Next(position, hash);
        }
        if (position >= 0)
        {
            RemoveAt(position);
        }
    }

    private static int Insert(Slot[] slots, ulong hash, int value)
    {
        int mask = slots.Length - 1;
        int same = 0;
        int i = (int)hash & mask;
        for (; slots[i].Index != 0; i = (i + 1) & mask)
        {
            same += slots[i].Hash == hash ? 1 : 0;
        }
        slots[i] = new Slot { Hash = hash, Index = value };
        return same;
    }

    private int Seek(int position, ulong hash)
    {
        // Positions are below the length of the slots, a power of two.
        ref Slot slots = ref MemoryMarshal.GetArrayDataReference(_slots);
        int mask = _slots.Length - 1;
        for (; Unsafe.Add(ref slots, position).Index != 0; position = (position + 1) & mask)
        {
            if (Unsafe.Add(ref slots, position).Hash == hash)
            {
                return position;
            }
        }
        return -1;
    }

    private void RemoveAt(int hole)
    {
        int mask = _slots.Length - 1;
        _count--;
        for (int i = (hole + 1) & mask; _slots[i].Index != 0; i = (i + 1) & mask)
        {
            int home = (int)_slots[i].Hash & mask;
            if (((i - home) & mask) >= ((i - hole) & mask))
            {
                _slots[hole] = _slots[i];
                hole = i;
            }
        }
        _slots[hole] = default;
    }

    private void Grow()
    {
        var slots = new Slot[_slots.Length * 2];
        foreach (Slot slot in _slots)
        {
            if (slot.Index != 0)
            {
                Insert(slots, slot.Hash, slot.Index);
            }
        }
        _slots = slots;
    }

    private struct Slot
    {
        public ulong Hash;
        public int Index;
    }
}
