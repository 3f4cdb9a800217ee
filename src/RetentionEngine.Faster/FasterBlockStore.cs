using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>Blocks in FasterKV: one log per retention class, one file of checkpoints for all.</summary>
/// <remarks>
/// A flush writes the logs out, syncs them, and then appends one checksummed entry to the file
/// <c>checkpoints</c>, which holds all that FASTER needs to recover and what we need not to
/// believe it: the log's length, hashes of what recovery will read, where each run begins. A
/// store that is open for reading sees the last entry and never writes, so any number of them may
/// be open beside one writer.
/// </remarks>
public sealed class FasterBlockStore : BlockStore
{
    private const string CheckpointsName = "checkpoints";

    /// <summary><c>RTNCHKP</c> and a zero.</summary>
    private const ulong Magic = 0x52544E43484B5000;

    private readonly string _path;
    private readonly bool _readOnly;
    private readonly ClassLog[] _logs;
    private readonly EntryLog? _checkpoints;
    private long _generation;
    private bool _isFailed;

    private FasterBlockStore(string path, bool readOnly)
    {
        _path = path;
        _readOnly = readOnly;
        _logs = new ClassLog[4];
        for (int c = 0; c < _logs.Length; c++)
        {
            _logs[c] = new ClassLog((RecordClass)c, path, readOnly);
        }
        string checkpoints = Path.Combine(path, CheckpointsName);
        if (File.Exists(checkpoints))
        {
            _checkpoints = EntryLog.Open(checkpoints, Magic, readOnly, ReadEntry);
        }
        else if (!readOnly)
        {
            _checkpoints = EntryLog.Create(checkpoints, Magic, Guid.Empty, []);
        }
    }

    /// <inheritdoc/>
    public override long Generation => _generation;

    /// <inheritdoc/>
    public override long SizeBytes
    {
        get
        {
            long sizeBytes = 0;
            foreach (FileInfo file in new DirectoryInfo(_path).EnumerateFiles())
            {
                sizeBytes += file.Length;
            }
            return sizeBytes;
        }
    }

    /// <inheritdoc/>
    public override long DeadBytesOf(RecordClass recordClass) => _logs[(int)recordClass].DeadBytes;

    /// <summary>Called before each write with its file and length; for tests.</summary>
    internal Action<string, long>? BeforeWrite
    {
        set
        {
            foreach (ClassLog log in _logs)
            {
                log.BeforeWrite = value;
            }
        }
    }

