namespace RetentionEngine;

/// <summary>The plain lines of one part of the spool, up to a length.</summary>
internal sealed class SpoolStream(SpoolPart part, long length) : Stream
{
    private byte[] _entry = [];
    private long _start;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => _position = value;
    }

    public override int Read(Span<byte> buffer)
    {
        if (_position >= length || buffer.IsEmpty)
        {
            return 0;
        }
        if (_position < _start || _position >= _start + _entry.Length)
        {
            _entry = part.Read(_position, out _start);
        }
        int inside = (int)(_position - _start);
        int count = (int)Math.Min(
            Math.Min(buffer.Length, _entry.Length - inside), length - _position);
        _entry.AsSpan(inside, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        _position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => length + offset,
        };
        return _position;
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();
}
