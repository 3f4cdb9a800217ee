using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RetentionEngine.Events.Formats;
using RetentionEngine.Lines;

namespace RetentionEngine.Events;

/// <summary>Turns blocks of log lines into events, one source after the other.</summary>
/// <remarks>
/// A batch of lines goes through four steps, each a loop of its own. Line ends are found. The head
/// of each line is read: stamp by one compare with the last, host and tag by one compare with a
/// remembered pair. Queue ids are read, and by the letter behind them each line gets its
/// <see cref="LineClass"/>; only lines with a class go on, and take the next place among the events.
/// So far nothing branches on what a line says. At last the messages are read class by class: the
/// processor learns each grammar once a batch instead of guessing at every line. Strange lines are
/// counted, never thrown. Not thread-safe.
/// </remarks>
internal sealed partial class Tokenizer(HostTable hosts)
{
    private const int BatchLines = 256;

    // "connect " and "disconne" as little-endian numbers: a quarter of all lines of a mail host
    // begin so, and no record needs them.
    private const ulong ConnectWord = 0x2074_6365_6E6E_6F63;
    private const ulong DisconnectWord = 0x656E_6E6F_6373_6964;

    private readonly LinePrefix _prefix = new();
    private readonly HostTable _hosts = hosts;
    private readonly HeaderTable _headers = new(hosts);
    private readonly HeaderMemo _memo = new();
    private readonly int[] _ends = new int[BatchLines + LineIndex.SpareSlots];

    // What the heads of a batch say: only of lines by programs that we know.
    private readonly LineFrame[] _frames = new LineFrame[BatchLines + 1];

    // By class, BatchLines for each: index of the frame, and the place above it. And how many.
    private readonly ushort[] _members = new ushort[BatchLines * (int)LineClass.Count];
    private readonly int[] _memberCounts = new int[(int)LineClass.Count];
    private readonly StrangeLines[] _strange = new StrangeLines[(int)LineOutcome.Count];
    private HostClocks? _hostClocks;
    private long _sourceLines;
    private long _sourceOffset;
    private int _batchStart;

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
    /// <param name="zones">Zones of stamps that name none.</param>
    /// <param name="firstLineLatestUnixMicros">
    /// Latest instant of the first line, give or take a day: the file's time, or now.
    /// </param>
    /// <param name="yearOfFirstLine">Its year if known (<see cref="SourceHead.YearHint"/>), else 0.</param>
    public void Begin(
        HostZones zones, long firstLineLatestUnixMicros, int yearOfFirstLine = 0)
    {
        _prefix.Begin(zones.Zone, firstLineLatestUnixMicros, yearOfFirstLine);
        _hostClocks = zones.Count == 0 ? null : new HostClocks(zones, _hosts);
        _sourceLines = 0;
        _sourceOffset = 0;
    }

    /// <summary>Starts a source whose hosts all are in one zone.</summary>
    public void Begin(
        TimeZoneInfo zone, long firstLineLatestUnixMicros, int yearOfFirstLine = 0) =>
        Begin(new HostZones(zone), firstLineLatestUnixMicros, yearOfFirstLine);

    /// <summary>Says when a host wrote its last line before this source.</summary>
    public void FollowHost(int host, long lastUnixMicros) =>
        _hostClocks?.Follow(host, lastUnixMicros);

    /// <summary>Says in which of the doubled hours a source begins, if that is known.</summary>
    /// <param name="state">From <see cref="SourceHead.ClockState"/>.</param>
    public void BeginHour(long state)
    {
        if (state != 0)
        {
            _prefix.Clock.Follow(state);
            _hostClocks?.Follow(state);
        }
    }

    /// <summary>The clock of the source that is being read, to resume it or to be followed.</summary>
    public LineClock Clock => _prefix.Clock;

    /// <summary>What the stamp of the last line said; of a line without one, the line before.</summary>
    /// <remarks>In the zone of all hosts; if that line gave an event, its time is right.</remarks>
    public (long UnixMicros, short OffsetMinutes, RecordFlags Flags) LastTime =>
        (_prefix.TimeUnixMicros, _prefix.OffsetMinutes, _prefix.TimeFlags);

