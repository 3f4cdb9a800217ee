using K4os.Compression.LZ4;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>Reads a part of a run; valid until the next call.</summary>
internal delegate ReadOnlySpan<byte> PartFetch(BlockKind kind, int number);

/// <summary>The text dictionary of a run. Pages that were read stay, decompressed.</summary>
internal sealed class TextPages(RunHeader header, PartFetch fetch)
{
    private readonly TextPage?[] _pages = new TextPage?[header.TextPageCount];

    public long CachedBytes { get; private set; }

    /// <summary>Copies a text as it was logged.</summary>
    public int Read(uint id, Span<byte> target)
    {
        if (id < 2)
        {
            return 0;
        }
        int index = (int)(id - 2);
        if ((uint)index >= (uint)header.TextCount)
        {
            Damage.Throw();
        }
        int page = Array.BinarySearch(header.TextStarts, index);
        page = page < 0 ? ~page - 1 : page;
        Span<byte> entry = stackalloc byte[StringTable.LengthMax];
        int length = Load(page).Read(index - header.TextStarts[page], entry);
        return Restore(entry[..length], target);
    }

    /// <summary>The ids of the texts that match, which are neighbours.</summary>
    public (uint From, uint To) Find(AddressPattern pattern)
    {
        int from = Bound(pattern, behindEqual: false, out bool isEqual);
        int to = isEqual ? Bound(pattern, behindEqual: true, out _) : from;
        return ((uint)from + 2, (uint)Math.Max(from, to) + 2);
    }

    // Index of the first text that is not before the pattern, or not before nor equal; and whether
    // it is equal.
    private int Bound(AddressPattern pattern, bool behindEqual, out bool isEqual)
    {
        int low = 0;
        int high = header.TextPageCount;
        isEqual = false;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            int order = pattern.Compare(header.FirstText(middle));
            if (order < 0 || (behindEqual && order == 0))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
                isEqual = order == 0;
            }
        }
        if (low == 0)
        {
            return 0;
        }
        TextPage page = Load(low - 1);
        int index = page.Bound(pattern, behindEqual, ref isEqual);
        return header.TextStarts[low - 1] + index;
    }

    // Turns domain@local back into local@domain.
    private static int Restore(ReadOnlySpan<byte> entry, Span<byte> target)
    {
        int at = entry.IndexOf((byte)'@');
        if (at < 0)
        {
            entry.CopyTo(target);
            return entry.Length;
        }
        int local = entry.Length - at - 1;
        entry[(at + 1)..].CopyTo(target);
        target[local] = (byte)'@';
        entry[..at].CopyTo(target[(local + 1)..]);
        return entry.Length;
    }

    private TextPage Load(int number)
    {
        TextPage? page = _pages[number];
        if (page is null)
        {
            int count = header.TextStarts[number + 1] - header.TextStarts[number];
            page = new TextPage(fetch(BlockKind.Texts, number), count);
            _pages[number] = page;
            CachedBytes += page.SizeBytes;
        }
        return page;
    }
}

/// <summary>A page of texts, decompressed but still front-coded.</summary>
internal sealed class TextPage
{
    private readonly byte[] _letters;
    private readonly ushort[] _shared;
    private readonly ushort[] _rest;
    private readonly int[] _restarts;

    public TextPage(ReadOnlySpan<byte> block, int count)
    {
        if (count > RunTexts.PageTextsMax)
        {
            Damage.Throw();
        }
        var cursor = new ByteCursor(block);
        _shared = Lengths(ref cursor, count);
        _rest = Lengths(ref cursor, count);
        _restarts = new int[(count + RunTexts.RestartEvery - 1) / RunTexts.RestartEvery];
        int offset = 0;
        for (int i = 0, previous = 0; i < count; i++)
        {
            bool restart = i % RunTexts.RestartEvery == 0;
            if (restart)
            {
                _restarts[i / RunTexts.RestartEvery] = offset;
            }
            if (_shared[i] > (restart ? 0 : previous))
            {
                Damage.Throw();
            }
            previous = _shared[i] + _rest[i];
            if (previous > StringTable.LengthMax)
            {
                Damage.Throw();
            }
            offset += _rest[i];
        }
        _letters = Letters(ref cursor, offset);
    }

