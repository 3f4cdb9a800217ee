using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>Encodes one bucket's rows of a batch as a run.</summary>
/// <remarks>
/// Two passes over the rows: the first collects the texts, addresses and tuples that occur, so that
/// they can be numbered in order; the second writes groups of columns and notes which group holds
/// what. Not thread-safe; allocates nothing once its buffers have grown.
/// </remarks>
internal sealed class RunEncoder
{
    private const int GroupRows = RunFormat.GroupRows;

    private readonly RunTexts _texts = new();
    private readonly RunAddresses _addresses;
    private readonly RunTuples _tuples = new();
    private readonly RunSections _sections = new();
    private readonly ByteSink _header = new();
    private readonly ByteSink _directory = new();
    private readonly RunPostings _textPostings;
    private readonly RunPostings _addressPostings;
    private readonly RunPostings _hashPostings;

    private readonly long[][] _messages = Columns((int)MessageColumn.Count);
    private readonly long[][] _rows = Columns((int)RowColumn.Count);
    private readonly uint[] _own = new uint[GroupRows];
    private readonly ulong[] _starts = new ulong[GroupRows / 64];
    private readonly ulong[] _scratch = new ulong[GroupRows];
    private int[] _tupleOf = [];
    private int[] _lastTextGroup = [];
    private int[] _lastAddressGroup = [];
    private StringTable _strings = null!;
    private long _bucketStart;

    /// <summary>Creates an encoder.</summary>
    /// <param name="seed">Keys the hash of the address table, which attackers fill.</param>
    public RunEncoder(long seed)
    {
        var radix = new RadixSort();
        _addresses = new RunAddresses(seed);
        _textPostings = new RunPostings(radix);
        _addressPostings = new RunPostings(radix);
        _hashPostings = new RunPostings(radix);
    }

    /// <summary>Encodes run number <paramref name="run"/> of a plan.</summary>
    public void Encode(RunPlanner plan, int run, SealedRun output)
    {
        ReadOnlySpan<int> order = plan.Rows(run);
        ReadOnlySpan<RecordRow> rows = plan.Batch.Rows;
        _strings = plan.Batch.Strings;
        BucketId bucket = plan.Bucket(run);
        _bucketStart = bucket.StartUnixMicros;
        output.Clear();
        output.Bucket = bucket;
        output.Rows = order.Length;
        _sections.Clear();
        _textPostings.Clear();
        _addressPostings.Clear();
        _hashPostings.Clear();

        Collect(plan.Ranker, rows, order, output);
        int groups = (order.Length + GroupRows - 1) / GroupRows;
        PrepareGroups(groups);
        _directory.Clear();
        for (int g = 0; g < groups; g++)
        {
            int from = g * GroupRows;
            int count = Math.Min(GroupRows, order.Length - from);
            EncodeGroup(rows, order.Slice(from, count), _tupleOf.AsSpan(from, count), g, groups > 1);
            _directory.Varint(_own[0]);
            _directory.Varint(_own[count - 1] - _own[0]);
        }
        WriteHeader(output, groups);
    }

    private static long[][] Columns(int count)
    {
        var columns = new long[count][];
        for (int i = 0; i < count; i++)
        {
            columns[i] = new long[GroupRows];
        }
        return columns;
    }

    private void Collect(
        TextRanker ranker, ReadOnlySpan<RecordRow> rows, ReadOnlySpan<int> order, SealedRun output)
    {
        _texts.Begin(ranker, _strings);
        _addresses.Begin(order.Length);
        _tuples.Begin();
        if (_tupleOf.Length < order.Length)
        {
            _tupleOf = new int[order.Length + (order.Length >> 2)];
        }
        long first = long.MaxValue;
        long last = long.MinValue;
        for (int i = 0; i < order.Length; i++)
        {
            ref readonly RecordRow row = ref rows[order[i]];
            first = Math.Min(first, row.TimeUnixMicros);
            last = Math.Max(last, row.TimeUnixMicros);
            _texts.Mark(row.Sender);
            _texts.Mark(row.Recipient);
            _texts.Mark(row.OrigTo);
            _texts.Mark(row.Sasl);
            _texts.Mark(row.Relay);
            _texts.Mark(row.Via);
            _texts.Mark(row.Retries);
            _texts.Mark(row.Host);
            _addresses.Mark(row.IpHi, row.IpLo);
            _tupleOf[i] = _tuples.Mark(in row);
        }
        _texts.Assign();
        _addresses.Assign();
        _tuples.Assign();
        output.FirstUnixMicros = first;
        output.LastUnixMicros = last;
    }

