namespace LogGen.Text;

/// <summary>
/// A client or server address out of the ranges reserved for documentation and tests.
/// </summary>
/// <remarks>
/// IPv4: value in the low 32 bits of <c>Low</c>. IPv6: <c>High</c> and <c>Low</c>, all groups but
/// 4 to 6 non-zero, so that the canonical text (RFC 5952) needs no search for the longest run.
/// </remarks>
internal readonly record struct Ip(ulong High, ulong Low) : IText
{
    public static readonly Ip LoopbackV4 = new(0, 0x7F000001);
    public static readonly Ip LoopbackV6 = new(0, ulong.MaxValue);

    public bool IsNone => High == 0 && Low == 0;

    public bool IsV6 => High != 0 || Low == ulong.MaxValue;

    /// <summary>Loopback or RFC 1918: such a client is one of ours.</summary>
    public bool IsOurs => !IsV6 && (Low >> 24 is 10 or 127) || Low == ulong.MaxValue;

    /// <summary>
    /// A mail server: 198.18.0.0/15 mostly, then the documentation nets, some IPv6.
    /// </summary>
    public static Ip Server(ulong hash) => (hash % 100) switch
    {
        < 84 => new Ip(0, 0xC6120000 | (hash >> 20 & 0x1FFFF)),
        < 90 => Documentation(hash >> 16),
        _ => V6(hash >> 8, interfaceIsShort: true),
    };

    /// <summary>A user's device: 100.64.0.0/10 mostly, then 198.18.0.0/15, some IPv6.</summary>
    public static Ip Device(ulong hash) => (hash % 100) switch
    {
        < 62 => new Ip(0, 0x64400000 | (hash >> 20 & 0x3FFFFF)),
        < 84 => new Ip(0, 0xC6120000 | (hash >> 20 & 0x1FFFF)),
        < 86 => Documentation(hash >> 16),
        _ => V6(hash >> 8, interfaceIsShort: false),
    };

    public static Ip Private(ulong hash) =>
        new(0, 0x0A000000 | (hash & 0x3FF) << 8 | (hash >> 10 & 127) + 1);

    public void WriteTo(ByteWriter writer)
    {
        if (Low == ulong.MaxValue)
        {
            writer.Put("::1"u8);
        }
        else if (IsV6)
        {
            WriteV6(writer);
        }
        else
        {
            writer.Put($"{(long)(Low >> 24)}.{(long)(Low >> 16 & 255)}."
                + $"{(long)(Low >> 8 & 255)}.{(long)(Low & 255)}");
        }
    }

    /// <summary>As Courier writes it: IPv4 in its IPv6-mapped form.</summary>
    public void WriteMapped(ByteWriter writer)
    {
        if (!IsV6)
        {
            writer.Put("::ffff:"u8);
        }
        WriteTo(writer);
    }

    private static Ip Documentation(ulong hash)
    {
        ulong net = (hash % 3) switch { 0 => 0xC0000200UL, 1 => 0xC6336400UL, _ => 0xCB007100UL };
        return new Ip(0, net | (hash >> 8) % 254 + 1);
    }

    private static Ip V6(ulong hash, bool interfaceIsShort)
    {
        ulong high = 0x20010DB800000000UL | NonZero(hash) << 16 | NonZero(hash >> 16);
        ulong spread = Rng.Mix(hash);
        return interfaceIsShort
            ? new Ip(high, (spread & 0xFF) + 1)
            : new Ip(high, NonZero(spread) << 48 | NonZero(spread >> 16) << 32
                | NonZero(spread >> 32) << 16 | NonZero(spread >> 48));
    }

    private static ulong NonZero(ulong bits) => (bits & 0xFFFF) | 1;

    private void WriteV6(ByteWriter writer)
    {
        for (int shift = 48; shift >= 0; shift -= 16)
        {
            writer.Hex(High >> shift & 0xFFFF, 1, upper: false);
            writer.Put((byte)':');
        }
        if (Low >> 48 == 0)
        {
            writer.Put((byte)':');
            writer.Hex(Low, 1, upper: false);
            return;
        }
        for (int shift = 48; shift >= 0; shift -= 16)
        {
            writer.Hex(Low >> shift & 0xFFFF, 1, upper: false);
            if (shift > 0)
            {
                writer.Put((byte)':');
            }
        }
    }
}
