using System.Collections.Concurrent;
using System.IO.Hashing;
using FASTER.core;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>A log's files, read and written in place by the calling thread.</summary>
/// <remarks>
/// FASTER neither syncs nor stops at an error: a failed flush hangs its checkpoint, a failed read
/// is parsed as if it had come. So a failed write is remembered and reported as done, and whoever
/// makes a checkpoint must ask <see cref="Sync"/>, which throws it; a failed read gives zeros,
/// which FASTER takes for "no such key", and <see cref="TakeReadFailure"/> tells the two apart.
/// Files are only removed by <see cref="RemoveBefore"/>, when nothing durable refers to them.
/// </remarks>
internal sealed class SegmentDevice : StorageDeviceBase
{
    /// <summary>More open files than this and some are closed; they open again when read.</summary>
    private const int HandlesMax = 512;

    private const uint SectorBytes = 512;

    [ThreadStatic]
    private static RetentionException? t_readFailure;

    private readonly bool _readOnly;
    private readonly ConcurrentDictionary<int, SafeFileHandle> _handles = new();
    private readonly HashSet<int> _dirty = [];
    private readonly Dictionary<(long From, long Until), ulong> _written = [];
    private bool _isDirectoryDirty;
    private RetentionException? _writeFailure;

    public SegmentDevice(string path, bool readOnly)
        : base(path, SectorBytes, Devices.CAPACITY_UNSPECIFIED)
    {
        _readOnly = readOnly;
    }

    /// <summary>Called before each write with its file and length; a test's way to fill the disk.</summary>
    internal Action<string, long>? BeforeWrite { get; set; }

    /// <summary>The failed read of this thread's last operation, once; null when all went well.</summary>
    public static RetentionException? TakeReadFailure()
    {
        RetentionException? failure = t_readFailure;
        t_readFailure = null;
        return failure;
    }

    public override void WriteAsync(
        IntPtr sourceAddress,
        int segmentId,
        ulong destinationAddress,
        uint numBytesToWrite,
        DeviceIOCompletionCallback callback,
        object context)
    {
        // A reader's recovery may want to mark records that its checkpoint does not cover.
        if (!_readOnly && _writeFailure == null)
        {
            try
            {
                BeforeWrite?.Invoke(SegmentPath(segmentId), numBytesToWrite);
                Write(sourceAddress, segmentId, (long)destinationAddress, (int)numBytesToWrite);
            }
            catch (RetentionException e)
            {
                _writeFailure = e;
            }
            catch (IOException e)
            {
                _writeFailure = DurableFile.Failure(e, SegmentPath(segmentId));
            }
        }
        callback(0, numBytesToWrite, context);
    }

    public override unsafe void ReadAsync(
        int segmentId,
        ulong sourceAddress,
        IntPtr destinationAddress,
        uint readLength,
        DeviceIOCompletionCallback callback,
        object context)
    {
        var target = new Span<byte>((void*)destinationAddress, (int)readLength);
        try
        {
            int length = Read(segmentId, target, (long)sourceAddress);
            // The end of the file may lie inside the last sector of what FASTER asks for: it asks
            // for whole pages and more than a record. What it then uses is checked by the caller.
            target[length..].Clear();
        }
        catch (RetentionException e)
        {
            t_readFailure = e;
            target.Clear();
        }
        callback(0, readLength, context);
    }

    /// <summary>Makes all writes durable.</summary>
    /// <exception cref="RetentionException">Now, or an earlier write failed.</exception>
    public void Sync()
    {
        ThrowIfFailed();
        lock (_dirty)
        {
            foreach (int segment in _dirty)
            {
                DurableFile.Flush(Handle(segment), SegmentPath(segment));
            }
            _dirty.Clear();
            if (_isDirectoryDirty)
            {
                DurableFile.FlushDirectory(Path.GetDirectoryName(FileName)!);
                _isDirectoryDirty = false;
            }
        }
    }

    public void ThrowIfFailed()
    {
        if (_writeFailure is { } failure)
        {
            throw new RetentionException(
                failure.Error, failure.Message, failure.Path, failure.OffsetBytes, failure);
        }
    }

    /// <summary>Reads a range of the log as the files hold it, within one segment.</summary>
    /// <returns>Count of bytes; those that the file is too short for are zeros.</returns>
    /// <exception cref="RetentionException">The device failed.</exception>
    public int Read(long address, Span<byte> target)
    {
        int length = Read((int)(address / segmentSize), target, address % segmentSize);
        target[length..].Clear();
        return length;
    }

