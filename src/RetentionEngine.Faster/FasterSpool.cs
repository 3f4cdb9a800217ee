using System.Globalization;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>Where a source goes on that can be asked for what comes behind a cursor.</summary>
/// <param name="Source">Its name.</param>
/// <param name="Position">What it calls the place, such as journald's <c>__CURSOR</c>.</param>
public readonly record struct SpoolCursor(string? Source, string? Position);

/// <summary>Keeps log lines that can't be read again, until the pump has committed what they say.</summary>
/// <remarks>
/// A FasterLog in parts, each encrypted under a key in the store's key ring that is overwritten as
/// soon as the part has been read. Each part is a <see cref="LogSource"/> with an identity.
/// Thread-safe. One spool per store, in its folder <c>spool</c>.
/// </remarks>
public sealed class FasterSpool : IDisposable
{
    private const int CursorLengthMax = 1024;

    private readonly string _directory;
    private readonly KeyRing _keys;
    private readonly TimeProvider _clock;
    private readonly long _unreadMax;
    private readonly long _diskReserve;
    private readonly Lock _gate = new();
    private readonly List<SpoolPart> _parts = [];
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Thread _committer;
    private TaskCompletionSource _round = NewRound();
    private SpoolPart? _active;
    private int _lastNumber;
    private volatile bool _isDisposed;

    private FasterSpool(
        RetentionStore store, TimeProvider clock, long unreadMax, long diskReserve)
    {
        _directory = Path.Combine(store.DirectoryPath, "spool");
        _keys = store.Keys;
        _clock = clock;
        _unreadMax = unreadMax;
        _diskReserve = diskReserve;
        _committer = new Thread(CommitLoop) { IsBackground = true, Name = "spool" };
    }

    /// <summary>Where a source that has a cursor goes on.</summary>
    /// <param name="source">As it is called in <see cref="SpoolCursor.Source"/>.</param>
    /// <returns>Null = at its beginning.</returns>
    public string? CursorOf(string source)
    {
        lock (_gate)
        {
            return _parts.Count == 0 ? null : _parts[^1].Cursors.GetValueOrDefault(source);
        }
    }

    /// <summary>Bytes of lines that are durable and not committed yet.</summary>
    public long UnreadBytes
    {
        get
        {
            lock (_gate)
            {
                return _parts.Sum(p => p.DurableBytes - p.ConsumedBytes);
            }
        }
    }

