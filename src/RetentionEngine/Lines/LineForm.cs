namespace RetentionEngine.Lines;

/// <summary>One way of wrapping log lines.</summary>
internal abstract class LineForm
{
    /// <summary>Turns the first line of the input, or what else belongs together, into plain lines.</summary>
    /// <param name="input">What is known of the source from here on.</param>
    /// <param name="isAtEnd">Whether that is all there is.</param>
    /// <param name="output">Receives the plain lines.</param>
    /// <returns>Bytes used; 0 when more must be known first.</returns>
    public abstract int Take(ReadOnlySpan<byte> input, bool isAtEnd, FormOutput output);
}

/// <summary>A form that wraps each line for itself.</summary>
internal abstract class SingleLineForm : LineForm
{
    private bool _isSkipping;

    public override int Take(ReadOnlySpan<byte> input, bool isAtEnd, FormOutput output)
    {
        int end = input.IndexOf((byte)'\n');
        if (_isSkipping)
        {
            _isSkipping = end < 0;
            return end < 0 ? input.Length : end + 1;
        }
        if (end < 0 && !isAtEnd)
        {
            if (input.Length <= 2 * BlockReader.LineMaxBytes)
            {
                return 0;
            }

            // Too long: so many bytes are passed on that the reader counts it as such.
            output.Add(input[..(BlockReader.LineMaxBytes + 1)]);
            output.Add((byte)'\n');
            _isSkipping = true;
            return input.Length;
        }
        ReadOnlySpan<byte> line = end < 0 ? input : input[..end];
        if (line.EndsWith("\r"u8))
        {
            line = line[..^1];
        }
        if (!line.IsEmpty)
        {
            Convert(line, output);
        }
        if (end >= 0)
        {
            output.Add((byte)'\n');
        }
        return end < 0 ? input.Length : end + 1;
    }

    /// <summary>Writes the plain line, without LF; nothing when the line has none.</summary>
    protected abstract void Convert(ReadOnlySpan<byte> line, FormOutput output);

    /// <summary>A line that a container wrote: with its own stamp, or with that of the engine.</summary>
    protected static void AddContained(
        ReadOnlySpan<byte> time, ReadOnlySpan<byte> text, FormOutput output)
    {
        bool hasStamp = text.Length > 16
            && (text[0] is (byte)'<' || (text[0] is >= (byte)'A' and <= (byte)'Z' && text[3] == ' ')
                || (text[0] is >= (byte)'0' and <= (byte)'9' && text[4] == '-'));
        if (!hasStamp && !time.IsEmpty)
        {
            output.AddText(time);
            output.Add(" - "u8);
        }
        output.AddText(text);
    }
}

/// <summary>Finds the form of a source.</summary>
internal static class LineForms
{
    /// <summary>Whether the line that tells the form is there as a whole.</summary>
    public static bool HasDecidingLine(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> line = DecidingLine(head);
        return !line.IsEmpty && line.Length < head.Length && head[^1] == '\n';
    }

    /// <summary>The form; null when lines are plain.</summary>
    public static LineForm? Detect(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> line = DecidingLine(head);
        if (line.StartsWith("{\"log\":"u8))
        {
            return new DockerJsonForm();
        }
        if (line.StartsWith("{"u8))
        {
            return new JournalJsonForm();
        }
        if (line.StartsWith("__CURSOR="u8) || line.StartsWith("__REALTIME_TIMESTAMP="u8))
        {
            return new JournalExportForm();
        }
        if (ContainerRuntimeForm.TrySplit(line, out _, out _, out _))
        {
            return new ContainerRuntimeForm();
        }
        if (ComposeForm.Skip(line) > 0)
        {
            return new ComposeForm();
        }
        return line.StartsWith("\""u8) || line.EndsWith(",,"u8) ? new SpreadsheetForm() : null;
    }

    /// <summary>The first line that is neither empty nor a remark of a tool.</summary>
    private static ReadOnlySpan<byte> DecidingLine(ReadOnlySpan<byte> head)
    {
        while (!head.IsEmpty)
        {
            int end = head.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? head : head[..end];
            line = line.EndsWith("\r"u8) ? line[..^1] : line;
            if (!line.IsEmpty && !line.StartsWith("-- "u8) && !line.StartsWith("Attaching to "u8))
            {
                return line;
            }
            head = end < 0 ? default : head[(end + 1)..];
        }
        return default;
    }
}
