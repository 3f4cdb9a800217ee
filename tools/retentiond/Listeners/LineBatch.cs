using System.Buffers;

namespace RetentionEngine.Daemon.Listeners;

internal enum AddResult
{
    Added,

    /// <summary>Nothing but line ends and zeros: there is no line in it.</summary>
    Empty,

    /// <summary>No room; a batch with nothing in it would have some.</summary>
    Full,

    /// <summary>No batch can hold it.</summary>
    TooLong,
}

/// <summary>Whole lines that are handed on together; has a buffer only with some.</summary>
internal sealed class LineBatch : IDisposable
{
    /// <summary>Bytes that a batch has at most.</summary>
    public const int BytesMax = 128 << 10;

    private byte[]? _buffer;
    private int _length;

    /// <summary>Lines in it.</summary>
    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _length);

    /// <summary>
    /// Adds a frame as one line: what ends it is cut off, and a control character within it that
    /// would look like a line end is written as a number sign and three octal digits.
    /// </summary>
    public AddResult TryAdd(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> line = frame.TrimEnd("\n\r\0"u8);
        if (line.IsEmpty)
        {
            return AddResult.Empty;
        }
        int bad = line.IndexOfAny((byte)'\n', (byte)'\r', (byte)'\0');
        int length = line.Length + 1;
        if (bad >= 0)
        {
            length += 3 * (line.Count((byte)'\n') + line.Count((byte)'\r')
                + line.Count((byte)'\0'));
        }
        if (length > BytesMax - _length)
        {
            return length > BytesMax ? AddResult.TooLong : AddResult.Full;
        }
        _buffer ??= ArrayPool<byte>.Shared.Rent(BytesMax);
        Span<byte> target = _buffer.AsSpan(_length, length);
        while (bad >= 0)
        {
            line[..bad].CopyTo(target);
            int code = line[bad];
            target[bad] = (byte)'#';
            target[bad + 1] = (byte)'0';
            target[bad + 2] = (byte)('0' + (code >> 3));
            target[bad + 3] = (byte)('0' + (code & 7));
            target = target[(bad + 4)..];
            line = line[(bad + 1)..];
            bad = line.IndexOfAny((byte)'\n', (byte)'\r', (byte)'\0');
        }
        line.CopyTo(target);
        target[line.Length] = (byte)'\n';
        _length += length;
        Count++;
        return AddResult.Added;
    }

    /// <summary>Empties it and gives its buffer back.</summary>
    public void Clear()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
        _length = 0;
        Count = 0;
    }

    public void Dispose() => Clear();
}
