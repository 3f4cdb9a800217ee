using System.Text.RegularExpressions;
using Xunit;

namespace RetentionEngine.Tests.Tidy;

/// <summary>Lines of at most 100 columns, files of 500 lines, functions of 70.</summary>
public sealed partial class SizeTests
{
    private const int ColumnsMax = 100;
    private const int LinesMax = 500;
    private const int FunctionLinesMax = 70;

    /// <summary>A line may be long for the sake of a literal of this length: log lines are data.</summary>
    private const int LiteralMin = 40;

    /// <summary>Folders whose lines are still to be broken; none may be added.</summary>
    private static readonly string[] s_longLines =
    [
        "bench/",
        "src/",
        "tests/RetentionEngine.Onion.Tests/",
        "tests/RetentionEngine.Tests/",
        "tools/retention/",
    ];

    /// <summary>Files with more lines, until their next change; none may be added.</summary>
    private static readonly string[] s_longFiles =
    [
        "src/RetentionEngine.Faster/ClassLog.cs",
        "src/RetentionEngine/Events/Formats/Postfix.cs",
        "tools/sample/scenario.py",
    ];

    /// <summary>Straight-line hot loops may be longer than 70 lines; each with its reason.</summary>
    private static readonly Dictionary<string, string> s_longFunctions = [];

    [Fact]
    public void Lines_have_at_most_100_columns()
    {
        var faults = new List<string>();
        foreach (string path in Repository.OfType(".cs", ".sh", ".csproj"))
        {
            if (s_longLines.Any(f => path.StartsWith(f, StringComparison.Ordinal)))
            {
                continue;
            }
            string text = Repository.Read(path);
            faults.AddRange(LongLines(text).Select(line => $"{path}:{line}"));
        }
        Repository.AssertNone(faults);
    }

    [Fact]
    public void Files_have_at_most_500_lines() =>
        Repository.AssertNone(Repository.OfType(".cs", ".sh", ".py")
            .Where(path => !s_longFiles.Contains(path)
                && Repository.Read(path).AsSpan().Count('\n') > LinesMax));

    [Fact]
    public void Functions_have_at_most_70_lines() =>
        Repository.AssertNone(Repository.OfType(".cs")
            .SelectMany(path => LongFunctions(Repository.Read(path)).Select(f => $"{path}: {f}"))
            .Where(f => !s_longFunctions.ContainsKey(f)));

    [Fact]
    public void The_rules_see_what_they_forbid()
    {
        string wide = new('x', ColumnsMax + 1);
        Assert.Equal([2], LongLines($"short;\n{wide}\n"));
        Assert.Equal([1], LongLines($"// {wide}\n"));
        Assert.Empty(LongLines($"Parse(\"{wide}\");\n"));
        Assert.Empty(LongLines($"Parse(\n    \"\"\"\n    {wide}\n    \"\"\");\n"));
        string body = string.Concat(Enumerable.Repeat("        Step();\n", FunctionLinesMax));
        string code = $"class C\n{{\n    void F()\n    {{\n{body}    }}\n}}\n";
        Assert.Equal(["void F()"], LongFunctions(code));
        Assert.Empty(LongFunctions(code.Replace("void F()", "class F", StringComparison.Ordinal)));
    }

    private static IEnumerable<int> LongLines(string text)
    {
        string[] lines = text.Split('\n');
        HashSet<int>? raw = null;
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length <= ColumnsMax)
            {
                continue;
            }
            raw ??= CodeText.RawStringLines(text);
            bool isComment = lines[i].TrimStart().StartsWith("//", StringComparison.Ordinal);
            string bare = Literal().Replace(
                lines[i], match => match.Length < LiteralMin ? match.Value : "\"\"");
            if (isComment || (bare.Length > ColumnsMax && !raw.Contains(i + 1)))
            {
                yield return i + 1;
            }
        }
    }

    /// <summary>Members whose head and body together are too long, by their first line.</summary>
    private static IEnumerable<string> LongFunctions(string text)
    {
        string[] lines = CodeText.Blank(text).Split('\n');
        for (int open = 1; open < lines.Length; open++)
        {
            string indent = lines[open].TrimEnd() switch
            {
                "    {" => "    ",
                "        {" => "        ",
                _ => "",
            };
            if (indent.Length == 0)
            {
                continue;
            }
            int head = open - 1;
            while (head > 0 && lines[head].StartsWith(indent + " ", StringComparison.Ordinal))
            {
                head--;
            }
            int close = Array.FindIndex(
                lines, open, l => l.StartsWith(indent + "}", StringComparison.Ordinal));
            bool isType = lines[head..open].Any(l => TypeWord().IsMatch(l));
            if (!isType && close - head + 1 > FunctionLinesMax)
            {
                yield return lines[head].Trim();
            }
        }
    }

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Literal();

    [GeneratedRegex(@"\b(class|struct|record|enum|interface|namespace)\b")]
    private static partial Regex TypeWord();
}
