using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>A source whose first bytes are known.</summary>
internal sealed class OpenSource : IDisposable
{
    /// <summary>A source is known again by this much of its head.</summary>
    public const int HeadBytesMax = SourceHead.LengthMax;

    /// <summary>A plain file untouched for this long has its last line whole, LF or not.</summary>
    private const long QuietMicros = 60_000_000;

    private readonly LogSource _source;
    private Stream? _stream;

    public OpenSource(LogSource source)
    {
        _source = source;
        _stream = new FormStream(source.Open());
        byte[] head = new byte[HeadBytesMax];
        int length = 0;
        try
        {
            while (length < head.Length)
            {
                int read = _stream.Read(head.AsSpan(length));
                if (read == 0)
                {
                    break;
                }
                length += read;
            }
        }
        catch (Exception e) when (SourceFault.TryDescribe(e, Name, out RetentionException fault))
        {
            // What is good before the damage is read; the pump meets the damage again.
            HeadFault = fault;
        }
        Head = head.AsMemory(0, length);
    }

    /// <summary>What was opened.</summary>
    public LogSource Source => _source;

    public string Name => _source.Name;

    public long LengthBytes => _source.LengthBytes;

    public ReadOnlyMemory<byte> Head { get; }

    public RetentionException? HeadFault { get; }

    /// <summary>The whole content, from its first byte.</summary>
    public Stream Stream { get; private set; } = Stream.Null;

    public long FirstTimeUnixMicros { get; private set; }

    /// <summary>Closes what can be opened again, so that many sources need few handles.</summary>
    public void Suspend(HostZones zones)
    {
        FirstTimeUnixMicros = SourceHead.TryFirstTime(
            Head.Span, zones, LatestUnixMicros(), out long first)
            ? first
            : long.MaxValue;
        if (CanReopen)
        {
            _stream?.Dispose();
            _stream = null;
        }
    }

    /// <summary>Makes <see cref="Stream"/> readable, from the first byte.</summary>
    /// <exception cref="RetentionException">A pipe can't be read from the start twice.</exception>
    public void Resume()
    {
        if (CanReopen)
        {
            _stream?.Dispose();
            Stream = _stream = new FormStream(_source.Open());
        }
        else if (Stream == Stream.Null)
        {
            Stream = new HeadStream(Head, _stream!);
        }
        else
        {
            throw new RetentionException(
                RetentionError.SourceUnreadable,
                "It begins like a log that is known, and then differs; import it as a file.",
                Name);
        }
    }

    public void Dispose() => _stream?.Dispose();

    /// <summary>No line can be younger than the file, nor than its name says, nor than now.</summary>
    public long LatestUnixMicros(TimeProvider clock) =>
        Math.Min(LatestUnixMicros(), clock.GetUtcNow().UnixMicros());

    /// <summary>A copy has a time of its own, but keeps the date in its name.</summary>
    private long LatestUnixMicros() =>
        RotationName.TryLatest(Name, out DateTimeOffset named) && named < _source.LatestTime
            ? named.UnixMicros()
            : _source.LatestTime.UnixMicros();

    /// <summary>In which of the doubled hours it begins, by a long queue id, for the clock.</summary>
    public long ClockState(HostZones zones, TimeProvider clock, int year) =>
        SourceHead.ClockState(Head.Span, zones, LatestUnixMicros(clock), year);

    /// <summary>The year of the first line: as told, else by a long queue id, else 0 (by file time).</summary>
    public int Year(int? told, TimeZoneInfo zone) => told ?? SourceHead.YearHint(Head.Span, zone);

    /// <summary>Whether a last line without LF may be taken as whole.</summary>
    public bool IsQuiet(TimeProvider clock) =>
        _source.IsComplete
        || clock.GetUtcNow().UnixMicros() - _source.LatestTime.UnixMicros() > QuietMicros;

    private bool CanReopen => _source.LengthBytes >= 0;

    /// <summary>Gives the bytes that were peeked at, then the rest.</summary>
    private sealed class HeadStream(ReadOnlyMemory<byte> head, Stream rest) : ForwardStream
    {
        private int _at;

        public override int Read(Span<byte> buffer)
        {
            if (_at == head.Length)
            {
                return rest.Read(buffer);
            }
            int count = Math.Min(buffer.Length, head.Length - _at);
            head.Span.Slice(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }
    }
}

/// <summary>Sorts sources by their first line, so that rotated files are read oldest first.</summary>
internal static class SourceOrder
{
    public static List<OpenSource> Open(
        IReadOnlyList<LogSource> sources,
        HostZones zones,
        Action<string, RetentionException> unreadable)
    {
        var opened = new List<OpenSource>(sources.Count);
        foreach (LogSource source in sources)
        {
            try
            {
                var open = new OpenSource(source);
                open.Suspend(zones);
                opened.Add(open);
            }
            catch (Exception e)
                when (SourceFault.TryDescribe(e, source.Name, out RetentionException fault))
            {
                unreadable(source.Name, fault);
            }
        }
        // A stable sort: sources without a stamp keep their order, at the end.
        return [.. opened.OrderBy(source => source.FirstTimeUnixMicros)];
    }
}

/// <summary>Tells a source's fault, which ends that source, from the store's, which ends the import.</summary>
internal static class SourceFault
{
    public static bool TryDescribe(Exception e, string name, out RetentionException fault)
    {
        switch (e)
        {
            case RetentionException { Error: RetentionError.SourceDamaged
                or RetentionError.SourceUnreadable } known:
                fault = known;
                return true;
            case UnauthorizedAccessException:
                fault = new RetentionException(
                    RetentionError.SourceUnreadable, "No permission to read it.", name, inner: e);
                return true;
            case FileNotFoundException or DirectoryNotFoundException:
                fault = new RetentionException(
                    RetentionError.SourceUnreadable, "There is no such file.", name, inner: e);
                return true;
            case InvalidDataException:
                fault = new RetentionException(
                    RetentionError.SourceDamaged, "Its compressed data is damaged.", name, inner: e);
                return true;
            case IOException:
                fault = new RetentionException(
                    RetentionError.SourceUnreadable, "Reading it failed.", name, inner: e);
                return true;
            default:
                fault = null!;
                return false;
        }
    }
}
