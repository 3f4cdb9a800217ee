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
    private const int InodeRowsMin = 128;

    /// <summary>Rows are scattered over the batch: so many are fetched ahead of their turn.</summary>
    private const int FetchAhead = 12;

    private readonly RunTexts _texts = new();
    private readonly RunAddresses _addresses;
    private readonly RunTuples _tuples = new();
    private readonly RunRelays _relays = new();
    private readonly InodeBases _inodes = new();
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
    private readonly QueueIdForm[] _forms = new QueueIdForm[GroupRows];
    private CollectedRow[] _collected = [];
    private int[] _lastTextGroup = [];
    private int[] _lastAddressGroup = [];
    private StringTable _strings = null!;
    private long _bucketStart;

    /// <summary>Creates an encoder.</summary>
    /// <param name="seed">Keys the hash of the address table, which attackers fill.</param>
    public RunEncoder(long seed)
    {
        var radix = new RadixSort();
        _addresses = new RunAddresses(seed, radix);
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
            EncodeGroup(rows, order.Slice(from, count), from, g, groups > 1);
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
        _addresses.Begin();
        _tuples.Begin();
        _relays.Begin(_strings.Count);
        if (_collected.Length < order.Length)
        {
            _collected = new CollectedRow[order.Length + (order.Length >> 2)];
        }
        long first = long.MaxValue;
        long last = long.MinValue;
        QueueId lastId = default;
        QueueIdParts lastParts = default;
        for (int i = 0; i < order.Length; i++)
        {
            Ahead.Fetch(in rows[order[Math.Min(i + FetchAhead, order.Length - 1)]]);
            ref readonly RecordRow row = ref rows[order[i]];
            ref CollectedRow collected = ref _collected[i];
            first = Math.Min(first, row.TimeUnixMicros);
            last = Math.Max(last, row.TimeUnixMicros);
            if (row.QueueId != lastId)
            {
                lastId = row.QueueId;
                lastParts = QueueIdParts.Of(lastId);
            }
            collected.Id = lastParts;
            collected.Tuple = _tuples.Mark(in row, lastParts.Form);
            collected.Address = _addresses.Mark(row.IpHi, row.IpLo);
            collected.ViaForm = ViaOf(row.Via, out collected.Via);
            MarkTexts(in row, collected.ViaForm);
        }
        _texts.Assign();
        _addresses.Assign();
        _tuples.Assign();
        _relays.Assign();
        output.FirstUnixMicros = first;
        output.LastUnixMicros = last;
        CollectInodes(rows, order, first, last);
    }

    private void MarkTexts(in RecordRow row, ViaForm via)
    {
        _texts.Mark(row.Sender);
        _texts.Mark(row.Recipient);
        _texts.Mark(row.OrigTo);
        _texts.Mark(row.Sasl);
        _texts.Mark(row.Relay);
        _texts.Mark(row.Retries);
        _texts.Mark(row.Host);
        if (via == ViaForm.Text)
        {
            _texts.Mark(row.Via);
        }
        _relays.Mark(row.Relay);
    }

    private void CollectInodes(
        ReadOnlySpan<RecordRow> rows, ReadOnlySpan<int> order, long first, long last)
    {
        _inodes.Begin(first, last, order.Length);
        // In a small run a table costs more than it saves.
        for (int i = 0; i < order.Length && order.Length >= InodeRowsMin; i++)
        {
            if (_collected[i].Id.Form is QueueIdForm.Long or QueueIdForm.Short)
            {
                Ahead.Fetch(in rows[order[Math.Min(i + FetchAhead, order.Length - 1)]]);
                ref readonly RecordRow row = ref rows[order[i]];
                _inodes.Mark(row.Host, row.TimeUnixMicros, _collected[i].Id.Inode);
            }
        }
        _inodes.Assign();
    }

    private ViaForm ViaOf(uint via, out QueueIdParts parts)
    {
        parts = default;
        if (via == 0)
        {
            return ViaForm.None;
        }
        if (QueueId.TryParse(_strings[via], out QueueId id))
        {
            parts = QueueIdParts.Of(id);
        }
        return parts.Form switch
        {
            QueueIdForm.Long => ViaForm.Long,
            QueueIdForm.Short => ViaForm.Short,
            _ => ViaForm.Text,
        };
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
        ReadOnlySpan<RecordRow> rows, ReadOnlySpan<int> order, int firstRow, int group, bool index)
    {
        int messages = 0;
        int previous = -1;
        _starts.AsSpan().Clear();
        for (int i = 0; i < order.Length; i++)
        {
            Ahead.Fetch(in rows[order[Math.Min(i + FetchAhead, order.Length - 1)]]);
            ref readonly RecordRow row = ref rows[order[i]];
            ref readonly CollectedRow collected = ref _collected[firstRow + i];
            bool ownSender = RunPlanner.IsOwnSender(row.Kind);
            uint ownText = ownSender ? row.Sender : row.Recipient;
            uint otherText = ownSender ? row.Recipient : row.Sender;
            uint own = _texts.IdOf(ownText);
            _own[i] = own;
            GatherRow(in row, otherText, i, _tuples.IndexOf(collected.Tuple));
            if (previous < 0 || own != _own[i - 1] || !IsSameMessage(in rows[previous], in row))
            {
                _starts[i >> 6] |= 1UL << i;
                GatherMessage(in row, in collected, messages);
                _messages[(int)MessageColumn.Sasl][messages] =
                    row.Sasl < 2 ? row.Sasl
                    : row.Sasl == ownText ? RunFormat.SaslIsOwn
                    : row.Sasl == otherText ? RunFormat.SaslIsOther
                    : _texts.IdOf(row.Sasl) + RunFormat.SaslTextOffset;
                if (index)
                {
                    IndexMessage(in row, in collected, own, messages, group);
                }
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
        _rows[(int)RowColumn.Relay][i] = _relays.IndexOf(row.Relay);
        _rows[(int)RowColumn.Retries][i] = _texts.IdOf(row.Retries);
    }

    private void GatherMessage(in RecordRow row, in CollectedRow collected, int m)
    {
        ref readonly QueueIdParts id = ref collected.Id;
        long time = row.TimeUnixMicros;
        ulong inodeBase = _inodes.Of(row.Host, time);
        bool isNumber = id.Form is QueueIdForm.Long or QueueIdForm.Short;
        _forms[m] = id.Form;
        _messages[(int)MessageColumn.Time][m] = time - _bucketStart;
        _messages[(int)MessageColumn.MessageId][m] = (long)row.MessageIdHash;
        _messages[(int)MessageColumn.QueueIdMicros][m] = QueueIdTime.Encode(id, time);
        _messages[(int)MessageColumn.QueueIdInode][m] = (long)(id.Inode - (isNumber ? inodeBase : 0));
        _messages[(int)MessageColumn.Size][m] = row.SizeBytes;
        _messages[(int)MessageColumn.Address][m] = _addresses.IndexOf(collected.Address);
        ViaForm form = collected.ViaForm;
        bool isText = form == ViaForm.Text;
        _messages[(int)MessageColumn.ViaForm][m] = (long)form;
        _messages[(int)MessageColumn.ViaMicros][m] =
            isText ? _texts.IdOf(row.Via) : QueueIdTime.Encode(collected.Via, time);
        _messages[(int)MessageColumn.ViaInode][m] =
            form is ViaForm.None or ViaForm.Text ? 0 : (long)(collected.Via.Inode - inodeBase);
    }

    private void IndexMessage(
        in RecordRow row, in CollectedRow collected, uint own, int m, int group)
    {
        uint sasl = _texts.IdOf(row.Sasl);
        if (sasl != own)
        {
            IndexText(sasl, group);
        }
        long address = _messages[(int)MessageColumn.Address][m];
        if (address != 0 && _lastAddressGroup[address] != group)
        {
            _lastAddressGroup[address] = group;
            _addressPostings.Add((ulong)address, group);
        }
        if (row.MessageIdHash != 0)
        {
            _hashPostings.Add(RunTerm.OfMessageId(row.MessageIdHash), group);
        }
        if (collected.Id.Form != QueueIdForm.None
            && !QueueIdTime.IsNear(collected.Id, row.TimeUnixMicros))
        {
            _hashPostings.Add(RunTerm.OfQueueId(row.QueueId), group);
        }
        if (collected.ViaForm == ViaForm.Text)
        {
            ViaTerms.Add(_strings[row.Via], row.TimeUnixMicros, group, _hashPostings);
        }
        else if (collected.ViaForm != ViaForm.None
            && !QueueIdTime.IsNear(collected.Via, row.TimeUnixMicros))
        {
            _hashPostings.Add(RunTerm.OfQueueId(collected.Via.ToQueueId()), group);
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
        && a.IpHi == b.IpHi && a.IpLo == b.IpLo && a.Via == b.Via && a.Host == b.Host
        && IsSaslOther(in a) == IsSaslOther(in b);

    private static bool IsSaslOther(in RecordRow row) =>
        row.Sasl == (RunPlanner.IsOwnSender(row.Kind) ? row.Recipient : row.Sender);

    private void WriteGroup(int count, int messages, int group)
    {
        ByteSink sink = _sections.Sink;
        Span<long> times = _messages[(int)MessageColumn.Time].AsSpan(0, messages);
        Span<long> delays = _rows[(int)RowColumn.FinalDelay].AsSpan(0, count);
        int timeScale = RunFormat.ScaleCode(times);
        int delayScale = RunFormat.ScaleCode(delays);
        if (timeScale == RunFormat.WholeSeconds)
        {
            StraightenMicros(messages);
        }
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

    // Without a fraction of the time to be near to, microseconds spread over the second: then 0 to
    // 999,999 is a narrower range than half a second either way, which decodes to the same.
    private void StraightenMicros(int messages)
    {
        long[] own = _messages[(int)MessageColumn.QueueIdMicros];
        long[] via = _messages[(int)MessageColumn.ViaMicros];
        long[] viaForms = _messages[(int)MessageColumn.ViaForm];
        for (int m = 0; m < messages; m++)
        {
            own[m] += _forms[m] == QueueIdForm.Short && own[m] < 0 ? 1_000_000 : 0;
            via[m] += viaForms[m] == (long)ViaForm.Short && via[m] < 0 ? 1_000_000 : 0;
        }
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
        _relays.Write(_header, _texts);
        _inodes.Write(_header, _texts);

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
        EmitHeader(output, flagsAt, inline ? RunFormat.InlineFlag : 0);
    }

    private void EmitHeader(SealedRun output, int flagsAt, int flags)
    {
        ReadOnlySpan<byte> header = _header.Written;
        int more = (header.Length - 1) / RunFormat.HeaderBlockMax;
        if (more > 0)
        {
            _header.SetByte(flagsAt, flags | RunFormat.LongHeaderFlag);
            output.Append(header[..(flagsAt + 1)]);
            output.Append([(byte)more, (byte)(more >> 8)]);
            header = header[(flagsAt + 1)..];
        }
        for (int number = 0; number <= more; number++)
        {
            int length = number < more ? RunFormat.HeaderBlockMax : header.Length;
            length = Math.Min(length, header.Length);
            output.Append(header[..length]);
            output.EndBlock(BlockKind.Header, number);
            header = header[length..];
        }
    }

    /// <summary>What the first pass over the rows has found out for the second.</summary>
    private struct CollectedRow
    {
        public QueueIdParts Id;
        public QueueIdParts Via;
        public int Tuple;
        public int Address;
        public ViaForm ViaForm;
    }
}
