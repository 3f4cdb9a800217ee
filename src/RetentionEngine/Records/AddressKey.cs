using System.Buffers;
using System.IO.Hashing;
using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace RetentionEngine.Records;

/// <summary>What makes two spellings of an address the same one when it is searched for.</summary>
/// <remarks>
/// ASCII letters fold to lower case, in the local part too (no mail host in use tells <c>Bob</c>
/// from <c>bob</c>); one trailing dot of the domain goes. Quoted, non-ASCII and <c>xn--</c>
/// addresses also are unquoted where RFC 5321 makes the quotes needless, normalized (NFC) and their
/// domain is turned into its A-label. What can't be understood is folded only. Stored runs are
/// sorted by this key: a change of rules raises <see cref="Version"/>.
/// </remarks>
internal static class AddressKey
{
    public const byte Version = 1;

    private static readonly SearchValues<byte> s_odd = SearchValues.Create(OddBytes());

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Whether folding the letters and one trailing dot is all there is to do.</summary>
    public static bool IsPlain(ReadOnlySpan<byte> address) =>
        !address.ContainsAny(s_odd) && !HasALabel(address);

    /// <summary>Room that the key of an address may need: A-labels are longer than U-labels.</summary>
    public static int LengthMax(int addressLength) => (addressLength * 2) + 64;

    /// <summary>Writes the key of an address.</summary>
    /// <param name="address">Raw bytes; anything, with or without a domain.</param>
    /// <param name="target">At least <see cref="LengthMax"/> bytes.</param>
    /// <returns>Length of the key.</returns>
    /// <remarks>Never throws; allocates only for addresses that are not plain.</remarks>
    public static int Write(ReadOnlySpan<byte> address, Span<byte> target)
    {
        int at = address.LastIndexOf((byte)'@');
        if (at >= 0 && !IsPlain(address))
        {
            int length = WriteOdd(address, at, target);
            if (length >= 0)
            {
                return length;
            }
        }
        if (at >= 0 && address[^1] == '.')
        {
            address = address[..^1];
        }
        Ascii.ToLower(address, target, out int written);
        if (written < address.Length)
        {
            written = FoldBytes(address, target);
        }
        return written;
    }

    /// <summary>Hash of the key, of any bytes.</summary>
    public static ulong Hash(ReadOnlySpan<byte> address, long seed)
    {
        Span<byte> key = stackalloc byte[512];
        byte[]? rented = null;
        if (LengthMax(address.Length) > key.Length)
        {
            rented = ArrayPool<byte>.Shared.Rent(LengthMax(address.Length));
            key = rented;
        }
        ulong hash = XxHash3.HashToUInt64(key[..Write(address, key)], seed);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
        return hash;
    }

    private static byte[] OddBytes()
    {
        var odd = new byte[129];
        for (int i = 0; i < 128; i++)
        {
            odd[i] = (byte)(128 + i);
        }
        odd[128] = (byte)'"';
        return odd;
    }

    private static bool HasALabel(ReadOnlySpan<byte> address)
    {
        for (int i; (i = address.IndexOf("--"u8)) >= 0; address = address[(i + 2)..])
        {
            if (i >= 2 && (address[i - 1] | 0x20) == 'n' && (address[i - 2] | 0x20) == 'x')
            {
                return true;
            }
        }
        return false;
    }

    private static int FoldBytes(ReadOnlySpan<byte> address, Span<byte> target)
    {
        for (int i = 0; i < address.Length; i++)
        {
            byte b = address[i];
            target[i] = b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
        }
        return address.Length;
    }

    // Hostile addresses reach this; the encoders' own exceptions are a way of saying "as it is".
    private static int WriteOdd(ReadOnlySpan<byte> address, int at, Span<byte> target)
    {
        try
        {
            string local = s_strictUtf8.GetString(address[..at]).Normalize(NormalizationForm.FormC);
            string domain = s_strictUtf8.GetString(address[(at + 1)..]);
            if (local.Length >= 2 && local[0] == '"' && local[^1] == '"')
            {
                string inner = MimeUtils.Unquote(local);
                local = IsDotAtom(inner) ? inner : local;
            }
            domain = domain.EndsWith('.') ? domain[..^1] : domain;
            string mailbox = MailboxAddress.DecodeAddrspec("x@" + domain)
                .Normalize(NormalizationForm.FormC).ToLowerInvariant();
            mailbox = MailboxAddress.EncodeAddrspec(mailbox).ToLowerInvariant();
            string key = local.ToLowerInvariant() + mailbox[1..];
            int length = Encoding.UTF8.GetByteCount(key);
            bool sound = mailbox.StartsWith("x@", StringComparison.Ordinal)
                && !mailbox.AsSpan(2).Contains('@');
            return sound && length <= LengthMax(address.Length) ? Encoding.UTF8.GetBytes(key, target) : -1;
        }
        catch (ArgumentException)
        {
            return -1;
        }
    }

    private static bool IsDotAtom(string text)
    {
        if (text.Length == 0 || text[0] == '.' || text[^1] == '.'
            || text.Contains("..", StringComparison.Ordinal))
        {
            return false;
        }
        foreach (char c in text)
        {
            bool atext = c >= 0x80 || char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-/=?^_`{|}~.".Contains(c);
            if (!atext)
            {
                return false;
            }
        }
        return true;
    }
}
