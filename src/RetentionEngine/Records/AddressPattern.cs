using System.Text;

namespace RetentionEngine.Records;

/// <summary>An address or a domain that is looked for, by its key.</summary>
/// <remarks>
/// Compares in the order of the text dictionary of a run: texts without <c>@</c>, then by domain,
/// then by local part. Not thread-safe: it keeps the room for the other side's key.
/// </remarks>
internal sealed class AddressPattern
{
    private readonly byte[] _domain;
    private readonly byte[] _local;
    private readonly bool _hasDomain;
    private readonly bool _anyLocal;
    private readonly byte[] _key = new byte[AddressKey.LengthMax(StringTable.LengthMax)];

    private AddressPattern(ReadOnlySpan<byte> key, bool anyLocal)
    {
        int at = key.LastIndexOf((byte)'@');
        _hasDomain = at >= 0;
        _anyLocal = anyLocal;
        _domain = key[(at + 1)..].ToArray();
        _local = at >= 0 ? key[..at].ToArray() : [];
    }

    /// <summary>Every spelling of one address; a name without <c>@</c> stands for itself.</summary>
    public static AddressPattern OfAddress(ReadOnlySpan<byte> address)
    {
        address = address[..Math.Min(address.Length, StringTable.LengthMax)];
        var key = new byte[AddressKey.LengthMax(address.Length)];
        return new AddressPattern(key.AsSpan(0, AddressKey.Write(address, key)), anyLocal: false);
    }

    /// <summary>Every address of a domain, given without <c>@</c>; subdomains are others.</summary>
    public static AddressPattern OfDomain(ReadOnlySpan<byte> domain)
    {
        byte[] address = [(byte)'x', (byte)'@', .. domain[..Math.Min(domain.Length, StringTable.LengthMax - 2)]];
        var key = new byte[AddressKey.LengthMax(address.Length)];
        return new AddressPattern(key.AsSpan(0, AddressKey.Write(address, key)), anyLocal: true);
    }

    public bool Matches(ReadOnlySpan<byte> text) => Compare(text) == 0;

    /// <summary>Where a raw text stands: below 0 before what is looked for, above 0 behind it.</summary>
    public int Compare(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> key = _key.AsSpan(0, AddressKey.Write(text, _key));
        int at = key.LastIndexOf((byte)'@');
        return at < 0
            ? CompareParts(key, [], hasDomain: false)
            : CompareParts(key[(at + 1)..], key[..at], hasDomain: true);
    }

    /// <summary>The same for a text that is kept domain first, as in the pages of a run.</summary>
    /// <param name="entry">At most StringTable.LengthMax bytes; <c>example.org@bob</c>.</param>
    public int CompareEntry(ReadOnlySpan<byte> entry)
    {
        Ascii.ToLower(entry, _key, out int folded);
        int at = entry.IndexOf((byte)'@');
        if (folded < entry.Length || (at >= 0 && !AddressKey.IsPlain(entry)))
        {
            return CompareOdd(entry, at);
        }
        ReadOnlySpan<byte> key = _key.AsSpan(0, folded);
        if (at < 0)
        {
            return CompareParts(key, [], hasDomain: false);
        }
        ReadOnlySpan<byte> domain = key[..at];
        domain = domain is [.., (byte)'.'] ? domain[..^1] : domain;
        return CompareParts(domain, key[(at + 1)..], hasDomain: true);
    }

    private int CompareParts(ReadOnlySpan<byte> domain, ReadOnlySpan<byte> local, bool hasDomain)
    {
        if (hasDomain != _hasDomain)
        {
            return hasDomain ? 1 : -1;
        }
        int result = domain.SequenceCompareTo(_domain);
        return result != 0 || _anyLocal ? result : local.SequenceCompareTo(_local);
    }

    private int CompareOdd(ReadOnlySpan<byte> entry, int at)
    {
        Span<byte> text = stackalloc byte[StringTable.LengthMax];
        entry[(at + 1)..].CopyTo(text);
        if (at < 0)
        {
            return Compare(text[..entry.Length]);
        }
        int local = entry.Length - at - 1;
        text[local] = (byte)'@';
        entry[..at].CopyTo(text[(local + 1)..]);
        return Compare(text[..entry.Length]);
    }
}
