using RetentionEngine.Blocks;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

internal sealed partial class RunQuery
{
    private const int GroupRows = RunFormat.GroupRows;

    private readonly GroupSet _candidates = new();
    private readonly GroupSet _found = new();
    private readonly GroupSet[] _elsewhere = [new(), new(), new()];
    private readonly long[] _column = new long[GroupRows];
    private readonly long[] _times = new long[GroupRows];
    private readonly ulong[] _rowBits = new ulong[GroupRows / 64];
    private readonly ulong[] _hitBits = new ulong[GroupRows / 64];
    private readonly ulong[] _messageBits = new ulong[GroupRows / 64];
    private (int From, int To) _addresses;

    /// <summary>Finds the rows of a run.</summary>
    /// <param name="reader">The run.</param>
    /// <param name="rows">
    /// Receives the rows by ascending time, behind what is there; their texts are ids of the run.
    /// </param>
    /// <exception cref="RetentionException">StoreDamaged, and what the fetch of blocks throws.</exception>
    public void Run(RunReader reader, List<RecordRow> rows)
    {
        if (!MayHold(reader.Bucket)
            || reader.FirstUnixMicros >= _toUnixMicros || reader.LastUnixMicros < _fromUnixMicros)
        {
            return;
        }
        _candidates.Reset(reader.GroupCount, full: true);
        PatternRanges ranges = default;
        if (!NarrowByTexts(reader, ref ranges) || !NarrowByNumbers(reader))
        {
            return;
        }
        reader.ForgetRows();
        int start = rows.Count;
        var texts = new RunTextsOf(reader);
        for (int g = _candidates.Next(0); g >= 0; g = _candidates.Next(g + 1))
        {
            RowGroup group = reader.OpenGroup(g);
            if (!SelectRows(in group, g, in ranges))
            {
                continue;
            }
            for (int i = NextRow(0); i >= 0; i = NextRow(i + 1))
            {
                reader.ReadRow(in group, i, group.Own[i], out RecordRow row);
                if (Matches(in row, texts, in ranges))
                {
                    rows.Add(row);
                }
            }
        }
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows)[start..].Sort(s_byTime);
    }

    private static readonly Comparison<RecordRow> s_byTime =
        static (x, y) => x.TimeUnixMicros.CompareTo(y.TimeUnixMicros);

    private bool NarrowByTexts(RunReader reader, ref PatternRanges ranges)
    {
        for (int i = 0; i < _patterns.Length; i++)
        {
            if (_patterns[i] is not { } pattern)
            {
                continue;
            }
            (uint from, uint to) = reader.FindTexts(pattern);
            ranges[i] = new TextRange(from, to);
            if (from >= to)
            {
                return false;
            }
            GroupSet elsewhere = _elsewhere[i];
            elsewhere.Reset(reader.GroupCount, full: false);
            reader.AddTextGroups(from, to, elsewhere);
            _found.Reset(reader.GroupCount, full: false);
            reader.AddOwnGroups(from, to, _found);
            _found.UnionWith(elsewhere);
            _candidates.IntersectWith(_found);
        }
        return true;
    }

    private bool NarrowByNumbers(RunReader reader)
    {
        if (_hasNetwork)
        {
            _addresses = reader.FindAddresses(_networkFirst, _networkLast);
            if (_addresses.From >= _addresses.To)
            {
                return false;
            }
            _found.Reset(reader.GroupCount, full: false);
            reader.AddAddressGroups(_addresses.From, _addresses.To, _found);
            _candidates.IntersectWith(_found);
        }
        if (_messageId != 0)
        {
            _found.Reset(reader.GroupCount, full: false);
            reader.AddHashGroups(RunTerm.OfMessageId(_messageId), _found);
            _candidates.IntersectWith(_found);
        }
        // A queue id that tells its record's time is in no table: time is the index.
        if (_hasQueueId && !IsNear(reader))
        {
            _found.Reset(reader.GroupCount, full: false);
            reader.AddHashGroups(RunTerm.OfQueueId(_queueId), _found);
            _candidates.IntersectWith(_found);
        }
        return true;
    }

    private bool IsNear(RunReader reader) =>
        _queueIdParts.Form == QueueIdForm.Long
        && _queueIdParts.Micros >= reader.FirstUnixMicros - RunFormat.NearMicros
        && _queueIdParts.Micros <= reader.LastUnixMicros + RunFormat.NearMicros;

    // Leaves in _rowBits the rows that the indexed columns allow.
    private bool SelectRows(in RowGroup group, int number, in PatternRanges ranges)
    {
        Fill(_rowBits, group.Count);
        if (_messageId != 0)
        {
            _hitBits.AsSpan().Clear();
            MarkMessages(in group, group.MessageId, (long)_messageId, (long)_messageId);
            KeepHits();
        }
        if (_hasNetwork)
        {
            _hitBits.AsSpan().Clear();
            MarkMessages(in group, group.Address, _addresses.From, _addresses.To - 1);
            KeepHits();
        }
        if (_hasQueueId)
        {
            _hitBits.AsSpan().Clear();
            MarkQueueIds(in group);
            KeepHits();
        }
        for (int i = 0; i < _patterns.Length && _rowBits.AsSpan().ContainsAnyExcept(0ul); i++)
        {
            if (_patterns[i] is not null)
            {
                SelectRows(in group, ranges[i], _elsewhere[i].Contains(number));
                KeepHits();
            }
        }
        return _rowBits.AsSpan().ContainsAnyExcept(0ul);
    }

    private void SelectRows(in RowGroup group, in TextRange range, bool elsewhere)
    {
        _hitBits.AsSpan().Clear();
        int end = group.Own.LowerBound(range.To);
        for (int i = group.Own.LowerBound(range.From); i < end; i++)
        {
            _hitBits[i >> 6] |= 1UL << i;
        }
        if (!elsewhere)
        {
            return;
        }
        group.Other.MarkRange(range.From, range.To - 1L, _hitBits);
        group.OrigTo.MarkRange(range.From, range.To - 1L, _hitBits);
        // Names that are the own or the other mailbox are found there.
        MarkMessages(
            in group,
            group.Sasl,
            (long)range.From + RunFormat.SaslTextOffset,
            (long)range.To + RunFormat.SaslTextOffset - 1);
    }

    // Marks the rows of messages whose queue id, or an earlier one, has the microseconds of the one
    // that is looked for; chains of several ids are marked too.
    private void MarkQueueIds(in RowGroup group)
    {
        QueueIdForm form = _queueIdParts.Form;
        group.CopyTimes(_times);
        group.QueueIdMicros.CopyTo(_column);
        _messageBits.AsSpan().Clear();
        for (int m = 0; m < group.MessageCount; m++)
        {
            if (QueueIdTime.Decode(form, _column[m], _times[m]) == _queueIdParts.Micros)
            {
                _messageBits[m >> 6] |= 1UL << m;
            }
        }
        if (!group.ViaForm.IsConstant || group.ViaForm[0] != (long)ViaForm.None)
        {
            group.ViaMicros.CopyTo(_column);
            for (int m = 0; m < group.MessageCount; m++)
            {
                long viaForm = group.ViaForm[m];
                bool may = viaForm == (long)ViaForm.Text || (viaForm == (long)form
                    && QueueIdTime.Decode(form, _column[m], _times[m]) == _queueIdParts.Micros);
                _messageBits[m >> 6] |= may ? 1UL << m : 0;
            }
        }
        group.SpreadMessages(_messageBits, _hitBits);
    }

    // Marks the rows of the messages whose value is between two, both inclusive.
    private void MarkMessages(in RowGroup group, in PackedColumn column, long first, long last)
    {
        if (group.MessageCount == group.Count)
        {
            column.MarkRange(first, last, _hitBits);
            return;
        }
        _messageBits.AsSpan().Clear();
        if (column.MarkRange(first, last, _messageBits))
        {
            group.SpreadMessages(_messageBits, _hitBits);
        }
    }

    private void KeepHits()
    {
        for (int i = 0; i < _rowBits.Length; i++)
        {
            _rowBits[i] &= _hitBits[i];
        }
    }

    private static void Fill(ulong[] bits, int count)
    {
        for (int i = 0; i < bits.Length; i++)
        {
            int left = count - (i * 64);
            bits[i] = left >= 64 ? ulong.MaxValue : left <= 0 ? 0 : (1UL << left) - 1;
        }
    }

    private int NextRow(int from)
    {
        while (from < GroupRows)
        {
            ulong word = _rowBits[from >> 6] >> from;
            if (word != 0)
            {
                return from + System.Numerics.BitOperations.TrailingZeroCount(word);
            }
            from = (from | 63) + 1;
        }
        return -1;
    }
}
