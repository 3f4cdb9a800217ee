using System.Globalization;
using System.IO.Hashing;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Tests.Oracle;

/// <summary>A record as plain values; texts are Latin-1, so every byte survives.</summary>
internal sealed record SlowRecord
{
    public RecordKind Kind { get; init; }
    public long TimeUnixMicros { get; init; }
    public long? FinalTimeUnixMicros { get; init; }
    public int OffsetMinutes { get; init; }
    public int FinalOffsetMinutes { get; init; }
    public RecordStatus Status { get; init; }
    public string? Dsn { get; init; }
    public int? ReplyCode { get; init; }
    public int Attempts { get; init; }
    public int RetriesCount { get; init; }
    public string? Sender { get; init; }
    public string? Recipient { get; init; }
    public string? OrigTo { get; init; }
    public string? Sasl { get; init; }
    public long? Uid { get; init; }
    public ClientIp Ip { get; init; }
    public string? Relay { get; init; }
    public long? SizeBytes { get; init; }
    public string? MessageId { get; init; }
    public string? QueueId { get; init; }
    public string? Via { get; init; }
    public string Host { get; init; } = "";
    public AccessProtocol Protocol { get; init; }
    public RecordFlags Flags { get; init; }
}

/// <summary>The one text form of a record: the columns of docs/RECORDS.md, separated by tabs.</summary>
/// <remarks>
/// Absent is <c>-</c>, empty is <c>""</c>. Where a hash seed is given the column
/// <c>message_id</c> holds the fingerprint, 16 hex digits, instead of the text.
/// </remarks>
internal static class RecordText
{
    public const string Columns =
        "kind\ttime\tfinal\toffset\tfinal_offset\tstatus\tdsn\treply\tattempts\tretries_count"
        + "\tsender\trecipient\torig_to\tsasl\tuid\tip\trelay\tsize\tmessage_id\tqueue_id\tvia"
        + "\thost\tprotocol\tflags";

    private const int MessageIdColumn = 18;

    private static readonly (RecordFlags Flag, string Name)[] s_flags =
    [
        (RecordFlags.MissingStart, "missing_start"),
        (RecordFlags.MissingEnd, "missing_end"),
        (RecordFlags.DirectionGuessed, "direction_guessed"),
        (RecordFlags.YearInferred, "year_inferred"),
        (RecordFlags.ZoneInferred, "zone_inferred"),
        (RecordFlags.InFlight, "in_flight"),
        (RecordFlags.Notification, "notification"),
        (RecordFlags.Forwarded, "forwarded"),
        (RecordFlags.Filtered, "filtered"),
        (RecordFlags.Requeued, "requeued"),
        (RecordFlags.JoinAmbiguous, "join_ambiguous"),
        (RecordFlags.LocalSubmission, "local_submission"),
        (RecordFlags.Tls, "tls"),
        (RecordFlags.Webmail, "webmail"),
    ];

    /// <param name="r">The record.</param>
    /// <param name="seed">Seed of the fingerprints; null = show the message-id's text.</param>
    public static string Of(SlowRecord r, long? seed)
    {
        string? messageId = seed is { } s ? Fingerprint(r.MessageId, s) : Text(r.MessageId);
        bool isMail = r.Kind < RecordKind.Access;
        return string.Join(
            '\t',
            Word(r.Kind),
            Number(r.TimeUnixMicros),
            Number(r.FinalTimeUnixMicros),
            Number(r.OffsetMinutes),
            Number(r.FinalTimeUnixMicros is null ? null : r.FinalOffsetMinutes),
            Word(r.Status),
            r.Dsn ?? "-",
            Number(r.ReplyCode),
            Number(isMail ? r.Attempts : null),
            Number(isMail ? r.RetriesCount : null),
            Text(r.Sender),
            Text(r.Recipient),
            Text(r.OrigTo),
            Text(r.Sasl),
            Number(r.Uid),
            r.Ip.ToIPAddress()?.ToString() ?? "-",
            Text(r.Relay),
            Number(r.SizeBytes),
            messageId ?? "-",
            r.QueueId ?? "-",
            Text(r.Via),
            r.Host,
            r.Protocol == AccessProtocol.None ? "-" : Word(r.Protocol),
            Flags(r.Flags));
    }

