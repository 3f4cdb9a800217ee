using System.Globalization;
using System.Text;
using System.Text.Json;

namespace RetentionEngine.Tool.Output;

/// <summary>One field of a record, named as in docs/RECORDS.md.</summary>
/// <param name="Name">Its name in every format.</param>
/// <param name="IsFree">Whether its text comes from outside, so that anything may stand in it.</param>
/// <param name="Text">Its value as text; null when absent.</param>
/// <param name="Json">Writes its value; null = the text as a string.</param>
internal sealed record RecordField(
    string Name,
    bool IsFree,
    Func<RetentionRecord, string?> Text,
    Action<Utf8JsonWriter, RetentionRecord>? Json = null)
{
    /// <summary>Every field, in the order in which they are written.</summary>
    public static IReadOnlyList<RecordField> All { get; } =
    [
        new("kind", false, static r => KindName(r.Kind)),
        new("time", false, static r => Times.ToRfc3339(r.Time)),
        new("final", false, static r => r.Final is { } t ? Times.ToRfc3339(t) : null),
        new("status", false, static r => StatusName(r.Status)),
        new("dsn", false, static r => r.Dsn),
        Number("reply", static r => r.Reply),
        Number("attempts", static r => r.Attempts),
        new("retries", true, RetriesText, WriteRetries),
        new("sender", true, static r => r.Sender),
        new("recipient", true, static r => r.Recipient),
        new("orig_to", true, static r => r.OrigTo),
        new("sasl", true, static r => r.Sasl),
        Number("uid", static r => r.Uid),
        new("ip", false, static r => r.Ip?.ToString()),
        new("relay", true, static r => r.Relay),
        Number("size", static r => r.SizeBytes),
        new("message_id", false, MessageId),
        new("queue_id", true, static r => r.QueueId),
        new("via", true, static r => r.Via.Count == 0 ? null : string.Join(' ', r.Via), WriteVia),
        new("host", true, static r => r.Host),
        new("protocol", false, static r => ProtocolName(r.Protocol)),
        new("flags", false, static r => FlagsText(r.Flags, ' '), WriteFlags),
        new("basis", true, static r => r.Basis.Length == 0 ? null : r.Basis),
        new("expires", false, static r => Times.ToRfc3339(r.Expires)),
    ];

    /// <summary>Finds fields by their names, separated by commas.</summary>
    /// <exception cref="UsageException">A name is not known.</exception>
    public static IReadOnlyList<RecordField> Parse(string names)
    {
        var fields = new List<RecordField>();
        foreach (string name in names.Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            RecordField? field = null;
            foreach (RecordField candidate in All)
            {
                if (string.Equals(candidate.Name, name, StringComparison.Ordinal))
                {
                    field = candidate;
                }
            }
            fields.Add(field ?? throw new UsageException(
                $"There is no field '{name}'; the fields are {string.Join(", ", Names())}."));
        }
        return fields.Count > 0 ? fields : throw new UsageException("--fields names no field.");
    }

    /// <summary>The names of all fields.</summary>
    public static IEnumerable<string> Names()
    {
        foreach (RecordField field in All)
        {
            yield return field.Name;
        }
    }

    public static string KindName(RecordKind kind) => kind switch
    {
        RecordKind.Sent => "sent",
        RecordKind.Received => "received",
        RecordKind.Internal => "internal",
        RecordKind.Relayed => "relayed",
        RecordKind.Access => "access",
        _ => "rejected",
    };

    public static string ClassName(RecordClass recordClass) => recordClass switch
    {
        RecordClass.Sent => "sent",
        RecordClass.Received => "received",
        RecordClass.Access => "access",
        _ => "rejected",
    };

    public static string StatusName(RecordStatus status) => status switch
    {
        RecordStatus.Sent => "sent",
        RecordStatus.Deferred => "deferred",
        RecordStatus.Bounced => "bounced",
        RecordStatus.Expired => "expired",
        RecordStatus.Discarded => "discarded",
        RecordStatus.Deleted => "deleted",
        RecordStatus.Queued => "queued",
        RecordStatus.Rejected => "rejected",
        RecordStatus.Deliverable => "deliverable",
        RecordStatus.Undeliverable => "undeliverable",
        RecordStatus.Login => "login",
        RecordStatus.Logout => "logout",
        RecordStatus.Session => "session",
        RecordStatus.Redirected => "redirected",
        _ => "unknown",
    };

    public static string? ProtocolName(AccessProtocol protocol) => protocol switch
    {
        AccessProtocol.Imap => "imap",
        AccessProtocol.Pop3 => "pop3",
        AccessProtocol.ManageSieve => "managesieve",
        AccessProtocol.Submission => "submission",
        _ => null,
    };

    /// <summary>The marks as words; null when there are none.</summary>
    public static string? FlagsText(RecordFlags flags, char separator)
    {
        if (flags == RecordFlags.None)
        {
            return null;
        }
        var text = new StringBuilder();
        foreach (string name in FlagNames(flags))
        {
            text.Append(text.Length == 0 ? "" : separator).Append(name);
        }
        return text.ToString();
    }

    /// <summary>The fingerprint of the message-id as 16 hexadecimal digits; null when none.</summary>
    public static string? MessageId(RetentionRecord record) =>
        record.MessageIdFingerprint?.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Writes the field with its name unless it is absent.</summary>
    public void WriteTo(Utf8JsonWriter json, RetentionRecord record)
    {
        if (Text(record) is not { } text)
        {
            return;
        }
        json.WritePropertyName(Name);
        if (Json is null)
        {
            json.WriteStringValue(text);
        }
        else
        {
            Json(json, record);
        }
    }

    private static RecordField Number(string name, Func<RetentionRecord, long?> value) => new(
        name,
        false,
        r => value(r)?.ToString(CultureInfo.InvariantCulture),
        (json, r) => json.WriteNumberValue(value(r)!.Value));

    private static IEnumerable<string> FlagNames(RecordFlags flags)
    {
        for (int bit = 0; bit < 16; bit++)
        {
            var flag = (RecordFlags)(1 << bit);
            if ((flags & flag) != RecordFlags.None)
            {
                yield return FlagName(flag);
            }
        }
    }

    private static string FlagName(RecordFlags flag) => flag switch
    {
        RecordFlags.MissingStart => "missing_start",
        RecordFlags.MissingEnd => "missing_end",
        RecordFlags.DirectionGuessed => "direction_guessed",
        RecordFlags.YearInferred => "year_inferred",
        RecordFlags.ZoneInferred => "zone_inferred",
        RecordFlags.InFlight => "in_flight",
        RecordFlags.Notification => "notification",
        RecordFlags.Forwarded => "forwarded",
        RecordFlags.Filtered => "filtered",
        RecordFlags.Requeued => "requeued",
        RecordFlags.JoinAmbiguous => "join_ambiguous",
        RecordFlags.LocalSubmission => "local_submission",
        RecordFlags.Tls => "tls",
        RecordFlags.Webmail => "webmail",
        _ => "unknown",
    };

    private static string? RetriesText(RetentionRecord record)
    {
        if (record.Retries.Count == 0)
        {
            return null;
        }
        var text = new StringBuilder();
        foreach (DeliveryAttempt retry in record.Retries)
        {
            text.Append(text.Length == 0 ? "" : "; ")
                .Append(Times.ToRfc3339(retry.Time)).Append(' ')
                .Append(StatusName(retry.Status)).Append(' ')
                .Append(retry.Dsn ?? "-").Append(' ')
                .Append(retry.Relay ?? "-");
        }
        return text.ToString();
    }

    private static void WriteRetries(Utf8JsonWriter json, RetentionRecord record)
    {
        json.WriteStartArray();
        foreach (DeliveryAttempt retry in record.Retries)
        {
            json.WriteStartObject();
            json.WriteString("time", Times.ToRfc3339(retry.Time));
            json.WriteString("status", StatusName(retry.Status));
            if (retry.Dsn is not null)
            {
                json.WriteString("dsn", retry.Dsn);
            }
            if (retry.Relay is not null)
            {
                json.WriteString("relay", retry.Relay);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteVia(Utf8JsonWriter json, RetentionRecord record)
    {
        json.WriteStartArray();
        foreach (string id in record.Via)
        {
            json.WriteStringValue(id);
        }
        json.WriteEndArray();
    }

    private static void WriteFlags(Utf8JsonWriter json, RetentionRecord record)
    {
        json.WriteStartArray();
        foreach (string name in FlagNames(record.Flags))
        {
            json.WriteStringValue(name);
        }
        json.WriteEndArray();
    }
}
