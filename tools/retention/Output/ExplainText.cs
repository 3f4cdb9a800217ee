using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace RetentionEngine.Tool.Output;

/// <summary>Writes how lines were read, for people and as JSON.</summary>
internal static class ExplainText
{
    private const int NameWidth = 22;

    /// <summary>For people: a paragraph for each line.</summary>
    /// <param name="file">The log, as it was named.</param>
    /// <param name="lines">Its lines.</param>
    /// <param name="now">Records that are past their period by then are marked.</param>
    public static string Make(
        string file, IReadOnlyList<ExplainedLine> lines, DateTimeOffset now)
    {
        var text = new StringBuilder();
        foreach (ExplainedLine line in lines)
        {
            text.Append(text.Length > 0 ? "\n" : "");
            text.Append(CultureInfo.InvariantCulture, $"{SafeText.Of(file)}:{line.Number}: ");
            text.Append(Words(line)).Append('\n');
            if (line.Text.Length > 0)
            {
                Row(text, "  ", "line", line.Text);
            }
            if (line.Shape is not null)
            {
                Row(text, "  ", "shape", line.Shape);
            }
            foreach (ExplainedField field in line.Fields)
            {
                Row(text, "  ", field.Name, field.Value.Length > 0 ? field.Value : "(empty)");
            }
            AddRecords(text, line, now);
        }
        return text.ToString();
    }

    /// <summary>One array of objects.</summary>
    public static byte[] MakeJson(string file, IReadOnlyList<ExplainedLine> lines)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer, JsonLine.Options with { Indented = true }))
        {
            json.WriteStartArray();
            foreach (ExplainedLine line in lines)
            {
                json.WriteStartObject();
                WriteMembers(json, file, line);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>One object on a line of its own.</summary>
    /// <param name="file">The log, as it was named.</param>
    /// <param name="line">Its line.</param>
    /// <param name="isTyped">Whether <c>schema</c> and <c>type</c> come first.</param>
    public static byte[] MakeJsonLine(string file, ExplainedLine line, bool isTyped)
    {
        if (isTyped)
        {
            return JsonLine.Make("line", json => WriteMembers(json, file, line));
        }
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer, JsonLine.Options))
        {
            json.WriteStartObject();
            WriteMembers(json, file, line);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteMembers(Utf8JsonWriter json, string file, ExplainedLine line)
    {
        json.WriteString("source", file);
        json.WriteNumber("line", line.Number);
        json.WriteString("use", UseName(line.Use));
        if (line.Reason is not null)
        {
            json.WriteString("reason", line.Reason);
        }
        if (line.Shape is not null)
        {
            json.WriteString("shape", line.Shape);
        }
        json.WriteString("text", line.Text);
        json.WriteStartObject("fields");
        foreach (ExplainedField field in line.Fields)
        {
            json.WriteString(field.Name, field.Value);
        }
        json.WriteEndObject();
        json.WriteStartArray("records");
        foreach (RetentionRecord record in line.Records)
        {
            JsonRecordWriter.WriteObject(json, record, RecordField.All, type: null);
        }
        json.WriteEndArray();
    }

    private static void AddRecords(StringBuilder text, ExplainedLine line, DateTimeOffset now)
    {
        if (line.Use != LineUse.Used)
        {
            return;
        }
        if (line.Records.Count == 0)
        {
            Row(text, "  ", "records", "none: a mail that never was in the queue, or nothing to end");
            return;
        }
        for (int i = 0; i < line.Records.Count; i++)
        {
            RetentionRecord record = line.Records[i];
            text.Append(CultureInfo.InvariantCulture, $"  record {i + 1} of {line.Records.Count}");
            text.Append(record.Expires <= now ? ", past its period: an import does not keep it" : "");
            text.Append('\n');
            foreach (RecordField field in RecordField.All)
            {
                if (field.Text(record) is { } value)
                {
                    Row(text, "    ", field.Name, value.Length > 0 ? value : "(empty)");
                }
            }
        }
    }

    private static string Words(ExplainedLine line)
    {
        string words = line.Use switch
        {
            LineUse.Used => "used",
            LineUse.NotNeeded => "not needed",
            LineUse.NotUnderstood => "not understood",
            LineUse.Gap => "tells of missing lines",
            LineUse.Overlong => "left out",
            _ => "empty, or a part of an entry that a later line completes",
        };
        return line.Reason is null ? words : $"{words}: {line.Reason}";
    }

    private static string UseName(LineUse use) => use switch
    {
        LineUse.Used => "used",
        LineUse.NotNeeded => "not_needed",
        LineUse.NotUnderstood => "not_understood",
        LineUse.Gap => "gap",
        LineUse.Overlong => "overlong",
        _ => "empty",
    };

    private static void Row(StringBuilder text, string indent, string name, string value) =>
        text.Append(indent).Append(name.PadRight(NameWidth - indent.Length)).Append(SafeText.Of(value))
            .Append('\n');
}
