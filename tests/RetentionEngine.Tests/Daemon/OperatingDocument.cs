using System.Text.RegularExpressions;

namespace RetentionEngine.Tests.Daemon;

/// <summary>The examples of docs/OPERATING.md, word for word.</summary>
internal static class OperatingDocument
{
    /// <summary>All blocks of a language.</summary>
    public static string[] Blocks(string root, string language)
    {
        string text = File.ReadAllText(Path.Combine(root, "docs", "OPERATING.md"));
        return [.. Regex
            .Matches(text, $"^```{language}\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)
            .Select(static m => m.Groups[1].Value)];
    }

    /// <summary>The only block of a language that holds a text.</summary>
    public static string Block(string root, string language, string holds = "") =>
        Blocks(root, language).Single(b => b.Contains(holds, StringComparison.Ordinal));
}
