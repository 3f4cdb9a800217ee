using System.Text.Json;

namespace RetentionEngine.Lines;

/// <summary>Joins the pieces into which container engines cut long lines.</summary>
internal sealed class PartialLine
{
    private readonly byte[] _bytes = new byte[BlockReader.LineMaxBytes + 1];
    private int _length;

    public bool IsEmpty => _length == 0;

    public ReadOnlySpan<byte> Text => _bytes.AsSpan(0, _length);

    public void Add(ReadOnlySpan<byte> text)
    {
        // What is beyond makes the line too long, and the reader counts it so.
        int room = Math.Min(text.Length, _bytes.Length - _length);
        text[..room].CopyTo(_bytes.AsSpan(_length));
        _length += room;
    }

    public void Clear() => _length = 0;
}

/// <summary>Docker's json-file: <c>{"log":"…\n","stream":"stdout","time":"…Z"}</c>.</summary>
/// <remarks>A log without LF at its end goes on in the next object of the stream.</remarks>
internal sealed class DockerJsonForm : SingleLineForm
{
    private readonly PartialLine _standardOutput = new();
    private readonly PartialLine _standardError = new();
    private readonly byte[] _text = new byte[2 * BlockReader.LineMaxBytes];
    private readonly byte[] _time = new byte[64];

    protected override void Convert(ReadOnlySpan<byte> line, FormOutput output)
    {
        int text = 0;
        int time = 0;
        bool isError = false;
        try
        {
            var reader = new Utf8JsonReader(line);
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
                {
                    continue;
                }
                bool isLog = reader.ValueTextEquals("log"u8);
                bool isTime = reader.ValueTextEquals("time"u8);
                bool isStream = reader.ValueTextEquals("stream"u8);
                if (!reader.Read() || reader.TokenType != JsonTokenType.String)
                {
                    continue;
                }
                if (isLog)
                {
                    text = reader.CopyString(_text);
                }
                else if (isTime && reader.ValueSpan.Length <= _time.Length)
                {
                    time = reader.CopyString(_time);
                }
                isError |= isStream && reader.ValueTextEquals("stderr"u8);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            output.AddText(line);
            return;
        }
        Write(_text.AsSpan(0, text), _time.AsSpan(0, time), isError, output);
    }

    private void Write(
        ReadOnlySpan<byte> text, ReadOnlySpan<byte> time, bool isError, FormOutput output)
    {
        PartialLine partial = isError ? _standardError : _standardOutput;
        partial.Add(text.TrimEnd("\r\n"u8));
        if (text.EndsWith("\n"u8))
        {
            AddContained(time, partial.Text, output);
            partial.Clear();
        }
    }
}

/// <summary>Kubernetes (CRI): <c>TIME stdout|stderr P|F TEXT</c>; P is a piece of a line.</summary>
internal sealed class ContainerRuntimeForm : SingleLineForm
{
    private readonly PartialLine _standardOutput = new();
    private readonly PartialLine _standardError = new();

    /// <summary>Splits a line.</summary>
    /// <param name="line">A line.</param>
    /// <param name="timeLength">Length of the stamp.</param>
    /// <param name="isError">Whether it came by stderr.</param>
    /// <param name="text">Offset of the text; the byte two in front of it is P or F.</param>
    public static bool TrySplit(
        ReadOnlySpan<byte> line, out int timeLength, out bool isError, out int text)
    {
        timeLength = line.IndexOf((byte)' ');
        isError = false;
        text = timeLength + 10;
        if (timeLength < 20 || line.Length < text || line[10] != 'T')
        {
            return false;
        }
        ReadOnlySpan<byte> rest = line[timeLength..];
        isError = rest.StartsWith(" stderr "u8);
        return (isError || rest.StartsWith(" stdout "u8)) && rest[8] is (byte)'P' or (byte)'F'
            && rest[9] is (byte)' ' or (byte)':';
    }

    protected override void Convert(ReadOnlySpan<byte> line, FormOutput output)
    {
        if (!TrySplit(line, out int timeLength, out bool isError, out int text))
        {
            output.AddText(line);
            return;
        }
        PartialLine partial = isError ? _standardError : _standardOutput;
        partial.Add(line[text..]);
        if (line[timeLength + 8] == 'F')
        {
            AddContained(line[..timeLength], partial.Text, output);
            partial.Clear();
        }
    }
}

/// <summary>docker compose: <c>postfix_1  | LINE</c>.</summary>
internal sealed class ComposeForm : SingleLineForm
{
    /// <summary>Length of the container's name with what stands between it and the line, or 0.</summary>
    public static int Skip(ReadOnlySpan<byte> line)
    {
        int at = 0;
        while (at < line.Length && (char.IsAsciiLetterOrDigit((char)line[at])
            || line[at] is (byte)'_' or (byte)'-' or (byte)'.'))
        {
            at++;
        }
        int bar = at;
        while (bar < line.Length && line[bar] == ' ')
        {
            bar++;
        }
        return at > 0 && bar > at && line[bar..].StartsWith("| "u8) ? bar + 2 : 0;
    }

    protected override void Convert(ReadOnlySpan<byte> line, FormOutput output) =>
        output.AddText(line[Skip(line)..]);
}

/// <summary>What a spreadsheet leaves: the line in quotes, doubled quotes, commas behind it.</summary>
internal sealed class SpreadsheetForm : SingleLineForm
{
    protected override void Convert(ReadOnlySpan<byte> line, FormOutput output)
    {
        if (line[0] != '"')
        {
            output.AddText(line.TrimEnd((byte)','));
            return;
        }
        for (int at = 1; at < line.Length; at++)
        {
            if (line[at] == '"')
            {
                at++;
                if (at == line.Length || line[at] != '"')
                {
                    return;
                }
            }
            output.AddText(line.Slice(at, 1));
        }
    }
}
