using System.Buffers.Binary;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>Reads one run: rows, texts, and which groups may hold what is looked for.</summary>
/// <remarks>
/// Keeps the header and every page of texts, addresses and postings that it has read
/// (<see cref="CachedBytes"/>); the owner drops the reader to free them. One thread at a time.
/// Whatever the blocks hold, nothing but <see cref="RetentionException"/> is thrown.
/// </remarks>
internal sealed class RunReader
{
    private readonly BlockFetch _fetch;
    private readonly RunHeader _header;
    private readonly TextPages _texts;
    private readonly byte[]?[] _addressPages;
    private readonly byte[]?[] _termPages;
    private readonly GroupBuffer _buffer;
    private byte[] _group = [];
    private int _groupNumber = -1;
    private int _lastNumber = -1;
    private long _pageBytes;

    // Earlier queue ids are no texts in a run, but they are in a row: their ids have the top bit set.
    private const uint ViaText = 0x8000_0000;

    private readonly List<QueueId> _vias = [];

    /// <summary>Reads the header.</summary>
    /// <param name="fetch">Reads blocks of the run.</param>
    /// <param name="buffer">Shared by readers of one thread, or null.</param>
    public RunReader(BlockFetch fetch, GroupBuffer? buffer = null)
    {
        _fetch = fetch;
        _buffer = buffer ?? new GroupBuffer();
        _header = new RunHeader(fetch);
        _texts = new TextPages(_header, Part);
        _addressPages = new byte[]?[_header.AddressPageCount];
        _termPages = new byte[]?[_header.Hashes.EndNumber];
    }

    public BucketId Bucket => _header.Bucket;

    public int Rows => _header.Rows;

    public int GroupCount => _header.GroupCount;

    public long FirstUnixMicros => _header.FirstUnixMicros;

    public long LastUnixMicros => _header.LastUnixMicros;

    /// <summary>Memory held by what was read.</summary>
    public long CachedBytes => _header.SizeBytes + _texts.CachedBytes + _pageBytes + _group.Length;

    public RunHeader Header => _header;

    /// <summary>The columns of a group; valid until another group is opened.</summary>
    public RowGroup OpenGroup(int group)
    {
        if (_header.IsInline)
        {
            return new RowGroup(_header.Part(BlockKind.Rows, group), _header, _header.RowsOf(group));
        }
        if (_groupNumber != group)
        {
            if (!_buffer.Holds(this, group))
            {
                _buffer.Take(this, group, Part(BlockKind.Rows, group));
            }
            if (_lastNumber != group)
            {
                _lastNumber = group;
                return new RowGroup(_buffer.Bytes, _header, _header.RowsOf(group));
            }
            // Asked for again: another query of the same kind is under way, it stays.
            _group = _buffer.Bytes.ToArray();
            _groupNumber = group;
        }
        return new RowGroup(_group, _header, _header.RowsOf(group));
    }

    /// <summary>Makes the ids of all earlier rows' texts invalid, and frees what they stood for.</summary>
    public void ForgetRows() => _vias.Clear();

    /// <summary>Decodes a row; its texts are ids for <see cref="ReadText"/>.</summary>
    public void ReadRow(scoped in RowGroup group, int index, uint own, out RecordRow row)
    {
        row = default;
        group.Read(index, own, ref row, out int address, out QueueId via);
        if (!via.IsNone)
        {
            row.Via = ViaText | (uint)_vias.Count;
            _vias.Add(via);
        }
        if (address != 0)
        {
            ReadAddress(address, out row.IpHi, out row.IpLo);
        }
    }

    /// <summary>Decodes a whole group; rows decoded before lose their texts.</summary>
    /// <param name="group">Number of the group.</param>
    /// <param name="rows">At least 1024 rows.</param>
    /// <returns>Count of rows.</returns>
    public int ReadGroup(int group, Span<RecordRow> rows)
    {
        RowGroup columns = OpenGroup(group);
        Span<uint> own = stackalloc uint[RunFormat.GroupRows];
        columns.Own.CopyTo(own);
        ForgetRows();
        for (int i = 0; i < columns.Count; i++)
        {
            ReadRow(in columns, i, own[i], out rows[i]);
        }
        return columns.Count;
    }

    /// <summary>Copies a text.</summary>
    /// <param name="id">Id in this run; 0 and 1 give nothing.</param>
    /// <param name="target">At least StringTable.LengthMax bytes.</param>
    /// <returns>Its length.</returns>
    public int ReadText(uint id, Span<byte> target)
    {
        if (id < ViaText)
        {
            return _texts.Read(id, target);
        }
        int via = (int)(id & ~ViaText);
        if (via >= _vias.Count)
        {
            Damage.Throw();
        }
        return _vias[via].Format(target);
    }

    /// <summary>The ids of all spellings of an address, or of all addresses of a domain.</summary>
    public (uint From, uint To) FindTexts(AddressPattern pattern) => _texts.Find(pattern);

    /// <summary>The indexes of client addresses, by <see cref="RunAddresses.Order"/>.</summary>
    /// <param name="first">Lowest, inclusive.</param>
    /// <param name="last">Highest, inclusive.</param>
    public (int From, int To) FindAddresses(UInt128 first, UInt128 last)
    {
        int from = AddressBound(first);
        int to = last == UInt128.MaxValue ? _header.AddressCount : AddressBound(last + 1);
        return (from + 1, to + 1);
    }

