using System.IO.Hashing;
using System.Runtime.InteropServices;
using RetentionEngine.Buckets;
using RetentionEngine.Lines;

namespace RetentionEngine;

/// <summary>Knows sources again by content, and how far each has been read.</summary>
/// <remarks>
/// A source is the same when the first bytes and the last bytes before the position reached have
/// the same hashes: so rotation, renaming and compression change nothing, and a log that grew is
/// read on from where it was left. Of several sources with the same head, the one that agrees
/// furthest counts. A shorter copy of a known source is told from another log by its marks. The
/// hashes are keyed by the store's seed.
/// </remarks>
internal sealed class KnownSources
{
    private const int TailBytes = 4096;
    private const int NamedHeadBytes = 16;

    // One more tells whether the first of these bytes begins a line.
    private const int BeforeBytes = BlockReader.BeforeBytesMax + 1;

    private readonly List<SourceState> _states;
    private readonly long _seed;
    private readonly LastBytes _tail = new(TailBytes);
    private readonly LastBytes _before = new(BeforeBytes);
    private readonly byte[] _skipBuffer = new byte[1 << 18];
    private readonly List<uint> _marks = [];
    private SourceMarks _savedMarks;
    private ReadOnlyMemory<byte> _head;
    private bool _isNamed;
    private int _headLength = -1;
    private UInt128 _headHash;
    private long _linesBefore;
    private int _current = -1;

    public KnownSources(IReadOnlyList<SourceState> states, long seed)
    {
        _states = [.. states];
        _seed = seed;
        foreach (SourceState state in states)
        {
            // The youngest log is the one that a new one goes on with.
            ClockStateBefore = Math.Max(ClockStateBefore, state.ClockState);
        }
    }

    /// <summary>Position reached in the current source, bytes from its (decompressed) start.</summary>
    public long Position { get; private set; }

    /// <summary>Lines of the current source that were known when it was opened.</summary>
    public long Lines { get; private set; }

    /// <summary>State of the clock where the current source is gone on with; 0 = none.</summary>
    public long ClockState { get; private set; }

    /// <summary>State of the clock where the source read before this one ended; 0 = none.</summary>
    public long ClockStateBefore { get; private set; }

    /// <summary>The last whole lines of what is known of the current source, when it was opened.</summary>
    public ReadOnlySpan<byte> Before
    {
        get
        {
            ReadOnlySpan<byte> bytes = _before.Bytes;
            return bytes.Length < BeforeBytes ? bytes : bytes[(bytes.IndexOf((byte)'\n') + 1)..];
        }
    }

    /// <summary>Opens the source, skips what is known of it, and stands at a line's first byte.</summary>
    /// <returns>Bytes that were known already.</returns>
    public long Begin(OpenSource source, long linesRead)
    {
        _linesBefore = linesRead;
        Lines = 0;
        ClockState = 0;
        _isNamed = source.Source.Identity is not null;
        _head = source.Source.Identity?.ToByteArray() ?? source.Head;
        _headLength = -1;
        Restart(source);
        _current = FurthestMatch(source.Stream, out bool isShorter);
        if (_current < 0 && !_isNamed && IsShorterCopy(isShorter))
        {
            // There is nothing to add, and nothing to take back.
            Skip(source.Stream, long.MaxValue);
            return Position;
        }
        long known = _current < 0 ? 0 : _states[_current].PositionBytes;
        if (Position > known)
        {
            // Beyond that point, or from the head on, it is another log.
            Restart(source);
            Skip(source.Stream, known);
        }
        if (_current < 0)
        {
            _current = _states.Count;
            _states.Add(default);
            _marks.Clear();
            return 0;
        }
        _savedMarks = _states[_current].Marks;
        _marks.Clear();
        _marks.AddRange(_savedMarks.Values);
        Lines = _states[_current].Lines;
        ClockState = _states[_current].ClockState;
        EndSplitLine(source.Stream);
        return Position;
    }

    /// <summary>Notes that the bytes up to a position were left out, as part of no line.</summary>
    public void SkipTo(long position)
    {
        if (position > Position)
        {
            Position = position;
            _tail.Clear();
            _before.Clear();
            while (SourceMarks.PositionOf(_marks.Count) <= position)
            {
                _marks.Add(SourceMarks.Unknown);
            }
        }
    }

    /// <summary>The source ends: its clock tells how the next one begins.</summary>
    public void End(long clockState) =>
        ClockStateBefore = clockState != 0 ? clockState : ClockStateBefore;

    /// <summary>Notes that these bytes have been read; the next commit will say so.</summary>
    /// <param name="bytes">Whole lines.</param>
    /// <param name="linesRead">Lines of all sources up to the end of these bytes.</param>
    /// <param name="clockState">State of the clock behind them.</param>
    public void Advance(ReadOnlySpan<byte> bytes, long linesRead, long clockState)
    {
        Pass(bytes);
        if (_current >= 0)
        {
            if (_savedMarks.Values.Length != _marks.Count)
            {
                _savedMarks = new SourceMarks([.. _marks]);
            }
            int headLength = _isNamed ? _head.Length : (int)Math.Min(_head.Length, Position);
            if (headLength != _headLength)
            {
                (_headLength, _headHash) = (headLength, HeadHash(headLength));
            }
            _states[_current] = new SourceState(
                _headHash,
                headLength,
                Position,
                TailHash(_tail.Bytes.Length),
                _tail.Bytes.Length,
                clockState,
                Lines + linesRead - _linesBefore,
                _savedMarks);
        }
    }

