using System.Buffers.Binary;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>Puts the texts of a batch into the order in which runs keep them.</summary>
/// <remarks>
/// <para>The order: texts without <c>@</c> first; then by the domain of the address key, by its
/// local part, by the raw bytes. So all spellings of one address are neighbours, and all addresses
/// of one domain, and a lookup is a search by comparison without any index.</para>
/// <para>Domains are interned and sorted by themselves; then texts are sorted by eight folded bytes
/// of the local part, then by domain (both by radix), and what is still equal is sorted further,
/// eight bytes deeper, until few are left to be compared one by one.</para>
/// </remarks>
internal sealed class TextRanker(long seed)
{
    private const int CompareBelow = 48;

    private readonly RadixSort _radix = new();
    private readonly StringTable _domains = new(seed);
    private Comparison<int>? _byWhole;
    private Comparison<int>? _byDomainBytes;
    private StringTable _texts = null!;
    private byte[] _fold = new byte[AddressKey.LengthMax(StringTable.LengthMax)];

    // By text id: 1 + rank of its domain (0: no @), length of its local part, or ~index of the
    // key in the arena when the address is not plain.
    private uint[] _domainOf = [];
    private int[] _local = [];
    private int[] _domainRank = [];
    private ulong[] _keys = [];
    private int[] _order = [];
    private int[] _rank = [];

    private byte[] _arena = new byte[1 << 12];
    private int _arenaUsed;
    private readonly List<(int Start, int Length)> _arenaKeys = [];

    /// <summary>Count of ranks: texts 2 and up.</summary>
    public int Count { get; private set; }

    /// <summary>Rank, counted from 0, of a text id of 2 or more.</summary>
    public int RankOf(uint id) => _rank[id];

    /// <summary>Text id at a rank.</summary>
    public uint IdAt(int rank) => (uint)_order[rank];

    public bool HasDomain(uint id) => _domainOf[id] != 0;

    public void Rank(StringTable texts)
    {
        _texts = texts;
        _byWhole ??= CompareWhole;
        _byDomainBytes ??= CompareDomains;
        int ids = texts.Count;
        Count = ids - 2;
        Grow(ids);
        _domains.Clear();
        _arenaUsed = 0;
        _arenaKeys.Clear();
        for (int id = 2; id < ids; id++)
        {
            Split((uint)id);
        }
        RankDomains();
        SortAll();
        for (int i = 0; i < Count; i++)
        {
            _rank[_order[i]] = i;
        }
    }

    private void Grow(int ids)
    {
        if (_rank.Length >= ids)
        {
            return;
        }
        int size = ids + (ids >> 2);
        _domainOf = new uint[size];
        _local = new int[size];
        _keys = new ulong[size];
        _order = new int[size];
        _rank = new int[size];
    }

    private void Split(uint id)
    {
        ReadOnlySpan<byte> text = _texts[id];
        int at = text.LastIndexOf((byte)'@');
        if (at < 0)
        {
            _domainOf[id] = 0;
            _local[id] = text.Length;
            return;
        }
        int length = AddressKey.Write(text, _fold);
        ReadOnlySpan<byte> key = _fold.AsSpan(0, length);
        bool plain = length <= text.Length && length >= text.Length - 1 && AddressKey.IsPlain(text);
        if (plain)
        {
            _local[id] = at;
        }
        else
        {
            at = key.LastIndexOf((byte)'@');
            if (_arenaUsed + at > _arena.Length)
            {
                Array.Resize(ref _arena, Math.Max(_arena.Length * 2, _arenaUsed + at));
            }
            key[..at].CopyTo(_arena.AsSpan(_arenaUsed));
            _local[id] = ~_arenaKeys.Count;
            _arenaKeys.Add((_arenaUsed, at));
            _arenaUsed += at;
        }
        _domainOf[id] = 1 + _domains.Intern(key[(at + 1)..]);
    }

    private void RankDomains()
    {
        int count = _domains.Count;
        if (_domainRank.Length < count)
        {
            _domainRank = new int[count + (count >> 2)];
        }
        Span<int> items = _order.AsSpan(0, count);
        Span<ulong> keys = _keys.AsSpan(0, count);
        for (int d = 1; d < count; d++)
        {
            items[d - 1] = d;
            keys[d - 1] = Load(_domains[(uint)d], 0);
        }
        items = items[..(count - 1)];
        keys = keys[..(count - 1)];
        _radix.Sort(keys, items, 64);
        for (int from = 0; from < items.Length;)
        {
            int to = EndOfEqual(keys, from);
            if (to - from > 1)
            {
                items[from..to].Sort(_byDomainBytes!);
            }
            from = to;
        }
        for (int i = 0; i < items.Length; i++)
        {
            _domainRank[items[i]] = i + 1;
        }
    }

