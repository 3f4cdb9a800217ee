using System.Globalization;
using System.Text;

namespace RetentionEngine.Tool.Output;

/// <summary>Makes text of a log harmless for a terminal.</summary>
/// <remarks>
/// Anybody who sends mail chooses what stands in a log. Control bytes could steer the terminal, and
/// direction marks could make one address look like another; both are shown as <c>\xHH</c> and
/// <c>\uHHHH</c>.
/// </remarks>
internal static class SafeText
{
    public static string Of(string? text)
    {
        if (text is null)
        {
            return "";
        }
        foreach (char c in text)
        {
            if (IsUnsafe(c))
            {
                return Escape(text);
            }
        }
        return text;
    }

    private static bool IsUnsafe(char c) =>
        c is < ' ' or (>= '\x7f' and <= '\x9f')
            or (>= '\u200b' and <= '\u200f') or (>= '\u2028' and <= '\u202e')
            or (>= '\u2060' and <= '\u206f') or '\u061c' or '\ufeff';

    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length + 16);
        foreach (char c in text)
        {
            if (!IsUnsafe(c))
            {
                escaped.Append(c);
            }
            else if (c <= '\xff')
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
        }
        return escaped.ToString();
    }
}
