using System.Numerics;

namespace RetentionEngine.Blocks;

/// <summary>Which row groups a key occurs in, under construction.</summary>
/// <remarks>
/// Pairs (key, group), ascending and each once, in pages of <see cref="PageCount"/>: the keys coded
/// by Elias and Fano, then the groups bit-packed.
/// </remarks>
internal sealed class RunPostings(RadixSort radix)
{
    public const int PageCount = 4096;

    private ulong[] _keys = new ulong[1024];
    private int[] _groups = new int[1024];
    private readonly uint[] _pageKeys = new uint[PageCount];
    private readonly ulong[] _scratch = new ulong[PageCount];

    public int Count { get; private set; }

    public void Clear() => Count = 0;

    public void Add(ulong key, int group)
    {
        if (Count == _keys.Length)
        {
            Array.Resize(ref _keys, Count * 2);
            Array.Resize(ref _groups, Count * 2);
        }
        _keys[Count] = key;
        _groups[Count++] = group;
    }

    /// <summary>Cuts hashes down to the fingerprint that <see cref="HashBits"/> allows.</summary>
    public void ShortenHashes()
    {
        int shift = 64 - HashBits(Count);
        foreach (ref ulong key in _keys.AsSpan(0, Count))
        {
            key >>= shift;
        }
    }

    /// <summary>Four bits more than tell the pairs apart: one false hit in 16 searches.</summary>
    public static int HashBits(int pairs) => Math.Min(BitOperations.Log2((uint)pairs | 1) + 5, 32);

    /// <summary>Writes all pages as terms from number <paramref name="number"/> on.</summary>
    /// <returns>The number behind the last page.</returns>
    public int Write(RunSections sections, ByteSink directory, int keyBits, int groupCount, int number)
    {
        Span<ulong> keys = _keys.AsSpan(0, Count);
        radix.Sort(keys, _groups.AsSpan(0, Count), keyBits);
        int kept = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (kept == 0 || keys[kept - 1] != keys[i] || _groups[kept - 1] != _groups[i])
            {
                keys[kept] = keys[i];
                _groups[kept++] = _groups[i];
            }
        }
        directory.Varint(kept);
        ulong previous = 0;
        int groupWidth = BitPack.WidthOf((ulong)groupCount - 1);
        for (int from = 0; from < kept; from += PageCount)
        {
            int count = Math.Min(PageCount, kept - from);
            directory.Varint(keys[from] - previous);
            previous = keys[from];
            for (int i = 0; i < count; i++)
            {
                _pageKeys[i] = (uint)keys[from + i];
            }
            EliasFano.Write(_pageKeys.AsSpan(0, count), sections.Sink, _scratch);
            for (int i = 0; i < count; i++)
            {
                _scratch[i] = (ulong)_groups[from + i];
            }
            BitPack.Write(_scratch.AsSpan(0, count), groupWidth, sections.Sink);
            sections.End(BlockKind.Terms, number++);
        }
        return number;
    }
}
