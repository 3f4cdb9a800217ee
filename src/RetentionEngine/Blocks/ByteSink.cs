namespace RetentionEngine.Blocks;

/// <summary>Bytes under construction, in a buffer that is used again.</summary>
internal sealed class ByteSink
{
    private byte[] _bytes = new byte[1 << 12];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Appends zeros and returns them to be filled.</summary>
    public Span<byte> Take(int count)
    {
        Span<byte> room = Room(count);
        room.Clear();
        Length += count;
        return room;
    }

    /// <summary>Room behind the end; what is used of it is then told to <see cref="Advance"/>.</summary>
    public Span<byte> Room(int count)
    {
        if (Length + count > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }
        return _bytes.AsSpan(Length, count);
    }

    public void Advance(int count) => Length += count;

    public void Byte(int value)
    {
        Room(1)[0] = (byte)value;
        Length++;
    }

    public void SetByte(int index, int value) => _bytes[index] = (byte)value;

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>LEB128: seven bits a byte, lowest first.</summary>
    public void Varint(ulong value)
    {
        Span<byte> room = Room(10);
        int n = 0;
        while (value >= 0x80)
        {
            room[n++] = (byte)(value | 0x80);
            value >>= 7;
        }
        room[n++] = (byte)value;
        Length += n;
    }

    public void Varint(int value) => Varint((ulong)(uint)value);

    public void Zigzag(long value) => Varint((ulong)((value << 1) ^ (value >> 63)));
}

/// <summary>Reads what <see cref="ByteSink"/> wrote; whatever does not fit is damage.</summary>
internal ref struct ByteCursor(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly int Remaining => _rest.Length;

    public byte Byte()
    {
        if (_rest.IsEmpty)
        {
            Damage.Throw();
        }
        byte value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    public ReadOnlySpan<byte> Bytes(int count)
    {
        if ((uint)count > (uint)_rest.Length)
        {
            Damage.Throw();
        }
        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    public ulong Varint()
    {
        ulong value = 0;
        for (int i = 0, shift = 0; shift < 64; i++, shift += 7)
        {
            if (i >= _rest.Length)
            {
                break;
            }
            byte b = _rest[i];
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }
        Damage.Throw();
        return 0;
    }

    /// <summary>A count or size that is at most <paramref name="max"/>.</summary>
    public int Count(int max)
    {
        ulong value = Varint();
        if (value > (ulong)max)
        {
            Damage.Throw();
        }
        return (int)value;
    }

    public long Zigzag()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }
}