    private void SortAll()
    {
        Span<int> order = _order.AsSpan(0, Count);
        Span<ulong> keys = _keys.AsSpan(0, Count);
        for (int i = 0; i < Count; i++)
        {
            order[i] = i + 2;
            uint domain = _domainOf[i + 2];
            _domainOf[i + 2] = domain == 0 ? 0 : (uint)_domainRank[domain - 1];
        }
        // By local part first, then, stably, by domain; runs of equal pairs are refined.
        LoadKeys(order, keys, 0);
        _radix.Sort(keys, order, 64);
        Span<ulong> prefixes = keys;
        for (int i = 0; i < Count; i++)
        {
            prefixes[i] = _domainOf[order[i]];
        }
        _radix.Sort(keys, order, System.Numerics.BitOperations.Log2((uint)_domains.Count + 1) + 1);
        for (int from = 0; from < Count;)
        {
            int to = EndOfEqual(keys, from);
            RefineEqual(from, to, 0);
            from = to;
        }
    }

    // The range has equal domains and is sorted by the eight bytes at the depth.
    private void RefineEqual(int from, int to, int depth)
    {
        if (to - from < 2)
        {
            return;
        }
        Span<int> order = _order.AsSpan(0, Count);
        for (int i = from; i < to;)
        {
            ulong key = Load(Local(order[i]), depth);
            int longest = Local(order[i]).Length;
            int end = i + 1;
            while (end < to && Load(Local(order[end]), depth) == key)
            {
                longest = Math.Max(longest, Local(order[end]).Length);
                end++;
            }
            if (end - i > CompareBelow && longest > depth + 8)
            {
                // The keys of the range are not needed any more: its part of the array is free.
                Span<ulong> keys = _keys.AsSpan(i, end - i);
                LoadKeys(order[i..end], keys, depth + 8);
                _radix.Sort(keys, order[i..end], 64);
                RefineEqual(i, end, depth + 8);
            }
            else if (end - i > 1)
            {
                order[i..end].Sort(_byWhole!);
            }
            i = end;
        }
    }

    private static int EndOfEqual(ReadOnlySpan<ulong> keys, int from)
    {
        int to = from + 1;
        while (to < keys.Length && keys[to] == keys[from])
        {
            to++;
        }
        return to;
    }

    private void LoadKeys(ReadOnlySpan<int> ids, Span<ulong> keys, int depth)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            keys[i] = Load(Local(ids[i]), depth);
        }
    }

    private ReadOnlySpan<byte> Local(int id)
    {
        int local = _local[id];
        if (local >= 0)
        {
            return _texts[(uint)id][..local];
        }
        (int start, int length) = _arenaKeys[~local];
        return _arena.AsSpan(start, length);
    }

    // Eight bytes from the depth on, folded, as a number that compares as the bytes do.
    private static ulong Load(ReadOnlySpan<byte> text, int depth)
    {
        if (text.Length >= depth + 8)
        {
            return Fold(BinaryPrimitives.ReadUInt64BigEndian(text[depth..]));
        }
        ulong key = 0;
        for (int i = depth; i < depth + 8; i++)
        {
            key = (key << 8) | (i < text.Length ? text[i] : 0UL);
        }
        return Fold(key);
    }

    // Lower case for the ASCII letters among eight bytes.
    private static ulong Fold(ulong word)
    {
        const ulong Ones = 0x0101_0101_0101_0101;
        ulong low = word & (0x7f * Ones);
        ulong fromA = low + ((0x80 - 'A') * Ones);
        ulong aboveZ = low + ((0x80 - 'Z' - 1) * Ones);
        ulong letters = (fromA ^ aboveZ) & ~word & (0x80 * Ones);
        return word | (letters >> 2);
    }

    private int CompareDomains(int x, int y) =>
        _domains[(uint)x].SequenceCompareTo(_domains[(uint)y]);

    // Same domain: by folded local part, then by raw bytes.
    private int CompareWhole(int x, int y)
    {
        ReadOnlySpan<byte> a = Local(x);
        ReadOnlySpan<byte> b = Local(y);
        int common = Math.Min(a.Length, b.Length);
        for (int i = 0; i < common; i += 8)
        {
            int result = Load(a[..common], i).CompareTo(Load(b[..common], i));
            if (result != 0)
            {
                return result;
            }
        }
        return a.Length != b.Length
            ? a.Length.CompareTo(b.Length)
            : _texts[(uint)x].SequenceCompareTo(_texts[(uint)y]);
    }
}
