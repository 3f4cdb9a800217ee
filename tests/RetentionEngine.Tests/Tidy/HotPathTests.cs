using System.Text.RegularExpressions;
using Xunit;

namespace RetentionEngine.Tests.Tidy;

/// <summary>
/// What the folders on the way of every line must not use. Checked in the text, comments and
/// literals left out: LINQ's operators, lambdas, async, the wall clock, texts (the keyword,
/// interpolation, GetString and ToString), and collections behind an interface.
/// </summary>
public sealed partial class HotPathTests
{
    private static readonly string[] s_folders = ["Lines", "Events", "Messages", "Blocks"];

    /// <summary>Where one of them is used aside from the way of the lines, and why.</summary>
    private static readonly Dictionary<string, string> s_exempt = new()
    {
        ["Events/HostTable.cs: text"] = "once for each host and instance of a store",
        ["Lines/ContainerForms.cs: text"] = "the name of a kind of JSON value",
        ["Lines/JournalForms.cs: text"] = "the name of a kind of JSON value",
        ["Messages/Tracker.Hosts.cs: text"] = "once for each host, to group its instances",
        ["Messages/LocalDomains.cs: text"] = "once for each import, from the policy",
        ["Messages/LocalDomains.cs: interface"] = "once for each import, from the policy",
    };

    [Fact]
    public void Hot_folders_use_nothing_slow()
    {
        var faults = new List<string>();
        foreach (string path in s_folders
            .SelectMany(f => Repository.Under("src/RetentionEngine/" + f, ".cs")))
        {
            foreach (string fault in Faults(Repository.Read(path)))
            {
                faults.Add($"{path["src/RetentionEngine/".Length..]}: {fault}");
            }
        }
        Repository.AssertNone(faults.Where(f => !s_exempt.Keys.Any(e => IsOf(f, e))));
        Repository.AssertNone(s_exempt.Keys.Where(e => !faults.Exists(f => IsOf(f, e))));
    }

    [Theory]
    [InlineData("int n = rows.Sum(Size);", "LINQ: .Sum(")]
    [InlineData("Run(row => row.Size);", "lambda: (row =>")]
    [InlineData("F f = (a, b) => a;", "lambda: = (a, b) =>")]
    [InlineData("async void Run()", "async: async")]
    [InlineData("var now = DateTime.UtcNow;", "clock: DateTime.UtcNow")]
    [InlineData("string name;", "text: string")]
    [InlineData("Fail($\"{n}\");", "text: $\"")]
    [InlineData("n.ToString();", "text: .ToString(")]
    [InlineData("IReadOnlyList<int> all;", "interface: IReadOnlyList<")]
    public void The_rule_sees(string code, string fault) => Assert.Equal([fault], Faults(code));

    [Theory]
    [InlineData("public int Size => _size;")]
    [InlineData("int Of(int kind) => kind switch { 0 => 1, _ => 2 };")]
    [InlineData("// a string => by LINQ's .Select(")]
    [InlineData("throw new InvalidOperationException(\"string\");")]
    public void The_rule_lets_pass(string code) => Assert.Empty(Faults(code));

    private static bool IsOf(string fault, string exemption) =>
        fault.StartsWith(exemption + ":", StringComparison.Ordinal);

    private static IEnumerable<string> Faults(string text)
    {
        string code = CodeText.Blank(text);
        foreach ((string name, Regex rule) in ((string, Regex)[])
            [("LINQ", Linq()), ("lambda", Lambda()), ("async", Async()), ("clock", Clock()),
                ("text", Text()), ("interface", Interface())])
        {
            foreach (Match match in rule.Matches(code))
            {
                yield return $"{name}: {match.Value.Trim()}";
            }
        }
    }

    // Min, Max and First have namesakes that are none of LINQ's.
    [GeneratedRegex(@"\.(Select|SelectMany|Where|Any|All|Sum|OrderBy|GroupBy|FirstOrDefault"
        + @"|LastOrDefault|Aggregate|ToList|ToDictionary|Distinct)(<\w+>)?\("
        + @"|\.(Max|Min|First|Last)\(\)")]
    private static partial Regex Linq();

    [GeneratedRegex(@"(?<=\w)?[(,=]\s?(?:static |async )*(?:[a-z]\w*|\([a-z\s,]*\)) =>")]
    private static partial Regex Lambda();

    [GeneratedRegex(@"\b(async|await|Task)\b")]
    private static partial Regex Async();

    [GeneratedRegex(@"\b(DateTime|DateTimeOffset)\.(Now|UtcNow|Today)\b|\bStopwatch\b"
        + @"|\bEnvironment\.TickCount\w*|\bGetUtcNow\b")]
    private static partial Regex Clock();

    [GeneratedRegex(@"\bstring\b|\bString\b|\$""|\.GetString\(|\.ToString\(")]
    private static partial Regex Text();

    [GeneratedRegex(@"\b(IEnumerable|IReadOnly\w+|IList|ICollection|IDictionary|ISet)<")]
    private static partial Regex Interface();
}
