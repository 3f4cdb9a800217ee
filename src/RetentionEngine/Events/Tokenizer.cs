using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RetentionEngine.Events.Formats;
using RetentionEngine.Lines;

namespace RetentionEngine.Events;

/// <summary>Turns blocks of log lines into events, one source after the other.</summary>
/// <remarks>Strange lines are counted, never thrown. Not thread-safe.</remarks>
internal sealed class Tokenizer(HostTable hosts)
{
    private const int BatchLines = 256;

    private readonly LinePrefix _prefix = new();
    private readonly HeaderTable _headers = new(hosts);
    private readonly int[] _ends = new int[BatchLines + LineIndex.SpareSlots];
    private readonly StrangeLines[] _strange = new StrangeLines[(int)LineOutcome.Count];
    private long _sourceLines;
    private long _sourceOffset;

    /// <summary>Lines read since the tokenizer was made; empty ones count.</summary>
    public long Lines { get; private set; }

    /// <summary>Lines that gave an event.</summary>
    public long Events { get; private set; }

    /// <summary>Lines that no record needs.</summary>
    public long Ignored { get; private set; }

    /// <summary>Lines that should have been understood, or that open like no known format.</summary>
    public long Strange { get; private set; }

    /// <summary>Count and first place of the current source's strange lines with one reason.</summary>
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
        Array.Clear(_strange);
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
        ref byte at = ref MemoryMarshal.GetReference(block);
        int count = 0;
        int line = start;
        while (line < block.Length && count < events.Length)
        {
            int wanted = Math.Min(BatchLines, events.Length - count);
            int lines = LineIndex.Find(block, line, _ends, wanted);
            for (int i = 0; i < lines; i++)
            {
                int end = _ends[i];
                LineOutcome outcome = ReadLine(ref at, line, end, ref events[count]);
                count += outcome == LineOutcome.Event ? 1 : 0;
                Count(outcome, line - start);
                line = Math.Min(end + 1, block.Length);
            }
        }
        _sourceOffset += line - start;
        eventCount = count;
        return line;
    }

    private LineOutcome ReadLine(ref byte block, int start, int end, ref LogEvent e)
    {
        if (end > start && Unsafe.Add(ref block, end - 1) == '\r')
        {
            end--;
        }
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
        LineHeader header = _headers.Find(
            Scan.Span(ref block, _prefix.HostStart, _prefix.TagEnd),
            _prefix.HostEnd - _prefix.HostStart);
        if (header.Tag.Program == LogProgram.None)
        {
            return LineOutcome.Ignored;
        }
        e = default;
        e.TimeUnixMicros = _prefix.TimeUnixMicros;
        e.OffsetMinutes = _prefix.OffsetMinutes;
        e.TimeFlags = _prefix.TimeFlags;
        e.Host = header.Host;
        e.LineStart = start;
        var frame = new LineFrame(
            _prefix.MessageStart, end, _prefix.PidStart, _prefix.PidEnd - _prefix.PidStart,
            header.Tag);
        return header.Tag.Program switch
        {
            < LogProgram.Dovecot => Postfix.Parse(ref block, frame, ref e),
            LogProgram.Dovecot => Dovecot.Parse(ref block, frame, ref e),
            _ => Courier.Parse(ref block, frame, ref e),
        };
    }

    private void Count(LineOutcome outcome, int offset)
    {
        Lines++;
        _sourceLines++;
        if (outcome == LineOutcome.Event)
        {
            Events++;
        }
        else if (outcome == LineOutcome.Ignored)
        {
            Ignored++;
        }
        else
        {
            Strange++;
            ref StrangeLines strange = ref _strange[(int)outcome];
            strange = strange.Count == 0
                ? new StrangeLines(1, _sourceLines, _sourceOffset + offset)
                : strange with { Count = strange.Count + 1 };
        }
    }
}
