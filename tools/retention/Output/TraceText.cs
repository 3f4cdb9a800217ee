using System.Globalization;
using System.Text;

namespace RetentionEngine.Tool.Output;

/// <summary>Draws mails as trees: what came in, then each recipient with each attempt.</summary>
/// <remarks>
/// Records of one mail on one host have the same first time and the same message-id (docs/RECORDS.md);
/// a notification is a mail of its own and names the mail it is about.
/// </remarks>
internal sealed class TraceText
{
    private readonly StringBuilder _text = new();
    private readonly bool _isColored;

    private TraceText(bool isColored) => _isColored = isColored;

    /// <summary>Draws records, oldest mail first.</summary>
    /// <param name="records">In any order.</param>
    /// <param name="isColored">Whether statuses are coloured.</param>
    public static string Make(IReadOnlyList<RetentionRecord> records, bool isColored)
    {
        var trace = new TraceText(isColored);
        foreach (var mail in records
            .GroupBy(static r => (
                At: r.Time.UtcTicks,
                r.Host,
                Id: r.MessageIdFingerprint,
                IsNotice: (r.Flags & RecordFlags.Notification) != RecordFlags.None,
                Other: r.Kind >= RecordKind.Access ? r : null))
            .OrderBy(static g => g.Key.At)
            .ThenBy(static g => g.Key.Host, StringComparer.Ordinal)
            .ThenBy(static g => g.Key.IsNotice))
        {
            if (trace._text.Length > 0)
            {
                trace._text.Append('\n');
            }
            RetentionRecord[] parts =
            [
                .. mail.OrderBy(static r => r.Via.Count)
                    .ThenBy(static r => r.QueueId, StringComparer.Ordinal)
                    .ThenBy(static r => r.Recipient, StringComparer.Ordinal),
            ];
            if (mail.Key.Other is { } other)
            {
                trace.AddOther(other);
            }
            else
            {
                trace.AddMail(parts);
            }
        }
        return trace._text.ToString();
    }

    private void AddMail(RetentionRecord[] parts)
    {
        RetentionRecord first = parts[0];
        bool isNotice = (first.Flags & RecordFlags.Notification) != RecordFlags.None;
        AddTitle(isNotice ? "NOTICE" : "MAIL", first);
        AddLine("from", Name(first.Sender) + Origin(first));
        if (MakeIds(parts) is { } ids)
        {
            AddLine(isNotice ? "about" : "queue ids", ids);
        }
        string message = first.MessageIdFingerprint is null
            ? "without message-id"
            : $"fingerprint {RecordField.MessageId(first)}";
        AddLine("message", first.SizeBytes is { } size ? $"{message}, {Times.ToSize(size)}" : message);
        for (int i = 0; i < parts.Length; i++)
        {
            AddRecipient(parts[i], i == parts.Length - 1);
        }
        AddLine("kept until", Times.ToText(first.Expires)
            + (first.Basis.Length == 0 ? "" : $", basis: {SafeText.Of(first.Basis)}"));
    }

    private void AddRecipient(RetentionRecord record, bool isLast)
    {
        string branch = isLast ? "└─ " : "├─ ";
        string stem = isLast ? "   " : "│  ";
        _text.Append("  ").Append(branch)
            .Append(record.Recipient is null ? "(recipient not known)" : Name(record.Recipient));
        if (record.OrigTo is not null)
        {
            _text.Append(" (addressed to ").Append(Name(record.OrigTo)).Append(')');
        }
        _text.Append("  ");
        AddStatus(record.Status);
        if ((record.Flags & RecordFlags.InFlight) != RecordFlags.None)
        {
            _text.Append(", still in the queue");
        }
        AddMarks(record);
        _text.Append('\n');
        int attempts = record.Attempts ?? 0;
        int number = Math.Max(1, attempts - record.Retries.Count);
        if (number > 1)
        {
            _text.Append("  ").Append(stem).Append(CultureInfo.InvariantCulture,
                $"   1-{number - 1}  earlier attempts, not kept one by one\n");
        }
        foreach (DeliveryAttempt retry in record.Retries)
        {
            AddAttempt(stem, number++, retry.Time, record.Time, retry.Status, retry.Dsn, retry.Relay);
        }
        if (record.Final is { } final)
        {
            AddAttempt(stem, number, final, record.Time, record.Status, record.Dsn, record.Relay);
        }
    }

