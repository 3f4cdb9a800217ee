using System.Globalization;
using System.Text;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Differential;

/// <summary>Every line of the corpus gives what its golden file says.</summary>
public sealed class GoldenLineTests
{
    public static TheoryData<string> Files() => [.. Corpus.Files.Select(f => Path.GetFileName(f))];

    [Theory]
    [MemberData(nameof(Files))]
    public void SlowParserReadsEveryLineAsReviewed(string name)
    {
        string path = Corpus.Files.Single(f => Path.GetFileName(f).Equals(name, StringComparison.Ordinal));
        var text = new StringBuilder();
        int number = 0;
        foreach (var (_, outcome, e) in Corpus.Parse(File.ReadAllBytes(path)))
        {
            string row = outcome == SlowOutcome.Event ? EventText.Of(e) : outcome.ToString();
            text.Append(CultureInfo.InvariantCulture, $"{++number}\t{row}\n");
        }
        Assert.Null(Corpus.Difference(Path.ChangeExtension(path, ".tsv"), text.ToString()));
    }
}