    /// <summary>Counts what the reader left out, so that later lines keep their places.</summary>
    public void Skip(long bytes, long lines)
    {
        _sourceOffset += bytes;
        _sourceLines += lines;
    }

    /// <summary>Reads whole lines until the events are nearly full or the block is done.</summary>
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

        // Small batches are slow: what has no room for a whole one is left to the next call.
        while (line < block.Length
            && (count == 0 ? events.Length > 0 : events.Length - count >= BatchLines))
        {
            int wanted = Math.Min(BatchLines, events.Length - count);
            _batchStart = line;
            int lines = LineIndex.Find(block, line, _ends, wanted);
            int frames = _hostClocks is null
                ? ReadHeads<OneZone>(block, line, _ends.AsSpan(0, lines))
                : ReadHeads<ManyZones>(block, line, _ends.AsSpan(0, lines));
            int places = ReadIds(block, frames, ref events[count]);
            int made = ReadMessages(block, events.Slice(count, places));
            count += _repeatCount == 0 ? made : MarkRepeats(events.Slice(count, made));
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

    /// <summary>All hosts write in the same zone.</summary>
    private readonly struct OneZone;

    /// <summary>Some hosts have a zone of their own.</summary>
    private readonly struct ManyZones;

    /// <summary>Reads what stands before the messages.</summary>
    /// <typeparam name="TZones">Compiled once for each, so that the usual case has no test.</typeparam>
    /// <returns>Count of frames.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ReadHeads<TZones>(ReadOnlySpan<byte> block, int start, ReadOnlySpan<int> ends)
        where TZones : struct
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        ref LineFrame frames = ref MemoryMarshal.GetArrayDataReference(_frames);
        int count = 0;
        int line = start;
        for (int i = 0; i < ends.Length; i++)
        {
            int end = ends[i];
            int next = end + 1;
            end -= end > line && Unsafe.Add(ref first, end - 1) == '\r' ? 1 : 0;
            ref LineFrame frame = ref Unsafe.Add(ref frames, count);
            frame.LineIndex = i;
            LogProgram program = ReadHead(ref first, line, end, ref frame);
            if (typeof(TZones) == typeof(ManyZones) && program != LogProgram.None)
            {
                _hostClocks!.Adjust(frame.Header.Host, _prefix.Clock.LastLocalSeconds, ref frame);
            }

            // Without a branch: the top bit is set unless the text begins with one of the words.
            ulong text = Scan.Load(ref first, frame.Start);
            ulong connect = text ^ ConnectWord;
            ulong disconnect = text ^ DisconnectWord;
            ulong isOther = (connect | (0 - connect)) & (disconnect | (0 - disconnect));
            count += (int)(isOther >> 63) & (-(int)program >>> 31);
            line = next;
        }
        return count;
    }

