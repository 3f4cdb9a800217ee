using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>The keys of a store: one for each bucket, wrapped by a master key outside of it.</summary>
/// <remarks>
/// File <c>keys</c>: a header of 4096 bytes, then groups of 32 slots of 128 bytes, each group
/// twice in a row (4096 + 4096 bytes), so that the two copies of a slot never share a sector. A
/// slot is only ever overwritten where it lies. Destroying keys ends with a new master key:
/// survivors are wrapped anew and the old master key is overwritten, so that an old copy of the
/// store together with today's master key opens nothing.
/// </remarks>
public sealed class KeyRing : IDisposable
{
    private const int HeaderLength = 4096;
    private const int HeaderHashOffset = 32;
    private const int GroupLength = 4096;
    private const int SlotLength = KeySlot.Length;
    private const int SlotsPerGroup = GroupLength / SlotLength;

    private readonly string _path;
    private readonly Guid _storeId;
    private readonly SafeFileHandle _file;
    private readonly MasterKey _master;
    private readonly List<KeySlot> _slots = [];
    private readonly ConcurrentDictionary<BucketId, KeySlot> _buckets = new();
    private readonly List<long> _damagedCopies = [];

    // The spool takes keys while the pump commits.
    private readonly Lock _gate = new();
    private bool _isDirty;

    private KeyRing(string path, Guid storeId, SafeFileHandle file, MasterKey master)
    {
        _path = path;
        _storeId = storeId;
        _file = file;
        _master = master;
    }

    private static ReadOnlySpan<byte> Magic => "RTNKEYS\0"u8;

    /// <summary>Where the master key of a store is kept when nothing else is said.</summary>
    /// <param name="storePath">The store's directory.</param>
    /// <returns>The directory's full name with <c>.key</c> behind it: beside it, not in it.</returns>
    public static string DefaultMasterKeyPath(string storePath)
    {
        ArgumentNullException.ThrowIfNull(storePath);
        return Path.TrimEndingDirectorySeparator(Path.GetFullPath(storePath)) + ".key";
    }

    /// <summary>Seed of every keyed hash of the store.</summary>
    internal long Seed =>
        BinaryPrimitives.ReadInt64LittleEndian(_slots[KeySlot.SeedIndex].Cipher!.Key);

    /// <summary>Buckets that have a key.</summary>
    internal ICollection<BucketId> Buckets => _buckets.Keys;

    /// <summary>Buckets whose key was destroyed, and which nobody has forgotten yet.</summary>
    /// <remarks>A key's id is its slot and how often that was written: never the same twice.</remarks>
    internal IEnumerable<(BucketId Bucket, string KeyId)> Destroyed =>
        _slots.Where(s => s.State == KeySlotState.Destroyed)
            .Select(s => (s.Bucket, $"{s.Index}.{s.Serial}"));

    /// <summary>Where a slot's copy is damaged while its other copy is whole.</summary>
    internal IReadOnlyList<long> DamagedCopies => _damagedCopies;

    /// <summary>Whether a rotation did not end.</summary>
    internal bool IsRotating => _master.HasOlder;

