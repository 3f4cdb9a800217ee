using System.Collections.Concurrent;
using System.IO.Hashing;
using System.Text;
using FASTER.core;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>Where a run lies in its log.</summary>
internal readonly record struct Extent(long FirstAddress, long SizeBytes);

/// <summary>The log of one retention class. Opened when first used: an empty class costs nothing.</summary>
/// <remarks>
/// One class to a log, since room is freed from the log's beginning only and within one class the
/// oldest expires first. Nothing is ever deleted in FASTER: a run that is no longer listed in
/// <see cref="_extents"/> is not found, and its bytes go when the beginning passes them.
/// </remarks>
internal sealed class ClassLog : IDisposable
{
    // FASTER clears whole pages and the whole index when it opens: they are no larger than a value
    // and half a million blocks need, or a query pays for it more than for its reading.
    private const int PageBits = 19;
    private const int MemoryBits = 24;
    private const int ReaderMemoryBits = 21;
    private const int SegmentBits = 26;
    private const long IndexSizeBytes = 1 << 19;

    /// <summary>The first record of a log; FASTER keeps lower addresses for itself.</summary>
    private const long FirstValidAddress = 64;

    /// <summary>Log bytes after which the index is saved: what a recovery reads at most.</summary>
    private const long IndexIntervalBytes = 64L << 20;

    private static readonly byte[] s_zeros = new byte[512];

    private readonly string _directory;
    private readonly bool _readOnly;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<int, Extent> _extents = new();
    private readonly ConcurrentStack<BlockSession> _idle = new();
    private readonly List<int> _changed = [];
    private readonly List<(long From, long Until, ulong Hash)> _ranges = [];
    private readonly CheckpointHolder _checkpoints;
    private readonly SegmentDevice _device;
    private readonly RunPlaces _places;
    private FasterKV<StoreKey, SpanByte>? _store;
    private BlockSession? _writer;
    private Action<string, long>? _beforeWrite;
    private ulong _indexHash;
    private long _beginAddress = FirstValidAddress;
    private long _finalAddress = FirstValidAddress;
    private long _indexStartAddress = FirstValidAddress;
    private long _liveBytes;
    private int _firstSegment;
    private int _rangesAdded;
    private bool _isDirty;
    private bool _isIndexSaved;
    private volatile bool _isDamaged;

    public ClassLog(RecordClass recordClass, string directory, bool readOnly)
    {
        Class = recordClass;
        _directory = directory;
        _readOnly = readOnly;
        string name = recordClass switch
        {
            RecordClass.Sent => "sent",
            RecordClass.Received => "received",
            RecordClass.Access => "access",
            _ => "rejected",
        };
        _checkpoints = new CheckpointHolder(Path.Combine(directory, name + ".index"), readOnly);
        _device = new SegmentDevice(Path.Combine(directory, name + ".log"), readOnly);
        _device.Initialize(1L << SegmentBits);
        _places = new RunPlaces(_device, PageBits);
    }

    public RecordClass Class { get; }

    public bool IsDirty => _isDirty || _changed.Count > 0;

    /// <summary>Whether saving the index now makes the next opening quicker.</summary>
    public bool IsIndexOld =>
        _store != null && !IsDirty && _finalAddress - _indexStartAddress > IndexIntervalBytes / 16;

    /// <summary>Whether a reader needs FASTER to find a run.</summary>
    public bool HasLargeRuns =>
        _extents.Values.Any(extent => extent.SizeBytes > RunPlaces.RunBytesMax);

    public bool HasData => _finalAddress > FirstValidAddress;

    public long DeadBytes =>
        Math.Max(0, (_store?.Log.TailAddress ?? _finalAddress) - _beginAddress - _liveBytes);

    public IEnumerable<int> Runs => _extents.Keys;

    internal Action<string, long>? BeforeWrite
    {
        get => _beforeWrite;
        set => _device.BeforeWrite = _checkpoints.BeforeWrite = _beforeWrite = value;
    }