    /// <summary>Whether appending waits because the disk has no room for another part.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Opens the spool of a store, and makes it where there is none.</summary>
    /// <param name="store">Open for writing; outlives the spool.</param>
    /// <param name="clock">For the age of its parts.</param>
    /// <param name="unreadMax">With more bytes than this unread, appending waits.</param>
    /// <param name="diskReserve">Bytes of the disk that it leaves to others, expiry first.</param>
    /// <exception cref="RetentionException">StoreDamaged, Key, InputOutput.</exception>
    public static FasterSpool Open(
        RetentionStore store, TimeProvider clock, long unreadMax, long diskReserve)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(clock);
        var spool = new FasterSpool(store, clock, unreadMax, diskReserve);
        spool.Recover();
        spool._committer.Start();
        return spool;
    }

    /// <summary>Adds lines; they are durable when it completes, and the buffer is free again.</summary>
    /// <param name="lines">Whole lines, each with its LF.</param>
    /// <param name="cursor">Where their source goes on behind them; default = it has no cursor.</param>
    /// <param name="cancel">Gives up waiting for room; what was added so far stays.</param>
    /// <remarks>Where the disk is full it waits until there is room.</remarks>
    /// <exception cref="RetentionException">
    /// InputOutput: what was not confirmed may be given once more.
    /// </exception>
    public async ValueTask AppendAsync(
        ReadOnlyMemory<byte> lines, SpoolCursor cursor, CancellationToken cancel)
    {
        if (cursor.Source?.Length + cursor.Position?.Length > CursorLengthMax)
        {
            throw new ArgumentException("A cursor is short.", nameof(cursor));
        }
        while (UnreadBytes > _unreadMax)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancel).ConfigureAwait(false);
        }
        var rounds = new List<Task>(1);
        do
        {
            int length = EntryLength(lines.Span);
            if (!TryAppend(
                lines.Span[..length], length == lines.Length ? cursor : default, out Task round))
            {
                await Task.Delay(TimeSpan.FromSeconds(1), _clock, cancel).ConfigureAwait(false);
                continue;
            }
            lines = lines[length..];
            rounds.Add(round);
        }
        while (!lines.IsEmpty);
        await Task.WhenAll(rounds).ConfigureAwait(false);
    }

    /// <summary>What can be read now; <see cref="LogSource.LengthBytes"/> is how far.</summary>
    public IReadOnlyList<LogSource> Sources()
    {
        lock (_gate)
        {
            return [.. _parts.Where(p => p.DurableBytes > p.ConsumedBytes).Select(Source)];
        }
    }

    /// <summary>The parts that can still be read.</summary>
    public IReadOnlyList<Guid> Identities()
    {
        lock (_gate)
        {
            return [.. _parts.Select(p => p.Identity)];
        }
    }

    /// <summary>Lets go of what was read: call it when it has been committed.</summary>
    /// <param name="sources">As <see cref="Sources"/> gave them, read to their ends.</param>
    /// <returns>Whether a part is gone, its key with it.</returns>
    /// <exception cref="RetentionException">InputOutput.</exception>
    public bool Release(IEnumerable<LogSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        lock (_gate)
        {
            foreach (LogSource source in sources)
            {
                SpoolPart? part = _parts.Find(p => p.Identity == source.Identity);
                if (part is not null)
                {
                    part.ConsumedBytes = Math.Max(part.ConsumedBytes, source.LengthBytes);
                }
            }
            // The last part stays: it knows the cursors.
            SpoolPart[] done = [.. _parts.SkipLast(1)
                .Where(p => p.IsClosed && p.ConsumedBytes == p.DurableBytes)];
            foreach (SpoolPart part in done)
            {
                Remove(part);
            }
            return done.Length > 0;
        }
    }

    /// <summary>Begins a new part when the one being written is old and read to its end.</summary>
    /// <param name="age">How old it may get.</param>
    /// <exception cref="RetentionException">DiskFull, InputOutput.</exception>
    public void Turn(TimeSpan age)
    {
        lock (_gate)
        {
            if (_active is { ConsumedBytes: > 0 } part
                && part.ConsumedBytes == part.WrittenBytes && _clock.GetUtcNow() - part.Begun > age)
            {
                Begin();
            }
        }
    }

    /// <summary>Makes what was appended durable and closes the files.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }
        _isDisposed = true;
        _wake.Release();
        _committer.Join();
        foreach (SpoolPart part in _parts)
        {
            part.Dispose();
        }
        _wake.Dispose();
    }

    private static TaskCompletionSource NewRound() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>As many whole lines as one entry takes.</summary>
    private static int EntryLength(ReadOnlySpan<byte> lines)
    {
        if (lines.Length <= SpoolPart.EntryBytesMax)
        {
            return lines.Length;
        }
        int end = lines[..SpoolPart.EntryBytesMax].LastIndexOf((byte)'\n') + 1;
        return end > 0 ? end : SpoolPart.EntryBytesMax;
    }

    /// <summary>Adds one entry; false while the disk is full.</summary>
    private bool TryAppend(ReadOnlySpan<byte> lines, SpoolCursor cursor, out Task round)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            try
            {
                if (_active is not { HasRoom: true })
                {
                    Begin();
                }
                IsFull = false;
            }
            catch (RetentionException e) when (e.Error == RetentionError.DiskFull)
            {
                IsFull = true;
                round = Task.CompletedTask;
                return false;
            }
            _active!.Append(lines, cursor);
            round = _round.Task;
        }
        _wake.Release();
        return true;
    }

    /// <summary>Begins a part; the one before it takes no more.</summary>
    private void Begin()
    {
        if (_active is { } full)
        {
            Close(full);
        }
        if (new DriveInfo(_directory).AvailableFreeSpace < _diskReserve + SpoolPart.PartBytes)
        {
            throw new RetentionException(
                RetentionError.DiskFull,
                $"There is no room for the spool '{_directory}'.",
                _directory);
        }
        int number = _lastNumber + 1;
        SpoolPart part;
        try
        {
            part = SpoolPart.Create(_directory, number, _keys, _clock.GetUtcNow());
        }
        catch (RetentionException)
        {
            SpoolPart.Delete(_directory, number);
            throw;
        }
        _lastNumber = number;
        if (_parts.Count > 0 && _parts[^1].Cursors is { Count: > 0 } cursors)
        {
            foreach ((string source, string position) in cursors)
            {
                part.Append([], new SpoolCursor(source, position));
            }
            part.Commit(0);
        }
        _active = part;
        _parts.Add(part);
    }

    private void Close(SpoolPart part)
    {
        part.IsClosed = true;
        _active = null;
        try
        {
            part.Commit(part.WrittenBytes);
        }
        catch (RetentionException e)
        {
            FailRound(e);
            throw;
        }
    }

    /// <summary>Tells those who wait: the next commit would be of another part.</summary>
    private void FailRound(RetentionException e)
    {
        TaskCompletionSource round = _round;
        _round = NewRound();
        round.SetException(e);
    }

    /// <summary>Many appends, one commit: those that come while it runs wait for the next.</summary>
    private void CommitLoop()
    {
        while (true)
        {
            _wake.Wait();
            bool isLast = _isDisposed;
            TaskCompletionSource round;
            SpoolPart? part;
            long written;
            lock (_gate)
            {
                while (_wake.Wait(0))
                {
                    // One commit serves all that have called.
                }
                (round, _round) = (_round, NewRound());
                part = _active;
                written = part?.WrittenBytes ?? 0;
            }
            try
            {
                part?.Commit(written);
                round.SetResult();
            }
            catch (RetentionException e)
            {
                GiveUp(part!, e);
                round.SetException(e);
            }
            if (isLast)
            {
                return;
            }
        }
    }

    /// <summary>A part that can't be written keeps what is durable and takes no more.</summary>
    private void GiveUp(SpoolPart part, RetentionException e)
    {
        lock (_gate)
        {
            part.IsClosed = true;
            if (_active == part)
            {
                _active = null;
                FailRound(e);
            }
        }
    }

    private LogSource Source(SpoolPart part)
    {
        long length = part.DurableBytes;
        return new LogSource(
            "spool", () => new SpoolStream(part, length), _clock.GetUtcNow(), part.IsClosed, length)
        {
            Identity = part.Identity,
        };
    }

    private void Remove(SpoolPart part)
    {
        _parts.Remove(part);
        part.Dispose();
        _keys.Discard([SpoolKeys.NameOf(part.Number)]);
        SpoolPart.Delete(_directory, part.Number);
    }

    private void Recover()
    {
        DurableFile.CreateDirectory(_directory);
        var numbers = new SortedSet<int>();
        foreach (string path in System.IO.Directory.EnumerateFiles(_directory, "part.*"))
        {
            string[] name = Path.GetFileName(path).Split('.');
            if (int.TryParse(name[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                numbers.Add(number);
            }
        }
        foreach (int number in numbers)
        {
            SpoolPart? part = File.Exists(SpoolPart.CommitPath(_directory, number))
                ? SpoolPart.Open(_directory, number, _keys) : null;
            if (part is null)
            {
                SpoolPart.Delete(_directory, number);
                numbers = [.. numbers.Where(n => n != number)];
                continue;
            }
            _parts.Add(part);
        }
        _keys.Discard(_keys.Buckets.Where(
            b => SpoolKeys.IsKeyName(b) && !numbers.Contains(b.StartHour)).ToArray());
        _lastNumber = numbers.Count == 0 ? 0 : numbers.Max;
    }
}
