using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;

namespace RetentionEngine.Lines;

/// <summary>What a reader reads into; one reader after the other may use it.</summary>
/// <param name="segmentBytes">Size of one read.</param>
internal sealed class BlockBuffers(int segmentBytes = BlockBuffers.SegmentBytesDefault)
{
    public const int SegmentBytesDefault = 512 * 1024;

    public SlackPool Segments { get; } =
        new(segmentBytes, BlockReader.BeforeBytesMax + BlockReader.LineMaxBytes + 1,
            BlockReader.PaddingBytes);

    public byte[] Carry { get; } = new byte[
        BlockReader.BeforeBytesMax + BlockReader.LineMaxBytes + BlockReader.PaddingBytes];
}

/// <summary>Reads a stream as blocks of whole lines, parsed in place.</summary>
/// <remarks>
/// A segment of the pipe is searched for its last LF; everything before it is a block. The partial
/// line behind it, and the last lines before it, are kept aside and copied into the hidden room in
/// front of the next segment: they are the only things that are ever copied. Invariant:
/// <c>_carry</c> holds lines that were handed out, then the bytes between the last byte handed out
/// and the first byte of the current segment, at most <see cref="LineMaxBytes"/>.
/// What the blocks hold together does not depend on how the stream cuts its reads, nor do the
/// lines that stand in front of a line within <see cref="BeforeBytesMax"/>.
/// </remarks>
internal sealed class BlockReader : IDisposable
{
    /// <summary>Bytes that may be read (not used) behind every block.</summary>
    public const int PaddingBytes = 64;

    /// <summary>
    /// A longer line is skipped and counted. Postfix cuts at 2,000 bytes, journald at 48 KiB;
    /// what is longer is not a log line.
    /// </summary>
    public const int LineMaxBytes = 64 * 1024;

    /// <summary>So many bytes of lines that were handed out stand in front of a block.</summary>
    public const int BeforeBytesMax = 16 * 1024;

    private readonly PipeReader _pipe;
    private readonly byte[] _carry;
    private int _beforeLength;
    private int _carryLength;

    // What is left of the current segment: _data[_start.._end) has not been looked at. Lines that
    // were handed out fill _data[_front.._start).
    private byte[] _data = [];
    private int _front;
    private int _start;
    private int _end;
    private bool _holdsSegment;
    private bool _completed;
    private ReadOnlySequence<byte> _sequence;

    // The block handed out: _blockData[_blockStart.._blockStart + _blockLength), behind lines that
    // begin at _blockFront.
    private byte[] _blockData = [];
    private int _blockFront;
    private int _blockStart;
    private int _blockLength;

    private bool _skipping;

    /// <param name="stream">Read synchronously, left open.</param>
    /// <param name="segmentBytes">Size of one read.</param>
    /// <param name="before">
    /// What the source holds in front of the stream's first byte, as far as it is known: whole lines.
    /// </param>
    public BlockReader(
        Stream stream,
        int segmentBytes = BlockBuffers.SegmentBytesDefault,
        ReadOnlySpan<byte> before = default)
        : this(stream, new BlockBuffers(segmentBytes), before)
    {
    }

    /// <param name="stream">Read synchronously, left open.</param>
    /// <param name="buffers">Of one reader at a time.</param>
    /// <param name="before">As above.</param>
    public BlockReader(Stream stream, BlockBuffers buffers, ReadOnlySpan<byte> before)
    {
        _carry = buffers.Carry;
        _beforeLength = LastLines(before).Length;
        LastLines(before).CopyTo(_carry);
        var options = new StreamPipeReaderOptions(
            buffers.Segments, buffers.Segments.MaxBufferSize, minimumReadSize: 1, leaveOpen: true);
        _pipe = PipeReader.Create(new SynchronousStream(stream), options);
    }

    /// <summary>Position in the stream of the block's first byte, in bytes.</summary>
    public long Offset { get; private set; }

    /// <summary>Lines longer than <see cref="LineMaxBytes"/>, skipped.</summary>
    public long OverlongLines { get; private set; }

    /// <summary>Gets the next whole lines; false at the end of the stream.</summary>
    /// <param name="block">
    /// Ends with LF, except that the last line of the stream may lack it. Valid until the next
    /// call; what <see cref="Advance"/> did not consume comes again. Never empty when true.
    /// </param>
    /// <exception cref="IOException">The stream can't be read.</exception>
    public bool TryRead(out ReadOnlySpan<byte> block)
    {
        bool any = TryRead(out ReadOnlySpan<byte> lines, out int start);
        block = lines[start..];
        return any;
    }

