using System.IO.Hashing;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>Knows sources again by content, and how far each has been read.</summary>
/// <remarks>
/// A source is the same when the first bytes and the last bytes before the position reached have
/// the same hashes: so rotation, renaming and compression change nothing, and a log that grew is
/// read on from where it was left. The hashes are keyed by the store's seed.
/// </remarks>
internal sealed class KnownSources
{
    private const int TailBytes = 4096;

    private readonly List<SourceState> _states;
    private readonly long _seed;
    private readonly byte[] _tail = new byte[TailBytes];
    private readonly byte[] _skipBuffer = new byte[1 << 18];
    private ReadOnlyMemory<byte> _head;
    private int _tailLength;
    private int _headLength = -1;
    private UInt128 _headHash;
    private long _linesBefore;
    private int _current = -1;

    public KnownSources(IReadOnlyList<SourceState> states, long seed)
    {
        _states = [.. states];
        _seed = seed;
    }

    /// <summary>Position reached in the current source, bytes from its (decompressed) start.</summary>
    public long Position { get; private set; }

    /// <summary>Lines of the current source that were known when it was opened.</summary>
    public long Lines { get; private set; }

    /// <summary>Opens the source, skips what is known of it, and stands at a line's first byte.</summary>
    /// <returns>Bytes that were known already.</returns>
    public long Begin(OpenSource source, long linesRead)
    {
        _linesBefore = linesRead;
        Lines = 0;
        _head = source.Head;
        _headLength = -1;
        source.Resume();
        Position = 0;
        _tailLength = 0;
        _current = Match();
        if (_current >= 0)
        {
            long known = _states[_current].PositionBytes;
            Skip(source.Stream, known);
            if (Position < known)
            {
                // A shorter copy of what is known: there is nothing to add, and nothing to take back.
                _current = -1;
                return Position;
            }
            if (TailHash() == _states[_current].TailHash)
            {
                Lines = _states[_current].Lines;
                EndSplitLine(source.Stream);
                return Position;
            }
            // The same head, but another log: read it from its first byte.
            source.Resume();
            Position = 0;
            _tailLength = 0;
        }
        _current = _states.Count;
        _states.Add(default);
        return 0;
    }

    /// <summary>Notes that these bytes have been read; the next commit will say so.</summary>
    /// <param name="bytes">Whole lines.</param>
    /// <param name="linesRead">Lines of all sources up to the end of these bytes.</param>
    public void Advance(ReadOnlySpan<byte> bytes, long linesRead)
    {
        Position += bytes.Length;
        Remember(bytes);
        if (_current >= 0)
        {
            int headLength = (int)Math.Min(_head.Length, Position);
            if (headLength != _headLength)
            {
                (_headLength, _headHash) = (headLength, HeadHash(headLength));
            }
            _states[_current] = new SourceState(
                _headHash,
                headLength,
                Position,
                TailHash(),
                Position,
                Lines + linesRead - _linesBefore);
        }
    }

    /// <summary>The states to commit: sources of which nothing was read yet are left out.</summary>
    public SourceState[] States() => [.. _states.Where(state => state.PositionBytes > 0)];

    private int Match()
    {
        int best = -1;
        int hashedLength = -1;
        UInt128 hash = default;
        for (int i = 0; i < _states.Count; i++)
        {
            SourceState state = _states[i];
            if (state.PositionBytes == 0 || state.HeadLength > _head.Length)
            {
                continue;
            }
            if (state.HeadLength != hashedLength)
            {
                hashedLength = state.HeadLength;
                hash = HeadHash(hashedLength);
            }
            if (state.HeadHash == hash && (best < 0 || state.PositionBytes > _states[best].PositionBytes))
            {
                best = i;
            }
        }
        return best;
    }

    private void Skip(Stream stream, long count)
    {
        if (stream.CanSeek && stream.Length >= count)
        {
            Position = Math.Max(0, count - TailBytes);
            stream.Position = Position;
        }
        while (Position < count)
        {
            int length = (int)Math.Min(count - Position, _skipBuffer.Length);
            int read = stream.Read(_skipBuffer.AsSpan(0, length));
            if (read == 0)
            {
                return;
            }
            Position += read;
            Remember(_skipBuffer.AsSpan(0, read));
        }
    }

    /// <summary>A last line that lacked its LF was read as it was: what grew of it is not a line.</summary>
    private void EndSplitLine(Stream stream)
    {
        while (_tailLength > 0 && _tail[_tailLength - 1] != (byte)'\n')
        {
            int next = stream.ReadByte();
            if (next < 0)
            {
                return;
            }
            Position++;
            Remember([(byte)next]);
        }
    }

    private void Remember(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= TailBytes)
        {
            bytes[^TailBytes..].CopyTo(_tail);
            _tailLength = TailBytes;
            return;
        }
        int drop = Math.Max(0, _tailLength + bytes.Length - TailBytes);
        _tail.AsSpan(drop, _tailLength - drop).CopyTo(_tail);
        _tailLength -= drop;
        bytes.CopyTo(_tail.AsSpan(_tailLength));
        _tailLength += bytes.Length;
    }

    private UInt128 HeadHash(int length) => XxHash128.HashToUInt128(_head.Span[..length], _seed);

    private ulong TailHash() => XxHash3.HashToUInt64(_tail.AsSpan(0, _tailLength), _seed);
}
