using System.Text.RegularExpressions;
using Xunit;

namespace RetentionEngine.Tests.Tidy;

/// <summary>Nothing is left for later, and documents name what exists.</summary>
public sealed partial class LeftoverTests
{
    /// <summary>Names of files that are made when something runs, and examples.</summary>
    private static readonly string[] s_notTracked =
        ["artifacts/", "blocks/", "/var/", "/etc/", "/usr/", "/tmp/", "~/", "host/instance", "Europe/Berlin"];

    [Fact]
    public void Nothing_is_left_to_do() =>
        Repository.AssertNone(Repository
            .OfType(".cs", ".sh", ".py", ".md", ".csproj", ".props", ".cf", ".conf")
            .Where(path => Later().IsMatch(Repository.Read(path))));

    [Fact]
    public void Links_of_documents_resolve()
    {
        var faults = new List<string>();
        foreach (string path in Repository.OfType(".md"))
        {
            string folder = Path.GetDirectoryName(path)!;
            foreach (Match link in Link().Matches(Repository.Read(path)))
            {
                string target = link.Groups[1].Value.Split('#')[0];
                bool isOutside = target.StartsWith("https://", StringComparison.Ordinal);
                if (!isOutside && target.Length > 0 && !Exists(folder, target))
                {
                    faults.Add($"{path}: {target}");
                }
            }
        }
        Repository.AssertNone(faults);
    }

    [Fact]
    public void Documents_name_files_that_exist()
    {
        var faults = new List<string>();
        foreach (string path in Repository.OfType(".md"))
        {
            string folder = Path.GetDirectoryName(path)!;
            foreach (Match name in FileName().Matches(Repository.Read(path)))
            {
                string target = name.Groups[1].Value;
                if (!s_notTracked.Any(n => target.StartsWith(n, StringComparison.Ordinal))
                    && !Exists(folder, target) && !Exists("", target)
                    && !Exists("src/RetentionEngine", target) && !IsTail(target))
                {
                    faults.Add($"{path}: {target}");
                }
            }
        }
        Repository.AssertNone(faults);
    }

    [Fact]
    public void The_rules_see_what_they_forbid()
    {
        Assert.Matches(Later(), "// TO" + "DO: later");
        Assert.Equal("a.md", Link().Match("see [it](a.md)").Groups[1].Value);
        Assert.Equal("docs/NONE.md", FileName().Match("see `docs/NONE.md`").Groups[1].Value);
        Assert.False(Exists("", "docs/NONE.md"));
        Assert.True(Exists("docs", "decisions"));
    }

    private static bool Exists(string folder, string target)
    {
        string path = Path.Combine(Repository.Root, folder, target);
        return File.Exists(path) || Directory.Exists(path);
    }

    /// <summary>Whether a tracked path ends so: `decisions/x.md`, `RunFormat.cs`.</summary>
    private static bool IsTail(string target) => Repository.Files
        .Any(f => f.EndsWith("/" + target, StringComparison.Ordinal));

    [GeneratedRegex(@"\b(TO[D]O|HAC[K]|FIXM[E]|XX[X])\b")]
    private static partial Regex Later();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    // A name in backticks with a folder in it or the ending of one of our kinds of files.
    [GeneratedRegex(@"`((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:cs|md|sh|py|csproj|props|tsv))`")]
    private static partial Regex FileName();
}
