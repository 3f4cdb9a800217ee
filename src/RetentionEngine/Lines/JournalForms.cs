using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text.Json;

namespace RetentionEngine.Lines;

/// <summary>An entry of the journal, as far as a line needs it.</summary>
internal sealed class JournalEntry
{
    private const long MicrosMax = 253_402_300_799_999_999;

    private readonly byte[][] _values = new byte[Keys][];
    private readonly int[] _lengths = new int[Keys];

    private const int Time = 0;
    private const int Host = 1;
    private const int Identifier = 2;
    private const int SyslogPid = 3;
    private const int Pid = 4;
    private const int Command = 5;

    /// <summary>Index of MESSAGE.</summary>
    public const int Message = 6;

    private const int Keys = 7;

    public JournalEntry()
    {
        for (int i = 0; i < Keys; i++)
        {
            _values[i] = new byte[i == Message ? 2 * BlockReader.LineMaxBytes : 1024];
        }
        Clear();
    }

    public void Clear() => _lengths.AsSpan().Fill(-1);

    /// <summary>Index of a field's name; -1 when no line needs it.</summary>
    public static int Find(ReadOnlySpan<byte> key)
    {
        // No two have the same length.
        int field = key.Length switch
        {
            20 => Time,
            9 => Host,
            17 => Identifier,
            10 => SyslogPid,
            4 => Pid,
            5 => Command,
            7 => Message,
            _ => -1,
        };
        return field >= 0 && key.SequenceEqual(NameOf(field)) ? field : -1;
    }

    private static ReadOnlySpan<byte> NameOf(int field) => field switch
    {
        Time => "__REALTIME_TIMESTAMP"u8,
        Host => "_HOSTNAME"u8,
        Identifier => "SYSLOG_IDENTIFIER"u8,
        SyslogPid => "SYSLOG_PID"u8,
        Pid => "_PID"u8,
        Command => "_COMM"u8,
        _ => "MESSAGE"u8,
    };

    /// <summary>Whether the field was met before: of several values the first counts.</summary>
    public bool Has(int index) => _lengths[index] >= 0;

    public Span<byte> Room(int index) => _values[index];

    public void Set(int index, int length) => _lengths[index] = length;

    public void Set(int index, ReadOnlySpan<byte> value)
    {
        if (!Has(index))
        {
            value = value[..Math.Min(value.Length, _values[index].Length)];
            value.CopyTo(_values[index]);
            _lengths[index] = value.Length;
        }
    }

    /// <summary>Writes <c>STAMP HOST TAG[PID]: MESSAGE</c>; false when the entry has no such line.</summary>
    public bool TryWrite(FormOutput output)
    {
        ReadOnlySpan<byte> time = Value(Time);
        if (!Utf8Parser.TryParse(time, out long micros, out int used) || used != time.Length
            || micros is < 0 or > MicrosMax || !Has(Message))
        {
            return false;
        }
        Span<byte> stamp = stackalloc byte[28];
        DateTime instant = DateTime.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);
        Utf8Formatter.TryFormat(instant, stamp, out int length, 'O');

        // Six digits are what syslog writes; the seventh is always 0.
        output.Add(stamp[..(length - 2)]);
        output.Add("Z "u8);
        output.AddName(Value(Host), isTag: false);
        output.Add((byte)' ');
        output.AddName(Value(Has(Identifier) ? Identifier : Command), isTag: true);
        ReadOnlySpan<byte> pid = Value(Has(SyslogPid) ? SyslogPid : Pid);
        if (!pid.IsEmpty)
        {
            output.Add((byte)'[');
            output.AddName(pid, isTag: true);
            output.Add((byte)']');
        }
        output.Add(": "u8);
        output.AddText(Value(Message));
        return true;
    }

    private ReadOnlySpan<byte> Value(int index) =>
        _values[index].AsSpan(0, Math.Max(_lengths[index], 0));
}

/// <summary><c>journalctl -o json</c>: one object a line.</summary>
/// <remarks>
/// A value that is not UTF-8 is an array of its bytes; a field that occurs several times is an
/// array of its values, of which the first counts.
/// </remarks>
internal sealed class JournalJsonForm : SingleLineForm
{
    private readonly JournalEntry _entry = new();

    protected override void Convert(ReadOnlySpan<byte> line, FormOutput output)
    {
        _entry.Clear();
        try
        {
            var reader = new Utf8JsonReader(line);
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1)
                {
                    int field = reader.HasValueSequence || reader.ValueIsEscaped
                        ? -1 : JournalEntry.Find(reader.ValueSpan);
                    reader.Read();
                    ReadValue(ref reader, field);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            output.AddText(line);
            return;
        }
        if (!_entry.TryWrite(output))
        {
            output.AddText(line);
        }
    }