    public void Put(in BlockKey key, ReadOnlySpan<byte> value)
    {
        Append(key, value);
        Extent extent = _extents.GetValueOrDefault(key.Run, new Extent(_writer!.Address, 0));
        _extents[key.Run] = extent with { SizeBytes = extent.SizeBytes + value.Length };
        _liveBytes += value.Length;
        if (_changed.Count == 0 || _changed[^1] != key.Run)
        {
            _changed.Add(key.Run);
        }
    }

    public int Read(in BlockKey key, ref byte[] buffer)
    {
        if (!_extents.TryGetValue(key.Run, out Extent extent))
        {
            return -1;
        }
        if (_readOnly && (extent.SizeBytes <= RunPlaces.RunBytesMax || !CanOpen()))
        {
            return _places.Read(key, extent, _finalAddress, ref buffer);
        }
        FasterKV<StoreKey, SpanByte> store = Open();
        if (!_idle.TryPop(out BlockSession? session))
        {
            session = new BlockSession(store);
        }
        try
        {
            return session.Read(key, extent.FirstAddress, ref buffer);
        }
        finally
        {
            _idle.Push(session);
        }
    }

    /// <summary>Where a block lies.</summary>
    public (string Path, long OffsetBytes)? Locate(in BlockKey key)
    {
        if (!_extents.TryGetValue(key.Run, out Extent extent)
            || _places.Find(key, extent, _finalAddress) is not { } address)
        {
            return null;
        }
        return (
            _device.SegmentPath((int)(address >> SegmentBits)), address & ((1L << SegmentBits) - 1));
    }

    /// <summary>
    /// Whether FASTER can be had, for a reader: what it would parse may be damaged, and then the
    /// blocks are found without it, so that damage costs only the block that has it.
    /// </summary>
    public bool CanOpen()
    {
        if (_isDamaged)
        {
            return false;
        }
        try
        {
            Open();
            return true;
        }
        catch (RetentionException e) when (e.Error == RetentionError.StoreDamaged)
        {
            _isDamaged = true;
            return false;
        }
    }

    /// <summary>Forgets a run; its room is freed by the next flush if the log begins with it.</summary>
    public void Drop(int run)
    {
        if (_extents.TryRemove(run, out Extent extent))
        {
            _liveBytes -= extent.SizeBytes;
            _changed.Add(run);
        }
    }

    /// <summary>Puts a run anew at the log's end; readers go on finding the old one until then.</summary>
    public void Move(ReadOnlySpan<BlockKey> keys)
    {
        int run = keys[0].Run;
        if (!_extents.TryGetValue(run, out Extent extent))
        {
            return;
        }
        long firstAddress = 0;
        byte[] buffer = [];
        foreach (ref readonly BlockKey key in keys)
        {
            int length = Read(key, ref buffer);
            if (length < 0)
            {
                // Damaged: verification names it, and the run stays where it is.
                return;
            }
            Append(key, buffer.AsSpan(0, length));
            firstAddress = firstAddress == 0 ? _writer!.Address : firstAddress;
        }
        _extents[run] = extent with { FirstAddress = firstAddress };
        _changed.Add(run);
    }