    internal static KeyRing Create(string path, string masterPath, Guid storeId)
    {
        MasterKey master = MasterKey.Create(masterPath, storeId);
        SafeFileHandle file = DurableFile.Open(path, FileMode.Create, FileAccess.ReadWrite);
        var ring = new KeyRing(path, storeId, file, master);
        byte[] header = new byte[HeaderLength + (2 * GroupLength)];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Manifest.FormatVersion);
        storeId.TryWriteBytes(header.AsSpan(16));
        BinaryPrimitives.WriteUInt64LittleEndian(
            header.AsSpan(HeaderHashOffset), XxHash3.HashToUInt64(header.AsSpan(0, HeaderHashOffset)));
        DurableFile.Write(file, header, 0, path);
        for (int i = 0; i < SlotsPerGroup; i++)
        {
            ring._slots.Add(new KeySlot(i));
        }
        ring._slots[KeySlot.SeedIndex].Use(KeySlotState.Seed, default, BlockCipher.Random());
        ring.Write(ring._slots[KeySlot.SeedIndex]);
        ring.Sync();
        return ring;
    }

    internal static KeyRing Open(string path, string masterPath, Guid storeId, bool readOnly)
    {
        if (!File.Exists(path))
        {
            throw new RetentionException(
                RetentionError.StoreDamaged, $"The store's file '{path}' is missing.", path);
        }
        MasterKey master = MasterKey.Open(masterPath, storeId, readOnly);
        SafeFileHandle? file = null;
        try
        {
            file = DurableFile.Open(
                path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite);
            var ring = new KeyRing(path, storeId, file, master);
            ring.Load(DurableFile.ReadAll(file, path));
            return ring;
        }
        catch
        {
            master.Dispose();
            file?.Dispose();
            throw;
        }
    }

    /// <summary>The key of a bucket; null when it has none.</summary>
    internal BlockCipher? Find(in BucketId bucket) =>
        _buckets.TryGetValue(bucket, out KeySlot? slot) ? slot.Cipher : null;

    /// <summary>The key of a bucket, made when it has none. Durable after <see cref="Sync"/>.</summary>
    internal BlockCipher FindOrCreate(in BucketId bucket)
    {
        lock (_gate)
        {
            if (_buckets.TryGetValue(bucket, out KeySlot? slot))
            {
                return slot.Cipher!;
            }
            slot = FreeSlot();
            slot.Use(KeySlotState.Bucket, bucket, BlockCipher.Random());
            try
            {
                Write(slot);
            }
            catch (RetentionException)
            {
                // Else the next rotation would write it, and the bucket would have two keys.
                slot.Release(KeySlotState.Free);
                throw;
            }
            _buckets[bucket] = slot;
            return slot.Cipher!;
        }
    }

    /// <summary>A fresh key for the snapshot of one commit; the slot's last key is gone then.</summary>
    /// <param name="index">0 or 1.</param>
    internal BlockCipher CreateInFlight(int index)
    {
        lock (_gate)
        {
            KeySlot slot = _slots[index];
            slot.Use(KeySlotState.InFlight, default, BlockCipher.Random());
            Write(slot);
            return slot.Cipher!;
        }
    }

    /// <summary>The key of the last snapshot in a slot; null when it was destroyed.</summary>
    internal BlockCipher? FindInFlight(int index) => _slots[index].Cipher;

    /// <summary>Overwrites the key of a snapshot. On the medium after the next sync at the latest.</summary>
    internal void DestroyInFlight(int index)
    {
        lock (_gate)
        {
            if (_slots[index].State != KeySlotState.Free)
            {
                _slots[index].Release(KeySlotState.Free);
                Write(_slots[index]);
            }
        }
    }

    internal void Sync()
    {
        lock (_gate)
        {
            if (_isDirty)
            {
                DurableFile.Flush(_file, _path);
                _isDirty = false;
            }
        }
    }

    /// <summary>Overwrites the keys of buckets, then rotates the master key; durable.</summary>
    /// <remarks>The slots say so until <see cref="Forget"/>: a missing key is damage, not expiry.</remarks>
    internal void Destroy(IEnumerable<BucketId> buckets)
    {
        lock (_gate)
        {
            foreach (BucketId bucket in buckets)
            {
                if (_buckets.TryRemove(bucket, out KeySlot? slot))
                {
                    slot.Release(KeySlotState.Destroyed);
                    Write(slot);
                }
            }
            // The rotation writes every slot again and syncs it.
            Rotate();
            _isDirty = false;
        }
    }

    /// <summary>Overwrites keys under which nothing was ever committed.</summary>
    internal void Discard(IEnumerable<BucketId> buckets)
    {
        lock (_gate)
        {
            foreach (BucketId bucket in buckets)
            {
                if (_buckets.TryRemove(bucket, out KeySlot? slot))
                {
                    slot.Release(KeySlotState.Free);
                    Write(slot);
                }
            }
            Sync();
        }
    }

    /// <summary>Frees the slots of destroyed keys, once the manifest knows of the end.</summary>
    internal void Forget()
    {
        lock (_gate)
        {
            foreach (KeySlot slot in _slots)
            {
                if (slot.State == KeySlotState.Destroyed)
                {
                    slot.Release(KeySlotState.Free);
                    Write(slot);
                }
            }
        }
    }

    /// <summary>Writes the slots anew of which one copy was damaged; durable.</summary>
    internal void RewriteDamaged()
    {
        lock (_gate)
        {
            if (_damagedCopies.Count == 0)
            {
                return;
            }
            foreach (KeySlot slot in _slots.Where(s => s.DamagedCopy >= 0))
            {
                Write(slot);
            }
            Sync();
            _damagedCopies.Clear();
        }
    }

    /// <summary>Wraps every key with a new master key and overwrites the old one; durable.</summary>
    /// <remarks>
    /// While it runs both master keys exist, and each copy of a slot says which one it needs: cut
    /// off anywhere, everything can still be read, and the next opening calls this again.
    /// </remarks>
    internal void Rotate()
    {
        lock (_gate)
        {
            if (!_master.HasOlder)
            {
                _master.AddGeneration();
            }
            for (int copy = 0; copy < 2; copy++)
            {
                byte[] group = new byte[GroupLength];
                for (int first = 0; first < _slots.Count; first += SlotsPerGroup)
                {
                    for (int i = 0; i < SlotsPerGroup; i++)
                    {
                        KeySlot slot = _slots[first + i];
                        slot.Encode(group.AsSpan(i * SlotLength, SlotLength), _master, _storeId);
                    }
                    DurableFile.Write(_file, group, Offset(first, copy), _path);
                }
                DurableFile.Flush(_file, _path);
            }
            _master.DestroyOlder();
        }
    }

    /// <summary>Closes the files and overwrites the keys in memory.</summary>
    public void Dispose()
    {
        foreach (KeySlot slot in _slots)
        {
            slot.Cipher?.Dispose();
        }
        _master.Dispose();
        _file.Dispose();
    }

    private static long Offset(int index, int copy) =>
        HeaderLength + ((long)(index / SlotsPerGroup) * 2 * GroupLength) + (copy * GroupLength)
        + (index % SlotsPerGroup * SlotLength);

    private KeySlot FreeSlot()
    {
        for (int i = KeySlot.FirstBucketIndex; i < _slots.Count; i++)
        {
            if (_slots[i].State == KeySlotState.Free)
            {
                return _slots[i];
            }
        }
        int first = _slots.Count;
        DurableFile.Write(_file, new byte[2 * GroupLength], Offset(first, 0), _path);
        for (int i = 0; i < SlotsPerGroup; i++)
        {
            _slots.Add(new KeySlot(first + i));
        }
        return _slots[first];
    }

    private void Write(KeySlot slot)
    {
        Span<byte> bytes = stackalloc byte[SlotLength];
        slot.Serial++;
        slot.Encode(bytes, _master, _storeId);
        DurableFile.Write(_file, bytes, Offset(slot.Index, 0), _path);
        DurableFile.Write(_file, bytes, Offset(slot.Index, 1), _path);
        _isDirty = true;
    }

    private void Load(byte[] bytes)
    {
        if (bytes.Length < HeaderLength || !bytes.AsSpan().StartsWith(Magic)
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(HeaderHashOffset))
                != XxHash3.HashToUInt64(bytes.AsSpan(0, HeaderHashOffset))
            || new Guid(bytes.AsSpan(16, 16)) != _storeId)
        {
            throw Damaged(0);
        }
        // A group that was being added when the process died is not complete; it holds nothing.
        int groups = (bytes.Length - HeaderLength) / (2 * GroupLength);
        for (int i = 0; i < groups * SlotsPerGroup; i++)
        {
            var slot = new KeySlot(i);
            if (!slot.Decode(
                bytes.AsSpan((int)Offset(i, 0), SlotLength),
                bytes.AsSpan((int)Offset(i, 1), SlotLength),
                _master,
                _storeId))
            {
                throw slot.IsMasterMissing
                    ? new RetentionException(
                        RetentionError.Key,
                        $"The master key in '{_master.Path}' is not the one that this store's keys"
                        + " were last wrapped with: one of the two is an old copy.",
                        _master.Path)
                    : Damaged(Offset(i, 0));
            }
            _slots.Add(slot);
            if (slot.DamagedCopy >= 0)
            {
                _damagedCopies.Add(Offset(i, slot.DamagedCopy));
            }
            if (slot.State == KeySlotState.Bucket && !_buckets.TryAdd(slot.Bucket, slot))
            {
                throw Damaged(Offset(i, 0));
            }
        }
        if (_slots.Count == 0 || _slots[KeySlot.SeedIndex].State != KeySlotState.Seed)
        {
            throw Damaged(Offset(KeySlot.SeedIndex, 0));
        }
    }

    private RetentionException Damaged(long offset) =>
        new(
            RetentionError.StoreDamaged,
            $"The store's file '{_path}' is damaged at byte {offset}.",
            _path,
            offset);
}
