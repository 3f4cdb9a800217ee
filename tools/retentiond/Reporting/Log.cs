using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using RetentionEngine.Daemon.Configuration;

namespace RetentionEngine.Daemon.Reporting;

/// <summary>
/// The daemon's own log: one line an event, key=value or JSON. A value is a number, a name of the
/// configuration, a path or a code of ours; never anything out of a log line, nor who sent it.
/// </summary>
/// <param name="target">Standard error, in the daemon.</param>
/// <param name="hasPriority">
/// Whether lines begin with sd-daemon's priority: where the journal reads them.
/// </param>
internal sealed class Log(TextWriter target, bool hasPriority)
{
    private static readonly JsonWriterOptions s_jsonOptions =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _lock = new();

    public LogLevel Level { get; set; } = LogLevel.Info;

    public bool IsJson { get; set; }

    public void Error(string message, params ReadOnlySpan<(string Key, object? Value)> values) =>
        Write(LogLevel.Error, message, values);

    public void Warning(string message, params ReadOnlySpan<(string Key, object? Value)> values) =>
        Write(LogLevel.Warning, message, values);

    public void Info(string message, params ReadOnlySpan<(string Key, object? Value)> values) =>
        Write(LogLevel.Info, message, values);

    public void Debug(string message, params ReadOnlySpan<(string Key, object? Value)> values) =>
        Write(LogLevel.Debug, message, values);

    private void Write(
        LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> values)
    {
        if (level > Level)
        {
            return;
        }
        string line = IsJson ? Json(level, message, values) : Text(level, message, values);
        lock (_lock)
        {
            target.Write($"{Priority(level)}{line}\n");
            target.Flush();
        }
    }

    private string Priority(LogLevel level) => !hasPriority ? "" : level switch
    {
        LogLevel.Error => "<3>",
        LogLevel.Warning => "<4>",
        LogLevel.Info => "<6>",
        _ => "<7>",
    };

    private static string Text(
        LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> values)
    {
        var text = new StringBuilder();
        text.Append("level=").Append(NameOf(level)).Append(" msg=").Append(Quoted(message));
        foreach ((string key, object? value) in values)
        {
            string plain = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            text.Append(' ').Append(key).Append('=').Append(Quoted(plain));
        }
        return text.ToString();
    }

    private static string Quoted(string value) =>
        value.Length > 0 && !value.AsSpan().ContainsAny(" =\"\\") && !value.Any(char.IsControl)
            ? value
            : $"\"{JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static string Json(
        LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> values)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, s_jsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("level", NameOf(level));
            json.WriteString("msg", message);
            foreach ((string key, object? value) in values)
            {
                if (value is int or long)
                {
                    json.WriteNumber(key, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                }
                else
                {
                    json.WriteString(key, Convert.ToString(value, CultureInfo.InvariantCulture));
                }
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Error => "error",
        LogLevel.Warning => "warning",
        LogLevel.Info => "info",
        _ => "debug",
    };
}
