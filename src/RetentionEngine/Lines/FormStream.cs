using System.Buffers;

namespace RetentionEngine.Lines;

/// <summary>Turns what wraps log lines (journald, containers, spreadsheets) into plain lines.</summary>
/// <remarks>
/// The form is told by the first line of the source. A plain log is passed through, read by read.
/// Of any other form every line of the source gives one line, empty where it has nothing to say, so
/// that line numbers stay; positions in bytes are those of the plain lines. What is read depends
/// only on the bytes before it, so a source that grew goes on where it was left.
/// </remarks>
internal sealed class FormStream(Stream inner) : ForwardStream
{
    private const int BufferBytes = 256 * 1024;
    private const int DetectBytesMax = 4096;

    private byte[] _input = new byte[2 * DetectBytesMax];
    private readonly FormOutput _output = new();
    private LineForm? _form;
    private int _start;
    private int _end;
    private bool _isDetected;
    private bool _isAtEnd;

    public override int Read(Span<byte> buffer)
    {
        if (!_isDetected)
        {
            Detect();
        }
        if (_form is null)
        {
            return ReadPlain(buffer);
        }
        while (_output.Length < buffer.Length && !(_isAtEnd && _start == _end))
        {
            int used = _form.Take(_input.AsSpan(_start, _end - _start), _isAtEnd, _output);
            _start += used;
            if (used == 0 && !_output.IsEmpty)
            {
                // What there is goes on before more is waited for.
                break;
            }
            if (used == 0)
            {
                WaitForMore();
            }
        }
        return _output.MoveTo(buffer);
    }

    /// <summary>Goes to a position at once, where the source is plain and can be read anywhere.</summary>
    /// <param name="position">Bytes from the beginning.</param>
    /// <param name="lengthMin">A source that is shorter than this is left where it is.</param>
    public bool TrySeek(long position, long lengthMin)
    {
        if (!_isDetected)
        {
            Detect();
        }
        if (_form is not null || !inner.CanSeek || inner.Length < lengthMin)
        {
            return false;
        }
        inner.Position = position;
        _start = _end = 0;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Detect()
    {
        _isDetected = true;
        while (!_isAtEnd && _end < DetectBytesMax
            && !LineForms.HasDecidingLine(_input.AsSpan(0, _end)))
        {
            Fill();
        }
        _form = LineForms.Detect(_input.AsSpan(0, _end));
        if (_form is not null)
        {
            Array.Resize(ref _input, BufferBytes);
        }
    }

    private int ReadPlain(Span<byte> buffer)
    {
        if (_start == _end)
        {
            return inner.Read(buffer);
        }
        int count = Math.Min(buffer.Length, _end - _start);
        _input.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    private void WaitForMore()
    {
        if (_isAtEnd)
        {
            // An entry that is not whole yet: the next import reads it.
            _start = _end;
            return;
        }
        Fill();
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _input.AsSpan(_start, _end - _start).CopyTo(_input);
            _end -= _start;
            _start = 0;
        }
        int read = inner.Read(_input.AsSpan(_end));
        _isAtEnd = read == 0;
        _end += read;
    }
}

/// <summary>Plain lines that wait to be read.</summary>
internal sealed class FormOutput
{
    private static readonly SearchValues<byte> s_control = SearchValues.Create(
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
        26, 27, 28, 29, 30, 31, 127,
    ]);

    private byte[] _bytes = new byte[4 * 1024];
    private int _start;
    private int _end;

    public bool IsEmpty => _start == _end;

    public int Length => _end - _start;

    public void Add(byte value)
    {
        Room(1);
        _bytes[_end++] = value;
    }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Room(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
    }

    /// <summary>Adds text that a stranger may have written: it can't end the line.</summary>
    public void AddText(ReadOnlySpan<byte> text)
    {
        Room(text.Length);
        Span<byte> added = _bytes.AsSpan(_end, text.Length);
        text.CopyTo(added);
        _end += text.Length;
        for (int at = added.IndexOfAny(s_control); at >= 0; at = added.IndexOfAny(s_control))
        {
            added[at] = (byte)'?';
            added = added[(at + 1)..];
        }
    }

    /// <summary>Adds a name that must be one word: of a host or a program.</summary>
    public void AddName(ReadOnlySpan<byte> name, bool isTag)
    {
        Room(name.Length + 1);
        foreach (byte b in name)
        {
            bool ends = b is <= 32 or 127 || (isTag && b is (byte)'[' or (byte)']' or (byte)':');
            _bytes[_end++] = ends ? (byte)'_' : b;
        }
        if (name.IsEmpty)
        {
            _bytes[_end++] = (byte)'-';
        }
    }

    public int MoveTo(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _end - _start);
        _bytes.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        if (_start == _end)
        {
            _start = _end = 0;
        }
        return count;
    }

    private void Room(int more)
    {
        if (_end + more > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _end + more));
        }
    }
}
