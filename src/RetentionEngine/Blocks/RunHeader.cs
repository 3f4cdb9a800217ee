using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>The header of a run, taken apart and checked.</summary>
internal sealed class RunHeader
{
    private readonly byte[] _bytes;
    private readonly int[] _partStarts = [];
    private readonly int _textPages;
    private readonly int _addressPages;
    private readonly int _tuplesAt;
    private readonly int _relaysAt;
    private readonly int _inodesAt;
    private RowTuple[]? _tuples;
    private long[]? _relays;
    private InodeBases? _inodes;

    /// <summary>Reads and parses a header.</summary>
    /// <exception cref="RetentionException">StoreDamaged, StoreVersion.</exception>
    public RunHeader(BlockFetch fetch)
    {
        _bytes = ReadWhole(fetch);
        var cursor = new ByteCursor(_bytes);
        cursor.Byte();
        int flags = cursor.Byte();
        IsInline = (flags & RunFormat.InlineFlag) != 0;
        cursor.Bytes((flags & RunFormat.LongHeaderFlag) != 0 ? 2 : 0);
        AddressKeyVersion = cursor.Byte();
        var recordClass = (RecordClass)cursor.Byte();
        long startHour = cursor.Zigzag();
        int lengthHours = cursor.Count(int.MaxValue);
        if (recordClass > RecordClass.Rejected || startHour != (int)startHour || lengthHours == 0
            || AddressKeyVersion == 0)
        {
            Damage.Throw();
        }
        Bucket = new BucketId(recordClass, (int)startHour, lengthHours);
        Rows = cursor.Count(RunFormat.RowsMax);
        FirstUnixMicros = (long)((ulong)Bucket.StartUnixMicros + cursor.Varint());
        LastUnixMicros = (long)((ulong)FirstUnixMicros + cursor.Varint());
        GroupCount = (Rows + RunFormat.GroupRows - 1) / RunFormat.GroupRows;
        FirstOwn = new uint[Fitting(GroupCount, cursor)];
        LastOwn = new uint[GroupCount];
        for (int g = 0; g < GroupCount; g++)
        {
            FirstOwn[g] = (uint)cursor.Count(int.MaxValue);
            LastOwn[g] = FirstOwn[g] + (uint)cursor.Count(int.MaxValue);
        }
        _tuplesAt = At(cursor);
        RunTuples.Skip(ref cursor);
        _relaysAt = At(cursor);
        PackedColumn.SkipChunks(ref cursor, CountOfRelays(ref cursor));
        _inodesAt = At(cursor);
        InodeBases.Skip(ref cursor);
        TextCount = cursor.Count(int.MaxValue >> 1);
        TextCountWithoutDomain = cursor.Count(TextCount);
        ReadTextPages(ref cursor);
        _textPages = FirstTexts.Length;
        AddressCount = cursor.Count(RunFormat.RowsMax);
        V4Count = cursor.Count(AddressCount);
        _addressPages = (AddressCount + RunAddresses.PageCount - 1) / RunAddresses.PageCount;
        Texts = Addresses = Hashes = PostingTable.None;
        if (GroupCount > 1)
        {
            Texts = new PostingTable(ref cursor, 0);
            Addresses = new PostingTable(ref cursor, Texts.EndNumber);
            HashBits = cursor.Byte();
            Hashes = new PostingTable(ref cursor, Addresses.EndNumber);
            if (HashBits is < 5 or > 32)
            {
                Damage.Throw();
            }
        }
        if (IsInline)
        {
            _partStarts = ReadParts(ref cursor);
        }
    }

    public bool IsInline { get; }

    public byte AddressKeyVersion { get; }

    public BucketId Bucket { get; }

    public int Rows { get; }

    public int GroupCount { get; }

    public long FirstUnixMicros { get; }

    public long LastUnixMicros { get; }

    /// <summary>Own mailbox of each group's first and last row.</summary>
    public uint[] FirstOwn { get; }

    public uint[] LastOwn { get; }

    /// <summary>Only rows need these three, and most runs give none: decoded when first used.</summary>
    public RowTuple[] Tuples
    {
        get
        {
            if (_tuples is null)
            {
                var cursor = new ByteCursor(_bytes.AsSpan(_tuplesAt));
                _tuples = RunTuples.Read(ref cursor);
            }
            return _tuples;
        }
    }

    /// <summary>Texts of the relays, by their number.</summary>
    public long[] Relays
    {
        get
        {
            if (_relays is null)
            {
                var cursor = new ByteCursor(_bytes.AsSpan(_relaysAt));
                _relays = new long[CountOfRelays(ref cursor)];
                PackedColumn.ReadChunks(ref cursor, _relays);
            }
            return _relays;
        }
    }

    public InodeBases Inodes
    {
        get
        {
            if (_inodes is null)
            {
                var cursor = new ByteCursor(_bytes.AsSpan(_inodesAt));
                _inodes = InodeBases.Read(ref cursor, FirstUnixMicros);
            }
            return _inodes;
        }
    }

    public int TextCount { get; }

    public int TextCountWithoutDomain { get; }

    /// <summary>Index (from 0) of each text page's first text, and one behind the last.</summary>
    public int[] TextStarts { get; private set; } = [0];

