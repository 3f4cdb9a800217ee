using System.Buffers.Binary;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace RetentionEngine.Buckets;

/// <summary>An append-only file of checksummed entries, each durable when its append returns.</summary>
/// <remarks>
/// A header of 64 bytes, then entries, each at a multiple of 8: magic, length of the payload,
/// payload, zeros up to a multiple of 8, XxHash3 over all of that, seeded with the entry's offset.
/// The header also holds how far the file was synced, so that a torn tail (cut off) and a damaged
/// entry (an error) are never mistaken for each other.
/// </remarks>
internal sealed class EntryLog : IDisposable
{
    private const int VersionOffset = 8;
    private const int IdOffset = 16;
    private const int HeaderHashOffset = 32;
    private const int SyncedOffset = 40;
    private const int SyncedHashOffset = 48;
    private const int HeaderLength = 64;
    private const uint EntryMagic = 0x454E5452;
    private const int EntryOverhead = 16;
    private const int EntryLengthMax = 1 << 28;

    /// <summary>A smaller file is never rewritten: nothing to gain.</summary>
    private const int RewriteLengthMin = 1 << 20;

    /// <summary>Rewritten when this many times longer than when it was last written whole.</summary>
    private const int RewriteGrowth = 4;

    private readonly string _path;
    private readonly ulong _magic;
    private SafeFileHandle _file;
    private byte[] _entry = new byte[4096];
    private long _length;
    private long _lengthWhenWhole;

    private EntryLog(string path, ulong magic, Guid id, SafeFileHandle file, long length)
    {
        _path = path;
        _magic = magic;
        _file = file;
        _length = length;
        _lengthWhenWhole = length;
        Id = id;
    }

    /// <summary>Id of the store.</summary>
    public Guid Id { get; }

    public long SizeBytes => _length;

    /// <summary>Whether most of the file is history that <see cref="Rewrite"/> would drop.</summary>
    public bool IsMostlyDead =>
        _length > RewriteLengthMin && _length > RewriteGrowth * _lengthWhenWhole;

    /// <summary>Creates the file as a whole, under its name only when it is complete.</summary>
    public static EntryLog Create(string path, ulong magic, Guid id, IEnumerable<byte[]> payloads)
    {
        byte[] bytes = Whole(magic, id, payloads);
        DurableFile.Replace(path, bytes);
        SafeFileHandle file = DurableFile.Open(path, FileMode.Open, FileAccess.ReadWrite);
        return new EntryLog(path, magic, id, file, bytes.Length);
    }

    /// <summary>Hands every payload to <paramref name="apply"/>; a writer cuts a torn tail.</summary>
    /// <exception cref="RetentionException">StoreVersion, StoreDamaged, InputOutput.</exception>
    public static EntryLog Open(string path, ulong magic, bool readOnly, Action<byte[]> apply)
    {
        SafeFileHandle file = DurableFile.Open(
            path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite);
        try
        {
            byte[] bytes = DurableFile.ReadAll(file, path);
            CheckHeader(bytes, magic, path);
            long length = ReadEntries(bytes, path, apply);
            if (!readOnly && length < bytes.Length)
            {
                DurableFile.SetLength(file, length, path);
                DurableFile.Flush(file, path);
            }
            return new EntryLog(path, magic, new Guid(bytes.AsSpan(IdOffset, 16)), file, length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public static RetentionException Damaged(string path, long offset) =>
        new(
            RetentionError.StoreDamaged,
            $"The store's file '{path}' is damaged at byte {offset}.",
            path,
            offset);

    /// <summary>Appends one entry, durable on return.</summary>
    public void Append(ReadOnlySpan<byte> payload)
    {
        int length = Frame(payload, _length, ref _entry);
        try
        {
            DurableFile.Write(_file, _entry.AsSpan(0, length), _length, _path);
            DurableFile.Flush(_file, _path);
        }
        catch (RetentionException)
        {
            // The entry must not come to life later, with state that the caller gave up.
            CutOff();
            throw;
        }
        _length += length;
        // Not synced by itself: it tells a killed process's tail from damage at once, and after
        // the loss of power it is at worst one entry behind, which is on the safe side.
        Span<byte> synced = stackalloc byte[16];
        WriteSynced(_length, synced);
        DurableFile.Write(_file, synced, SyncedOffset, _path);
    }

    /// <summary>Replaces the file by one that says the same in fewer entries.</summary>
    public void Rewrite(IEnumerable<byte[]> payloads)
    {
        byte[] bytes = Whole(_magic, Id, payloads);
        DurableFile.Replace(_path, bytes);
        SafeFileHandle old = _file;
        _file = DurableFile.Open(_path, FileMode.Open, FileAccess.ReadWrite);
        old.Dispose();
        _length = bytes.Length;
        _lengthWhenWhole = bytes.Length;
    }

    public void Dispose() => _file.Dispose();

    private static void CheckHeader(byte[] bytes, ulong magic, string path)
    {
        if (bytes.Length < HeaderLength
            || BinaryPrimitives.ReadUInt64BigEndian(bytes) != magic)
        {
            throw Damaged(path, 0);
        }
        // The version comes before every check that a newer version may have changed.
        int version = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(VersionOffset));
        if (version != Manifest.FormatVersion)
        {
            throw new RetentionException(
                RetentionError.StoreVersion,
                $"'{path}' has format {version}; this program knows format"
                + $" {Manifest.FormatVersion}. Nothing was touched.",
                path);
        }
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(HeaderHashOffset))
            != XxHash3.HashToUInt64(bytes.AsSpan(0, HeaderHashOffset)))
        {
            throw Damaged(path, 0);
        }
    }

