using System.Buffers;
using System.Globalization;
using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>Turns rows into what a query yields.</summary>
/// <remarks>
/// Rows of one result share hosts, relays and mailboxes: the last text of each role is kept as a
/// string. Not thread-safe.
/// </remarks>
internal sealed class RecordMaker
{
    private const int ViaRole = 0;
    private const int OffsetMinutesMax = 14 * 60;

    // Inside of what a DateTimeOffset can hold, so that any offset and period fit.
    private static readonly long s_firstMicros =
        (DateTimeOffset.MinValue.AddDays(1) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static readonly long s_lastMicros =
        (DateTimeOffset.MaxValue.AddYears(-11) - DateTimeOffset.UnixEpoch).Ticks
        / TimeSpan.TicksPerMicrosecond;

    private readonly byte[] _text = new byte[StringTable.LengthMax];
    private readonly LastText[] _last = new LastText[8];

    /// <summary>Makes the record of a row of a run.</summary>
    /// <param name="row">The row.</param>
    /// <param name="reader">The run that its text ids belong to.</param>
    /// <param name="policy">Period and basis under which it was sealed.</param>
    public RetentionRecord Make(in RecordRow row, RunReader reader, ClassPolicy policy) =>
        Make(in row, new RunTextsOf(reader), policy);

    /// <summary>Makes the record of a row in memory.</summary>
    public RetentionRecord Make(in RecordRow row, StringTable texts, ClassPolicy policy) =>
        Make(in row, new BatchTexts(texts), policy);

    private RetentionRecord Make<TTexts>(in RecordRow row, TTexts texts, ClassPolicy policy)
        where TTexts : struct, IRowTexts
    {
        DateTimeOffset time = TimeOf(row.TimeUnixMicros, row.OffsetMinutes);
        bool isMail = row.Kind is not (RecordKind.Access or RecordKind.Rejected);
        string? via = Text(row.Via, ViaRole, texts);
        return new RetentionRecord
        {
            Kind = row.Kind,
            Time = time,
            Final = row.FinalTimeUnixMicros == 0
                ? null : TimeOf(row.FinalTimeUnixMicros, row.FinalOffsetMinutes),
            Status = row.Status,
            Dsn = DsnText(row.Dsn),
            Reply = row.ReplyCode == 0 ? null : row.ReplyCode,
            Attempts = isMail ? row.Attempts : null,
            Retries = row.Retries < 2
                ? []
                : RetryList.Decode(
                    _text.AsSpan(0, texts.Read(row.Retries, _text)), row.TimeUnixMicros, row.OffsetMinutes),
            Sender = Text(row.Sender, 1, texts),
            Recipient = Text(row.Recipient, 2, texts),
            OrigTo = Text(row.OrigTo, 3, texts),
            Sasl = Text(row.Sasl, 4, texts),
            Uid = row.Uid < 0 ? null : row.Uid,
            Ip = new ClientIp(row.IpHi, row.IpLo).ToIPAddress(),
            Relay = Text(row.Relay, 5, texts),
            SizeBytes = row.SizeBytes < 0 ? null : row.SizeBytes,
            MessageIdFingerprint = row.MessageIdHash == 0 ? null : row.MessageIdHash,
            QueueId = QueueIdText(row.QueueId),
            Via = string.IsNullOrEmpty(via) ? [] : via.Split(' '),
            Host = Text(row.Host, 6, texts),
            Protocol = row.Protocol,
            Flags = row.Flags,
            Basis = policy.Basis,
            Expires = time + policy.Period,
        };
    }

    /// <summary>UTF-8 as it is; bytes that are not UTF-8 as <c>\xHH</c>.</summary>
    public static string TextOf(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }
        var text = new StringBuilder(bytes.Length + 16);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (byte b in bytes[..length])
                {
                    text.Append(CultureInfo.InvariantCulture, $"\\x{b:X2}");
                }
            }
            bytes = bytes[length..];
        }
        return text.ToString();
    }

    private string? Text<TTexts>(uint id, int role, TTexts texts)
        where TTexts : struct, IRowTexts
    {
        if (id < 2)
        {
            return id == 0 ? null : "";
        }
        ref LastText last = ref _last[role];
        if (last.Id == id && last.Owner == texts.Owner)
        {
            return last.Text;
        }
        ReadOnlySpan<byte> bytes = _text.AsSpan(0, texts.Read(id, _text));
        if (last.Text is null || !bytes.SequenceEqual(last.Bytes.AsSpan(0, last.Length)))
        {
            if (last.Text is null || last.Bytes.Length < bytes.Length)
            {
                last.Bytes = new byte[Math.Max(bytes.Length, 64)];
            }
            bytes.CopyTo(last.Bytes);
            last.Length = bytes.Length;
            last.Text = TextOf(bytes);
        }
        // Ids of earlier queue ids are given anew for each query.
        (last.Id, last.Owner) = (id, role == ViaRole ? null : texts.Owner);
        return last.Text;
    }

    /// <summary>The id as logged; null for none.</summary>
    public static string? QueueIdText(QueueId id)
    {
        if (id.IsNone)
        {
            return null;
        }
        Span<byte> text = stackalloc byte[QueueId.TextLengthMax];
        return Encoding.ASCII.GetString(text[..id.Format(text)]);
    }

    /// <summary><c>5.1.1</c>; null for none.</summary>
    public static string? DsnText(int dsn)
    {
        if (dsn == 0)
        {
            return null;
        }
        (int @class, int subject, int detail) = DsnCode.Unpack(dsn);
        return string.Create(CultureInfo.InvariantCulture, $"{@class}.{subject}.{detail}");
    }

    /// <summary>An instant with the offset in force at its source.</summary>
    public static DateTimeOffset TimeOf(long unixMicros, short offsetMinutes)
    {
        // A log may claim any offset; one that no zone has is shown as UTC.
        bool isZone = Math.Abs((int)offsetMinutes) <= OffsetMinutesMax;
        var offset = TimeSpan.FromMinutes(isZone ? offsetMinutes : 0);
        long micros = Math.Clamp(unixMicros, s_firstMicros, s_lastMicros);
        return DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond).ToOffset(offset);
    }

    /// <summary>The text that a role had last.</summary>
    private struct LastText
    {
        public object? Owner;
        public uint Id;
        public string? Text;
        public byte[] Bytes;
        public int Length;
    }
}
