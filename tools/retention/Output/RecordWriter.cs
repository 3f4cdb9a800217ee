using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace RetentionEngine.Tool.Output;

/// <summary>Writes records one by one in a format of <c>--format</c>.</summary>
internal abstract class RecordWriter(Stream output) : IDisposable
{
    private const int BufferBytes = 32 << 10;
    private const long FlushMilliseconds = 50;

    private long _lastFlush = Environment.TickCount64;

    /// <summary>Records written.</summary>
    public long Count { get; private set; }

    protected ArrayBufferWriter<byte> Buffer { get; } = new(2 * BufferBytes);

    /// <summary>Writes a record; it goes out at once or within the next few.</summary>
    public void Write(RetentionRecord record)
    {
        Add(record);
        Count++;
        // The first is shown at once; later ones as soon as a reader could notice that they wait.
        if (Buffer.WrittenCount >= BufferBytes || Count == 1
            || Environment.TickCount64 - _lastFlush >= FlushMilliseconds)
        {
            Flush();
        }
    }

    /// <summary>Writes what closes the format, and all that waits.</summary>
    public void Finish()
    {
        AddEnd();
        Flush();
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Add(RetentionRecord record);

    protected virtual void Dispose(bool disposing)
    {
    }

    protected virtual void AddEnd()
    {
    }

    protected void AddText(ReadOnlySpan<char> text) =>
        Encoding.UTF8.GetBytes(text, Buffer);

    private void Flush()
    {
        output.Write(Buffer.WrittenSpan);
        Buffer.ResetWrittenCount();
        _lastFlush = Environment.TickCount64;
    }
}

/// <summary>JSON: an object a line, or one array.</summary>
internal sealed class JsonRecordWriter : RecordWriter
{
    private readonly IReadOnlyList<RecordField> _fields;
    private readonly bool _isArray;
    private readonly string? _type;
    private readonly Utf8JsonWriter _json;

    /// <summary>Creates a writer.</summary>
    /// <param name="output">Where the text goes.</param>
    /// <param name="fields">Fields of each object; absent ones are left out.</param>
    /// <param name="isArray">One array instead of a line each.</param>
    /// <param name="type">Value of a first member <c>type</c>; null = no such member.</param>
    public JsonRecordWriter(
        Stream output, IReadOnlyList<RecordField> fields, bool isArray, string? type = null)
        : base(output)
    {
        _fields = fields;
        _isArray = isArray;
        _type = type;
        _json = new Utf8JsonWriter(Buffer, JsonLine.Options);
    }

    /// <summary>Writes one record as an object.</summary>
    public static void WriteObject(
        Utf8JsonWriter json,
        RetentionRecord record,
        IReadOnlyList<RecordField> fields,
        string? type)
    {
        json.WriteStartObject();
        if (type is not null)
        {
            json.WriteNumber("schema", JsonLine.Schema);
            json.WriteString("type", type);
        }
        foreach (RecordField field in fields)
        {
            field.WriteTo(json, record);
        }
        json.WriteEndObject();
    }

    protected override void Dispose(bool disposing)
    {
        _json.Dispose();
        base.Dispose(disposing);
    }

    protected override void Add(RetentionRecord record)
    {
        if (_isArray)
        {
            AddText(Count == 0 ? "[\n" : ",\n");
        }
        WriteObject(_json, record, _fields, _type);
        _json.Flush();
        _json.Reset();
        if (!_isArray)
        {
            AddText("\n");
        }
    }

    protected override void AddEnd()
    {
        if (_isArray)
        {
            AddText(Count == 0 ? "[]\n" : "\n]\n");
        }
    }
}

/// <summary>CSV by RFC 4180: a header, CRLF, quotes where they are needed.</summary>
/// <remarks>
/// A spreadsheet takes a cell that begins with one of <c>= + - @</c>, TAB or CR for a formula, and
/// senders choose their addresses. Such cells therefore get an apostrophe in front, unless raw
/// cells were asked for; only fields whose text comes from outside are concerned.
/// </remarks>
internal sealed class CsvRecordWriter(
    Stream output, IReadOnlyList<RecordField> fields, bool isRaw) : RecordWriter(output)
{
    private static readonly SearchValues<char> s_quoted = SearchValues.Create(",\"\r\n");
    private bool _hasHeader;

    protected override void Add(RetentionRecord record)
    {
        AddHeader();
        for (int i = 0; i < fields.Count; i++)
        {
            AddCell(i, fields[i].Text(record) ?? "", fields[i].IsFree && !isRaw);
        }
        AddText("\r\n");
    }

    protected override void AddEnd() => AddHeader();

    private void AddHeader()
    {
        if (_hasHeader)
        {
            return;
        }
        _hasHeader = true;
        for (int i = 0; i < fields.Count; i++)
        {
            AddCell(i, fields[i].Name, isGuarded: false);
        }
        AddText("\r\n");
    }

    private void AddCell(int index, string text, bool isGuarded)
    {
        if (index > 0)
        {
            AddText(",");
        }
        bool isFormula = isGuarded && text.Length > 0
            && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r';
        string guard = isFormula ? "'" : "";
        if (text.AsSpan().ContainsAny(s_quoted))
        {
            AddText($"\"{guard}{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
        }
        else
        {
            AddText(guard);
            AddText(text);
        }
    }
}

/// <summary>How JSON is written everywhere.</summary>
internal static class JsonLine
{
    /// <summary>Version of all that <c>--json</c> writes; grows when a member changes its meaning.</summary>
    public const int Schema = 1;

    // Addresses hold characters that only HTML must escape.
    public static JsonWriterOptions Options { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>Makes one line: an object with <c>schema</c> and <c>type</c> first.</summary>
    public static byte[] Make(string type, Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("schema", Schema);
            json.WriteString("type", type);
            members(json);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }
}
