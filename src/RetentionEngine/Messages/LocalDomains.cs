using System.IO.Hashing;
using System.Text;

namespace RetentionEngine.Messages;

/// <summary>The domains whose mailboxes are ours; looked up without allocation.</summary>
internal sealed class LocalDomains
{
    // RFC 1035 §2.3.4; a longer domain is none.
    private const int DomainLengthMax = 255;

    private readonly HashSet<ulong> _hashes = [];

    public LocalDomains(IEnumerable<string> domains)
    {
        foreach (string domain in domains)
        {
            _hashes.Add(HashOf(Encoding.UTF8.GetBytes(domain)));
        }
    }

    /// <summary>Nothing is configured: direction is a guess.</summary>
    public bool IsEmpty => _hashes.Count == 0;

    /// <summary>Whether the part behind the last <c>@</c> is a local domain.</summary>
    public bool HasDomainOf(ReadOnlySpan<byte> address)
    {
        int at = address.LastIndexOf((byte)'@');
        return at >= 0 && !IsEmpty && _hashes.Contains(HashOf(address[(at + 1)..]));
    }

    private static ulong HashOf(ReadOnlySpan<byte> domain)
    {
        if (domain.Length > DomainLengthMax)
        {
            return 0;
        }
        Span<byte> lower = stackalloc byte[DomainLengthMax];
        for (int i = 0; i < domain.Length; i++)
        {
            // Not Ascii.ToLower, which stops at bytes that are not ASCII.
            lower[i] = domain[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(domain[i] | 0x20) : domain[i];
        }
        return XxHash3.HashToUInt64(lower[..domain.Length]);
    }
}
