using System.Numerics;
using K4os.Compression.LZ4;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>The text dictionary of a run under construction.</summary>
/// <remarks>
/// First every text is marked, then ids are given in the ranker's order, then pages are written. A
/// text with <c>@</c> is kept domain first (<c>example.org@bob</c>), so that neighbours share long
/// beginnings; a domain holds no <c>@</c>, so this can be undone.
/// </remarks>
internal sealed class RunTexts
{
    public const int RestartEvery = 16;

    /// <summary>Uncompressed size at which a page ends.</summary>
    private const int PageSize = 8192;

    /// <summary>Up to this many marks are sorted; more are read off the bit map of all ranks.</summary>
    private const int SortBelow = 1024;

    private ulong[] _marks = [];
    private uint[] _idOfRank = [];
    private int[] _ranks = new int[SortBelow];
    private readonly ByteSink _page = new();
    private readonly ByteSink _entries = new();
    private readonly ByteSink _restarts = new();
    private readonly byte[] _previous = new byte[StringTable.LengthMax];
    private readonly byte[] _current = new byte[StringTable.LengthMax];
    private TextRanker _ranker = null!;
    private StringTable _strings = null!;

    /// <summary>Distinct texts; ids 2 and up stand for them.</summary>
    public int Count { get; private set; }

    /// <summary>Texts without <c>@</c>: they come first.</summary>
    public int CountWithoutDomain { get; private set; }

    public void Begin(TextRanker ranker, StringTable strings)
    {
        _ranker = ranker;
        _strings = strings;
        int words = (ranker.Count >> 6) + 1;
        if (_marks.Length < words)
        {
            _marks = new ulong[words + (words >> 2)];
            _idOfRank = new uint[_marks.Length << 6];
        }
        Count = 0;
    }

    public void Mark(uint text)
    {
        if (text < 2)
        {
            return;
        }
        int rank = _ranker.RankOf(text);
        ref ulong word = ref _marks[rank >> 6];
        ulong bit = 1UL << rank;
        if ((word & bit) == 0)
        {
            word |= bit;
            if (Count < SortBelow)
            {
                _ranks[Count] = rank;
            }
            Count++;
        }
    }

    /// <summary>Gives ids to all marked texts.</summary>
    public void Assign()
    {
        if (_ranks.Length < Count)
        {
            Array.Resize(ref _ranks, Count + (Count >> 2));
        }
        if (Count <= SortBelow)
        {
            _ranks.AsSpan(0, Count).Sort();
        }
        else
        {
            int n = 0;
            for (int i = 0; i < _marks.Length; i++)
            {
                for (ulong word = _marks[i]; word != 0; word &= word - 1)
                {
                    _ranks[n++] = (i << 6) + BitOperations.TrailingZeroCount(word);
                }
            }
        }
        CountWithoutDomain = Count;
        for (int i = 0; i < Count; i++)
        {
            int rank = _ranks[i];
            _marks[rank >> 6] = 0;
            _idOfRank[rank] = (uint)i + 2;
            if (CountWithoutDomain == Count && _ranker.HasDomain(_ranker.IdAt(rank)))
            {
                CountWithoutDomain = i;
            }
        }
    }

    /// <summary>The run's id of a marked text of the batch; 0 and 1 stay.</summary>
    public uint IdOf(uint text) => text < 2 ? text : _idOfRank[_ranker.RankOf(text)];

    /// <summary>Writes all pages and, for the header, how many texts each has and its first one.</summary>
    /// <returns>Count of pages.</returns>
    public int Write(RunSections sections, ByteSink directory)
    {
        int pages = 0;
        for (int i = 0; i < Count; pages++)
        {
            int first = i;
            _entries.Clear();
            _restarts.Clear();
            int previous = 0;
            for (; i < Count && _entries.Length < PageSize; i++)
            {
                bool restart = (i - first) % RestartEvery == 0;
                if (restart)
                {
                    _restarts.Byte(_entries.Length);
                    _restarts.Byte(_entries.Length >> 8);
                    previous = 0;
                }
                previous = Append(_strings[_ranker.IdAt(_ranks[i])], previous);
            }
            directory.Varint(i - first);
            ReadOnlySpan<byte> firstText = _strings[_ranker.IdAt(_ranks[first])];
            directory.Varint(firstText.Length);
            directory.Bytes(firstText);
            _page.Clear();
            _page.Bytes(_restarts.Written);
            _page.Bytes(_entries.Written);
            Compress(sections.Sink);
            sections.End(BlockKind.Texts, pages);
        }
        return pages;
    }

    private int Append(ReadOnlySpan<byte> text, int previousLength)
    {
        int at = text.LastIndexOf((byte)'@');
        Span<byte> current = _current.AsSpan(0, text.Length);
        text[(at + 1)..].CopyTo(current);
        if (at >= 0)
        {
            int domainLength = text.Length - at - 1;
            current[domainLength] = (byte)'@';
            text[..at].CopyTo(current[(domainLength + 1)..]);
        }
        int shared = current.CommonPrefixLength(_previous.AsSpan(0, previousLength));
        _entries.Varint(shared);
        _entries.Varint(current.Length - shared);
        _entries.Bytes(current[shared..]);
        current.CopyTo(_previous);
        return current.Length;
    }

    private void Compress(ByteSink sink)
    {
        ReadOnlySpan<byte> plain = _page.Written;
        sink.Varint(plain.Length);
        int max = LZ4Codec.MaximumOutputSize(plain.Length);
        Span<byte> room = sink.Room(max + 1);
        int size = LZ4Codec.Encode(plain, room[1..], LZ4Level.L00_FAST);
        if (size > 0 && size < plain.Length)
        {
            room[0] = 1;
            sink.Advance(1 + size);
            return;
        }
        sink.Byte(0);
        sink.Bytes(plain);
    }
}