    private static long ReadEntries(byte[] bytes, string path, Action<byte[]> apply)
    {
        int offset = HeaderLength;
        while (TryUnframe(bytes.AsSpan(offset), offset, out int length))
        {
            try
            {
                apply(bytes.AsSpan(offset + 8, length).ToArray());
            }
            catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
            {
                throw Damaged(path, offset);
            }
            offset += ((length + 7) & ~7) + EntryOverhead;
        }
        if (ReadSynced(bytes) > offset || HasEntryBehind(bytes, offset))
        {
            throw Damaged(path, offset);
        }
        return offset;
    }

    /// <summary>Whether a good entry follows a bad one: then the bad one is no torn tail.</summary>
    private static bool HasEntryBehind(ReadOnlySpan<byte> bytes, int offset)
    {
        for (int at = offset + 8; at < bytes.Length; at += 8)
        {
            if (TryUnframe(bytes[at..], at, out _))
            {
                return true;
            }
        }
        return false;
    }

    private static int Frame(ReadOnlySpan<byte> payload, long offset, ref byte[] target)
    {
        int padded = (payload.Length + 7) & ~7;
        int length = padded + EntryOverhead;
        if (target.Length < length)
        {
            target = new byte[length];
        }
        Span<byte> entry = target.AsSpan(0, length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry, EntryMagic);
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], payload.Length);
        payload.CopyTo(entry[8..]);
        entry[(8 + payload.Length)..(8 + padded)].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(
            entry[(8 + padded)..], XxHash3.HashToUInt64(entry[..(8 + padded)], offset));
        return length;
    }

    private static bool TryUnframe(ReadOnlySpan<byte> bytes, long offset, out int payloadLength)
    {
        payloadLength = 0;
        if (bytes.Length < EntryOverhead
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != EntryMagic)
        {
            return false;
        }
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        if (length is < 1 or > EntryLengthMax)
        {
            return false;
        }
        int padded = (length + 7) & ~7;
        if (padded + EntryOverhead > bytes.Length
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes[(8 + padded)..])
                != XxHash3.HashToUInt64(bytes[..(8 + padded)], offset))
        {
            return false;
        }
        payloadLength = length;
        return true;
    }

    private static byte[] Whole(ulong magic, Guid id, IEnumerable<byte[]> payloads)
    {
        var bytes = new MemoryStream();
        byte[] header = new byte[HeaderLength];
        BinaryPrimitives.WriteUInt64BigEndian(header, magic);
        BinaryPrimitives.WriteInt32LittleEndian(
            header.AsSpan(VersionOffset), Manifest.FormatVersion);
        id.TryWriteBytes(header.AsSpan(IdOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(
            header.AsSpan(HeaderHashOffset), XxHash3.HashToUInt64(header.AsSpan(0, HeaderHashOffset)));
        bytes.Write(header);
        byte[] entry = [];
        foreach (byte[] payload in payloads)
        {
            int length = Frame(payload, bytes.Length, ref entry);
            bytes.Write(entry.AsSpan(0, length));
        }
        byte[] whole = bytes.ToArray();
        WriteSynced(whole.Length, whole.AsSpan(SyncedOffset));
        return whole;
    }

    private static void WriteSynced(long length, Span<byte> target)
    {
        BinaryPrimitives.WriteInt64LittleEndian(target, length);
        BinaryPrimitives.WriteUInt64LittleEndian(
            target[(SyncedHashOffset - SyncedOffset)..], XxHash3.HashToUInt64(target[..8]));
    }

    private static long ReadSynced(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadUInt64LittleEndian(header[SyncedHashOffset..])
            == XxHash3.HashToUInt64(header.Slice(SyncedOffset, 8))
            ? BinaryPrimitives.ReadInt64LittleEndian(header[SyncedOffset..])
            : 0;

    private void CutOff()
    {
        try
        {
            DurableFile.SetLength(_file, _length, _path);
        }
        catch (RetentionException)
        {
            // The caller gets the first failure; the next opening finds the tail torn.
        }
    }
}