    /// <summary>Reads the head of one line.</summary>
    /// <returns>None when the line is not to be read further.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LogProgram ReadHead(ref byte block, int start, int end, ref LineFrame frame)
    {
        int host = _prefix.ReadStamp(ref block, start, end);
        if (host < 0)
        {
            return ReadOtherHead(ref block, start, end, ref frame);
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
            || Unsafe.Add(ref at, behind - 1) != ':' || !_memo.TryFind(ref at, tagEnd + 1, out int slot))
        {
            return ReadOtherHead(ref block, start, end, ref frame);
        }
        int pidLength = behind - 3 - tagEnd;
        if (pidLength >= -1 && Unsafe.Add(ref at, behind - 2) != ']')
        {
            return LogProgram.None;
        }
        frame.Start = host + behind + 1;
        frame.End = end;
        frame.PidStart = host + tagEnd + 1;
        frame.PidLength = pidLength;
        frame.Header = _memo.At(slot);
        return TakeTime(start, ref frame);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LogProgram TakeTime(int start, ref LineFrame frame)
    {
        frame.LineStart = start;
        frame.TimeUnixMicros = _prefix.TimeUnixMicros;
        frame.OffsetMinutes = _prefix.OffsetMinutes;
        frame.TimeFlags = _prefix.TimeFlags;
        return frame.Header.Tag.Program;
    }

    /// <summary>A line with a new stamp, a rare prefix, or a pair of host and tag not met lately.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private LogProgram ReadOtherHead(ref byte block, int start, int end, ref LineFrame frame)
    {
        if (end == start)
        {
            return LogProgram.None;
        }
        LineOutcome outcome = end - start > BlockReader.LineMaxBytes
            ? LineOutcome.Overlong : _prefix.Read(ref block, start, end);
        if (outcome == LineOutcome.Ignored)
        {
            return TryUntagged(ref block, start, end, ref frame)
                ? TakeTime(start, ref frame) : LogProgram.None;
        }
        if (outcome != LineOutcome.Event)
        {
            frame.LineStart = start;
            frame.End = end;
            bool isRemark = Scan.Is(ref block, start, end, "-- "u8);
            CountStrange(ref block, isRemark ? LineOutcome.Ignored : outcome, in frame);
            return LogProgram.None;
        }
        TakePrefix(ref block, end, ref frame);
        return TakeTime(start, ref frame);
    }

    private void TakePrefix(ref byte block, int end, ref LineFrame frame)
    {
        frame.Start = _prefix.MessageStart;
        frame.End = end;
        frame.PidStart = _prefix.PidStart;
        frame.PidLength = _prefix.PidStart == 0 ? -1 : _prefix.PidEnd - _prefix.PidStart;
        frame.Header = FindHeader(ref block);
    }

    private LineHeader FindHeader(ref byte block)
    {
        ReadOnlySpan<byte> pair = _prefix.Pair(ref block, out int hostLength);
        ref byte at = ref Unsafe.Add(ref block, _prefix.HostStart);
        if (_prefix.HasMessageId)
        {
            // Other lines of this host and tag may have none: the fast way must not know the pair.
            _memo.Clear();
        }
        if (pair.Length >= HeaderMemo.KeyBytes || _prefix.IsOdd || _prefix.HasMessageIds)
        {
            return _headers.Find(pair, hostLength);
        }

        // With the byte behind: a key is padded with zeros, which a tag may hold.
        if (!_memo.TryFind(ref at, pair.Length + 1, out int slot))
        {
            LineHeader header = _headers.Find(pair, hostLength);
            slot &= ~1;
            ReadOnlySpan<byte> key = Scan.Span(ref block, _prefix.HostStart, _prefix.TagEnd + 1);
            _memo.Store(slot, key, header);
        }
        return _memo.At(slot);
    }

    /// <summary>Reads the queue ids, finds the classes, and gives out the places.</summary>
    /// <param name="block">The block.</param>
    /// <param name="frames">Count of frames.</param>
    /// <param name="e">First of as many events as there are lines.</param>
    /// <returns>Count of places.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ReadIds(ReadOnlySpan<byte> block, int frames, ref LogEvent e)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        ref ushort members = ref MemoryMarshal.GetArrayDataReference(_members);
        ref int counts = ref MemoryMarshal.GetArrayDataReference(_memberCounts);
        ref LineFrame frame = ref MemoryMarshal.GetArrayDataReference(_frames);
        Array.Clear(_memberCounts);
        int places = 0;
        for (int i = 0; i < frames; i++)
        {
            LogTag tag = frame.Header.Tag;
            int start = frame.Start;

            // Only Postfix's lines begin with a queue id.
            int isPostfix = ((int)tag.Program - (int)LogProgram.Dovecot) >> 31;
            e = default;
            int behind = QueueIdScan.ReadHead(
                ref Unsafe.Add(ref first, start), frame.End - start, isPostfix, out e.QueueId);
            start += behind;
            frame.Start = start;
            e.TimeUnixMicros = frame.TimeUnixMicros;
            e.Host = frame.Header.Host;
            e.LineStart = frame.LineStart;
            e.OffsetMinutes = frame.OffsetMinutes;
            e.TimeFlags = frame.TimeFlags;
            var c = (int)LineClasses.Of(tag.Program, -behind, Scan.Load(ref first, start));
            ref int count = ref Unsafe.Add(ref counts, c);
            Unsafe.Add(ref members, (c * BatchLines) + count) = (ushort)((places << 8) | i);
            count++;
            int kept = -c >>> 31;
            places += kept;
            e = ref Unsafe.Add(ref e, kept);
            frame = ref Unsafe.Add(ref frame, 1);
        }
        return places;
    }

