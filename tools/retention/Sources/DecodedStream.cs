namespace RetentionEngine.Tool.Sources;

/// <summary>Turns a decoder's exceptions into one of ours, behind the last good byte.</summary>
/// <remarks>
/// Decoders throw away what they had unpacked in the call that meets the damage. So the packed
/// bytes are read a second time, one unpacked byte a call near the place: that costs time only for
/// damaged files, and every byte before the damage is delivered.
/// </remarks>
internal sealed class DecodedStream : Stream
{
    // What one call can lose where nothing can be read a second time.
    private const int ReadBytesMaxOfPipe = 4096;

    private readonly Func<Stream> _open;
    private readonly string _name;
    private readonly bool _isReopenable;
    private Stream? _decoder;
    private long _deliveredBytes;
    private byte[]? _salvaged;
    private int _salvagedOffset;
    private Exception? _damage;

    public DecodedStream(Func<Stream> open, string name, bool isReopenable)
    {
        _open = open;
        _name = name;
        _isReopenable = isReopenable;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _deliveredBytes;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_damage is null)
        {
            if (!_isReopenable && buffer.Length > ReadBytesMaxOfPipe)
            {
                buffer = buffer[..ReadBytesMaxOfPipe];
            }
            try
            {
                // Some decoders read a header, which may be damaged, when they are opened.
                _decoder ??= _open();
                int count = _decoder.Read(buffer);
                _deliveredBytes += count;
                return count;
            }
            catch (Exception e) when (IsDamage(e))
            {
                _damage = e;
                _salvaged = Salvage(buffer.Length);
            }
        }
        if (buffer.IsEmpty)
        {
            return 0;
        }
        int rest = Math.Min(buffer.Length, _salvaged!.Length - _salvagedOffset);
        if (rest == 0)
        {
            throw Damaged();
        }
        _salvaged.AsSpan(_salvagedOffset, rest).CopyTo(buffer);
        _salvagedOffset += rest;
        _deliveredBytes += rest;
        return rest;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decoder?.Dispose();
        }
        base.Dispose(disposing);
    }

    // Errors of the device are already ours when they come here; whatever else a decoder throws on
    // bytes from outside (index out of range included) means that these bytes are not as they were.
    private static bool IsDamage(Exception e) =>
        e is not (RetentionException or OutOfMemoryException or OperationCanceledException);

    private RetentionException Damaged() => PackedSource.Damaged(
        _name,
        _deliveredBytes,
        "is cut off, damaged, or has other bytes behind its packed end",
        _damage);

    private byte[] Salvage(int bytesMax)
    {
        if (!_isReopenable)
        {
            return [];
        }
        var salvaged = new MemoryStream();
        try
        {
            _decoder?.Dispose();
            _decoder = _open();
            Skip(_decoder, _deliveredBytes);
            Span<byte> one = stackalloc byte[1];
            while (salvaged.Length < bytesMax && _decoder.Read(one) == 1)
            {
                salvaged.WriteByte(one[0]);
            }
        }
        catch (Exception e) when (IsDamage(e))
        {
            // The same damage again: this is where it begins.
        }
        return salvaged.ToArray();
    }

    private static void Skip(Stream stream, long countBytes)
    {
        // Small reads again: the last of them must not reach the damage.
        Span<byte> buffer = stackalloc byte[4096];
        while (countBytes > 0)
        {
            int count = stream.Read(buffer[..(int)Math.Min(buffer.Length, countBytes)]);
            if (count == 0)
            {
                return;
            }
            countBytes -= count;
        }
    }
}
