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

    /// <summary>A page ends at this many texts, or behind so many letters.</summary>
    public const int PageTextsMax = 1024;
    private const int PageLetters = 12_288;

    /// <summary>Up to this many marks are sorted; more are read off the bit map of all ranks.</summary>
    private const int SortBelow = 1024;

    private ulong[] _marks = [];
    private uint[] _idOfRank = [];
    private int[] _ranks = new int[SortBelow];
    private readonly ByteSink _letters = new();
    private readonly long[] _shared = new long[PageTextsMax];
    private readonly long[] _rest = new long[PageTextsMax];
    private readonly ulong[] _scratch = new ulong[PageTextsMax];
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
    public void Write(RunSections sections, ByteSink directory)
    {
        int page = 0;
        for (int from = 0; from < Count; page++)
        {
            _letters.Clear();
            int previous = 0;
            int count = 0;
            int left = Math.Min(Count - from, PageTextsMax);
            for (; count < left && _letters.Length < PageLetters; count++)
            {
                ReadOnlySpan<byte> text = _strings[_ranker.IdAt(_ranks[from + count])];
                previous = Append(text, count % RestartEvery == 0 ? 0 : previous, count);
            }
            ReadOnlySpan<byte> first = _strings[_ranker.IdAt(_ranks[from])];
            directory.Varint(count);
            directory.Varint(first.Length);
            directory.Bytes(first);
            PackedColumn.Write(_shared.AsSpan(0, count), sections.Sink, _scratch);
            PackedColumn.Write(_rest.AsSpan(0, count), sections.Sink, _scratch);
            Compress(_letters.Written, sections.Sink);
            sections.End(BlockKind.Texts, page);
            from += count;
        }
    }

    private int Append(ReadOnlySpan<byte> text, int previousLength, int index)
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
        _shared[index] = shared;
        _rest[index] = current.Length - shared;
        _letters.Bytes(current[shared..]);
        current.CopyTo(_previous);
        return current.Length;
    }

    private static void Compress(ReadOnlySpan<byte> plain, ByteSink sink)
    {
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
