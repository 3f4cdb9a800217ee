using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RetentionEngine.Events.Formats;
using RetentionEngine.Lines;

namespace RetentionEngine.Events;

/// <summary>Turns blocks of log lines into events, one source after the other.</summary>
/// <remarks>
/// Line ends of a batch are found first, then each line is read: stamp by one compare with the
/// last, host and tag by one compare with a remembered pair, then its program's grammar.
/// Strange lines are counted, never thrown. Not thread-safe.
/// </remarks>
internal sealed class Tokenizer(HostTable hosts)
{
    private const int BatchLines = 256;

    private readonly LinePrefix _prefix = new();
    private readonly HeaderTable _headers = new(hosts);
    private readonly HeaderMemo _memo = new();
    private readonly int[] _ends = new int[BatchLines + LineIndex.SpareSlots];
    private readonly StrangeLines[] _strange = new StrangeLines[(int)LineOutcome.Count];
    private long _sourceLines;
    private long _sourceOffset;

    /// <summary>Lines read since the tokenizer was made; empty ones count.</summary>
    public long Lines { get; private set; }

    /// <summary>Lines that gave an event.</summary>
    public long Events { get; private set; }

    /// <summary>Lines that no record needs.</summary>
    public long Ignored => Lines - Events - Strange;

    /// <summary>Lines that should have been understood, or that open like no known format.</summary>
    public long Strange { get; private set; }

    /// <summary>Count and first place of the strange lines with one reason.</summary>
    /// <param name="reason"><see cref="LineOutcome.NoPrefix"/> or a later value.</param>
    public StrangeLines StrangeOf(LineOutcome reason) => _strange[(int)reason];

    /// <summary>Starts a source.</summary>
    /// <param name="zone">Zone of stamps that name none.</param>
    /// <param name="firstLineLatestUnixMicros">
    /// Latest instant of the first line, give or take a day: the file's time, or now.
    /// </param>
    /// <param name="yearOfFirstLine">Its year if known (<see cref="SourceHead.YearHint"/>), else 0.</param>
    public void Begin(
        TimeZoneInfo zone, long firstLineLatestUnixMicros, int yearOfFirstLine = 0)
    {
        _prefix.Begin(zone, firstLineLatestUnixMicros, yearOfFirstLine);
        _sourceLines = 0;
        _sourceOffset = 0;
    }