    /// <summary>Where in the header each text page's first text stands.</summary>
    public (int Start, int Length)[] FirstTexts { get; private set; } = [];

    public int AddressCount { get; }

    public int V4Count { get; }

    public int HashBits { get; }

    public PostingTable Texts { get; }

    public PostingTable Addresses { get; }

    public PostingTable Hashes { get; }

    public int TextPageCount => _textPages;

    public int AddressPageCount => _addressPages;

    /// <summary>Memory held.</summary>
    public int SizeBytes => _bytes.Length + (GroupCount * 8) + (_textPages * 12)
        + ((_tuples?.Length ?? 0) * 32) + ((_relays?.Length ?? 0) * 8) + (_inodes?.SizeBytes ?? 0);

    public ReadOnlySpan<byte> FirstText(int page) =>
        _bytes.AsSpan(FirstTexts[page].Start, FirstTexts[page].Length);

    public int RowsOf(int group) => Math.Min(RunFormat.GroupRows, Rows - (group * RunFormat.GroupRows));

    /// <summary>A part of a run that is all in the header.</summary>
    public ReadOnlySpan<byte> Part(BlockKind kind, int number)
    {
        int index = number + kind switch
        {
            BlockKind.Rows => 0,
            BlockKind.Texts => GroupCount,
            BlockKind.Addresses => GroupCount + _textPages,
            _ => GroupCount + _textPages + _addressPages,
        };
        return _bytes.AsSpan(_partStarts[index], _partStarts[index + 1] - _partStarts[index]);
    }

    // A long header's first block says how many follow.
    private static byte[] ReadWhole(BlockFetch fetch)
    {
        byte[] first = fetch(BlockKind.Header, 0).ToArray();
        if (first.Length > 0 && first[0] > RunFormat.Version)
        {
            Damage.ThrowVersion();
        }
        if (first.Length < 4 || (first[1] & RunFormat.LongHeaderFlag) == 0)
        {
            return first;
        }
        var whole = new MemoryStream();
        whole.Write(first);
        for (int number = 1; number <= (first[2] | (first[3] << 8)); number++)
        {
            whole.Write(fetch(BlockKind.Header, number).Span);
        }
        return whole.ToArray();
    }

    // Each element takes at least one byte: a larger count is damage, not a reason to allocate.
    private static int Fitting(int count, ByteCursor cursor)
    {
        if (count > cursor.Remaining)
        {
            Damage.Throw();
        }
        return count;
    }

    private int At(in ByteCursor cursor) => _bytes.Length - cursor.Remaining;

    private static int CountOfRelays(ref ByteCursor cursor)
    {
        int count = cursor.Count(RunFormat.RowsMax);
        // Different texts: more than a few can't take less than a byte each.
        if (count > 256 && count > cursor.Remaining)
        {
            Damage.Throw();
        }
        return count;
    }

    private void ReadTextPages(ref ByteCursor cursor)
    {
        var starts = new List<int> { 0 };
        var firsts = new List<(int Start, int Length)>();
        while (starts[^1] < TextCount)
        {
            int count = cursor.Count(TextCount - starts[^1]);
            if (count == 0)
            {
                Damage.Throw();
            }
            starts.Add(starts[^1] + count);
            int length = cursor.Count(StringTable.LengthMax);
            firsts.Add((_bytes.Length - cursor.Remaining, length));
            cursor.Bytes(length);
        }
        TextStarts = [.. starts];
        FirstTexts = [.. firsts];
    }

    private int[] ReadParts(ref ByteCursor cursor)
    {
        int count = GroupCount + _textPages + _addressPages + Hashes.EndNumber;
        var starts = new int[Fitting(count, cursor) + 1];
        for (int i = 0; i < count; i++)
        {
            starts[i + 1] = starts[i] + cursor.Count(RunSections.InlineMax);
        }
        int begin = _bytes.Length - cursor.Remaining;
        if (starts[count] > cursor.Remaining)
        {
            Damage.Throw();
        }
        foreach (ref int start in starts.AsSpan())
        {
            start += begin;
        }
        return starts;
    }
}

/// <summary>Where the pages of one table of postings are.</summary>
internal sealed class PostingTable
{
    public PostingTable(ref ByteCursor cursor, int firstNumber)
    {
        FirstNumber = firstNumber;
        Count = cursor.Count(int.MaxValue >> 1);
        int pages = (Count + RunPostings.PageCount - 1) / RunPostings.PageCount;
        if (pages > cursor.Remaining)
        {
            Damage.Throw();
        }
        FirstKeys = new ulong[pages];
        ulong previous = 0;
        for (int i = 0; i < pages; i++)
        {
            previous += cursor.Varint();
            FirstKeys[i] = previous;
        }
    }

    private PostingTable() => FirstKeys = [];

    public static PostingTable None { get; } = new();

    public int Count { get; }

    /// <summary>Block number of its first page.</summary>
    public int FirstNumber { get; }

    public int EndNumber => FirstNumber + FirstKeys.Length;

    public ulong[] FirstKeys { get; }

    public int CountOf(int page) => Math.Min(RunPostings.PageCount, Count - (page * RunPostings.PageCount));
}
