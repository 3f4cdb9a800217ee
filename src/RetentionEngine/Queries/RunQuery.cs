using System.Net;
using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Events;
using RetentionEngine.Messages;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>A query made ready: what to look up in the indexes, and what a row must fulfil.</summary>
/// <remarks>
/// For a run the indexes give the groups that may hold rows; of those the columns concerned give
/// the rows; and only these are decoded and put to <see cref="Matches"/>, which alone decides. Rows
/// that are still in memory go to <see cref="Matches"/> at once. Not thread-safe: make one for each
/// thread.
/// </remarks>
internal sealed partial class RunQuery
{
    private const int Mailbox = 0;
    private const int Party = 1;
    private const int Domain = 2;

    private readonly AddressPattern?[] _patterns = new AddressPattern?[3];
    private readonly byte[]? _host;
    private readonly ulong _messageId;
    private readonly QueueId _queueId;
    private readonly QueueIdParts _queueIdParts;
    private readonly bool _hasQueueId;
    private readonly UInt128 _networkFirst;
    private readonly UInt128 _networkLast;
    private readonly bool _hasNetwork;
    private readonly uint _kinds;
    private readonly uint _statuses;
    private readonly long _fromUnixMicros;
    private readonly long _toUnixMicros;
    private readonly bool _isEmpty;
    private readonly byte[] _text = new byte[StringTable.LengthMax];

    /// <summary>Compiles a query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="seed">The store's seed, which keys the fingerprints of message-ids.</param>
    public RunQuery(RetentionQuery query, long seed)
    {
        _patterns[Mailbox] = query.Mailbox is { } m ? AddressPattern.OfAddress(Bytes(m)) : null;
        _patterns[Party] = query.Party is { } p ? AddressPattern.OfAddress(Bytes(p)) : null;
        _patterns[Domain] = query.Domain is { } d ? AddressPattern.OfDomain(Bytes(d)) : null;
        _host = query.Host is { } host ? Bytes(host) : null;
        if (query.MessageId is { } id)
        {
            if (id.Length >= 2 && id[0] == '<' && id[^1] == '>')
            {
                id = id[1..^1];
            }
            _messageId = Tracker.MessageIdHash(Bytes(id), seed);
        }
        if (query.QueueId is { } queueId)
        {
            _hasQueueId = true;
            _isEmpty |= !QueueId.TryParse(Bytes(queueId), out _queueId)
                && QueueId.ReadCourier(Bytes(queueId), out _queueId) != queueId.Length;
            _queueIdParts = QueueIdParts.Of(_queueId);
        }
        if (query.Network is { } network)
        {
            _hasNetwork = true;
            (_networkFirst, _networkLast) = RangeOf(network);
        }
        _kinds = MaskOf(query.Kinds?.Select(kind => (int)kind));
        _statuses = MaskOf(query.Statuses?.Select(status => (int)status));
        _fromUnixMicros = query.From is { } from ? Micros(from) : long.MinValue;
        _toUnixMicros = query.To is { } to ? Micros(to) : long.MaxValue;
        _isEmpty |= _fromUnixMicros >= _toUnixMicros;
    }

    /// <summary>Whether a run may hold rows of this query, by class and times alone.</summary>
    public bool MayHold(RunInfo run) =>
        MayHold(run.Bucket)
        && run.FirstUnixMicros < _toUnixMicros && run.LastUnixMicros >= _fromUnixMicros;

    /// <summary>Whether a bucket may hold rows of this query, by class and time alone.</summary>
    public bool MayHold(in BucketId bucket)
    {
        uint kinds = bucket.Class switch
        {
            RecordClass.Received => 1u << (int)RecordKind.Received,
            RecordClass.Access => 1u << (int)RecordKind.Access,
            RecordClass.Rejected => 1u << (int)RecordKind.Rejected,
            _ => (1u << (int)RecordKind.Sent) | (1u << (int)RecordKind.Internal)
                | (1u << (int)RecordKind.Relayed),
        };
        return !_isEmpty && (_kinds & kinds) != 0
            && bucket.StartUnixMicros < _toUnixMicros && bucket.EndUnixMicros > _fromUnixMicros;
    }

    /// <summary>Whether a row fulfils every condition.</summary>
    public bool Matches(in RecordRow row, StringTable texts) =>
        Matches(in row, new BatchTexts(texts), default);

