namespace RetentionEngine.Tool.Sources;

/// <summary>Counts bytes as they come from the disk, for the progress bar.</summary>
internal sealed class SourceMeter
{
    private long _bytes;

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Add(long countBytes) => Interlocked.Add(ref _bytes, countBytes);
}

/// <summary>A file, read in order without a buffer of its own; its errors are ours.</summary>
internal sealed class RawFileStream : Stream
{
    private readonly FileStream _file;
    private readonly string _name;
    private readonly SourceMeter _meter;
    private long _meteredBytes;

    public RawFileStream(string path, SourceMeter meter)
    {
        _name = path;
        _meter = meter;
        try
        {
            _file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                Options = FileOptions.SequentialScan,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw SourceFinder.Unreadable(path, e);
        }
    }

    public override bool CanRead => true;
    public override bool CanSeek => _file.CanSeek;
    public override bool CanWrite => false;
    public override long Length => _file.Length;

    public override long Position
    {
        get => _file.Position;
        set => _file.Position = value;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        try
        {
            int count = _file.Read(buffer);
            Meter();
            return count;
        }
        catch (IOException e)
        {
            throw SourceFinder.Unreadable(_name, e);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => _file.Seek(offset, origin);

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }
        base.Dispose(disposing);
    }

    // What is skipped because it is known counts as done; what is read twice counts once. A pipe
    // that has a name (/dev/stdin, <(zcat log)) has no position: its PipeHead counts.
    private void Meter()
    {
        if (!_file.CanSeek)
        {
            return;
        }
        long position = _file.Position;
        if (position > _meteredBytes)
        {
            _meter.Add(position - _meteredBytes);
            _meteredBytes = position;
        }
    }
}

/// <summary>A pipe: it can be read once, but its head can be looked at before.</summary>
internal sealed class PipeHead(Stream pipe, string name, SourceMeter meter)
{
    // Enough to tell the packing and the time of the first lines, and small enough to keep.
    private const int HeadBytesMax = 1 << 20;

    private byte[] _head = new byte[64 << 10];
    private int _headBytes;
    private bool _isHeadPassed;

    /// <summary>Opens the pipe at its beginning, as long as only its head was read.</summary>
    /// <exception cref="RetentionException">More than the head was read before.</exception>
    public Stream Open()
    {
        if (_isHeadPassed)
        {
            throw new RetentionException(
                RetentionError.SourceUnreadable, $"'{name}' can be read only once.", name);
        }
        return new Reader(this);
    }

    private int Read(Span<byte> buffer, ref long position)
    {
        if (position < _headBytes)
        {
            int known = Math.Min(buffer.Length, _headBytes - (int)position);
            _head.AsSpan((int)position, known).CopyTo(buffer);
            position += known;
            return known;
        }
        int count;
        try
        {
            count = pipe.Read(buffer);
        }
        catch (IOException e)
        {
            throw SourceFinder.Unreadable(name, e);
        }
        meter.Add(count);
        if (!_isHeadPassed && _headBytes + count <= HeadBytesMax)
        {
            if (_headBytes + count > _head.Length)
            {
                Array.Resize(ref _head, HeadBytesMax);
            }
            buffer[..count].CopyTo(_head.AsSpan(_headBytes));
            _headBytes += count;
        }
        else
        {
            _isHeadPassed = true;
        }
        position += count;
        return count;
    }

    private sealed class Reader(PipeHead head) : Stream
    {
        private long _position;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            head.Read(buffer.AsSpan(offset, count), ref _position);

        public override int Read(Span<byte> buffer) => head.Read(buffer, ref _position);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();
    }
}
