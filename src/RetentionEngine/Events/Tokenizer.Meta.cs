using System.Runtime.CompilerServices;
using RetentionEngine.Events.Formats;
using RetentionEngine.Lines;

namespace RetentionEngine.Events;

/// <summary>Lines about lines: repeats, and what the syslog daemons say they lost.</summary>
/// <remarks>
/// <c>last message repeated N times</c> means the line before it of the same host, which is looked
/// for in front of it, where <see cref="BlockReader"/> leaves what was read before; <c>message repeated N times: [ text]</c> brings its line along. Either gives
/// that line's event once more, marked with the count, if the event is one that can happen again.
/// All this is off the way of ordinary lines.
/// </remarks>
internal sealed partial class Tokenizer
{
    /// <summary>More repeats than this in one line are hostile.</summary>
    internal const int RepeatsMax = 1_000;

    /// <summary>Gaps that are kept one by one; further ones are only counted.</summary>
    internal const int GapsMax = 1_000;

    // How many lines back a repeated one is looked for.
    private const int LinesBackMax = 1_000;

    private readonly RepeatedLine[] _repeats = new RepeatedLine[2 * BatchLines];
    private readonly SyslogGap[] _gaps = new SyslogGap[GapsMax];
    private int _repeatCount;

    private struct RepeatedLine
    {
        public int LineStart;
        public int Count;
    }

    /// <summary>Lines that say that lines are missing.</summary>
    public long GapLines { get; private set; }

    /// <summary>The first of them.</summary>
    public ReadOnlySpan<SyslogGap> Gaps => _gaps.AsSpan(0, (int)Math.Min(GapLines, GapsMax));

    /// <summary>Lines that were not understood, by shape.</summary>
    public ShapeTable Shapes { get; } = new();

    /// <summary>A line with stamp and host but no tag.</summary>
    /// <returns>Whether it stands for another line, which the frame then describes.</returns>
    private bool TryUntagged(ref byte block, int start, int end, ref LineFrame frame)
    {
        int text = Math.Min(_prefix.HostEnd + 1, end);
        if (!SyslogMeta.IsLastRepeated(ref block, text, end, out int count))
        {
            if (SyslogMeta.IsOldRestart(ref block, text, end))
            {
                CountGapOfHost(ref block, start, ref frame, GapKind.Restarted, -1);
            }
            return false;
        }
        int hostStart = _prefix.HostStart;
        int hostLength = _prefix.HostEnd - hostStart;
        int lineEnd = start - 1;
        for (int lines = 0; lineEnd > 0 && lines < LinesBackMax; lines++)
        {
            int line = Scan.Span(ref block, 0, lineEnd).LastIndexOf((byte)'\n') + 1;
            if (start - line > BlockReader.BeforeBytesMax)
            {
                break;
            }
            int host = SyslogMeta.HostOf(ref block, line, lineEnd);
            ReadOnlySpan<byte> name = Scan.Span(ref block, hostStart, hostStart + hostLength);
            if (host > 0 && lineEnd - host > hostLength
                && Scan.Span(ref block, host, host + hostLength).SequenceEqual(name)
                && Unsafe.Add(ref block, host + hostLength) == ' '
                && !SyslogMeta.IsLastRepeated(ref block, host + hostLength + 1, lineEnd, out _))
            {
                lineEnd -= Unsafe.Add(ref block, lineEnd - 1) == '\r' ? 1 : 0;
                return TakeRepeated(ref block, start, host, lineEnd, count, ref frame);
            }
            lineEnd = line - 1;
        }
        CountGapOfHost(ref block, start, ref frame, GapKind.RepeatOutOfReach, count);
        return false;
    }

    /// <summary>A gap told of by a line that has a host but no tag.</summary>
    private void CountGapOfHost(
        ref byte block, int start, ref LineFrame frame, GapKind kind, long lost)
    {
        TakeTime(start, ref frame);
        int host = _hosts.Add(Scan.Span(ref block, _prefix.HostStart, _prefix.HostEnd), default);
        _hostClocks?.Adjust(host, _prefix.Clock.LastLocalSeconds, ref frame);
        CountGap(in frame, host, kind, lost);
    }