    private void PrepareGroups(int groups)
    {
        if (groups < 2)
        {
            return;
        }
        if (_lastTextGroup.Length < _texts.Count + 2)
        {
            _lastTextGroup = new int[_texts.Count + (_texts.Count >> 2) + 2];
        }
        if (_lastAddressGroup.Length < _addresses.Count + 1)
        {
            _lastAddressGroup = new int[_addresses.Count + (_addresses.Count >> 2) + 1];
        }
        _lastTextGroup.AsSpan(0, _texts.Count + 2).Fill(-1);
        _lastAddressGroup.AsSpan(0, _addresses.Count + 1).Fill(-1);
    }

    private void EncodeGroup(
        ReadOnlySpan<RecordRow> rows, ReadOnlySpan<int> order, ReadOnlySpan<int> tuples, int group,
        bool index)
    {
        int messages = 0;
        int previous = -1;
        _starts.AsSpan().Clear();
        for (int i = 0; i < order.Length; i++)
        {
            ref readonly RecordRow row = ref rows[order[i]];
            bool ownSender = RunPlanner.IsOwnSender(row.Kind);
            uint ownText = ownSender ? row.Sender : row.Recipient;
            uint own = _texts.IdOf(ownText);
            _own[i] = own;
            GatherRow(in row, ownSender ? row.Recipient : row.Sender, i, _tuples.IndexOf(tuples[i]));
            if (previous < 0 || own != _own[i - 1] || !IsSameMessage(in rows[previous], in row))
            {
                _starts[i >> 6] |= 1UL << i;
                GatherMessage(in row, ownText, messages, own, group, index);
                messages++;
            }
            previous = order[i];
            if (index)
            {
                IndexText(_rows[(int)RowColumn.Other][i], group);
                IndexText(_rows[(int)RowColumn.OrigTo][i], group);
            }
        }
        WriteGroup(order.Length, messages, group);
    }

    private void GatherRow(in RecordRow row, uint other, int i, int tuple)
    {
        _rows[(int)RowColumn.Other][i] = _texts.IdOf(other);
        _rows[(int)RowColumn.Tuple][i] = tuple;
        _rows[(int)RowColumn.FinalDelay][i] =
            row.FinalTimeUnixMicros == 0 ? 0 : row.FinalTimeUnixMicros - row.TimeUnixMicros;
        _rows[(int)RowColumn.OrigTo][i] = _texts.IdOf(row.OrigTo);
        _rows[(int)RowColumn.Relay][i] = _texts.IdOf(row.Relay);
        _rows[(int)RowColumn.Retries][i] = _texts.IdOf(row.Retries);
    }

    private void GatherMessage(
        in RecordRow row, uint ownText, int m, uint own, int group, bool index)
    {
        QueueIdParts id = QueueIdParts.Of(row.QueueId);
        uint sasl = _texts.IdOf(row.Sasl);
        uint address = _addresses.IndexOf(row.IpHi, row.IpLo);
        _messages[(int)MessageColumn.Time][m] = row.TimeUnixMicros - _bucketStart;
        _messages[(int)MessageColumn.MessageId][m] = (long)row.MessageIdHash;
        _messages[(int)MessageColumn.QueueIdForm][m] = (long)id.Form;
        _messages[(int)MessageColumn.QueueIdMicros][m] = QueueIdTime.Encode(id, row.TimeUnixMicros);
        _messages[(int)MessageColumn.QueueIdInode][m] = (long)id.Inode;
        _messages[(int)MessageColumn.Sasl][m] =
            sasl < 2 ? sasl : row.Sasl == ownText ? 2 : sasl + 1;
        _messages[(int)MessageColumn.Size][m] = row.SizeBytes;
        _messages[(int)MessageColumn.Address][m] = address;
        _messages[(int)MessageColumn.Via][m] = _texts.IdOf(row.Via);
        if (!index)
        {
            return;
        }
        if (sasl != own)
        {
            IndexText(sasl, group);
        }
        if (address != 0 && _lastAddressGroup[address] != group)
        {
            _lastAddressGroup[address] = group;
            _addressPostings.Add(address, group);
        }
        if (row.MessageIdHash != 0)
        {
            _hashPostings.Add(RunTerm.OfMessageId(row.MessageIdHash), group);
        }
        if (id.Form != QueueIdForm.None && !QueueIdTime.IsNear(id, row.TimeUnixMicros))
        {
            _hashPostings.Add(RunTerm.OfQueueId(row.QueueId), group);
        }
        if (row.Via > 1)
        {
            ViaTerms.Add(_strings[row.Via], row.TimeUnixMicros, group, _hashPostings);
        }
    }