    /// <summary>The same, with lines in front that were handed out before.</summary>
    /// <param name="block">Whole lines: those before, then the next ones.</param>
    /// <param name="start">
    /// Where the next ones begin. In front are all lines that begin at most
    /// <see cref="BeforeBytesMax"/> before, but none from before an overlong line.
    /// </param>
    /// <exception cref="IOException">The stream can't be read.</exception>
    public bool TryRead(out ReadOnlySpan<byte> block, out int start)
    {
        while (_blockLength == 0)
        {
            if (_start < _end)
            {
                Cut();
            }
            else if (_completed)
            {
                if (_carryLength == 0)
                {
                    block = default;
                    start = 0;
                    return false;
                }
                Hand(_carry, 0, _beforeLength, _carryLength);
                _carryLength = 0;
            }
            else
            {
                Fill();
            }
        }
        int before = LastLines(_blockData.AsSpan(_blockFront, _blockStart - _blockFront)).Length;
        block = _blockData.AsSpan(_blockStart - before, before + _blockLength);
        start = before;
        return true;
    }

    /// <summary>Says how much of the block was used; the rest is handed out again.</summary>
    /// <param name="consumedBytes">Must end at a line boundary; at most the block's length.</param>
    public void Advance(int consumedBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(consumedBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(consumedBytes, _blockLength);
        _blockStart += consumedBytes;
        _blockLength -= consumedBytes;
        Offset += consumedBytes;
    }

    public void Dispose() => _pipe.Complete();

    private void Fill()
    {
        KeepLastLines();
        if (_holdsSegment)
        {
            _pipe.AdvanceTo(_sequence.End);
            _holdsSegment = false;
        }
        ValueTask<ReadResult> pending = _pipe.ReadAsync();

        // Always completed: SynchronousStream does the read within the call.
        ReadResult result = pending.IsCompleted ? pending.Result : pending.AsTask().Result;
        _completed = result.IsCompleted;
        _sequence = result.Buffer;
        _holdsSegment = true;
        if (_sequence.IsEmpty)
        {
            _front = _start = _end = 0;
            return;
        }

        // All bytes of earlier reads were consumed, so the pipe has one segment only.
        if (!_sequence.IsSingleSegment
            || !MemoryMarshal.TryGetArray(_sequence.First, out ArraySegment<byte> segment))
        {
            throw new InvalidOperationException("The pipe returned more than one segment.");
        }
        _data = segment.Array!;
        _front = _start = segment.Offset;
        _end = segment.Offset + segment.Count;
    }

    /// <summary>Takes the next block from the segment, or moves its bytes to the carry.</summary>
    private void Cut()
    {
        ReadOnlySpan<byte> rest = _data.AsSpan(_start, _end - _start);
        if (_skipping)
        {
            int end = rest.IndexOf((byte)'\n');
            int skipped = end < 0 ? rest.Length : end + 1;
            _start += skipped;
            _front = _start;
            Offset += skipped;
            _skipping = end < 0;
            return;
        }

        // The first line continues the carry; the others must each end within LineMaxBytes.
        int limit = LineMaxBytes - _carryLength + 1;
        int length = 0;
        while (length < rest.Length)
        {
            ReadOnlySpan<byte> window = rest.Slice(length, Math.Min(limit, rest.Length - length));
            int last = window.LastIndexOf((byte)'\n');
            if (last < 0)
            {
                break;
            }
            length += last + 1;
            limit = LineMaxBytes + 1;
        }
        if (length > 0)
        {
            int begin = _start - _carryLength;
            _front = Math.Min(_front, begin - _beforeLength);
            _carry.AsSpan(0, _beforeLength + _carryLength)
                .CopyTo(_data.AsSpan(begin - _beforeLength));
            Hand(_data, _front, begin, _carryLength + length);
            _beforeLength = _carryLength = 0;
            _start += length;
        }
        else if (rest.Length < limit)
        {
            KeepLastLines();
            rest.CopyTo(_carry.AsSpan(_beforeLength + _carryLength));
            _carryLength += rest.Length;
            _front = _start = _end;
        }
        else
        {
            OverlongLines++;
            _skipping = true;
            Offset += _carryLength;
            _beforeLength = _carryLength = 0;
        }
    }

    private void Hand(byte[] data, int front, int start, int length)
    {
        _blockData = data;
        _blockFront = front;
        _blockStart = start;
        _blockLength = length;
    }

    /// <summary>Keeps what a line of the next segment may speak of.</summary>
    private void KeepLastLines()
    {
        if (_front < _start)
        {
            ReadOnlySpan<byte> lines = LastLines(_data.AsSpan(_front, _start - _front));
            lines.CopyTo(_carry);
            _beforeLength = lines.Length;
            _front = _start;
        }
    }

    /// <summary>Those of some lines that begin at most <see cref="BeforeBytesMax"/> before their end.</summary>
    private static ReadOnlySpan<byte> LastLines(ReadOnlySpan<byte> lines)
    {
        int cut = lines.Length - BeforeBytesMax;
        return cut <= 0 ? lines : lines[(cut + lines[(cut - 1)..].IndexOf((byte)'\n'))..];
    }

    /// <summary>Makes a stream's asynchronous read complete within the call.</summary>
    private sealed class SynchronousStream(Stream inner) : ForwardStream
    {
        public override int Read(Span<byte> buffer) => inner.Read(buffer);

        public override ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(inner.Read(buffer.Span));
    }
}
