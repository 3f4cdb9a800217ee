using System.Numerics;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Blocks;

/// <summary>A row group's columns over the bytes of its block.</summary>
internal readonly ref struct RowGroup
{
    private readonly ReadOnlySpan<byte> _starts;
    private readonly EliasFano _own;
    private readonly PackedColumn _time;
    private readonly PackedColumn _messageId;
    private readonly PackedColumn _queueIdMicros;
    private readonly PackedColumn _queueIdInode;
    private readonly PackedColumn _sasl;
    private readonly PackedColumn _size;
    private readonly PackedColumn _address;
    private readonly PackedColumn _viaForm;
    private readonly PackedColumn _viaMicros;
    private readonly PackedColumn _viaInode;
    private readonly PackedColumn _other;
    private readonly PackedColumn _tuple;
    private readonly PackedColumn _finalDelay;
    private readonly PackedColumn _origTo;
    private readonly PackedColumn _relay;
    private readonly PackedColumn _retries;
    private readonly RunHeader _header;
    private readonly long _timeScale;
    private readonly long _delayScale;
    private readonly int _messages;

    public RowGroup(ReadOnlySpan<byte> block, RunHeader header, int count)
    {
        var cursor = new ByteCursor(block);
        _header = header;
        Count = count;
        int flags = cursor.Byte();
        _timeScale = RunFormat.ScaleOf((flags >> 1) & 3);
        _delayScale = RunFormat.ScaleOf((flags >> 3) & 3);
        _messages = count;
        if ((flags & RunFormat.SharedMessagesFlag) != 0)
        {
            _messages = cursor.Count(count);
            _starts = cursor.Bytes((count + 7) >> 3);
        }
        _own = new EliasFano(ref cursor, count);
        _time = new PackedColumn(ref cursor, _messages);
        _messageId = new PackedColumn(ref cursor, _messages);
        _queueIdMicros = new PackedColumn(ref cursor, _messages);
        _queueIdInode = new PackedColumn(ref cursor, _messages);
        _sasl = new PackedColumn(ref cursor, _messages);
        _size = new PackedColumn(ref cursor, _messages);
        _address = new PackedColumn(ref cursor, _messages);
        _viaForm = new PackedColumn(ref cursor, _messages);
        _viaMicros = new PackedColumn(ref cursor, _messages);
        _viaInode = new PackedColumn(ref cursor, _messages);
        _other = new PackedColumn(ref cursor, count);
        _tuple = new PackedColumn(ref cursor, count);
        _finalDelay = new PackedColumn(ref cursor, count);
        _origTo = new PackedColumn(ref cursor, count);
        _relay = new PackedColumn(ref cursor, count);
        _retries = new PackedColumn(ref cursor, count);
    }

    public int Count { get; }

    public int MessageCount => _messages;

    public EliasFano Own => _own;

    public PackedColumn Other => _other;

    public PackedColumn OrigTo => _origTo;

    public PackedColumn Sasl => _sasl;

    public PackedColumn Address => _address;

    public PackedColumn MessageId => _messageId;

    public PackedColumn QueueIdMicros => _queueIdMicros;

    public PackedColumn ViaMicros => _viaMicros;

    public PackedColumn ViaForm => _viaForm;

    /// <summary>Number of the message that a row belongs to, for the columns of messages.</summary>
    public int MessageOf(int row)
    {
        if (_starts.IsEmpty)
        {
            return row;
        }
        int starts = 0;
        int bytes = row >> 3;
        int i = 0;
        for (; i + 8 <= bytes; i += 8)
        {
            starts += BitOperations.PopCount(BitConverter.ToUInt64(_starts[i..]));
        }
        for (; i < bytes; i++)
        {
            starts += BitOperations.PopCount(_starts[i]);
        }
        starts += BitOperations.PopCount((uint)_starts[bytes] & ((2u << (row & 7)) - 1));
        if (starts == 0 || starts > _messages)
        {
            Damage.Throw();
        }
        return starts - 1;
    }

    /// <summary>The times of all messages, in microseconds since 1970.</summary>
    public void CopyTimes(Span<long> times)
    {
        _time.CopyTo(times);
        foreach (ref long time in times[.._messages])
        {
            time = _header.Bucket.StartUnixMicros + (time * _timeScale);
        }
    }

    /// <summary>Sets the bits of all rows whose message's bit is set.</summary>
    public void SpreadMessages(ReadOnlySpan<ulong> messages, Span<ulong> rows)
    {
        int m = -1;
        for (int row = 0; row < Count; row++)
        {
            bool starts = _starts.IsEmpty || (_starts[row >> 3] >> (row & 7) & 1) != 0;
            m = Math.Min(starts ? m + 1 : m, _messages - 1);
            if (m >= 0 && (messages[m >> 6] >> m & 1) != 0)
            {
                rows[row >> 6] |= 1UL << row;
            }
        }
    }

    /// <summary>Decodes a row but for its address and its earlier queue ids.</summary>
    /// <param name="index">Row of the group.</param>
    /// <param name="own">Its own mailbox, from <see cref="Own"/>.</param>
    /// <param name="row">Receives the row; texts are ids of the run.</param>
    /// <param name="address">Index of its client address in the run; 0 is none.</param>
    /// <param name="via">An only earlier queue id; else <c>row.Via</c> is a text.</param>
    public void Read(int index, uint own, ref RecordRow row, out int address, out QueueId via)
    {
        int m = MessageOf(index);
        ref readonly RowTuple shared = ref _header.Tuples[Checked(_tuple[index], _header.Tuples.Length)];
        shared.CopyTo(ref row);
        long time = _header.Bucket.StartUnixMicros + (_time[m] * _timeScale);
        ulong inodeBase = _header.Inodes.Of(row.Host, time);
        row.TimeUnixMicros = time;
        row.FinalTimeUnixMicros = shared.HasFinal ? time + (_finalDelay[index] * _delayScale) : 0;
        row.SizeBytes = _size[m];
        row.MessageIdHash = (ulong)_messageId[m];
        QueueIdForm form = shared.QueueIdForm;
        ulong inode = (ulong)_queueIdInode[m]
            + (form is QueueIdForm.Long or QueueIdForm.Short ? inodeBase : 0);
        long micros = QueueIdTime.Decode(form, _queueIdMicros[m], time);
        row.QueueId = new QueueIdParts(form, micros, inode).ToQueueId();
        uint other = (uint)_other[index];
        bool ownSender = RunPlanner.IsOwnSender(row.Kind);
        row.Sender = ownSender ? own : other;
        row.Recipient = ownSender ? other : own;
        row.OrigTo = (uint)_origTo[index];
        long sasl = _sasl[m];
        row.Sasl = sasl switch
        {
            < RunFormat.SaslIsOwn => (uint)sasl,
            RunFormat.SaslIsOwn => own,
            RunFormat.SaslIsOther => other,
            _ => (uint)(sasl - RunFormat.SaslTextOffset),
        };
        row.Relay = (uint)_header.Relays[Checked(_relay[index], _header.Relays.Length)];
        row.Retries = (uint)_retries[index];
        address = (int)_address[m];
        via = ReadVia(m, time, inodeBase, ref row);
    }

    private QueueId ReadVia(int m, long time, ulong inodeBase, ref RecordRow row)
    {
        long form = _viaForm[m];
        if (form is (long)Blocks.ViaForm.None or (long)Blocks.ViaForm.Text)
        {
            row.Via = form == 0 ? 0 : (uint)_viaMicros[m];
            return default;
        }
        if (form is not ((long)Blocks.ViaForm.Long or (long)Blocks.ViaForm.Short))
        {
            Damage.Throw();
        }
        var idForm = (QueueIdForm)form;
        long micros = QueueIdTime.Decode(idForm, _viaMicros[m], time);
        return new QueueIdParts(idForm, micros, (ulong)_viaInode[m] + inodeBase).ToQueueId();
    }

    private static int Checked(long index, int length)
    {
        if ((ulong)index >= (ulong)length)
        {
            Damage.Throw();
        }
        return (int)index;
    }
}
