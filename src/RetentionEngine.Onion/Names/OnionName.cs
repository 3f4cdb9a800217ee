using System.Security.Cryptography;

namespace RetentionEngine.Onion.Names;

/// <summary>What is wrong with a name under .onion; <see cref="Valid"/> if nothing is.</summary>
internal enum OnionFault
{
    Valid,
    NotOnion,
    OldVersion,
    WrongLength,
    WrongAlphabet,
    WrongVersion,
    WrongChecksum,
}

/// <summary>Names of Tor's onion services, version 3 only.</summary>
/// <remarks>
/// Tor's rend-spec-v3 §6: base32(key[32] | checksum[2] | 3), where checksum is the head of
/// SHA3-256(".onion checksum" | key | 3). A wrong letter is thus found before anything is dialled.
/// </remarks>
internal static class OnionName
{
    private const string Suffix = ".onion";
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    private const int LabelLength = 56;
    private const int OldLabelLength = 16;
    private const int KeyBytes = 32;
    private const int AddressBytes = 35;

    /// <summary>Whether a name lies under .onion, valid or not; with a final dot or not.</summary>
    public static bool IsUnderOnion(ReadOnlySpan<char> name) =>
        TrimDot(name) is var bare
        && (bare.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase)
            || bare.Equals("onion", StringComparison.OrdinalIgnoreCase));

    /// <summary>Checks a name and brings it into its one form.</summary>
    /// <param name="name">In any case, with or without a final dot; labels before the key's are
    /// dropped, as Tor drops them.</param>
    /// <param name="onion">56 lower-case letters and ".onion", if valid; else empty.</param>
    public static OnionFault Parse(ReadOnlySpan<char> name, out string onion)
    {
        onion = "";
        if (!IsUnderOnion(name))
        {
            return OnionFault.NotOnion;
        }
        ReadOnlySpan<char> label = TrimDot(name);
        label = label[..Math.Max(0, label.Length - Suffix.Length)];
        label = label[(label.LastIndexOf('.') + 1)..];
        if (label.Length != LabelLength)
        {
            return label.Length == OldLabelLength ? OnionFault.OldVersion : OnionFault.WrongLength;
        }
        Span<char> lower = stackalloc char[LabelLength];
        label.ToLowerInvariant(lower);
        Span<byte> address = stackalloc byte[AddressBytes];
        if (!Decode(lower, address))
        {
            return OnionFault.WrongAlphabet;
        }
        if (address[^1] != 3)
        {
            return OnionFault.WrongVersion;
        }
        if (!address.Slice(KeyBytes, 2).SequenceEqual(Checksum(address[..KeyBytes])))
        {
            return OnionFault.WrongChecksum;
        }
        onion = string.Concat(lower, Suffix);
        return OnionFault.Valid;
    }

    /// <summary>The name of a service by its key of 32 bytes.</summary>
    public static string FromKey(ReadOnlySpan<byte> key)
    {
        Span<byte> address = stackalloc byte[AddressBytes];
        key.CopyTo(address);
        Checksum(key).CopyTo(address[KeyBytes..]);
        address[^1] = 3;
        return string.Concat(Encode(address), Suffix);
    }

    /// <summary>Says a fault in words for bounces and logs.</summary>
    public static string Describe(OnionFault fault) => fault switch
    {
        OnionFault.OldVersion => "version 2 onion addresses no longer exist",
        OnionFault.WrongChecksum => "invalid onion address (checksum)",
        OnionFault.WrongVersion => "invalid onion address (version)",
        OnionFault.WrongAlphabet => "invalid onion address (letters)",
        OnionFault.WrongLength => "invalid onion address (length)",
        OnionFault.NotOnion => "not an onion address",
        _ => "valid onion address",
    };

    private static ReadOnlySpan<char> TrimDot(ReadOnlySpan<char> name) =>
        name is [.., '.'] ? name[..^1] : name;

    private static byte[] Checksum(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> prefix = ".onion checksum"u8;
        Span<byte> input = stackalloc byte[prefix.Length + KeyBytes + 1];
        prefix.CopyTo(input);
        key.CopyTo(input[prefix.Length..]);
        input[^1] = 3;
        return SHA3_256.HashData(input)[..2];
    }

    // 56 letters of 5 bits are exactly 35 bytes: nothing is padded, nothing is left over.
    private static bool Decode(ReadOnlySpan<char> letters, Span<byte> target)
    {
        int bits = 0;
        int held = 0;
        int at = 0;
        foreach (char letter in letters)
        {
            int value = Alphabet.IndexOf(letter, StringComparison.Ordinal);
            if (value < 0)
            {
                return false;
            }
            bits = ((bits << 5) | value) & 0xFFF;
            held += 5;
            if (held >= 8)
            {
                held -= 8;
                target[at++] = (byte)(bits >> held);
            }
        }
        return true;
    }

    private static string Encode(ReadOnlySpan<byte> bytes)
    {
        Span<char> letters = stackalloc char[LabelLength];
        int bits = 0;
        int held = 0;
        int at = 0;
        foreach (byte value in bytes)
        {
            bits = ((bits << 8) | value) & 0xFFF;
            held += 8;
            while (held >= 5)
            {
                held -= 5;
                letters[at++] = Alphabet[(bits >> held) & 31];
            }
        }
        return new string(letters);
    }
}