    /// <summary>XxHash3 of a range that was just written; read again only if in other pieces.</summary>
    public ulong HashOfWritten(long from, long until)
    {
        lock (_dirty)
        {
            if (_written.TryGetValue((from, until), out ulong hash))
            {
                return hash;
            }
        }
        return HashOf(from, until);
    }

    /// <summary>Forgets the hashes of what was written until now.</summary>
    public void ForgetWritten()
    {
        lock (_dirty)
        {
            _written.Clear();
        }
    }

    /// <summary>XxHash3 of a range of the log as the files hold it.</summary>
    /// <exception cref="RetentionException">StoreDamaged when the files are shorter.</exception>
    public ulong HashOf(long from, long until)
    {
        var hash = new XxHash3();
        byte[] buffer = new byte[1 << 16];
        while (from < until)
        {
            int segment = (int)(from / segmentSize);
            long offset = from % segmentSize;
            int length = (int)Math.Min(Math.Min(buffer.Length, until - from), segmentSize - offset);
            if (Read(segment, buffer.AsSpan(0, length), offset) < length)
            {
                throw EntryLog.Damaged(SegmentPath(segment), offset);
            }
            hash.Append(buffer.AsSpan(0, length));
            from += length;
        }
        return hash.GetCurrentHashAsUInt64();
    }

    /// <summary>Removes the segments that end before an address.</summary>
    public void RemoveBefore(long address, int firstSegment)
    {
        for (int segment = firstSegment; segment < address / segmentSize; segment++)
        {
            if (_handles.TryRemove(segment, out SafeFileHandle? handle))
            {
                handle.Dispose();
            }
            DurableFile.Delete(SegmentPath(segment));
        }
    }

    public string SegmentPath(int segment) =>
        OmitSegmentIdFromFileName ? FileName : $"{FileName}.{segment}";

    public override void TruncateUntilAddressAsync(
        long toAddress, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void TruncateUntilAddress(long toAddress)
    {
        // FASTER would remove files before the checkpoint that no longer needs them is durable.
    }

    public override void RemoveSegmentAsync(
        int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void Dispose()
    {
        foreach (SafeFileHandle handle in _handles.Values)
        {
            handle.Dispose();
        }
        _handles.Clear();
    }

    private unsafe void Write(IntPtr source, int segment, long offset, int length)
    {
        string path = SegmentPath(segment);
        lock (_dirty)
        {
            if (_dirty.Add(segment) && !_handles.ContainsKey(segment) && !File.Exists(path))
            {
                _isDirectoryDirty = true;
            }
        }
        var bytes = new ReadOnlySpan<byte>((void*)source, length);
        DurableFile.Write(Handle(segment), bytes, offset, path);
        long from = (segment * segmentSize) + offset;
        Remember(from, from + length, XxHash3.HashToUInt64(bytes));
    }

    private void Remember(long from, long until, ulong hash)
    {
        lock (_dirty)
        {
            foreach ((long From, long Until) other in _written.Keys)
            {
                if (other.From < until && other.Until > from)
                {
                    // Removing does not disturb the enumeration.
                    _written.Remove(other);
                }
            }
            _written[(from, until)] = hash;
        }
    }

    private int Read(int segment, Span<byte> target, long offset)
    {
        while (true)
        {
            try
            {
                return DurableFile.Read(Handle(segment), target, offset, SegmentPath(segment));
            }
            catch (ObjectDisposedException)
            {
                // Another thread closed it to stay below the limit of open files.
            }
        }
    }

    private SafeFileHandle Handle(int segment)
    {
        if (_handles.TryGetValue(segment, out SafeFileHandle? handle))
        {
            return handle;
        }
        if (_handles.Count >= HandlesMax)
        {
            CloseSome();
        }
        handle = DurableFile.Open(
            SegmentPath(segment),
            _readOnly ? FileMode.Open : FileMode.OpenOrCreate,
            _readOnly ? FileAccess.Read : FileAccess.ReadWrite);
        if (!_handles.TryAdd(segment, handle))
        {
            handle.Dispose();
            return Handle(segment);
        }
        return handle;
    }

    private void CloseSome()
    {
        foreach (int segment in _handles.Keys.Take(HandlesMax / 4))
        {
            lock (_dirty)
            {
                if (!_dirty.Contains(segment) && _handles.TryRemove(segment, out var old))
                {
                    old.Dispose();
                }
            }
        }
    }
}
