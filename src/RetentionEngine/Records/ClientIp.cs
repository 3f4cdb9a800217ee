using System.Buffers.Binary;
using System.Net;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RetentionEngine.Records;

/// <summary>A client address as two big-endian halves of an IPv6 address; zero is "none".</summary>
/// <remarks>IPv4 is kept IPv4-mapped (RFC 4291 §2.5.5.2), however the log wrote it.</remarks>
internal readonly record struct ClientIp(ulong Hi, ulong Lo)
{
    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    // "::ffff:" as a little-endian number, above a byte of zeros.
    private const ulong MappedText = 0x3A66_6666_663A_3A00;

    public bool IsNone => (Hi | Lo) == 0;

    public bool IsV4 => Hi == 0 && Lo >> 32 == MappedPrefix >> 32;

    /// <summary>127/8 and ::1: a filter, a webmail or a proxy on the host itself.</summary>
    public bool IsLoopback => IsV4 ? (Lo >> 24 & 0xFF) == 127 : Hi == 0 && Lo == 1;

    /// <summary>RFC 1918, RFC 3927, RFC 4193 and link-local addresses.</summary>
    public bool IsPrivate
    {
        get
        {
            if (!IsV4)
            {
                return Hi >> 57 == 0xFC >> 1 || Hi >> 54 == 0xFE80 >> 6;
            }
            uint v4 = (uint)Lo;
            return v4 >> 24 == 10 || v4 >> 20 == 0xAC1 || v4 >> 16 == 0xC0A8 || v4 >> 16 == 0xA9FE;
        }
    }

    /// <summary>Reads an address as logged; anything else (<c>unknown</c>, a path) is none.</summary>
    /// <param name="text">Its first byte; 16 lie behind the address.</param>
    /// <param name="length">Of the address.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ClientIp Parse(ref byte text, int length)
    {
        // Courier writes all its addresses as IPv6: ::ffff:192.0.2.7.
        int mapped = Unsafe.ReadUnaligned<ulong>(ref text) << 8 == MappedText ? 7 : 0;
        return TryParseUsualV4(ref Unsafe.Add(ref text, mapped), length - mapped, out uint v4)
            ? new ClientIp(0, MappedPrefix | v4)
            : Parse(MemoryMarshal.CreateReadOnlySpan(ref text, length));
    }

    /// <summary>Reads an address as logged; anything else (<c>unknown</c>, a path) is none.</summary>
    public static ClientIp Parse(ReadOnlySpan<byte> text)
    {
        if (text.Length is < 2 or > 45)
        {
            return default;
        }
        if (TryParseV4(text, out uint v4))
        {
            return new ClientIp(0, MappedPrefix | v4);
        }
        return text.Contains((byte)':') && TryParseV6(text, out ClientIp v6) ? v6 : default;
    }

    public static ClientIp Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return new ClientIp(
            BinaryPrimitives.ReadUInt64BigEndian(bytes),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
    }

    public IPAddress? ToIPAddress()
    {
        if (IsNone)
        {
            return null;
        }
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Hi);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Lo);
        return IsV4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes);
    }

    /// <summary>Four parts of one to three digits, without a branch on how many.</summary>
    private static bool TryParseUsualV4(ref byte text, int length, out uint v4)
    {
        v4 = 0;
        if (!BitConverter.IsLittleEndian || (uint)(length - 7) > 8)
        {
            return false;
        }
        Vector128<byte> bytes = Vector128.LoadUnsafe(ref text);
        uint end = 1u << length;
        uint dots = Vector128.Equals(bytes, Vector128.Create((byte)'.'))
            .ExtractMostSignificantBits() & (end - 1);
        uint digits = Vector128.LessThan(
            bytes - Vector128.Create((byte)'0'), Vector128.Create((byte)10))
            .ExtractMostSignificantBits();
        uint ends = dots | end;
        if (((digits | dots) & (end - 1)) != end - 1 || BitOperations.PopCount(dots) != 3
            || (dots & 1) != 0 || (ends & (ends >> 1)) != 0)
        {
            return false;
        }
        int start = 0;
        uint tooLong = 0;
        for (int part = 0; part < 4; part++)
        {
            // Digits to the top of the word, zeros below them.
            int behind = BitOperations.TrailingZeroCount(ends);
            ends &= ends - 1;
            int count = behind - start;
            uint word = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref text, start))
                << ((32 - (8 * count)) & 31);
            uint value = ((word >> 8 & 15) * 100) + ((word >> 16 & 15) * 10) + (word >> 24 & 15);
            tooLong |= (uint)(3 - count) | (255 - value);
            v4 = (v4 << 8) | value;
            start = behind + 1;
        }
        return (int)tooLong >= 0;
    }

    private static bool TryParseV4(ReadOnlySpan<byte> text, out uint v4)
    {
        v4 = 0;
        int part = -1;
        int dots = 0;
        foreach (byte b in text)
        {
            uint digit = (uint)b - '0';
            if (digit <= 9)
            {
                part = (Math.Max(part, 0) * 10) + (int)digit;
                if (part > 255)
                {
                    return false;
                }
            }
            else if (b == '.' && part >= 0)
            {
                v4 = (v4 << 8) | (uint)part;
                part = -1;
                dots++;
            }
            else
            {
                return false;
            }
        }
        v4 = (v4 << 8) | (uint)part;
        return dots == 3 && part >= 0;
    }

    private static bool TryParseV6(ReadOnlySpan<byte> text, out ClientIp ip)
    {
        ip = default;
        Span<ushort> groups = stackalloc ushort[8];
        groups.Clear();
        int count = 0;
        int gap = -1;
        int at = 0;
        if (text[0] == ':')
        {
            if (text[1] != ':')
            {
                return false;
            }
            gap = 0;
            at = 2;
        }
        while (at < text.Length)
        {
            ReadOnlySpan<byte> rest = text[at..];
            int end = rest.IndexOf((byte)':');
            ReadOnlySpan<byte> group = end < 0 ? rest : rest[..end];
            if (end < 0 && count <= 6 && TryParseV4(group, out uint v4))
            {
                groups[count++] = (ushort)(v4 >> 16);
                groups[count++] = (ushort)v4;
                break;
            }
            if (group.IsEmpty && end == 0 && gap < 0)
            {
                gap = count;
                at++;
                continue;
            }
            if (count == 8 || !TryParseGroup(group, out groups[count]))
            {
                return false;
            }
            count++;
            at += group.Length + 1;
            if (end >= 0 && at == text.Length)
            {
                return false;
            }
        }
        if (gap < 0 ? count != 8 : count > 7)
        {
            return false;
        }
        if (gap >= 0)
        {
            groups[gap..count].CopyTo(groups[(8 - count + gap)..]);
            groups.Slice(gap, 8 - count).Clear();
        }
        ip = new ClientIp(Half(groups), Half(groups[4..]));
        return true;
    }

    private static ulong Half(ReadOnlySpan<ushort> groups) =>
        (ulong)groups[0] << 48 | (ulong)groups[1] << 32 | (ulong)groups[2] << 16 | groups[3];

    private static bool TryParseGroup(ReadOnlySpan<byte> text, out ushort group)
    {
        int value = 0;
        foreach (byte b in text)
        {
            int digit = b switch
            {
                >= (byte)'0' and <= (byte)'9' => b - '0',
                >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
                >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
                _ => -1,
            };
            if (digit < 0)
            {
                group = 0;
                return false;
            }
            value = (value << 4) | digit;
        }
        group = (ushort)value;
        return text.Length is >= 1 and <= 4;
    }
}
