using System.IO.Hashing;
using RetentionEngine.Events.Formats;

namespace RetentionEngine.Events;

/// <summary>What is known about each <c>host tag</c> that lines begin with.</summary>
/// <remarks>Open addressing over a slab; allocates only when a new pair is met.</remarks>
internal sealed class HeaderTable(HostTable hosts)
{
    /// <summary>More pairs are not remembered, only worked out again: such a log is hostile.</summary>
    private const int CountMax = 1 << 16;

    private byte[] _bytes = new byte[1 << 12];
    private int _bytesUsed;
    private Slot[] _slots = new Slot[1 << 8];
    private int _count;

    /// <summary>Finds what the pair means.</summary>
    /// <param name="key">Host, space, tag, as they stand in the line.</param>
    /// <param name="hostLength">Length of the host in it.</param>
    public LineHeader Find(ReadOnlySpan<byte> key, int hostLength)
    {
        uint hash = (uint)XxHash3.HashToUInt64(key);
        int mask = _slots.Length - 1;
        int i = (int)hash & mask;
        for (; _slots[i].KeyLength != 0; i = (i + 1) & mask)
        {
            ref Slot slot = ref _slots[i];
            if (slot.Hash == hash
                && _bytes.AsSpan(slot.KeyStart, slot.KeyLength).SequenceEqual(key))
            {
                return slot.Header;
            }
        }
        LineHeader header = WorkOut(key, hostLength);
        if (_count < CountMax)
        {
            Add(i, hash, key, header);
        }
        return header;
    }

    private LineHeader WorkOut(ReadOnlySpan<byte> key, int hostLength)
    {
        ReadOnlySpan<byte> tag = key[(hostLength + 1)..];
        if (!Postfix.TryRecognise(tag, out LogTag info)
            && !Dovecot.TryRecognise(tag, out info)
            && !Courier.TryRecognise(tag, out info)
            && !Cyrus.TryRecognise(tag, out info)
            && !CourierMta.TryRecognise(tag, out info)
            && !Amavis.TryRecognise(tag, out info)
            && !Vpopmail.TryRecognise(tag, out info)
            && !Webmail.TryRecognise(tag, out info)
            && !SyslogGaps.TryRecognise(tag, out info))
        {
            info = default;
        }

        // Hosts are counted only where their lines can make records.
        int host = info.Program == LogProgram.None
            ? 0 : hosts.Add(key[..hostLength], tag[..info.InstanceLength]);
        return new LineHeader(host, info);
    }

    private void Add(int at, uint hash, ReadOnlySpan<byte> key, LineHeader header)
    {
        if (_bytesUsed + key.Length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _bytesUsed + key.Length));
        }
        key.CopyTo(_bytes.AsSpan(_bytesUsed));
        _slots[at] = new Slot
        {
            Hash = hash,
            KeyStart = _bytesUsed,
            KeyLength = key.Length,
            Header = header,
        };
        _bytesUsed += key.Length;
        _count++;
        if (_count * 2 > _slots.Length)
        {
            Grow();
        }
    }

    private void Grow()
    {
        Slot[] old = _slots;
        _slots = new Slot[old.Length * 2];
        int mask = _slots.Length - 1;
        foreach (Slot slot in old)
        {
            if (slot.KeyLength == 0)
            {
                continue;
            }
            int i = (int)slot.Hash & mask;
            while (_slots[i].KeyLength != 0)
            {
                i = (i + 1) & mask;
            }
            _slots[i] = slot;
        }
    }

    private struct Slot
    {
        public uint Hash;
        public int KeyStart;
        public int KeyLength;
        public LineHeader Header;
    }
}

/// <summary>What host and tag of a line say.</summary>
/// <param name="Host">Index into <see cref="HostTable"/>; meaningless for program None.</param>
/// <param name="Tag">Who wrote it.</param>
internal readonly record struct LineHeader(int Host, LogTag Tag);
