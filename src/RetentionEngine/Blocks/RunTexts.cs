using System.Numerics;
using System.Runtime.CompilerServices;
using K4os.Compression.LZ4;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>The text dictionary of a run under construction.</summary>
/// <remarks>
/// First every text is marked by its number in the batch, then ids are given in the ranker's order,
/// then pages are written. A text with <c>@</c> is kept domain first (<c>example.org@bob</c>), so
/// that neighbours share long beginnings; a domain holds no <c>@</c>, so this can be undone.
/// </remarks>
internal sealed class RunTexts
{
    public const int RestartEvery = 16;

    /// <summary>A page ends at this many texts, or behind so many letters.</summary>
    public const int PageTextsMax = 1024;
    private const int PageLetters = 12_288;

    /// <summary>Up to this many marks are sorted; more are read off the bit map of all ranks.</summary>
    private const int SortBelow = 1024;

    /// <summary>Texts are scattered in memory: this many are fetched ahead of being written.</summary>
    private const int FetchAhead = 8;

    private ulong[] _marks = [];
    private ulong[] _rankMarks = [];
    private uint[] _idOf = [];
    private uint[] _texts = new uint[SortBelow];
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
        if (_idOf.Length < strings.Count)
        {
            int size = strings.Count + (strings.Count >> 2);
            _idOf = new uint[size];
            _idOf[1] = 1;
            _marks = new ulong[(size >> 6) + 1];
            _rankMarks = new ulong[_marks.Length];
        }
        Count = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Mark(uint text)
    {
        ref ulong word = ref _marks[text >> 6];
        ulong bit = 1UL << (int)text;
        if ((word & bit) == 0 && text > 1)
        {
            word |= bit;
            Add(text);
        }
    }

    /// <summary>Gives ids to all marked texts.</summary>
    public void Assign()
    {
        if (_ranks.Length < Count)
        {
            _ranks = new int[Count + (Count >> 2)];
        }
        for (int i = 0; i < Count; i++)
        {
            _ranks[i] = _ranker.RankOf(_texts[i]);
            _marks[_texts[i] >> 6] = 0;
        }
        SortRanks();
        CountWithoutDomain = Count;
        for (int i = 0; i < Count; i++)
        {
            uint text = _ranker.IdAt(_ranks[i]);
            _texts[i] = text;
            _idOf[text] = (uint)i + 2;
            if (CountWithoutDomain == Count && _ranker.HasDomain(text))
            {
                CountWithoutDomain = i;
            }
        }
    }

    /// <summary>The run's id of a marked text of the batch; 0 and 1 stay.</summary>
    public uint IdOf(uint text) => _idOf[text];

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
                int ahead = Math.Min(from + count + FetchAhead, Count - 1);
                _strings.Fetch(_texts[ahead]);
                ReadOnlySpan<byte> text = _strings[_texts[from + count]];
                previous = Append(text, count % RestartEvery == 0 ? 0 : previous, count);
            }
            ReadOnlySpan<byte> first = _strings[_texts[from]];
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

    private void Add(uint text)
    {
        if (Count == _texts.Length)
        {
            Array.Resize(ref _texts, Count * 2);
        }
        _texts[Count++] = text;
    }

    private void SortRanks()
    {
        if (Count <= SortBelow)
        {
            _ranks.AsSpan(0, Count).Sort();
            return;
        }
        foreach (int rank in _ranks.AsSpan(0, Count))
        {
            _rankMarks[rank >> 6] |= 1UL << rank;
        }
        int n = 0;
        for (int i = 0; i < _rankMarks.Length; i++)
        {
            for (ulong word = _rankMarks[i]; word != 0; word &= word - 1)
            {
                _ranks[n++] = (i << 6) + BitOperations.TrailingZeroCount(word);
            }
            _rankMarks[i] = 0;
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
