using System.Text.RegularExpressions;
using Xunit;

namespace RetentionEngine.Tests.Tidy;

/// <summary>Who may know whom.</summary>
public sealed partial class LayeringTests
{
    private const string Core = "src/RetentionEngine";

    [Fact]
    public void A_folder_uses_only_folders_before_it()
    {
        string[] order = Order(Repository.Read("docs/ARCHITECTURE.md"));
        Assert.Equal(
            Repository.Under(Core, ".cs").Select(Folder).Where(f => f.Length > 0).Distinct().Order(),
            order.Order());
        var files = Repository.Under(Core, ".cs")
            .Select(path => (path, CodeText.Blank(Repository.Read(path))));
        Repository.AssertNone(Upward(order, [.. files]));
    }

    [Fact]
    public void The_rule_sees_an_upward_use() =>
        Assert.Equal(
            ["src/RetentionEngine/Lines/A.cs uses Row of Records"],
            Upward(
                ["Lines", "Records"],
                [
                    ("src/RetentionEngine/Lines/A.cs", "struct A { Row _r; }"),
                    ("src/RetentionEngine/Records/Row.cs", "struct Row { A _back; }"),
                ]));

    [Fact]
    public void Only_the_adapter_sees_Faster() =>
        Repository.AssertNone(Repository.OfType(".cs", ".csproj")
            .Where(path => !path.StartsWith("src/RetentionEngine.Faster/", StringComparison.Ordinal))
            .Where(path => FasterName().IsMatch(CodeText.Blank(Repository.Read(path)))
                || (path.EndsWith(".csproj", StringComparison.Ordinal)
                    && FasterName().IsMatch(Repository.Read(path)))));

    [Fact]
    public void Loggen_shares_no_code_with_the_sources()
    {
        Repository.AssertNone(Repository.Under("tools/loggen", ".csproj")
            .Where(path => Outside().IsMatch(Repository.Read(path))));
        Repository.AssertNone(Repository.Under("tools/loggen", ".cs")
            .Where(path => CodeText.Blank(Repository.Read(path))
                .Contains("RetentionEngine", StringComparison.Ordinal)));
    }

    [Fact]
    public void Nothing_that_a_build_makes_is_tracked() =>
        Repository.AssertNone(Repository.Files
            .Where(path => path.Split('/').Any(part => part is "bin" or "obj" or "artifacts")));

    /// <summary>The folders of the table in docs/ARCHITECTURE.md, in its order.</summary>
    private static string[] Order(string architecture) =>
        [.. FolderRow().Matches(architecture).Select(m => m.Groups[1].Value)];

    private static IEnumerable<string> Upward(string[] order, (string Path, string Code)[] files)
    {
        // A name that two folders declare says nothing about which one is meant. The public words
        // in the root are for all; what stands there besides them comes last.
        ILookup<string, string> owners = files
            .SelectMany(f => Declaration().Matches(f.Code)
                .Where(m => Folder(f.Path).Length > 0
                    || !m.Value.StartsWith("public", StringComparison.Ordinal)
                    || m.Groups[1].Value is "RetentionStore")
                .Select(m => (Type: m.Groups[1].Value, Folder: Folder(f.Path))))
            .Distinct()
            .ToLookup(d => d.Type, d => d.Folder);
        foreach ((string path, string code) in files)
        {
            int own = Array.IndexOf(order, Folder(path));
            if (own < 0)
            {
                continue;
            }
            foreach (string word in Word().Matches(code).Select(m => m.Value).Distinct())
            {
                string[] folders = [.. owners[word]];
                int used = folders.Length == 1 ? Array.IndexOf([.. order, ""], folders[0]) : -1;
                if (used > own)
                {
                    yield return $"{path} uses {word} of {folders[0]}";
                }
            }
        }
    }

    private static string Folder(string path)
    {
        string[] parts = path.Split('/');
        return parts.Length > 3 ? parts[2] : "";
    }

    [GeneratedRegex(@"^\| `(\w+)/` \|", RegexOptions.Multiline)]
    private static partial Regex FolderRow();

    [GeneratedRegex(@"(?:public |private )?(?:(?:static|sealed|abstract|readonly|partial|ref) )*"
        + @"\b(?:class|struct|interface|enum|record(?: struct)?)\s+([A-Z]\w+)")]
    private static partial Regex Declaration();

    // A name where a type stands; a member may be called like one.
    [GeneratedRegex(@"(?<=\bnew )[A-Z]\w+|(?<![\w.])[A-Z]\w+(?=\s[a-z_]|\.|<|\[\]|\?|>|\))")]
    private static partial Regex Word();

    [GeneratedRegex("FASTER")]
    private static partial Regex FasterName();

    [GeneratedRegex(@"ProjectReference|\.\./")]
    private static partial Regex Outside();
}
