using System.Globalization;
using System.Text;

namespace RetentionEngine.Onion.Names;

/// <summary>The domain that a key of Postfix's maps asks about.</summary>
internal static class DomainName
{
    private const int LengthMax = 253;
    private const int LabelMax = 63;

    /// <summary>Takes the domain out of "local@domain" or "domain".</summary>
    /// <returns>Lower case, ASCII, no final dot; null where there is none that DNS could know
    /// ("*", an address literal, ".parent", a label too long).</returns>
    public static string? FromKey(ReadOnlySpan<char> key)
    {
        // The local part may hold a quoted '@'; the domain cannot.
        ReadOnlySpan<char> name = key[(key.LastIndexOf('@') + 1)..];
        return Normalize(name);
    }

    /// <summary>Brings a domain into the form in which it is compared and asked for.</summary>
    public static string? Normalize(ReadOnlySpan<char> name)
    {
        if (name is [.., '.'])
        {
            name = name[..^1];
        }
        if (name.IsEmpty || name.Length > LengthMax)
        {
            return null;
        }
        string lower = name.ToString().ToLowerInvariant();
        if (!Ascii.IsValid(lower))
        {
            try
            {
                lower = new IdnMapping().GetAscii(lower).ToLowerInvariant();
            }
            catch (ArgumentException)
            {
                return null;
            }
        }
        return IsHostName(lower) ? lower : null;
    }

    private static bool IsHostName(string name)
    {
        if (name.Length > LengthMax || !name.Contains('.', StringComparison.Ordinal))
        {
            return false;
        }
        int label = 0;
        foreach (char c in name)
        {
            if (c == '.')
            {
                if (label == 0)
                {
                    return false;
                }
                label = 0;
                continue;
            }
            if (!char.IsAsciiLetterOrDigit(c) && c is not '-' and not '_' || ++label > LabelMax)
            {
                return false;
            }
        }
        return label > 0;
    }
}
