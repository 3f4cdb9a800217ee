using System.Buffers.Binary;
using System.IO.Hashing;

namespace RetentionEngine.Buckets;

/// <summary>What a slot of the keys file holds. Values are part of the store's format.</summary>
internal enum KeySlotState : byte
{
    Free = 0,
    Bucket = 1,
    Destroyed = 2,
    InFlight = 3,
    Seed = 4,
}

/// <summary>One slot of the keys file; see <c>docs/FORMAT.md</c>.</summary>
internal sealed class KeySlot(int index)
{
    public const int Length = 128;

    /// <summary>Slots 0 and 1 hold the keys of the snapshots, taking turns.</summary>
    public const int SeedIndex = 2;

    public const int FirstBucketIndex = 4;

    private const int ClassOffset = 1;
    private const int StartHourOffset = 4;
    private const int LengthHoursOffset = 8;
    private const int GenerationOffset = 12;
    private const int SerialOffset = 16;
    private const int WrappedOffset = 24;
    private const int WrappedLength = BlockCipher.KeyLength + BlockCipher.Overhead;
    private const int HashOffset = 120;

    public int Index { get; } = index;

    public KeySlotState State { get; private set; }

    public BucketId Bucket { get; private set; }

    public BlockCipher? Cipher { get; private set; }

    /// <summary>Counts the writes; of two good copies the higher one is the newer.</summary>
    public ulong Serial { get; set; }

    /// <summary>Whether decoding failed for want of the master key, not for damage.</summary>
    public bool IsMasterMissing { get; private set; }

    /// <summary>Which copy was damaged when the slot was read; -1 when both were whole.</summary>
    public int DamagedCopy { get; private set; } = -1;

    public void Use(KeySlotState state, BucketId bucket, BlockCipher cipher)
    {
        Cipher?.Dispose();
        State = state;
        Bucket = bucket;
        Cipher = cipher;
    }

    /// <summary>Forgets the key; a destroyed bucket stays known by name.</summary>
    public void Release(KeySlotState state)
    {
        Cipher?.Dispose();
        Cipher = null;
        State = state;
        if (state == KeySlotState.Free)
        {
            Bucket = default;
        }
    }

    public void Encode(Span<byte> target, MasterKey master, Guid storeId)
    {
        target[..Length].Clear();
        target[0] = (byte)State;
        target[ClassOffset] = (byte)Bucket.Class;
        BinaryPrimitives.WriteInt32LittleEndian(target[StartHourOffset..], Bucket.StartHour);
        BinaryPrimitives.WriteInt32LittleEndian(target[LengthHoursOffset..], Bucket.LengthHours);
        BinaryPrimitives.WriteUInt64LittleEndian(target[SerialOffset..], Serial);
        if (Cipher != null)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[GenerationOffset..], master.Generation);
            Span<byte> associated = stackalloc byte[WrappedOffset + 16];
            WriteAssociated(target, storeId, associated);
            master.Current.Encrypt(Cipher.Key, associated, target.Slice(WrappedOffset, WrappedLength));
        }
        BinaryPrimitives.WriteUInt64LittleEndian(
            target[HashOffset..], XxHash3.HashToUInt64(target[..HashOffset]));
    }

    /// <summary>Takes the newer of the two copies that is whole and whose key can be unwrapped.</summary>
    public bool Decode(
        ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, MasterKey master, Guid storeId)
    {
        bool isFirstWhole = IsWhole(first);
        bool isSecondWhole = IsWhole(second);
        if (!isFirstWhole && !isSecondWhole)
        {
            return false;
        }
        DamagedCopy = !isFirstWhole ? 0 : !isSecondWhole ? 1 : -1;
        if (isFirstWhole && isSecondWhole && SerialOf(second) > SerialOf(first))
        {
            isFirstWhole = false;
        }
        // Copies of one serial may be wrapped with different master keys while those rotate; of
        // copies with different serials only the newer one counts.
        if (isFirstWhole && Take(first, master, storeId))
        {
            return true;
        }
        return isSecondWhole
            && (!isFirstWhole || SerialOf(first) == SerialOf(second))
            && Take(second, master, storeId);
    }

    private static bool IsWhole(ReadOnlySpan<byte> bytes)
    {
        ulong hash = BinaryPrimitives.ReadUInt64LittleEndian(bytes[HashOffset..]);
        return hash == XxHash3.HashToUInt64(bytes[..HashOffset])
            || !bytes.ContainsAnyExcept((byte)0);
    }

    private static ulong SerialOf(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[SerialOffset..]);

    private static void WriteAssociated(
        ReadOnlySpan<byte> slot, Guid storeId, Span<byte> associated)
    {
        slot[..WrappedOffset].CopyTo(associated);
        storeId.TryWriteBytes(associated[WrappedOffset..]);
    }

    private bool Take(ReadOnlySpan<byte> bytes, MasterKey master, Guid storeId)
    {
        State = (KeySlotState)bytes[0];
        Serial = SerialOf(bytes);
        Bucket = new BucketId(
            (RecordClass)bytes[ClassOffset],
            BinaryPrimitives.ReadInt32LittleEndian(bytes[StartHourOffset..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[LengthHoursOffset..]));
        if (State is KeySlotState.Free or KeySlotState.Destroyed)
        {
            return true;
        }
        uint generation = BinaryPrimitives.ReadUInt32LittleEndian(bytes[GenerationOffset..]);
        BlockCipher? wrapping = master.Find(generation);
        if (wrapping == null)
        {
            IsMasterMissing = true;
            return false;
        }
        Span<byte> associated = stackalloc byte[WrappedOffset + 16];
        WriteAssociated(bytes, storeId, associated);
        byte[] key = GC.AllocateUninitializedArray<byte>(WrappedLength, pinned: true);
        bytes.Slice(WrappedOffset, WrappedLength).CopyTo(key);
        if (wrapping.Decrypt(key, associated) != BlockCipher.KeyLength)
        {
            return false;
        }
        Cipher = new BlockCipher(key.AsSpan(0, BlockCipher.KeyLength));
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
        return true;
    }
}