    /// <summary>Opens the blocks in a directory, which must exist; empty is a new store.</summary>
    /// <param name="directory">The directory; nothing else may be in it.</param>
    /// <param name="readOnly">Only to read: no file is made or changed.</param>
    /// <returns>The store as the last flush left it.</returns>
    /// <exception cref="RetentionException">
    /// <see cref="RetentionError.StoreDamaged"/>, <see cref="RetentionError.StoreVersion"/>,
    /// <see cref="RetentionError.InputOutput"/>, naming the file.
    /// </exception>
    public static FasterBlockStore Open(string directory, bool readOnly)
    {
        ArgumentNullException.ThrowIfNull(directory);
        var store = new FasterBlockStore(Path.GetFullPath(directory), readOnly);
        try
        {
            foreach (ClassLog log in store._logs)
            {
                log.CheckFiles();
            }
            if (readOnly)
            {
                // A writer beside a reader may replace the saved index any time: take it now.
                Task[] openings = [.. store._logs
                    .Where(log => log.HasLargeRuns).Select(log => Task.Run(log.CanOpen))];
                Task.WhenAll(openings).GetAwaiter().GetResult();
            }
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Put(in BlockKey key, ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfZero(value.Length, nameof(value));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, ValueLengthMax, nameof(value));
        CheckWritable();
        _logs[(int)key.Bucket.Class].Put(key, value);
    }

    /// <inheritdoc/>
    public override int Read(in BlockKey key, ref byte[] buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        return _logs[(int)key.Bucket.Class].Read(key, ref buffer);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        CheckWritable();
        Flush([.. _logs.Where(log => log.IsDirty)], isIndexWanted: false);
    }

    /// <inheritdoc/>
    public override void Drop(ReadOnlySpan<BlockKey> keys)
    {
        CheckWritable();
        foreach (ref readonly BlockKey key in keys)
        {
            _logs[(int)key.Bucket.Class].Drop(key.Run);
        }
    }

    /// <inheritdoc/>
    public override void Move(ReadOnlySpan<BlockKey> keys)
    {
        CheckWritable();
        if (keys.Length > 0)
        {
            _logs[(int)keys[0].Bucket.Class].Move(keys);
        }
    }

    /// <inheritdoc/>
    public override int Retain(IReadOnlySet<int> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        CheckWritable();
        int highest = 0;
        foreach (ClassLog log in _logs)
        {
            foreach (int run in log.Runs)
            {
                highest = Math.Max(highest, run);
                if (!runs.Contains(run))
                {
                    log.Drop(run);
                }
            }
        }
        return highest;
    }

    /// <inheritdoc/>
    public override (string Path, long OffsetBytes)? Locate(in BlockKey key) =>
        _logs[(int)key.Bucket.Class].Locate(key);

    /// <inheritdoc/>
    public override void CheckRecovery()
    {
        foreach (ClassLog log in _logs)
        {
            if (log.HasData)
            {
                log.Open();
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_readOnly && !_isFailed)
        {
            try
            {
                Flush([.. _logs.Where(log => log.IsIndexOld)], isIndexWanted: true);
            }
            catch (RetentionException)
            {
                // Only the next opening would have gained by it.
            }
        }
        foreach (ClassLog log in _logs)
        {
            log.Dispose();
        }
        _checkpoints?.Dispose();
    }

    private void Flush(ClassLog[] logs, bool isIndexWanted)
    {
        if (logs.Length == 0)
        {
            return;
        }
        var payload = new MemoryStream();
        using var writer = new BinaryWriter(payload);
        writer.Write(_generation + 1);
        // Whatever fails below leaves FASTER's memory ahead of what is durable.
        _isFailed = true;
        // Side by side, so that one wait of the device serves all logs.
        var syncs = new List<Task>();
        try
        {
            foreach (ClassLog log in logs[..^1])
            {
                log.BeginFlush(isIndexWanted);
                syncs.Add(Task.Run(log.Sync));
            }
            logs[^1].BeginFlush(isIndexWanted);
            logs[^1].Sync();
        }
        finally
        {
            Task.WhenAll(syncs).GetAwaiter().GetResult();
        }
        foreach (ClassLog log in logs)
        {
            log.EndFlush(writer);
        }
        writer.Flush();
        _checkpoints!.Append(payload.ToArray());
        _generation++;
        if (_checkpoints.IsMostlyDead)
        {
            _checkpoints.Rewrite([Whole()]);
        }
        foreach (ClassLog log in logs)
        {
            log.RemoveObsolete();
        }
        _isFailed = false;
    }

    private byte[] Whole()
    {
        var payload = new MemoryStream();
        using var writer = new BinaryWriter(payload);
        writer.Write(_generation);
        foreach (ClassLog log in _logs)
        {
            if (log.HasData)
            {
                log.WriteWhole(writer);
            }
        }
        writer.Flush();
        return payload.ToArray();
    }

    private void ReadEntry(byte[] payload)
    {
        using var reader = new BinaryReader(new MemoryStream(payload));
        _generation = reader.ReadInt64();
        while (reader.BaseStream.Position < payload.Length)
        {
            int recordClass = reader.ReadByte();
            if (recordClass >= _logs.Length)
            {
                throw new InvalidDataException();
            }
            _logs[recordClass].ReadEntry(reader);
        }
    }

    private void CheckWritable()
    {
        if (_readOnly)
        {
            throw new InvalidOperationException("The store is open for reading only.");
        }
        if (_isFailed)
        {
            throw new RetentionException(
                RetentionError.InputOutput,
                $"Writing to '{_path}' failed before: open the store anew.",
                _path);
        }
    }
}
