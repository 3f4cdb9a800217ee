using System.Numerics;

namespace RetentionEngine.Blocks;

/// <summary>A set of row groups.</summary>
internal sealed class GroupSet
{
    private ulong[] _words = new ulong[4];
    private int _count;

    public void Reset(int groupCount, bool full)
    {
        _count = groupCount;
        int words = (groupCount + 63) >> 6;
        if (_words.Length < words)
        {
            _words = new ulong[words];
        }
        _words.AsSpan(0, words).Fill(full ? ulong.MaxValue : 0);
    }

    public void Add(int group)
    {
        if ((uint)group >= (uint)_count)
        {
            Damage.Throw();
        }
        _words[group >> 6] |= 1UL << group;
    }

    public void AddAll() => Reset(_count, full: true);

    public bool Contains(int group) => (_words[group >> 6] >> group & 1) != 0;

    public void UnionWith(GroupSet other)
    {
        for (int i = 0; i < (_count + 63) >> 6; i++)
        {
            _words[i] |= other._words[i];
        }
    }

    public void IntersectWith(GroupSet other)
    {
        for (int i = 0; i < (_count + 63) >> 6; i++)
        {
            _words[i] &= other._words[i];
        }
    }

    /// <summary>First member at or behind <paramref name="from"/>; -1 when there is none.</summary>
    public int Next(int from)
    {
        while (from < _count)
        {
            ulong word = _words[from >> 6] >> from;
            if (word != 0)
            {
                from += BitOperations.TrailingZeroCount(word);
                return from < _count ? from : -1;
            }
            from = (from | 63) + 1;
        }
        return -1;
    }
}