    private void ReadValue(ref Utf8JsonReader reader, int field)
    {
        if (field < 0 || _entry.Has(field))
        {
            reader.Skip();
            return;
        }
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            ReadArray(ref reader, field);
        }
        else
        {
            ReadScalar(ref reader, field);
        }
    }

    private void ReadScalar(ref Utf8JsonReader reader, int field)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            _entry.Set(field, reader.CopyString(_entry.Room(field)));
        }
        else if (reader.TokenType == JsonTokenType.Number)
        {
            _entry.Set(field, reader.ValueSpan);
        }
        else
        {
            reader.Skip();
        }
    }

    private void ReadArray(ref Utf8JsonReader reader, int field)
    {
        int depth = reader.CurrentDepth;
        Span<byte> room = _entry.Room(field);
        int length = 0;
        bool isBytes = false;
        while (reader.Read() && !(reader.TokenType == JsonTokenType.EndArray
            && reader.CurrentDepth == depth))
        {
            if (_entry.Has(field))
            {
                reader.Skip();
            }
            else if (reader.TokenType == JsonTokenType.Number && reader.TryGetByte(out byte value))
            {
                isBytes = true;
                if (length < room.Length)
                {
                    room[length++] = value;
                }
            }
            else
            {
                ReadValue(ref reader, field);
            }
        }
        if (isBytes && !_entry.Has(field))
        {
            _entry.Set(field, length);
        }
    }
}

/// <summary><c>journalctl -o export</c>: lines of <c>KEY=value</c>, an empty line behind each entry.</summary>
/// <remarks>
/// A value with LF or bytes that are no text: the key alone on a line, eight bytes of length, little
/// endian, the value, LF. A value that is too long to be wanted is passed over.
/// </remarks>
internal sealed class JournalExportForm : LineForm
{
    private const int LengthBytes = 8;

    private readonly JournalEntry _entry = new();
    private ulong _toSkip;
    private bool _isSkippingLine;

    public override int Take(ReadOnlySpan<byte> input, bool isAtEnd, FormOutput output)
    {
        if (_toSkip > 0)
        {
            int skipped = (int)Math.Min(_toSkip, (ulong)input.Length);
            KeepNumbers(input[..skipped], output);
            _toSkip -= (ulong)skipped;
            return skipped;
        }
        int end = input.IndexOf((byte)'\n');
        if (end < 0)
        {
            // A value that is too long for a line: its end is looked for.
            bool isTooLong = _isSkippingLine || input.Length > 2 * BlockReader.LineMaxBytes;
            _isSkippingLine = isTooLong;
            return isTooLong ? input.Length : 0;
        }
        if (_isSkippingLine)
        {
            _isSkippingLine = false;
            output.Add((byte)'\n');
            return end + 1;
        }
        ReadOnlySpan<byte> line = input[..end];
        if (line.IsEmpty)
        {
            _entry.TryWrite(output);
            _entry.Clear();
            output.Add((byte)'\n');
            return 1;
        }
        int equals = line.IndexOf((byte)'=');
        if (equals < 0)
        {
            return TakeBinary(input, end, output);
        }
        int field = JournalEntry.Find(line[..equals]);
        if (field >= 0)
        {
            _entry.Set(field, line[(equals + 1)..]);
        }
        output.Add((byte)'\n');
        return end + 1;
    }

    private int TakeBinary(ReadOnlySpan<byte> input, int end, FormOutput output)
    {
        int start = end + 1 + LengthBytes;
        if (input.Length < start)
        {
            return 0;
        }
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(input[(end + 1)..]);
        int field = JournalEntry.Find(input[..end]);
        if (length > 2 * BlockReader.LineMaxBytes || field < 0)
        {
            KeepNumbers(input[..start], output);
            _toSkip = length + 1;
            return start;
        }
        int behind = start + (int)length;
        if (input.Length <= behind)
        {
            return 0;
        }
        _entry.Set(field, input[start..behind]);
        KeepNumbers(input[..(behind + 1)], output);
        return behind + 1;
    }

    /// <summary>Every LF of the source gives one.</summary>
    private static void KeepNumbers(ReadOnlySpan<byte> input, FormOutput output)
    {
        for (int count = input.Count((byte)'\n'); count > 0; count--)
        {
            output.Add((byte)'\n');
        }
    }
}