    /// <summary>Reads whole lines until the events are full or the block is done.</summary>
    /// <param name="block">
    /// From a <see cref="BlockReader"/>: <see cref="BlockReader.PaddingBytes"/> readable bytes lie
    /// behind it. The last line may lack its LF.
    /// </param>
    /// <param name="start">Offset of a line's first byte.</param>
    /// <param name="events">Receives one event for each line that has one, in order.</param>
    /// <param name="eventCount">How many.</param>
    /// <returns>Offset of the first byte that was not read.</returns>
    public int Read(
        ReadOnlySpan<byte> block, int start, Span<LogEvent> events, out int eventCount)
    {
        int count = 0;
        int line = start;
        while (line < block.Length && count < events.Length)
        {
            int wanted = Math.Min(BatchLines, events.Length - count);
            int lines = LineIndex.Find(block, line, _ends, wanted);
            count += ReadLines(block, line, _ends.AsSpan(0, lines), events[count..]);
            int next = Math.Min(_ends[lines - 1] + 1, block.Length);
            _sourceOffset += next - line;
            line = next;
            _sourceLines += lines;
            Lines += lines;
        }
        Events += count;
        eventCount = count;
        return line;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ReadLines(
        ReadOnlySpan<byte> block, int start, ReadOnlySpan<int> ends, Span<LogEvent> events)
    {
        ref byte at = ref MemoryMarshal.GetReference(block);
        int count = 0;
        int line = start;
        for (int i = 0; i < ends.Length; i++)
        {
            int end = ends[i];
            int next = end + 1;
            end -= end > line && Unsafe.Add(ref at, end - 1) == '\r' ? 1 : 0;
            LineOutcome outcome = ReadLine(ref at, line, end, ref events[count]);
            count += outcome == LineOutcome.Event ? 1 : 0;
            if (outcome > LineOutcome.Event)
            {
                CountStrange(outcome, i, line - start);
            }
            line = next;
        }
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LineOutcome ReadLine(ref byte block, int start, int end, ref LogEvent e)
    {
        int host = _prefix.ReadStamp(ref block, start, end);
        if (host < 0)
        {
            return ReadOtherLine(ref block, start, end, ref e);
        }

        // Host and tag end where 64 bytes hold the second space, with a colon in front of it.
        ref byte at = ref Unsafe.Add(ref block, host);
        ulong spaces = Scan.Match(ref at, (byte)' ');
        ulong pids = Scan.Match(ref at, (byte)'[');
        int hostLength = BitOperations.TrailingZeroCount(spaces);
        int behind = BitOperations.TrailingZeroCount(spaces & (spaces - 1));
        ulong tagEnds = (pids | (1UL << (behind - 1))) & ~((2UL << hostLength) - 1);
        int tagEnd = BitOperations.TrailingZeroCount(tagEnds);
        if (behind == 64 || host + behind >= end || tagEnd >= behind
            || Unsafe.Add(ref at, behind - 1) != ':')
        {
            return ReadOtherLine(ref block, start, end, ref e);
        }
        if (!_memo.TryFind(ref at, tagEnd, out int slot))
        {
            return ReadOtherLine(ref block, start, end, ref e);
        }
        ref readonly LineHeader header = ref _memo.At(slot);
        if (header.Tag.Program == LogProgram.None)
        {
            return LineOutcome.Ignored;
        }
        int pid = tagEnd + 1;
        int pidLength = behind - 2 - pid;
        if (pidLength < 0)
        {
            pid = -host;
            pidLength = 0;
        }
        else if (Unsafe.Add(ref at, behind - 2) != ']')
        {
            return LineOutcome.Ignored;
        }
        var frame = new LineFrame(host + behind + 1, end, host + pid, pidLength, header.Tag);
        return ReadMessage(ref block, start, frame, header.Host, ref e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LineOutcome ReadMessage(
        ref byte block, int start, in LineFrame frame, int host, ref LogEvent e)
    {
        LineOutcome outcome = frame.Tag.Program switch
        {
            < LogProgram.Dovecot => Postfix.Parse(ref block, frame, ref e),
            LogProgram.Dovecot => Dovecot.Parse(ref block, frame, ref e),
            _ => Courier.Parse(ref block, frame, ref e),
        };
        if (outcome == LineOutcome.Event)
        {
            e.TimeUnixMicros = _prefix.TimeUnixMicros;
            e.OffsetMinutes = _prefix.OffsetMinutes;
            e.TimeFlags = _prefix.TimeFlags;
            e.Host = host;
            e.LineStart = start;
        }
        return outcome;
    }

    /// <summary>A line with a new stamp, a rare prefix, or a pair of host and tag not met lately.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private LineOutcome ReadOtherLine(ref byte block, int start, int end, ref LogEvent e)
    {
        if (end == start)
        {
            return LineOutcome.Ignored;
        }
        if (end - start > BlockReader.LineMaxBytes)
        {
            return LineOutcome.Overlong;
        }
        LineOutcome outcome = _prefix.Read(ref block, start, end);
        if (outcome != LineOutcome.Event)
        {
            return outcome;
        }
        ReadOnlySpan<byte> pair = Scan.Span(ref block, _prefix.HostStart, _prefix.TagEnd);
        LineHeader header;
        if (pair.Length < HeaderMemo.KeyBytes
            && _memo.TryFind(ref Unsafe.Add(ref block, _prefix.HostStart), pair.Length, out int slot))
        {
            header = _memo.At(slot);
        }
        else
        {
            header = _headers.Find(pair, _prefix.HostEnd - _prefix.HostStart);
            if (pair.Length < HeaderMemo.KeyBytes)
            {
                _memo.TryFind(
                    ref Unsafe.Add(ref block, _prefix.HostStart), pair.Length, out slot);
                _memo.Store(slot, pair, header);
            }
        }
        if (header.Tag.Program == LogProgram.None)
        {
            return LineOutcome.Ignored;
        }
        var frame = new LineFrame(
            _prefix.MessageStart, end, _prefix.PidStart, _prefix.PidEnd - _prefix.PidStart,
            header.Tag);
        return ReadMessage(ref block, start, frame, header.Host, ref e);
    }

    private void CountStrange(LineOutcome outcome, int linesBefore, int offset)
    {
        Strange++;
        ref StrangeLines strange = ref _strange[(int)outcome];
        strange = strange.Count == 0
            ? new StrangeLines(1, _sourceLines + linesBefore + 1, _sourceOffset + offset)
            : strange with { Count = strange.Count + 1 };
    }
}