    private bool TakeRepeated(
        ref byte block, int start, int host, int end, int count, ref LineFrame frame)
    {
        if (_prefix.ReadHostAndTag(ref block, host, end) != LineOutcome.Event)
        {
            return false;
        }
        TakePrefix(ref block, end, ref frame);
        _repeats[_repeatCount++] = new RepeatedLine { LineStart = start, Count = count };
        return true;
    }

    /// <summary>Reads what stands in the brackets of <c>message repeated N times: [ text]</c>.</summary>
    private LineOutcome ReadRepeated<TFormat>(ref byte block, in LineFrame frame, ref LogEvent e)
        where TFormat : ILogFormat<TFormat>
    {
        if (!SyslogMeta.TryRepeated(ref block, frame.Start, frame.End, out int count, out int text))
        {
            return LineOutcome.Ignored;
        }
        LineFrame line = frame;
        line.Start = text;
        line.End = frame.End - 1;
        if (frame.Header.Tag.Program < LogProgram.Dovecot)
        {
            line.Start += QueueIdScan.ReadHead(
                ref Unsafe.Add(ref block, text), line.End - text, -1, out e.QueueId);
        }
        LineOutcome outcome = TFormat.Parse(ref block, in line, ref e);
        if (outcome == LineOutcome.Event)
        {
            _repeats[_repeatCount++] = new RepeatedLine { LineStart = e.LineStart, Count = count };
        }
        return outcome == LineOutcome.Repeated ? LineOutcome.Ignored : outcome;
    }

    /// <summary>Marks the events of repeated lines, and drops those that nothing can repeat.</summary>
    /// <returns>Count of events left, which lie in the first places.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int MarkRepeats(Span<LogEvent> events)
    {
        foreach (ref LogEvent e in events)
        {
            for (int i = 0; i < _repeatCount; i++)
            {
                if (_repeats[i].LineStart != e.LineStart)
                {
                    continue;
                }
                bool canRepeat = e.Kind is EventKind.Delivery or EventKind.Reject
                    or EventKind.Login or EventKind.Logout;
                e.Kind = canRepeat && _repeats[i].Count > 0 ? e.Kind : EventKind.None;
                e.Repeats = _repeats[i].Count - 1;
            }
        }
        _repeatCount = 0;
        return CloseGaps(events);
    }

    private void CountGap(ref readonly LineFrame frame, int host, GapKind kind, long lost)
    {
        if (GapLines < GapsMax)
        {
            _gaps[GapLines] = new SyslogGap(
                frame.TimeUnixMicros, frame.OffsetMinutes, host, kind, lost,
                _sourceLines + frame.LineIndex + 1);
        }
        GapLines++;
    }

    /// <summary>A line that gave no event, for whatever reason.</summary>
    private void CountOther(ref byte block, LineOutcome outcome, ref readonly LineFrame frame)
    {
        if (outcome == LineOutcome.Gap)
        {
            SyslogMeta.TryGap(ref block, frame.Start, frame.End, out GapKind kind, out long lost);
            CountGap(in frame, frame.Header.Host, kind, lost);
            return;
        }
        CountStrange(ref block, outcome, in frame);
    }
}

/// <summary>A line that says that lines are missing.</summary>
/// <param name="TimeUnixMicros">When it was written.</param>
/// <param name="OffsetMinutes">Zone in force, minutes east of UTC.</param>
/// <param name="Host">Index into <see cref="HostTable"/>.</param>
/// <param name="Kind">What it says.</param>
/// <param name="LostLines">How many are missing; -1 when it does not say.</param>
/// <param name="LineNumber">From 1, within its source.</param>
internal readonly record struct SyslogGap(
    long TimeUnixMicros, short OffsetMinutes, int Host, GapKind Kind, long LostLines, long LineNumber);

/// <summary>Why lines are missing.</summary>
internal enum GapKind : byte
{
    None = 0,

    /// <summary>Rate limiting began to drop lines.</summary>
    Dropping,

    /// <summary>Rate limiting dropped this many.</summary>
    Dropped,

    /// <summary>The syslog daemon ended.</summary>
    Stopped,

    /// <summary>The syslog daemon began anew.</summary>
    Restarted,

    /// <summary>A repeated line whose first writing is not in reach.</summary>
    RepeatOutOfReach,
}
