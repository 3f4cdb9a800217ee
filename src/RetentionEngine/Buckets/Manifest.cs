using System.Buffers.Binary;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace RetentionEngine.Buckets;

/// <summary>The file that says what is in the store: what it does not name is not there.</summary>
/// <remarks>
/// A header of 64 bytes, then entries, each at a multiple of 8: magic, length of the payload,
/// payload, zeros up to a multiple of 8, XxHash3 over all of that, seeded with the entry's offset.
/// One commit is one entry. The header also holds how far the file was synced, so that a torn
/// tail (cut off) and a damaged entry (an error) are never mistaken for each other.
/// </remarks>
internal sealed class Manifest : IDisposable
{
    /// <summary>Version of everything on disk: manifest, keys, envelope, blocks.</summary>
    public const int FormatVersion = 1;

    private const int VersionOffset = 8;
    private const int StoreIdOffset = 16;
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
    private SafeFileHandle _file;
    private byte[] _entry = new byte[4096];
    private long _length;
    private long _lengthWhenWhole;

    private Manifest(string path, SafeFileHandle file, ManifestState state)
    {
        _path = path;
        _file = file;
        State = state;
    }

    private static ReadOnlySpan<byte> Magic => "RTNMANI\0"u8;

    public ManifestState State { get; private set; }

    public long SizeBytes => _length;

    /// <summary>Creates the file as a whole: it is the last step of making a store.</summary>
    public static Manifest Create(string path, ManifestState state)
    {
        byte[] bytes = Whole(state);
        DurableFile.Replace(path, bytes);
        SafeFileHandle file = DurableFile.Open(path, FileMode.Open, FileAccess.ReadWrite);
        return new Manifest(path, file, state)
        {
            _length = bytes.Length,
            _lengthWhenWhole = bytes.Length,
        };
    }

    /// <summary>Reads the file; a writer cuts a torn tail off.</summary>
    /// <exception cref="RetentionException">StoreVersion, StoreDamaged, InputOutput.</exception>
    public static Manifest Open(string path, bool readOnly)
    {
        SafeFileHandle file = DurableFile.Open(
            path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite);
        try
        {
            byte[] bytes = DurableFile.ReadAll(file, path);
            var manifest = new Manifest(path, file, new ManifestState(CheckHeader(bytes, path)));
            manifest.Load(bytes);
            if (!readOnly && manifest._length < bytes.Length)
            {
                RandomAccess.SetLength(file, manifest._length);
                DurableFile.Flush(file, path);
            }
            return manifest;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Appends one entry, durable on return, and applies it to the state.</summary>
    public void Append(byte[] payload)
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
        WriteSynced();
        State.Apply(payload);
        if (_length > RewriteLengthMin && _length > RewriteGrowth * _lengthWhenWhole)
        {
            Rewrite();
        }
    }

    public void Dispose() => _file.Dispose();

    private static Guid CheckHeader(byte[] bytes, string path)
    {
        if (bytes.Length < HeaderLength || !bytes.AsSpan().StartsWith(Magic))
        {
            throw Damaged(path, 0);
        }
        // The version comes before every check that a newer version may have changed.
        int version = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(VersionOffset));
        if (version != FormatVersion)
        {
            throw new RetentionException(
                RetentionError.StoreVersion,
                $"The store '{Path.GetDirectoryName(path)}' has format {version}; this program"
                + $" knows format {FormatVersion}. Nothing was touched.",
                path);
        }
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(HeaderHashOffset))
            != XxHash3.HashToUInt64(bytes.AsSpan(0, HeaderHashOffset)))
        {
            throw Damaged(path, 0);
        }
        return new Guid(bytes.AsSpan(StoreIdOffset, 16));
    }

    private static RetentionException Damaged(string path, long offset) =>
        new(
            RetentionError.StoreDamaged,
            $"The store's file '{path}' is damaged at byte {offset}.",
            path,
            offset);

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

    private static byte[] Whole(ManifestState state)
    {
        var bytes = new MemoryStream();
        byte[] header = new byte[HeaderLength];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(VersionOffset), FormatVersion);
        state.StoreId.TryWriteBytes(header.AsSpan(StoreIdOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(
            header.AsSpan(HeaderHashOffset), XxHash3.HashToUInt64(header.AsSpan(0, HeaderHashOffset)));
        bytes.Write(header);
        byte[] entry = [];
        foreach (byte[] payload in state.Payloads())
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

    private void Load(byte[] bytes)
    {
        long synced = ReadSynced(bytes);
        int offset = HeaderLength;
        while (TryUnframe(bytes.AsSpan(offset), offset, out int length))
        {
            try
            {
                State.Apply(bytes.AsSpan(offset + 8, length).ToArray());
            }
            catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
            {
                throw Damaged(_path, offset);
            }
            offset += ((length + 7) & ~7) + EntryOverhead;
        }
        if (synced > offset || HasEntryBehind(bytes, offset) || !State.IsComplete)
        {
            throw Damaged(_path, offset);
        }
        _length = offset;
        _lengthWhenWhole = offset;
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

    private void WriteSynced()
    {
        // Not synced by itself: it tells a killed process's tail from damage at once, and after
        // the loss of power it is at worst one entry behind, which is on the safe side.
        Span<byte> synced = stackalloc byte[16];
        WriteSynced(_length, synced);
        DurableFile.Write(_file, synced, SyncedOffset, _path);
    }

    private void CutOff()
    {
        try
        {
            RandomAccess.SetLength(_file, _length);
        }
        catch (IOException)
        {
            // The caller gets the first failure; the next opening finds the tail torn.
        }
    }

    private void Rewrite()
    {
        byte[] bytes = Whole(State);
        DurableFile.Replace(_path, bytes);
        SafeFileHandle old = _file;
        _file = DurableFile.Open(_path, FileMode.Open, FileAccess.ReadWrite);
        old.Dispose();
        _length = bytes.Length;
        _lengthWhenWhole = bytes.Length;
    }
}