    /// <summary>Writes the log out; what it takes to find it again is in memory then.</summary>
    /// <param name="isIndexWanted">Whether to save the index even if little was added.</param>
    public void BeginFlush(bool isIndexWanted)
    {
        FasterKV<StoreKey, SpanByte> store = Open();
        ShiftBegin(store);
        PadToSector(store);
        _isIndexSaved = isIndexWanted
            || store.Log.TailAddress - _indexStartAddress > IndexIntervalBytes;
        bool isStarted = _isIndexSaved
            ? store.TryInitiateFullCheckpoint(out _, CheckpointType.FoldOver)
            : store.TryInitiateHybridLogCheckpoint(out _, CheckpointType.FoldOver);
        if (!isStarted)
        {
            throw new InvalidOperationException("Only one thread may make checkpoints.");
        }
        store.CompleteCheckpointAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Makes what was written out durable. Logs may do so side by side.</summary>
    public void Sync() => _device.Sync();

    /// <summary>Describes the log for one entry of the checkpoint file.</summary>
    public void EndFlush(BinaryWriter entry)
    {
        HybridLogRecoveryInfo info = Parse(_checkpoints.LogMetadata);
        if (_isIndexSaved)
        {
            _indexStartAddress = info.startLogicalAddress;
            _checkpoints.ThrowIfFailed();
            _indexHash = SyncIndex(_checkpoints.IndexPath(_checkpoints.IndexToken));
        }
        AddRange(info.finalLogicalAddress);
        WriteEntry(entry, _isIndexSaved);
        _changed.Clear();
        _isDirty = false;
    }

    /// <summary>Removes files that nothing durable refers to any more.</summary>
    public void RemoveObsolete()
    {
        _device.RemoveBefore(_beginAddress, _firstSegment);
        _firstSegment = (int)(_beginAddress >> SegmentBits);
        if (!_isIndexSaved)
        {
            return;
        }
        string current = Path.GetFileName(_checkpoints.IndexPath(_checkpoints.IndexToken));
        string pattern = Path.GetFileName(_checkpoints.IndexPath(Guid.Empty));
        pattern = pattern[..^32] + "*";
        foreach (string path in Directory.EnumerateFiles(_directory, pattern))
        {
            if (!string.Equals(Path.GetFileName(path), current, StringComparison.Ordinal))
            {
                DurableFile.Delete(path);
            }
        }
    }

    /// <summary>Writes everything that a later opening needs, as if nothing had been written yet.</summary>
    public void WriteWhole(BinaryWriter entry)
    {
        _changed.Clear();
        _changed.AddRange(_extents.Keys);
        WriteEntry(entry, withIndex: true);
        _changed.Clear();
    }

    public void ReadEntry(BinaryReader entry)
    {
        Guid logToken = new(entry.ReadBytes(16));
        byte[] logMetadata = entry.ReadBytes(entry.ReadInt32());
        Guid indexToken = _checkpoints.IndexToken;
        byte[] indexMetadata = _checkpoints.IndexMetadata;
        if (entry.ReadBoolean())
        {
            indexToken = new Guid(entry.ReadBytes(16));
            indexMetadata = entry.ReadBytes(entry.ReadInt32());
            _indexHash = entry.ReadUInt64();
            _indexStartAddress = entry.ReadInt64();
            _ranges.Clear();
        }
        _checkpoints.Load(logToken, logMetadata, indexToken, indexMetadata);
        HybridLogRecoveryInfo info = Parse(logMetadata);
        _beginAddress = info.beginAddress;
        _finalAddress = info.finalLogicalAddress;
        _firstSegment = (int)(_beginAddress >> SegmentBits);
        for (int count = entry.ReadInt32(); count > 0; count--)
        {
            _ranges.Add((entry.ReadInt64(), entry.ReadInt64(), entry.ReadUInt64()));
        }
        PruneRanges();
        for (int count = entry.ReadInt32(); count > 0; count--)
        {
            int run = entry.ReadInt32();
            var extent = new Extent(entry.ReadInt64(), entry.ReadInt64());
            _extents.TryRemove(run, out Extent old);
            _liveBytes += extent.SizeBytes - old.SizeBytes;
            if (extent.FirstAddress > 0)
            {
                _extents[run] = extent;
            }
        }
    }

    /// <summary>Compares the files with what the last checkpoint says, without reading them.</summary>
    /// <exception cref="RetentionException">StoreDamaged, naming the file.</exception>
    public void CheckFiles()
    {
        if (!HasData)
        {
            return;
        }
        for (long address = _beginAddress & -(1L << SegmentBits); address < _finalAddress;
            address += 1L << SegmentBits)
        {
            var file = new FileInfo(_device.SegmentPath((int)(address >> SegmentBits)));
            long needed = Math.Min(_finalAddress - address, 1L << SegmentBits);
            // A page's rest that no record fitted into may never have been written.
            long written = needed == 1L << SegmentBits ? needed - (1L << PageBits) + 1 : needed;
            if (!file.Exists || file.Length < written)
            {
                throw new RetentionException(
                    RetentionError.StoreDamaged,
                    $"The store's file '{file.FullName}' is missing or too short.",
                    file.FullName,
                    file.Exists ? file.Length : -1);
            }
        }
        string indexPath = _checkpoints.IndexPath(_checkpoints.IndexToken);
        if (_checkpoints.IndexToken != Guid.Empty && !File.Exists(indexPath))
        {
            throw new RetentionException(
                RetentionError.StoreDamaged, $"The store's file '{indexPath}' is missing.", indexPath);
        }
    }

    /// <summary>Opens the log, recovering what is durable.</summary>
    public FasterKV<StoreKey, SpanByte> Open()
    {
        if (Volatile.Read(ref _store) is { } open)
        {
            return open;
        }
        lock (_gate)
        {
            if (_store == null)
            {
                Volatile.Write(ref _store, Recover());
            }
            return _store;
        }
    }

    public void Dispose()
    {
        _writer?.Dispose();
        while (_idle.TryPop(out BlockSession? session))
        {
            session.Dispose();
        }
        _store?.Dispose();
        _device.Dispose();
    }

    private static HybridLogRecoveryInfo Parse(byte[] metadata)
    {
        HybridLogRecoveryInfo info = default;
        using var reader = new StreamReader(new MemoryStream(metadata), Encoding.UTF8);
        info.Initialize(reader);
        return info;
    }

    private static ulong SyncIndex(string path)
    {
        using var file = DurableFile.Open(path, FileMode.Open, FileAccess.ReadWrite);
        DurableFile.Flush(file, path);
        DurableFile.FlushDirectory(Path.GetDirectoryName(path)!);
        return HashOf(file, path);
    }

    private static ulong HashOf(SafeFileHandle file, string path)
    {
        var hash = new XxHash3();
        byte[] buffer = new byte[1 << 16];
        long offset = 0;
        for (int length = 1; length > 0; offset += length)
        {
            length = DurableFile.Read(file, buffer, offset, path);
            hash.Append(buffer.AsSpan(0, length));
        }
        return hash.GetCurrentHashAsUInt64();
    }

    private FasterKV<StoreKey, SpanByte> Recover()
    {
        var settings = new FasterKVSettings<StoreKey, SpanByte>
        {
            IndexSize = IndexSizeBytes,
            LogDevice = _device,
            PageSize = 1L << PageBits,
            MemorySize = 1L << (_readOnly ? ReaderMemoryBits : MemoryBits),
            SegmentSize = 1L << SegmentBits,
            MutableFraction = 0.5,
            ConcurrencyControlMode = ConcurrencyControlMode.None,
            CheckpointManager = _checkpoints,
            EqualityComparer = new StoreKey.Comparer(),
            TryRecoverLatest = false,
        };
        if (HasData)
        {
            CheckContent();
        }
        var store = new FasterKV<StoreKey, SpanByte>(settings);
        if (HasData)
        {
            try
            {
                store.Recover(_checkpoints.IndexToken, _checkpoints.LogToken, numPagesToPreload: 1);
            }
            catch (FasterException e)
            {
                store.Dispose();
                throw new RetentionException(
                    RetentionError.StoreDamaged,
                    $"The log '{_device.FileName}' can't be recovered: {e.Message}",
                    _device.FileName,
                    inner: e);
            }
            if (store.Log.TailAddress != _finalAddress || store.Log.BeginAddress != _beginAddress)
            {
                store.Dispose();
                throw new RetentionException(
                    RetentionError.StoreDamaged,
                    $"The log '{_device.FileName}' was recovered to another length than it had.",
                    _device.FileName);
            }
        }
        return store;
    }

    /// <summary>
    /// Checks what recovery is going to parse. FASTER follows lengths and addresses it finds in
    /// the files by raw pointers, so nothing may reach it that is not what was written.
    /// </summary>
    private void CheckContent()
    {
        if (_checkpoints.IndexToken != Guid.Empty)
        {
            string path = _checkpoints.IndexPath(_checkpoints.IndexToken);
            using var file = DurableFile.Open(path, FileMode.Open, FileAccess.Read);
            if (HashOf(file, path) != _indexHash)
            {
                throw EntryLog.Damaged(path, 0);
            }
        }
        foreach ((long from, long until, ulong hash) in _ranges)
        {
            if (_device.HashOf(from, until) != hash)
            {
                throw EntryLog.Damaged(
                    _device.SegmentPath((int)(from >> SegmentBits)), from & ((1L << SegmentBits) - 1));
            }
        }
    }

    private void Append(in BlockKey key, ReadOnlySpan<byte> value)
    {
        FasterKV<StoreKey, SpanByte> store = Open();
        _device.ThrowIfFailed();
        _writer ??= new BlockSession(store);
        _isDirty = true;
        _writer.Put(key, value);
    }

    private void AddRange(long finalAddress)
    {
        _rangesAdded = 0;
        while (_finalAddress < finalAddress)
        {
            // Page by page: then an opening checks little more than it parses.
            long end = (_finalAddress & -(1L << PageBits)) + (1L << PageBits);
            end = Math.Min(end, finalAddress);
            _ranges.Add((_finalAddress, end, _device.HashOfWritten(_finalAddress, end)));
            _rangesAdded++;
            _finalAddress = end;
        }
        _device.ForgetWritten();
        PruneRanges();
    }

    /// <summary>Recovery reads from the saved index on, and at least the last two pages.</summary>
    private void PruneRanges()
    {
        long needed = Math.Min(_indexStartAddress, _finalAddress - (2L << PageBits));
        needed &= -(1L << PageBits);
        _ranges.RemoveAll(r => r.Until <= needed || r.Until <= _beginAddress);
    }

    /// <summary>
    /// Fills the last sector with a record that nobody looks for. FASTER writes whole sectors and
    /// a recovery changes bits of the records in memory, so a sector that held the end of one
    /// flush and the beginning of the next would not keep the bytes that its hash was made of.
    /// </summary>
    private void PadToSector(FasterKV<StoreKey, SpanByte> store)
    {
        const int Sector = 512;
        const int RecordOverhead = 8 + 16 + 4;
        // Padding that does not fit into a page lands in the next one and leaves a gap of its own.
        for (long rest = store.Log.TailAddress % Sector; rest != 0;
            rest = store.Log.TailAddress % Sector)
        {
            int length = Sector - (int)rest - RecordOverhead;
            _writer ??= new BlockSession(store);
            _writer.Put(default, s_zeros.AsSpan(0, length > 0 ? length : length + Sector));
        }
    }

    private void ShiftBegin(FasterKV<StoreKey, SpanByte> store)
    {
        long first = store.Log.TailAddress;
        foreach (Extent extent in _extents.Values)
        {
            first = Math.Min(first, extent.FirstAddress);
        }
        first &= -(1L << PageBits);
        if (first > _beginAddress)
        {
            store.Log.ShiftBeginAddress(first, truncateLog: false);
            _beginAddress = first;
            _isDirty = true;
        }
    }

    private void WriteEntry(BinaryWriter entry, bool withIndex)
    {
        entry.Write((byte)Class);
        entry.Write(_checkpoints.LogToken.ToByteArray());
        entry.Write(_checkpoints.LogMetadata.Length);
        entry.Write(_checkpoints.LogMetadata);
        entry.Write(withIndex);
        if (withIndex)
        {
            entry.Write(_checkpoints.IndexToken.ToByteArray());
            entry.Write(_checkpoints.IndexMetadata.Length);
            entry.Write(_checkpoints.IndexMetadata);
            entry.Write(_indexHash);
            entry.Write(_indexStartAddress);
        }
        List<(long From, long Until, ulong Hash)> ranges =
            withIndex ? _ranges : _ranges[Math.Max(0, _ranges.Count - _rangesAdded)..];
        entry.Write(ranges.Count);
        foreach ((long from, long until, ulong hash) in ranges)
        {
            entry.Write(from);
            entry.Write(until);
            entry.Write(hash);
        }
        entry.Write(_changed.Count);
        foreach (int run in _changed)
        {
            Extent extent = _extents.GetValueOrDefault(run);
            entry.Write(run);
            entry.Write(extent.FirstAddress);
            entry.Write(extent.SizeBytes);
        }
    }
}