    public int Count => _shared.Length;

    public int SizeBytes => _letters.Length + (Count * 4) + (_restarts.Length * 4) + 128;

    /// <summary>Decodes a text, domain first, into <paramref name="entry"/>; returns its length.</summary>
    public int Read(int index, Span<byte> entry)
    {
        int first = index - (index % RunTexts.RestartEvery);
        int offset = OffsetOf(first);
        int length = 0;
        for (int i = first; i <= index; i++)
        {
            length = Next(i, ref offset, entry);
        }
        return length;
    }

    /// <summary>Index of the first text that is not before a pattern, or not before nor equal.</summary>
    /// <param name="pattern">What is looked for.</param>
    /// <param name="behindEqual">Whether to pass by those that are equal.</param>
    /// <param name="isEqual">
    /// Whether that text is equal; left as it is when all texts of the page come before.
    /// </param>
    public int Bound(AddressPattern pattern, bool behindEqual, ref bool isEqual)
    {
        int low = 0;
        int high = _restarts.Length;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            int order = pattern.CompareEntry(Restart(middle));
            if (order < 0 || (behindEqual && order == 0))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
                isEqual = order == 0;
            }
        }
        if (low == 0)
        {
            return 0;
        }
        Span<byte> entry = stackalloc byte[StringTable.LengthMax];
        int index = (low - 1) * RunTexts.RestartEvery;
        int end = Math.Min(index + RunTexts.RestartEvery, Count);
        // The first one was compared already.
        int offset = OffsetOf(index);
        Next(index++, ref offset, entry);
        for (; index < end; index++)
        {
            int order = pattern.CompareEntry(entry[..Next(index, ref offset, entry)]);
            if (order > 0 || (!behindEqual && order == 0))
            {
                isEqual = order == 0;
                break;
            }
        }
        return index;
    }

    // Texts at which decoding begins share nothing with the one before.
    private ReadOnlySpan<byte> Restart(int number) =>
        _letters.AsSpan(_restarts[number], _rest[number * RunTexts.RestartEvery]);

    /// <summary>Where the letters of a text begin at which decoding can begin.</summary>
    public int OffsetOf(int restart) => _restarts[restart / RunTexts.RestartEvery];

    /// <summary>Decodes a text over the one before it.</summary>
    public int Next(int index, ref int offset, Span<byte> entry)
    {
        int shared = _shared[index];
        int rest = _rest[index];
        _letters.AsSpan(offset, rest).CopyTo(entry[shared..]);
        offset += rest;
        return shared + rest;
    }

    private static ushort[] Lengths(ref ByteCursor cursor, int count)
    {
        Span<long> values = stackalloc long[RunTexts.PageTextsMax];
        new PackedColumn(ref cursor, count).CopyTo(values);
        var lengths = new ushort[count];
        for (int i = 0; i < count; i++)
        {
            if ((ulong)values[i] > StringTable.LengthMax)
            {
                Damage.Throw();
            }
            lengths[i] = (ushort)values[i];
        }
        return lengths;
    }

    private static byte[] Letters(ref ByteCursor cursor, int size)
    {
        if (cursor.Count(size) != size)
        {
            Damage.Throw();
        }
        var letters = new byte[size];
        bool compressed = cursor.Byte() != 0;
        ReadOnlySpan<byte> stored = cursor.Bytes(cursor.Remaining);
        if (compressed ? LZ4Codec.Decode(stored, letters) != size : stored.Length != size)
        {
            Damage.Throw();
        }
        if (!compressed)
        {
            stored.CopyTo(letters);
        }
        return letters;
    }
}