    private void AddAttempt(
        string stem,
        int number,
        DateTimeOffset time,
        DateTimeOffset start,
        RecordStatus status,
        string? dsn,
        string? relay)
    {
        _text.Append("  ").Append(stem)
            .Append(CultureInfo.InvariantCulture, $"{number,4}  {Times.ToText(time)}  ")
            .Append(CultureInfo.InvariantCulture, $"{"+" + Times.ToText(time - start),-8}  ");
        AddStatus(status);
        _text.Append(' ').Append(dsn ?? "").Append(dsn is null ? "" : " ")
            .Append("by ").Append(SafeText.Of(relay ?? "an unknown relay")).Append('\n');
    }

    private void AddOther(RetentionRecord record)
    {
        bool isAccess = record.Kind == RecordKind.Access;
        AddTitle(isAccess ? "ACCESS" : "REJECTED", record);
        if (isAccess)
        {
            AddLine("mailbox", Name(record.Recipient));
            AddLine("by", $"{RecordField.ProtocolName(record.Protocol)} from "
                + (record.Ip?.ToString() ?? "an unknown address"));
            if (record.Final is { } end)
            {
                AddLine("until", $"{Times.ToText(end)}  +{Times.ToText(end - record.Time)}");
            }
        }
        else
        {
            AddLine("from", Name(record.Sender) + Origin(record));
            AddLine("to", Name(record.Recipient));
            AddLine("reply", string.Create(
                CultureInfo.InvariantCulture, $"{record.Reply} {record.Dsn}").Trim());
        }
        _text.Append("  ").Append("status".PadRight(12));
        AddStatus(record.Status);
        AddMarks(record);
        _text.Append('\n');
        AddLine("kept until", Times.ToText(record.Expires)
            + (record.Basis.Length == 0 ? "" : $", basis: {SafeText.Of(record.Basis)}"));
    }

    private void AddTitle(string title, RetentionRecord record) => _text
        .Append(title).Append("  ").Append(TableRecordWriter.TimeText(record)).Append("  ")
        .Append(RecordField.KindName(record.Kind))
        .Append(record.Host is null ? "" : $"  on {SafeText.Of(record.Host)}").Append('\n');

    private void AddLine(string title, string value) =>
        _text.Append("  ").Append(title.PadRight(12)).Append(value).Append('\n');

    private void AddStatus(RecordStatus status)
    {
        string color = _isColored ? TableRecordWriter.ColorOf(status) : "";
        _text.Append(color).Append(RecordField.StatusName(status))
            .Append(color.Length == 0 ? "" : "\e[0m");
    }

    private void AddMarks(RetentionRecord record)
    {
        const RecordFlags Told = RecordFlags.InFlight | RecordFlags.Notification;
        if (RecordField.FlagsText(record.Flags & ~Told, ',') is { } marks)
        {
            _text.Append("  [").Append(marks).Append(']');
        }
    }

    /// <summary>Each distinct chain of queue ids, first hop first.</summary>
    private static string? MakeIds(RetentionRecord[] parts)
    {
        var chains = new List<string>();
        foreach (RetentionRecord part in parts)
        {
            string chain = string.Join(
                " → ", part.Via.Append(part.QueueId).Where(static id => id is not null));
            if (chain.Length > 0 && !chains.Contains(chain, StringComparer.Ordinal))
            {
                chains.Add(SafeText.Of(chain));
            }
        }
        return chains.Count == 0 ? null : string.Join(", ", chains);
    }

    private static string Name(string? address) => address switch
    {
        null => "(not known)",
        "" => "<>",
        _ => SafeText.Of(address),
    };

    private static string Origin(RetentionRecord record)
    {
        var origin = new List<string>();
        if (record.Sasl is not null)
        {
            origin.Add($"logged in as {SafeText.Of(record.Sasl)}");
        }
        if (record.Ip is not null)
        {
            origin.Add($"client {record.Ip}");
        }
        if (record.Uid is { } uid)
        {
            origin.Add(string.Create(CultureInfo.InvariantCulture, $"uid {uid} on the host"));
        }
        return origin.Count == 0 ? "" : $"  ({string.Join(", ", origin)})";
    }
}