    private void IndexText(long text, int group)
    {
        if (text > 1 && _lastTextGroup[text] != group)
        {
            _lastTextGroup[text] = group;
            _textPostings.Add((ulong)text, group);
        }
    }

    private static bool IsSameMessage(in RecordRow a, in RecordRow b) =>
        a.TimeUnixMicros == b.TimeUnixMicros && a.MessageIdHash == b.MessageIdHash
        && a.QueueId == b.QueueId && a.Sasl == b.Sasl && a.SizeBytes == b.SizeBytes
        && a.IpHi == b.IpHi && a.IpLo == b.IpLo && a.Via == b.Via;

    private void WriteGroup(int count, int messages, int group)
    {
        ByteSink sink = _sections.Sink;
        Span<long> times = _messages[(int)MessageColumn.Time].AsSpan(0, messages);
        Span<long> delays = _rows[(int)RowColumn.FinalDelay].AsSpan(0, count);
        int timeScale = RunFormat.ScaleCode(times);
        int delayScale = RunFormat.ScaleCode(delays);
        Divide(times, RunFormat.ScaleOf(timeScale));
        Divide(delays, RunFormat.ScaleOf(delayScale));
        bool shared = messages < count;
        sink.Byte((shared ? RunFormat.SharedMessagesFlag : 0) | (timeScale << 1) | (delayScale << 3));
        if (shared)
        {
            sink.Varint(messages);
            for (int i = 0; i < (count + 7) >> 3; i++)
            {
                sink.Byte((int)(_starts[i >> 3] >> ((i & 7) * 8)));
            }
        }
        EliasFano.Write(_own.AsSpan(0, count), sink, _scratch);
        foreach (long[] column in _messages)
        {
            PackedColumn.Write(column.AsSpan(0, messages), sink, _scratch);
        }
        foreach (long[] column in _rows)
        {
            PackedColumn.Write(column.AsSpan(0, count), sink, _scratch);
        }
        _sections.End(BlockKind.Rows, group);
    }

    private static void Divide(Span<long> values, long scale)
    {
        if (scale > 1)
        {
            foreach (ref long value in values)
            {
                value /= scale;
            }
        }
    }

    private void WriteHeader(SealedRun output, int groups)
    {
        BucketId bucket = output.Bucket;
        _header.Clear();
        _header.Byte(RunFormat.Version);
        int flagsAt = _header.Length;
        _header.Byte(0);
        _header.Byte(AddressKey.Version);
        _header.Byte((int)bucket.Class);
        _header.Zigzag(bucket.StartHour);
        _header.Varint(bucket.LengthHours);
        _header.Varint(output.Rows);
        _header.Varint((ulong)(output.FirstUnixMicros - _bucketStart));
        _header.Varint((ulong)(output.LastUnixMicros - output.FirstUnixMicros));
        _header.Bytes(_directory.Written);
        _tuples.Write(_header, _texts);

        _header.Varint(_texts.Count);
        _header.Varint(_texts.CountWithoutDomain);
        _texts.Write(_sections, _header);
        _header.Varint(_addresses.Count);
        _header.Varint(_addresses.V4Count);
        _addresses.Write(_sections);
        if (groups > 1)
        {
            int hashBits = RunPostings.HashBits(_hashPostings.Count);
            _hashPostings.ShortenHashes();
            int number = _textPostings.Write(
                _sections, _header, BitPack.WidthOf((ulong)_texts.Count + 2), groups, 0);
            number = _addressPostings.Write(
                _sections, _header, BitPack.WidthOf((ulong)_addresses.Count + 1), groups, number);
            _header.Byte(hashBits);
            _hashPostings.Write(_sections, _header, hashBits, groups, number);
        }
        Emit(output, flagsAt);
    }

    private void Emit(SealedRun output, int flagsAt)
    {
        bool inline = _sections.IsInline;
        for (int i = 0; i < _sections.Count; i++)
        {
            ReadOnlySpan<byte> part = _sections.Part(i, out BlockKind kind, out int number);
            if (inline)
            {
                _header.Varint(part.Length);
            }
            else
            {
                output.Append(part);
                output.EndBlock(kind, number);
            }
        }
        if (inline)
        {
            _header.Bytes(_sections.Sink.Written);
            _header.SetByte(flagsAt, RunFormat.InlineFlag);
        }
        output.Append(_header.Written);
        output.EndBlock(BlockKind.Header, 0);
    }
}
