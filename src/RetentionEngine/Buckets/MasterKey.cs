using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace RetentionEngine.Buckets;

/// <summary>The file outside the store whose key wraps all keys inside.</summary>
/// <remarks>
/// Two slots, each in a sector of its own. Usually one holds the key, and its generation says
/// which; both do only while the keys are being wrapped anew. The slot of an old generation is
/// overwritten in place, so nobody who has the file later can unwrap older copies of the store.
/// </remarks>
internal sealed class MasterKey : IDisposable
{
    private const int VersionOffset = 8;
    private const int StoreIdOffset = 16;
    private const int HeaderHashOffset = 32;
    private const int SlotSize = 512;
    private const int SlotKeyOffset = 8;
    private const int SlotHashOffset = SlotKeyOffset + BlockCipher.KeyLength;
    private const int SlotLength = SlotHashOffset + 8;
    private const int FileLength = 3 * SlotSize;

    private readonly SafeFileHandle _file;
    private readonly BlockCipher?[] _keys = new BlockCipher?[2];
    private readonly uint[] _generations = new uint[2];

    private MasterKey(string path, SafeFileHandle file)
    {
        Path = path;
        _file = file;
    }

    private static ReadOnlySpan<byte> Magic => "RTNMKEY\0"u8;

    public string Path { get; }

    /// <summary>The newest generation; new keys are wrapped with it.</summary>
    public uint Generation { get; private set; }

    /// <summary>Whether an older generation is still there: a rotation did not end.</summary>
    public bool HasOlder => _generations[(Generation + 1) & 1] != 0;

    public BlockCipher Current => _keys[Generation & 1]!;

    public static MasterKey Create(string path, Guid storeId)
    {
        if (File.Exists(path))
        {
            throw new RetentionException(
                RetentionError.StoreExists,
                $"The master key file '{path}' exists already; it may be all that another store"
                + " needs. Name another one, or remove it if no store does.",
                path);
        }
        var master = new MasterKey(path, DurableFile.CreatePrivate(path));
        byte[] header = new byte[FileLength];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(VersionOffset), Manifest.FormatVersion);
        storeId.TryWriteBytes(header.AsSpan(StoreIdOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(
            header.AsSpan(HeaderHashOffset), XxHash3.HashToUInt64(header.AsSpan(0, HeaderHashOffset)));
        DurableFile.Write(master._file, header, 0, path);
        // Before there is a key: so a file with a key always says whose it is.
        DurableFile.Flush(master._file, path);
        master.AddGeneration();
        DurableFile.FlushDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        return master;
    }

    /// <summary>Whether a key file is that of a store, or no key was ever written to it.</summary>
    public static bool IsOf(ReadOnlySpan<byte> file, ReadOnlySpan<byte> storeId) =>
        !file.ContainsAnyExcept((byte)0) || (file.Length >= StoreIdOffset + storeId.Length && file.StartsWith(Magic)
            && file[StoreIdOffset..].StartsWith(storeId));

    public static MasterKey Open(string path, Guid storeId, bool readOnly)
    {
        if (!File.Exists(path))
        {
            throw new RetentionException(
                RetentionError.Key,
                $"The master key file '{path}' is missing; without it the store can't be read.",
                path);
        }
        SafeFileHandle file = DurableFile.Open(
            path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite);
        var master = new MasterKey(path, file);
        try
        {
            master.Load(DurableFile.ReadAll(file, path), storeId);
            return master;
        }
        catch
        {
            master.Dispose();
            throw;
        }
    }

    /// <summary>The key of a generation, if it still exists.</summary>
    public BlockCipher? Find(uint generation) =>
        generation != 0 && _generations[generation & 1] == generation ? _keys[generation & 1] : null;

    /// <summary>Adds a key beside the current one and makes it the current one; durable.</summary>
    public void AddGeneration()
    {
        uint generation = Generation + 1;
        BlockCipher key = BlockCipher.Random();
        byte[] slot = GC.AllocateArray<byte>(SlotLength, pinned: true);
        BinaryPrimitives.WriteUInt32LittleEndian(slot, generation);
        key.Key.CopyTo(slot.AsSpan(SlotKeyOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(
            slot.AsSpan(SlotHashOffset), XxHash3.HashToUInt64(slot.AsSpan(0, SlotHashOffset)));
        DurableFile.Write(_file, slot, SlotOffset(generation), Path);
        DurableFile.Flush(_file, Path);
        CryptographicOperations.ZeroMemory(slot);
        _keys[generation & 1]?.Dispose();
        _keys[generation & 1] = key;
        _generations[generation & 1] = generation;
        Generation = generation;
    }

    /// <summary>Overwrites the older key; durable.</summary>
    public void DestroyOlder()
    {
        uint older = Generation + 1;
        DurableFile.Write(_file, new byte[SlotLength], SlotOffset(older), Path);
        DurableFile.Flush(_file, Path);
        _keys[older & 1]?.Dispose();
        _keys[older & 1] = null;
        _generations[older & 1] = 0;
    }

    public void Dispose()
    {
        _keys[0]?.Dispose();
        _keys[1]?.Dispose();
        _file.Dispose();
    }

    private static long SlotOffset(uint generation) => SlotSize * (1 + (generation & 1));

    private void Load(byte[] bytes, Guid storeId)
    {
        if (bytes.Length < FileLength || !bytes.AsSpan().StartsWith(Magic))
        {
            throw Wrong($"'{Path}' is not a master key file.");
        }
        if (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(VersionOffset))
            != Manifest.FormatVersion)
        {
            throw new RetentionException(
                RetentionError.StoreVersion,
                $"The master key file '{Path}' was written by another version of the format.",
                Path);
        }
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(HeaderHashOffset))
            != XxHash3.HashToUInt64(bytes.AsSpan(0, HeaderHashOffset)))
        {
            throw Wrong($"The master key file '{Path}' is damaged.");
        }
        if (new Guid(bytes.AsSpan(StoreIdOffset, 16)) != storeId)
        {
            throw Wrong($"The master key file '{Path}' belongs to another store.");
        }
        for (uint i = 0; i < 2; i++)
        {
            Span<byte> slot = bytes.AsSpan((int)SlotOffset(i), SlotLength);
            uint generation = BinaryPrimitives.ReadUInt32LittleEndian(slot);
            if (generation == 0 || (generation & 1) != i
                || BinaryPrimitives.ReadUInt64LittleEndian(slot[SlotHashOffset..])
                    != XxHash3.HashToUInt64(slot[..SlotHashOffset]))
            {
                // Empty, or a rotation that was cut off before it mattered.
                continue;
            }
            _keys[i] = new BlockCipher(slot.Slice(SlotKeyOffset, BlockCipher.KeyLength));
            _generations[i] = generation;
            Generation = Math.Max(Generation, generation);
        }
        CryptographicOperations.ZeroMemory(bytes);
        if (Generation == 0)
        {
            throw Wrong($"The master key file '{Path}' is damaged.");
        }
    }

    private RetentionException Wrong(string message) => new(RetentionError.Key, message, Path);
}
