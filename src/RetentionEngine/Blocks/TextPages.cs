using K4os.Compression.LZ4;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>Reads a part of a run; valid until the next call.</summary>
internal delegate ReadOnlySpan<byte> PartFetch(BlockKind kind, int number);

/// <summary>The text dictionary of a run. Pages that were read stay, decompressed.</summary>
internal sealed class TextPages(RunHeader header, PartFetch fetch)
{
    // Far above any page the encoder makes; a larger one is damage.
    private const int PageSizeMax = 1 << 16;

    private readonly byte[]?[] _pages = new byte[]?[header.TextPageCount];
    private readonly byte[] _entry = new byte[StringTable.LengthMax];
    private readonly byte[] _text = new byte[StringTable.LengthMax];

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
        int within = index - header.TextStarts[page];
        ByteCursor cursor = OpenAt(page, within / RunTexts.RestartEvery);
        int length = 0;
        for (int i = within % RunTexts.RestartEvery; i >= 0; i--)
        {
            length = Next(ref cursor, length);
        }
        return Restore(length, target);
    }

    /// <summary>The ids of the texts that match, which are neighbours.</summary>
    public (uint From, uint To) Find(AddressPattern pattern)
    {
        int from = Bound(pattern, behindEqual: false);
        int to = Bound(pattern, behindEqual: true);
        return ((uint)from + 2, (uint)Math.Max(from, to) + 2);
    }

    // Index of the first text that is not before the pattern, or not before nor equal.
    private int Bound(AddressPattern pattern, bool behindEqual)
    {
        int low = 0;
        int high = header.TextPageCount;
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
            }
        }
        return low == 0 ? 0 : header.TextStarts[low - 1] + BoundInPage(low - 1, pattern, behindEqual);
    }

    private int BoundInPage(int page, AddressPattern pattern, bool behindEqual)
    {
        int count = header.TextStarts[page + 1] - header.TextStarts[page];
        int low = 0;
        int high = RestartsOf(count);
        while (low < high)
        {
            int middle = (low + high) >> 1;
            ByteCursor probe = OpenAt(page, middle);
            int order = pattern.Compare(_text.AsSpan(0, Restore(Next(ref probe, 0), _text)));
            if (order < 0 || (behindEqual && order == 0))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        if (low == 0)
        {
            return 0;
        }
        int index = (low - 1) * RunTexts.RestartEvery;
        int end = Math.Min(index + RunTexts.RestartEvery, count);
        ByteCursor cursor = OpenAt(page, low - 1);
        for (int length = 0; index < end; index++)
        {
            length = Next(ref cursor, length);
            int order = pattern.Compare(_text.AsSpan(0, Restore(length, _text)));
            if (order > 0 || (!behindEqual && order == 0))
            {
                break;
            }
        }
        return index;
    }

    private static int RestartsOf(int count) =>
        (count + RunTexts.RestartEvery - 1) / RunTexts.RestartEvery;

    private ByteCursor OpenAt(int page, int restart)
    {
        ReadOnlySpan<byte> bytes = Page(page);
        int restarts = RestartsOf(header.TextStarts[page + 1] - header.TextStarts[page]);
        if (bytes.Length < restarts * 2)
        {
            Damage.Throw();
        }
        int offset = bytes[restart * 2] | (bytes[(restart * 2) + 1] << 8);
        bytes = bytes[(restarts * 2)..];
        if (offset > bytes.Length)
        {
            Damage.Throw();
        }
        return new ByteCursor(bytes[offset..]);
    }

    // Reads the entry behind one of the given length, into _entry.
    private int Next(ref ByteCursor cursor, int previousLength)
    {
        int shared = cursor.Count(previousLength);
        int rest = cursor.Count(StringTable.LengthMax - shared);
        cursor.Bytes(rest).CopyTo(_entry.AsSpan(shared));
        return shared + rest;
    }

    // Turns domain@local back into local@domain.
    private int Restore(int length, Span<byte> target)
    {
        ReadOnlySpan<byte> entry = _entry.AsSpan(0, length);
        int at = entry.IndexOf((byte)'@');
        if (at < 0)
        {
            entry.CopyTo(target);
            return length;
        }
        int local = length - at - 1;
        entry[(at + 1)..].CopyTo(target);
        target[local] = (byte)'@';
        entry[..at].CopyTo(target[(local + 1)..]);
        return length;
    }

    private ReadOnlySpan<byte> Page(int number)
    {
        byte[]? page = _pages[number];
        if (page is null)
        {
            var cursor = new ByteCursor(fetch(BlockKind.Texts, number));
            int size = cursor.Count(PageSizeMax);
            bool compressed = cursor.Byte() != 0;
            page = new byte[size];
            ReadOnlySpan<byte> stored = cursor.Bytes(cursor.Remaining);
            if (compressed ? LZ4Codec.Decode(stored, page) != size : stored.Length != size)
            {
                Damage.Throw();
            }
            if (!compressed)
            {
                stored.CopyTo(page);
            }
            _pages[number] = page;
            CachedBytes += size;
        }
        return page;
    }
}