    /// <summary>The same for a row of the fast tracker; shows the fingerprint.</summary>
    public static string Of(in RecordRow r, StringTable strings)
    {
        bool isMail = r.Kind < RecordKind.Access;
        bool hasFinal = r.FinalTimeUnixMicros != 0;
        return string.Join(
            '\t',
            Word(r.Kind),
            Number(r.TimeUnixMicros),
            Number(hasFinal ? r.FinalTimeUnixMicros : null),
            Number(r.OffsetMinutes),
            Number(hasFinal ? r.FinalOffsetMinutes : null),
            Word(r.Status),
            DsnOf(r.Dsn) ?? "-",
            Number(r.ReplyCode == 0 ? null : r.ReplyCode),
            Number(isMail ? r.Attempts : null),
            Number(isMail ? CountRetries(r.Retries, strings) : null),
            Text(r.Sender, strings),
            Text(r.Recipient, strings),
            Text(r.OrigTo, strings),
            Text(r.Sasl, strings),
            Number(r.Uid < 0 ? null : r.Uid),
            new ClientIp(r.IpHi, r.IpLo).ToIPAddress()?.ToString() ?? "-",
            Text(r.Relay, strings),
            Number(r.SizeBytes < 0 ? null : r.SizeBytes),
            r.MessageIdHash == 0 ? "-" : Hex(r.MessageIdHash),
            QueueIdOf(r.QueueId) ?? "-",
            Text(r.Via, strings),
            Text(r.Host, strings),
            r.Protocol == AccessProtocol.None ? "-" : Word(r.Protocol),
            Flags(r.Flags));
    }

    /// <summary>The same for a record as a query yields it; shows the fingerprint.</summary>
    public static string Of(RetentionRecord r)
    {
        bool isMail = r.Kind < RecordKind.Access;
        return string.Join(
            '\t',
            Word(r.Kind),
            Number(Micros(r.Time)),
            Number(r.Final is { } final ? Micros(final) : null),
            Number((long)r.Time.Offset.TotalMinutes),
            Number(r.Final is { } end ? (long)end.Offset.TotalMinutes : null),
            Word(r.Status),
            r.Dsn ?? "-",
            Number(r.Reply),
            Number(r.Attempts),
            Number(isMail ? r.Retries.Count : null),
            Text(r.Sender),
            Text(r.Recipient),
            Text(r.OrigTo),
            Text(r.Sasl),
            Number(r.Uid),
            r.Ip?.ToString() ?? "-",
            Text(r.Relay),
            Number(r.SizeBytes),
            r.MessageIdFingerprint is { } id ? Hex(id) : "-",
            r.QueueId ?? "-",
            r.Via.Count == 0 ? "-" : string.Join(' ', r.Via),
            r.Host,
            r.Protocol == AccessProtocol.None ? "-" : Word(r.Protocol),
            Flags(r.Flags));
    }

    /// <summary>Replaces the message-id of a record text by its fingerprint.</summary>
    public static string WithFingerprint(string record, long seed)
    {
        string[] columns = record.Split('\t');
        string id = columns[MessageIdColumn];
        columns[MessageIdColumn] = id is "-" ? "-" : Fingerprint(id is "\"\"" ? "" : id, seed) ?? "-";
        return string.Join('\t', columns);
    }

    public static string? DsnOf(int packed)
    {
        (int @class, int subject, int detail) = DsnCode.Unpack(packed);
        return packed == 0 ? null : string.Create(
            CultureInfo.InvariantCulture, $"{@class}.{subject}.{detail}");
    }

    public static string? QueueIdOf(QueueId id)
    {
        Span<byte> text = stackalloc byte[QueueId.TextLengthMax];
        return id.IsNone ? null : Encoding.ASCII.GetString(text[..id.Format(text)]);
    }

    /// <summary>Keeps a text on its line and in its column.</summary>
    public static string Escape(string text) => text
        .Replace("\t", "\\t", StringComparison.Ordinal)
        .Replace("\r", "\\r", StringComparison.Ordinal)
        .Replace("\0", "\\0", StringComparison.Ordinal);

    private static long Micros(DateTimeOffset time) =>
        (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static int CountRetries(uint id, StringTable strings)
    {
        if (id == 0)
        {
            return 0;
        }
        ReadOnlySpan<byte> list = strings[id];
        int count = 0;
        while (RetryList.TryRead(ref list, out _, out _, out _, out _))
        {
            count++;
        }
        return count;
    }

    private static string? Fingerprint(string? messageId, long seed) =>
        string.IsNullOrEmpty(messageId)
            ? null : Hex(XxHash3.HashToUInt64(Encoding.Latin1.GetBytes(messageId), seed));

    private static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);

    private static string Number(long? value) =>
        value?.ToString(CultureInfo.InvariantCulture) ?? "-";

    private static string Text(string? value) => value switch
    {
        null => "-",
        "" => "\"\"",
        _ => Escape(value),
    };

    private static string Text(uint id, StringTable strings) => id switch
    {
        0 => "-",
        1 => "\"\"",
        _ => Escape(Encoding.Latin1.GetString(strings[id])),
    };

    private static string Word<T>(T value)
        where T : struct, Enum
    {
#pragma warning disable CA1308 // The columns are lower case.
        return value.ToString().ToLowerInvariant();
#pragma warning restore CA1308
    }

    private static string Flags(RecordFlags flags)
    {
        string text = string.Join(
            ',', s_flags.Where(f => flags.HasFlag(f.Flag)).Select(f => f.Name));
        return text.Length == 0 ? "-" : text;
    }
}