    private bool Matches<TTexts>(in RecordRow row, TTexts texts, in PatternRanges ranges)
        where TTexts : struct, IRowTexts
    {
        if (_isEmpty
            || row.TimeUnixMicros < _fromUnixMicros || row.TimeUnixMicros >= _toUnixMicros
            || (_kinds >> (int)row.Kind & 1) == 0
            || ((int)row.Status < 32 ? (_statuses >> (int)row.Status & 1) == 0 : _statuses != ~0u)
            || (_messageId != 0 && row.MessageIdHash != _messageId)
            || (_hasNetwork && !IsInNetwork(in row)))
        {
            return false;
        }
        for (int i = 0; i < _patterns.Length; i++)
        {
            if (_patterns[i] is { } pattern && !Names(in row, texts, pattern, ranges[i], i != Domain))
            {
                return false;
            }
        }
        return (_host is null || IsHost(row.Host, texts)) && (!_hasQueueId || HasQueueId(in row, texts));
    }

    // A SASL name counts as an address, but its domain does not make the mail one of that domain.
    private static bool Names<TTexts>(
        in RecordRow row, TTexts texts, AddressPattern pattern, in TextRange range, bool withSasl)
        where TTexts : struct, IRowTexts =>
        texts.IsMatch(row.Recipient, pattern, in range)
        || texts.IsMatch(row.Sender, pattern, in range)
        || texts.IsMatch(row.OrigTo, pattern, in range)
        || (withSasl && texts.IsMatch(row.Sasl, pattern, in range));

    private bool IsInNetwork(in RecordRow row)
    {
        if ((row.IpHi | row.IpLo) == 0)
        {
            return false;
        }
        UInt128 order = RunAddresses.Order(row.IpHi, row.IpLo);
        return order >= _networkFirst && order <= _networkLast;
    }

    private bool IsHost<TTexts>(uint id, TTexts texts)
        where TTexts : struct, IRowTexts =>
        id > 1 && _text.AsSpan(0, texts.Read(id, _text)).SequenceEqual(_host);

    private bool HasQueueId<TTexts>(in RecordRow row, TTexts texts)
        where TTexts : struct, IRowTexts
    {
        if (row.QueueId == _queueId)
        {
            return true;
        }
        if (row.Via < 2)
        {
            return false;
        }
        ReadOnlySpan<byte> via = _text.AsSpan(0, texts.Read(row.Via, _text));
        foreach (Range range in via.Split((byte)' '))
        {
            if (QueueId.TryParse(via[range], out QueueId id) && id == _queueId)
            {
                return true;
            }
        }
        return false;
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    // The first microsecond that is not before an instant, which may fall between two.
    private static long Micros(DateTimeOffset time)
    {
        long ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        long micros = Math.DivRem(ticks, TimeSpan.TicksPerMicrosecond, out long rest);
        return rest > 0 ? micros + 1 : micros;
    }

    private static uint MaskOf(IEnumerable<int>? values)
    {
        uint mask = 0;
        foreach (int value in values ?? [])
        {
            mask |= value is >= 0 and < 32 ? 1u << value : 0;
        }
        return values is null || !values.Any() ? ~0u : mask;
    }

    private static (UInt128 First, UInt128 Last) RangeOf(IPNetwork network)
    {
        ClientIp ip = ClientIp.Of(network.BaseAddress);
        var number = new UInt128(ip.Hi, ip.Lo);
        bool v4 = network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        int hostBits = (v4 ? 32 : 128) - network.PrefixLength;
        UInt128 span = hostBits == 128 ? UInt128.MaxValue : (UInt128.One << hostBits) - 1;
        UInt128 last = number | span;
        UInt128 firstOrder = RunAddresses.Order((ulong)(number >> 64), (ulong)number);
        UInt128 lastOrder = RunAddresses.Order((ulong)(last >> 64), (ulong)last);
        // ::/80 ends with the IPv4-mapped addresses, which are IPv4 here.
        return lastOrder < firstOrder
            ? (firstOrder, RunAddresses.Order(0, RunAddresses.MappedPrefix - 1))
            : (firstOrder, lastOrder);
    }

    /// <summary>What each pattern means in one run.</summary>
    [System.Runtime.CompilerServices.InlineArray(3)]
    private struct PatternRanges
    {
        private TextRange _first;
    }
}