    /// <summary>Forgets the sources that had a name of their own and are gone.</summary>
    /// <param name="named">Those that are still there.</param>
    public void KeepOnly(IEnumerable<Guid> named)
    {
        var heads = named.Select(id => XxHash128.HashToUInt128(id.ToByteArray(), _seed)).ToHashSet();
        // Only of such a source more bytes were read than its head has.
        _states.RemoveAll(state => state.HeadLength == NamedHeadBytes
            && state.PositionBytes > NamedHeadBytes && !heads.Contains(state.HeadHash));
        _current = -1;
    }

    /// <summary>The states to commit: sources of which nothing was read yet are left out.</summary>
    public SourceState[] States() => [.. _states.Where(state => state.PositionBytes > 0)];

    private void Restart(OpenSource source)
    {
        source.Resume();
        Position = 0;
        _tail.Clear();
        _before.Clear();
        _marks.Clear();
        _savedMarks = default;
    }

    /// <summary>Whether a source that nothing agrees with is the beginning of a known one.</summary>
    /// <param name="isAtEnd">Whether it was read to its end for that.</param>
    private bool IsShorterCopy(bool isAtEnd)
    {
        if (!isAtEnd)
        {
            if (_head.Length == OpenSource.HeadBytesMax || Position > 0)
            {
                return false;
            }
            Pass(_head.Span);
            Position = 0;
            _tail.Clear();
        }
        ReadOnlySpan<uint> marks = CollectionsMarshal.AsSpan(_marks);
        foreach (SourceState state in _states)
        {
            if (state.Marks.Values.Length >= marks.Length && state.Marks.AgreesWith(marks))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Reads on from one known position to the next, and finds the last that agrees.</summary>
    /// <param name="stream">At its beginning.</param>
    /// <param name="isShorter">Whether the source ends before one of those positions.</param>
    /// <returns>Index of the state; -1 when none agrees.</returns>
    private int FurthestMatch(Stream stream, out bool isShorter)
    {
        int best = -1;
        foreach (int candidate in Candidates())
        {
            SourceState state = _states[candidate];
            Skip(stream, state.PositionBytes);
            if (Position < state.PositionBytes)
            {
                isShorter = true;
                return best;
            }
            if (state.TailLength <= _tail.Bytes.Length && TailHash(state.TailLength) == state.TailHash)
            {
                best = candidate;
            }
        }
        isShorter = false;
        return best;
    }

    /// <summary>States with the same head, by ascending position.</summary>
    private List<int> Candidates()
    {
        var candidates = new List<int>();
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
            if (state.HeadHash == hash)
            {
                candidates.Add(i);
            }
        }
        candidates.Sort((x, y) => _states[x].PositionBytes.CompareTo(_states[y].PositionBytes));
        return candidates;
    }

    private void Skip(Stream stream, long count)
    {
        long last = Math.Max(0, count - BeforeBytes);
        if (last > Position && stream is FormStream form && form.TrySeek(last, count))
        {
            SkipTo(last);
        }
        while (Position < count)
        {
            int length = (int)Math.Min(count - Position, _skipBuffer.Length);
            int read = stream.Read(_skipBuffer.AsSpan(0, length));
            if (read == 0)
            {
                return;
            }
            Pass(_skipBuffer.AsSpan(0, read));
            _before.Add(_skipBuffer.AsSpan(0, read));
        }
    }

    /// <summary>A last line that lacked its LF was read as it was: what grew of it is not a line.</summary>
    private void EndSplitLine(Stream stream)
    {
        while (_tail.Bytes is [.., not (byte)'\n'])
        {
            int next = stream.ReadByte();
            if (next < 0)
            {
                return;
            }
            Pass([(byte)next]);
            _before.Add([(byte)next]);
        }
    }

    /// <summary>Moves the position over these bytes; takes their marks and their tail.</summary>
    private void Pass(ReadOnlySpan<byte> bytes)
    {
        long end = Position + bytes.Length;
        for (long at = SourceMarks.PositionOf(_marks.Count); at <= end;
            at = SourceMarks.PositionOf(_marks.Count))
        {
            _marks.Add(Mark(at, bytes));
        }
        Position = end;
        _tail.Add(bytes);
    }

    private uint Mark(long at, ReadOnlySpan<byte> bytes)
    {
        int inside = (int)(at - Position);
        int length = (int)Math.Min(at, SourceMarks.WindowBytes);
        if (inside >= length)
        {
            return Mark(bytes[(inside - length)..inside]);
        }
        int before = length - inside;
        if (before > _tail.Bytes.Length)
        {
            return SourceMarks.Unknown;
        }
        Span<byte> window = stackalloc byte[SourceMarks.WindowBytes];
        _tail.Bytes[^before..].CopyTo(window);
        bytes[..inside].CopyTo(window[before..]);
        return Mark(window[..length]);
    }

    private uint Mark(ReadOnlySpan<byte> window) =>
        Math.Max(1, (uint)XxHash3.HashToUInt64(window, _seed));

    private UInt128 HeadHash(int length) => XxHash128.HashToUInt128(_head.Span[..length], _seed);

    private ulong TailHash(int length) =>
        XxHash3.HashToUInt64(_tail.Bytes[^length..], _seed);

    /// <summary>The last of the bytes that were added.</summary>
    private sealed class LastBytes(int bytesMax)
    {
        private readonly byte[] _bytes = new byte[bytesMax];
        private int _length;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

        public void Clear() => _length = 0;

        public void Add(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length >= bytesMax)
            {
                bytes[^bytesMax..].CopyTo(_bytes);
                _length = bytesMax;
                return;
            }
            int drop = Math.Max(0, _length + bytes.Length - bytesMax);
            _bytes.AsSpan(drop, _length - drop).CopyTo(_bytes);
            _length -= drop;
            bytes.CopyTo(_bytes.AsSpan(_length));
            _length += bytes.Length;
        }
    }
}
