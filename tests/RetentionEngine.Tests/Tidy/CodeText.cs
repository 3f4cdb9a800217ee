using System.Text;

namespace RetentionEngine.Tests.Tidy;

/// <summary>C# text in which comments, and what stands in literals, are blanks.</summary>
/// <remarks>Lines and columns stay. Interpolated strings are blanked with their holes.</remarks>
internal static class CodeText
{
    public static string Blank(string code)
    {
        var target = new StringBuilder(code);
        for (int at = 0; at < code.Length;)
        {
            int end = TokenEnd(code, at, out bool isQuoted);
            if (end == at)
            {
                at++;
                continue;
            }
            // The quotes stay, so that an empty literal is still seen to be one.
            int skip = isQuoted ? 1 : 0;
            for (int i = at + skip; i < end - skip; i++)
            {
                if (code[i] != '\n')
                {
                    target[i] = ' ';
                }
            }
            at = end;
        }
        return target.ToString();
    }

    /// <summary>Line numbers (from 1) that lie inside a raw string literal.</summary>
    public static HashSet<int> RawStringLines(string code)
    {
        var lines = new HashSet<int>();
        for (int at = 0; at < code.Length;)
        {
            int end = TokenEnd(code, at, out bool isQuoted);
            if (isQuoted && At(code, at, "\"\"\""))
            {
                int first = 1 + code.AsSpan(0, at).Count('\n');
                int count = code.AsSpan(at, end - at).Count('\n');
                lines.UnionWith(Enumerable.Range(first, count + 1));
            }
            at = Math.Max(end, at + 1);
        }
        return lines;
    }

    private static int TokenEnd(string code, int at, out bool isQuoted)
    {
        isQuoted = false;
        if (At(code, at, "//"))
        {
            int end = code.IndexOf('\n', at);
            return end < 0 ? code.Length : end;
        }
        if (At(code, at, "/*"))
        {
            return code.IndexOf("*/", at, StringComparison.Ordinal) + 2;
        }
        if (code[at] is '\'')
        {
            isQuoted = true;
            return QuoteEnd(code, at, '\'');
        }
        if (code[at] is not '"')
        {
            return at;
        }
        isQuoted = true;
        if (At(code, at, "\"\"\""))
        {
            int quotes = code.AsSpan(at).IndexOfAnyExcept('"');
            string fence = new('"', quotes);
            return code.IndexOf(fence, at + quotes, StringComparison.Ordinal) + quotes;
        }
        bool isVerbatim = at > 0 && (code[at - 1] == '@' || At(code, at - 2, "@$"));
        return isVerbatim ? code.IndexOf('"', at + 1) + 1 : QuoteEnd(code, at, '"');
    }

    private static int QuoteEnd(string code, int at, char quote)
    {
        for (int i = at + 1; i < code.Length && code[i] != '\n'; i++)
        {
            if (code[i] == '\\')
            {
                i++;
            }
            else if (code[i] == quote)
            {
                return i + 1;
            }
        }
        return at + 1;
    }

    private static bool At(string code, int at, string token) =>
        at >= 0 && string.CompareOrdinal(code, at, token, 0, token.Length) == 0;
}