    /// <summary>Adds the groups whose own mailbox column reaches into a range of texts.</summary>
    public void AddOwnGroups(uint from, uint to, GroupSet groups)
    {
        for (int g = 0; g < _header.GroupCount && from < to; g++)
        {
            if (_header.FirstOwn[g] < to && _header.LastOwn[g] >= from)
            {
                groups.Add(g);
            }
        }
    }

    /// <summary>Adds the groups that hold a text in another role than own mailbox.</summary>
    public void AddTextGroups(uint from, uint to, GroupSet groups) =>
        AddGroups(_header.Texts, from, to, groups);

    /// <summary>Adds the groups that hold a client address.</summary>
    public void AddAddressGroups(int from, int to, GroupSet groups) =>
        AddGroups(_header.Addresses, (ulong)from, (ulong)to, groups);

    /// <summary>Adds the groups that may hold an id, by its <see cref="RunTerm"/>.</summary>
    public void AddHashGroups(ulong hash, GroupSet groups)
    {
        if (_header.GroupCount > 1)
        {
            hash >>= 64 - _header.HashBits;
        }
        AddGroups(_header.Hashes, hash, hash + 1, groups);
    }

    private void AddGroups(PostingTable table, ulong from, ulong to, GroupSet groups)
    {
        if (_header.GroupCount < 2)
        {
            groups.AddAll();
            return;
        }
        if (from >= to)
        {
            return;
        }
        ulong[] firsts = table.FirstKeys;
        int page = Array.BinarySearch(firsts, from);
        page = page < 0 ? ~page - 1 : page;
        // The same key may stand at the end of the pages before.
        while (page > 0 && firsts[page] >= from)
        {
            page--;
        }
        for (page = Math.Max(page, 0); page < firsts.Length && firsts[page] < to; page++)
        {
            AddGroupsOfPage(table, page, from, to, groups);
        }
    }

    private void AddGroupsOfPage(PostingTable table, int page, ulong from, ulong to, GroupSet groups)
    {
        int count = table.CountOf(page);
        var cursor = new ByteCursor(CachedPart(_termPages, BlockKind.Terms, table.FirstNumber + page));
        var keys = new EliasFano(ref cursor, count);
        int width = BitPack.WidthOf((ulong)_header.GroupCount - 1);
        ReadOnlySpan<byte> values = cursor.Bytes(BitPack.SizeOf(count, width));
        int i = keys.LowerBound((uint)Math.Min(from, uint.MaxValue));
        int end = to > uint.MaxValue ? count : keys.LowerBound((uint)to);
        for (; i < end; i++)
        {
            groups.Add((int)BitPack.Read(values, i, width));
        }
    }

    // Number of addresses of the run that come before one.
    private int AddressBound(UInt128 order)
    {
        int low = 0;
        int high = _header.AddressCount;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            ReadAddress(middle + 1, out ulong hi, out ulong lo);
            if (RunAddresses.Order(hi, lo) < order)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }

    private void ReadAddress(int index, out ulong hi, out ulong lo)
    {
        index--;
        if ((uint)index >= (uint)_header.AddressCount)
        {
            Damage.Throw();
        }
        int page = index / RunAddresses.PageCount;
        int first = page * RunAddresses.PageCount;
        int count = Math.Min(RunAddresses.PageCount, _header.AddressCount - first);
        int v4 = Math.Clamp(_header.V4Count - first, 0, count);
        var cursor = new ByteCursor(CachedPart(_addressPages, BlockKind.Addresses, page));
        index -= first;
        EliasFano numbers = v4 > 0 ? new EliasFano(ref cursor, v4) : default;
        if (index < v4)
        {
            hi = 0;
            lo = RunAddresses.MappedPrefix | numbers[index];
            return;
        }
        ReadOnlySpan<byte> bytes = cursor.Bytes((count - v4) * 16).Slice((index - v4) * 16, 16);
        hi = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        lo = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
    }

    private ReadOnlySpan<byte> CachedPart(byte[]?[] pages, BlockKind kind, int number)
    {
        if (_header.IsInline)
        {
            return _header.Part(kind, number);
        }
        byte[]? page = pages[number];
        if (page is null)
        {
            page = Part(kind, number).ToArray();
            pages[number] = page;
            _pageBytes += page.Length;
        }
        return page;
    }

    private ReadOnlySpan<byte> Part(BlockKind kind, int number) =>
        _header.IsInline ? _header.Part(kind, number) : _fetch(kind, number).Span;
}

/// <summary>The row group that was read last, of whichever run: one buffer for many readers.</summary>
internal sealed class GroupBuffer
{
    private byte[] _bytes = [];
    private int _length;
    private RunReader? _owner;
    private int _number;

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    public bool Holds(RunReader owner, int number) => _owner == owner && _number == number;

    public void Take(RunReader owner, int number, ReadOnlySpan<byte> block)
    {
        if (_bytes.Length < block.Length)
        {
            _bytes = new byte[block.Length * 2];
        }
        block.CopyTo(_bytes);
        (_owner, _number, _length) = (owner, number, block.Length);
    }
}
