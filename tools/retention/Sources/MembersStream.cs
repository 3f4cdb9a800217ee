using System.IO.Compression;
using SharpCompress.Compressors.BZip2;

namespace RetentionEngine.Tool.Sources;

/// <summary>Unpacks concatenated members and notices when the last one is cut off.</summary>
/// <remarks>
/// <see cref="GZipStream"/> checks the CRC of every member and follows concatenated ones, but takes
/// a file that ends in the middle for a complete one, and ignores what follows the last member.
/// SharpCompress makes bytes up when a bzip2 block is cut off. So one more member with known content
/// is put behind the file: only if that content comes out, in full and alone, had the file ended
/// where a member ends. All that comes out before the added member is asked for is made of the
/// file's own bytes; the rest is held back and compared.
/// </remarks>
internal sealed class MembersStream : Stream
{
    private readonly SentinelStream _packed;
    private readonly Stream _unpacked;
    private bool _isEnded;

    private MembersStream(SentinelStream packed, Stream unpacked)
    {
        _packed = packed;
        _unpacked = unpacked;
    }

    private static ReadOnlySpan<byte> SentinelContent => "\0end of the file, no member cut off\n\0"u8;

    // SentinelContent, packed with bzip2 -9.
    private static ReadOnlySpan<byte> SentinelBzip2 =>
    [
        0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xc1, 0x53,
        0x79, 0x98, 0x00, 0x00, 0x00, 0xd1, 0x80, 0x40, 0x10, 0x40, 0x04, 0x1f,
        0x67, 0x96, 0x00, 0x20, 0x00, 0x22, 0x9e, 0xa3, 0x43, 0x4c, 0x46, 0xd4,
        0x14, 0xd3, 0x23, 0x13, 0x13, 0x10, 0x05, 0x9d, 0xce, 0x98, 0xe7, 0x12,
        0xc7, 0xa5, 0x23, 0xab, 0x14, 0x56, 0xb9, 0x74, 0x01, 0xc5, 0x2d, 0xeb,
        0x7b, 0xe2, 0xee, 0x48, 0xa7, 0x0a, 0x12, 0x18, 0x2a, 0x6f, 0x33, 0x00,
    ];

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Unpacks gzip.</summary>
    public static MembersStream OfGzip(Stream packed)
    {
        using var member = new MemoryStream();
        using (var gzip = new GZipStream(member, CompressionLevel.NoCompression))
        {
            gzip.Write(SentinelContent);
        }
        var sentinel = new SentinelStream(packed, member.ToArray());
        return new MembersStream(sentinel, new GZipStream(sentinel, CompressionMode.Decompress));
    }

    /// <summary>Unpacks bzip2.</summary>
    public static MembersStream OfBzip2(Stream packed)
    {
        var sentinel = new SentinelStream(packed, SentinelBzip2.ToArray());
        return new MembersStream(sentinel, BZip2Stream.Create(
            sentinel,
            SharpCompress.Compressors.CompressionMode.Decompress,
            decompressConcatenated: true,
            leaveOpen: false,
            tolerateTruncatedStream: false));
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_isEnded || buffer.IsEmpty)
        {
            return 0;
        }
        int count = _unpacked.Read(buffer);
        if (count > 0 && !_packed.IsSentinelRead)
        {
            return count;
        }
        _isEnded = true;
        return CheckEnd(buffer, count);
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
            _unpacked.Dispose();
        }
        base.Dispose(disposing);
    }

    // One read may return the file's last bytes and the sentinel's together, so what is left is
    // gathered, and the sentinel taken off its end.
    private int CheckEnd(Span<byte> buffer, int count)
    {
        ReadOnlySpan<byte> expected = SentinelContent;
        byte[] tail = new byte[count + (2 * expected.Length)];
        buffer[..count].CopyTo(tail);
        int length = count;
        while (length < tail.Length)
        {
            int more = _unpacked.Read(tail.AsSpan(length));
            if (more == 0)
            {
                break;
            }
            length += more;
        }
        if (!tail.AsSpan(0, length).EndsWith(expected))
        {
            throw new InvalidDataException();
        }
        int rest = length - expected.Length;
        if (rest > buffer.Length)
        {
            throw new InvalidDataException();
        }
        tail.AsSpan(0, rest).CopyTo(buffer);
        return rest;
    }

    /// <summary>A file's bytes with a member of known content behind them.</summary>
    private sealed class SentinelStream(Stream inner, byte[] member) : Stream
    {
        private int _sentinelOffset;

        public bool IsSentinelRead { get; private set; }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (!IsSentinelRead)
            {
                int count = inner.Read(buffer);
                if (count > 0)
                {
                    return count;
                }
                IsSentinelRead = true;
            }
            int length = Math.Min(buffer.Length, member.Length - _sentinelOffset);
            member.AsSpan(_sentinelOffset, length).CopyTo(buffer);
            _sentinelOffset += length;
            return length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
