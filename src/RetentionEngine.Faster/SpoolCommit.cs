using System.Buffers.Binary;
using System.IO.Hashing;
using FASTER.core;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>What is durable of one part of the spool, and which part it is.</summary>
/// <remarks>
/// One file of two slots that are written in turn, each with a serial and a hash: a slot that was
/// torn leaves the other. Slot (512 bytes, little endian): serial (8), identity (16), length (4),
/// FasterLog's metadata, and in the last 8 bytes XxHash3 of all before. FasterLog calls
/// <see cref="Commit"/> on a thread of its own choice and would be torn by an exception, so a
/// failure is kept until it is asked for.
/// </remarks>
internal sealed class SpoolCommit : ILogCommitManager
{
    private const int SlotLength = 512;
    private const int MetadataOffset = 28;
    private const int HashOffset = SlotLength - 8;

    private readonly string _path;
    private readonly SegmentDevice _device;
    private readonly SafeFileHandle _file;
    private byte[] _metadata = [];
    private ulong _serial;
    private RetentionException? _failure;

    private SpoolCommit(string path, SegmentDevice device, SafeFileHandle file)
    {
        _path = path;
        _device = device;
        _file = file;
    }

    /// <summary>Tells the part from all others there ever were.</summary>
    public Guid Identity { get; private set; }

    /// <summary>Whether anything was ever committed.</summary>
    public bool IsEmpty => _metadata.Length == 0;

    public static SpoolCommit Create(string path, SegmentDevice device)
    {
        SafeFileHandle file = DurableFile.Open(path, FileMode.CreateNew, FileAccess.ReadWrite);
        DurableFile.FlushDirectory(Path.GetDirectoryName(path)!);
        return new SpoolCommit(path, device, file) { Identity = Guid.NewGuid() };
    }

    public static SpoolCommit Open(string path, SegmentDevice device)
    {
        SafeFileHandle file = DurableFile.Open(path, FileMode.Open, FileAccess.ReadWrite);
        var commit = new SpoolCommit(path, device, file);
        byte[] bytes = new byte[2 * SlotLength];
        DurableFile.Read(file, bytes, 0, path);
        commit.Load(bytes.AsSpan(0, SlotLength));
        commit.Load(bytes.AsSpan(SlotLength));
        return commit;
    }

    /// <summary>Throws what went wrong with the last commit.</summary>
    public void ThrowIfFailed()
    {
        if (_failure is { } failure)
        {
            throw new RetentionException(
                failure.Error, failure.Message, failure.Path, failure.OffsetBytes, failure);
        }
    }

    public void Commit(
        long beginAddress, long untilAddress, byte[] commitMetadata, long commitNum,
        bool forceWriteMetadata)
    {
        try
        {
            _device.Sync();
            _device.ForgetWritten();
            Write(commitMetadata);
        }
        catch (RetentionException e)
        {
            _failure = e;
        }
    }

    public byte[] GetCommitMetadata(long commitNum) => _metadata;

    public IEnumerable<long> ListCommits() => IsEmpty ? [] : [1];

    public void RemoveCommit(long commitNum)
    {
    }

    public void RemoveAllCommits()
    {
    }

    public void OnRecovery(long commitNum)
    {
    }

    public void Dispose() => _file.Dispose();

    private void Write(byte[] metadata)
    {
        Span<byte> slot = stackalloc byte[SlotLength];
        slot.Clear();
        _serial++;
        BinaryPrimitives.WriteUInt64LittleEndian(slot, _serial);
        Identity.TryWriteBytes(slot[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(slot[24..], metadata.Length);
        metadata.CopyTo(slot[MetadataOffset..HashOffset]);
        BinaryPrimitives.WriteUInt64LittleEndian(
            slot[HashOffset..], XxHash3.HashToUInt64(slot[..HashOffset]));
        DurableFile.Write(_file, slot, (long)(_serial % 2) * SlotLength, _path);
        DurableFile.Flush(_file, _path);
        _metadata = metadata;
    }

    private void Load(ReadOnlySpan<byte> slot)
    {
        ulong serial = BinaryPrimitives.ReadUInt64LittleEndian(slot);
        int length = BinaryPrimitives.ReadInt32LittleEndian(slot[24..]);
        if (serial > _serial && length is > 0 and <= HashOffset - MetadataOffset
            && BinaryPrimitives.ReadUInt64LittleEndian(slot[HashOffset..])
                == XxHash3.HashToUInt64(slot[..HashOffset]))
        {
            _serial = serial;
            Identity = new Guid(slot.Slice(8, 16));
            _metadata = slot.Slice(MetadataOffset, length).ToArray();
        }
    }
}
