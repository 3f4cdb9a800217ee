using System.Runtime.CompilerServices;
using LogGen.Text;

namespace LogGen;

/// <summary>The log being written: one line at a time, cut into files where asked.</summary>
internal sealed class LogOutput : IDisposable
{
    private const int FlushBytes = 1 << 19;

    private readonly ByteWriter _buffer = new();
    private readonly Func<int, Stream> _open;
    private readonly Queue<long> _cuts;
    private readonly bool _countsLines;
    private readonly long _goal;
    private Stream _stream;
    private int _fileNumber = 1;
    private long _flushedBytes;

    /// <param name="stamps">Writes the time of each line.</param>
    /// <param name="options">Goal and number of cuts.</param>
    /// <param name="open">Opens the file of a number, from 1 on.</param>
    public LogOutput(Stamps stamps, Options options, Func<int, Stream> open)
    {
        Stamps = stamps;
        _open = open;
        _countsLines = options.Lines > 0;
        _goal = _countsLines ? options.Lines : options.Bytes;
        var rng = new Rng(options.Seed + 0xC07);
        long[] cuts = new long[options.Cuts];
        for (int i = 0; i < cuts.Length; i++)
        {
            cuts[i] = rng.Between(1, Math.Max(1, _goal - 1));
        }
        Array.Sort(cuts);
        _cuts = new Queue<long>(cuts);
        _stream = open(1);
    }

    public Stamps Stamps { get; }

    public long LineCount { get; private set; }

    public long ByteCount => _flushedBytes + _buffer.Length;

    public bool IsFull => Progress >= _goal;

    private long Progress => _countsLines ? LineCount : ByteCount;

    /// <summary>Begins a line; text is then put into the writer returned.</summary>
    public ByteWriter Begin(long now, Node node, Daemon daemon, int pid)
    {
        ReadOnlySpan<byte> prefix = node.Prefixes[(int)daemon];
        if (Stamps.IsJournal)
        {
            JournalEntry.WriteHead(_buffer, now, LineCount, prefix, pid, Stamps);
            return _buffer;
        }
        Stamps.Write(_buffer, now);
        _buffer.Put(prefix);
        if (prefix[^1] == (byte)'[')
        {
            _buffer.Put(pid);
            _buffer.Put("]: "u8);
        }
        return _buffer;
    }

    public void End()
    {
        _buffer.Put(Stamps.IsJournal ? "\n\n"u8 : "\n"u8);
        LineCount++;
        if (_cuts.TryPeek(out long cut) && Progress >= cut)
        {
            _ = _cuts.Dequeue();
            Flush();
            _stream.Dispose();
            _stream = _open(++_fileNumber);
        }
        else if (_buffer.Length >= FlushBytes)
        {
            Flush();
        }
    }

    /// <summary>
    /// A whole line; the interpolated text goes behind the prefix without a copy.
    /// </summary>
    public void Line(
        long now,
        Node node,
        Daemon daemon,
        int pid,
        [InterpolatedStringHandlerArgument("", nameof(now), nameof(node), nameof(daemon),
            nameof(pid))]
        ref LineHandler text)
    {
        _ = text;
        End();
    }

    public void Dispose()
    {
        Flush();
        _stream.Dispose();
    }

    private void Flush()
    {
        _stream.Write(_buffer.Written);
        _flushedBytes += _buffer.Length;
        _buffer.Clear();
    }
}

/// <summary>
/// Begins a line of the log and writes the parts of an interpolated string into it.
/// </summary>
[InterpolatedStringHandler]
internal readonly ref struct LineHandler
{
    private readonly ByteWriter _writer;

    public LineHandler(
        int literalLength,
        int formattedCount,
        LogOutput log,
        long now,
        Node node,
        Daemon daemon,
        int pid)
    {
        _ = literalLength + formattedCount;
        _writer = log.Begin(now, node, daemon, pid);
    }

    public void AppendLiteral(string text) => _writer.Put(text);

    public void AppendFormatted(long value) => _writer.Put(value);

    public void AppendFormatted(string text) => _writer.Put(text);

    public void AppendFormatted<T>(T value)
        where T : struct, IText => value.WriteTo(_writer);
}