    /// <summary>Reads the messages, class by class.</summary>
    /// <returns>Count of events, which lie in the first places.</returns>
    private int ReadMessages(ReadOnlySpan<byte> block, Span<LogEvent> events)
    {
        int dropped = 0;
        for (LineClass c = LineClass.None + 1; c < LineClass.Count; c++)
        {
            ReadOnlySpan<ushort> members = _members.AsSpan((int)c * BatchLines, _memberCounts[(int)c]);
            if (members.Length == 0)
            {
                continue;
            }
            dropped += c switch
            {
                < LineClass.Dovecot => ReadMessages<Postfix>(block, members, events),
                < LineClass.Courier => ReadMessages<Dovecot>(block, members, events),
                < LineClass.Cyrus => ReadMessages<Courier>(block, members, events),
                < LineClass.CourierMta => ReadMessages<Cyrus>(block, members, events),
                LineClass.CourierMta => ReadMessages<CourierMta>(block, members, events),
                LineClass.Amavis => ReadMessages<Amavis>(block, members, events),
                LineClass.Vpopmail => ReadMessages<Vpopmail>(block, members, events),
                LineClass.Webmail => ReadMessages<Webmail>(block, members, events),
                _ => ReadMessages<SyslogGaps>(block, members, events),
            };
        }
        return dropped == 0 ? events.Length : CloseGaps(events);
    }

    /// <returns>Count of lines that gave no event.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ReadMessages<TFormat>(
        ReadOnlySpan<byte> block, ReadOnlySpan<ushort> members, Span<LogEvent> events)
        where TFormat : ILogFormat<TFormat>
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        int dropped = 0;
        foreach (ushort member in members)
        {
            ref LineFrame frame = ref _frames[member & 0xFF];
            ref LogEvent e = ref events[member >> 8];
            LineOutcome outcome = TFormat.Parse(ref first, in frame, ref e);
            if (outcome == LineOutcome.Repeated)
            {
                outcome = ReadRepeated<TFormat>(ref first, in frame, ref e);
            }
            if (outcome != LineOutcome.Event)
            {
                e.Kind = EventKind.None;
                dropped++;
                CountOther(ref first, outcome, in frame);
            }
        }
        return dropped;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CloseGaps(Span<LogEvent> events)
    {
        int count = 0;
        for (int i = 0; i < events.Length; i++)
        {
            if (events[i].Kind == EventKind.None)
            {
                continue;
            }
            if (count < i)
            {
                events[count] = events[i];
            }
            count++;
        }
        return count;
    }

    /// <summary>Lines of a batch come class by class: the first is that with the lowest number.</summary>
    private void CountStrange(
        ref byte block, LineOutcome outcome, ref readonly LineFrame frame)
    {
        if (outcome == LineOutcome.Ignored)
        {
            return;
        }
        Strange++;
        long number = _sourceLines + frame.LineIndex + 1;
        if (frame.LineStart < frame.End)
        {
            // Of a line that a later one repeats, the first was counted.
            Shapes.Add(Scan.Span(ref block, frame.LineStart, frame.End), number);
        }
        ref StrangeLines strange = ref _strange[(int)outcome];
        var line = new StrangeLines(
            strange.Count + 1,
            number,
            _sourceOffset + frame.LineStart - _batchStart);
        strange = strange.Count == 0 || line.FirstOffset < strange.FirstOffset
            ? line : strange with { Count = line.Count };
    }
}
