namespace RetentionEngine.Blocks;

/// <summary>Stable least-significant-digit sort of items by 64-bit keys, with its own buffers.</summary>
internal sealed class RadixSort
{
    private const int DigitBits = 11;
    private const int Digits = 1 << DigitBits;

    private readonly int[] _counts = new int[Digits];
    private ulong[] _keys = [];
    private int[] _items = [];

    /// <summary>Sorts both spans by the low <paramref name="bits"/> bits of the keys.</summary>
    public void Sort(Span<ulong> keys, Span<int> items, int bits)
    {
        int count = keys.Length;
        if (count < 2)
        {
            return;
        }
        if (_keys.Length < count)
        {
            _keys = new ulong[count + (count >> 2)];
            _items = new int[_keys.Length];
        }
        Span<ulong> fromKeys = keys;
        Span<int> fromItems = items;
        Span<ulong> toKeys = _keys.AsSpan(0, count);
        Span<int> toItems = _items.AsSpan(0, count);
        for (int shift = 0; shift < bits; shift += DigitBits)
        {
            if (!Scatter(fromKeys, fromItems, toKeys, toItems, shift))
            {
                continue;
            }
            Span<ulong> k = fromKeys;
            fromKeys = toKeys;
            toKeys = k;
            Span<int> i = fromItems;
            fromItems = toItems;
            toItems = i;
        }
        if (fromKeys != keys)
        {
            fromKeys.CopyTo(keys);
            fromItems.CopyTo(items);
        }
    }

    // Returns false, with nothing moved, when the digit is the same in all keys.
    private bool Scatter(
        ReadOnlySpan<ulong> keys, ReadOnlySpan<int> items, Span<ulong> toKeys, Span<int> toItems,
        int shift)
    {
        int[] counts = _counts;
        Array.Clear(counts);
        foreach (ulong key in keys)
        {
            counts[(int)(key >> shift) & (Digits - 1)]++;
        }
        if (counts[(int)(keys[0] >> shift) & (Digits - 1)] == keys.Length)
        {
            return false;
        }
        int sum = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            int n = counts[i];
            counts[i] = sum;
            sum += n;
        }
        for (int i = 0; i < keys.Length; i++)
        {
            int to = counts[(int)(keys[i] >> shift) & (Digits - 1)]++;
            toKeys[to] = keys[i];
            toItems[to] = items[i];
        }
        return true;
    }
}
