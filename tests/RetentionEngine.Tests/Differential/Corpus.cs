using System.Text;
using RetentionEngine.Tests.Oracle;

namespace RetentionEngine.Tests.Differential;

/// <summary>The made-up lines under tests/corpus/lines and how they are read.</summary>
internal static class Corpus
{
    /// <summary>Zone in which the corpus' stamps without a zone were "written".</summary>
    public static readonly TimeZoneInfo Zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    /// <summary>No first line of the corpus is younger: 2026-01-01T00:00:00Z.</summary>
    public const long LatestUnixMicros = 1_767_225_600_000_000;

    private static readonly string s_directory = Path.Combine(Root(), "tests", "corpus", "lines");

    public static string[] Files => [.. Directory
        .GetFiles(s_directory, "*.log").Order(StringComparer.Ordinal)];

    public static IEnumerable<(string Line, SlowOutcome Outcome, SlowEvent Event)> Parse(
        byte[] log, bool isEachLineFirst = false)
    {
        var last = new Dictionary<string, string>();
        var parser = new SlowParser(Zone, LatestUnixMicros, 0, last);
        foreach (string line in SlowParser.Lines(log))
        {
            parser = isEachLineFirst ? new SlowParser(Zone, LatestUnixMicros, 0, last) : parser;
            SlowOutcome outcome = parser.Parse(line, out SlowEvent e);
            yield return (line, outcome, e);
        }
    }

    /// <summary>
    /// Compares with the golden file, one row a line; UPDATE_GOLDEN=1 writes it instead, for
    /// review in the diff.
    /// </summary>
    public static string? Difference(string goldenPath, string actual)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") is "1")
        {
            File.WriteAllText(goldenPath, actual, Encoding.Latin1);
            return null;
        }
        string[] expected = File.ReadAllText(goldenPath, Encoding.Latin1).Split('\n');
        string[] rows = actual.Split('\n');
        for (int i = 0; i < Math.Max(expected.Length, rows.Length); i++)
        {
            string left = i < expected.Length ? expected[i] : "(no row)";
            string right = i < rows.Length ? rows[i] : "(no row)";
            if (!string.Equals(left, right, StringComparison.Ordinal))
            {
                return $"{Path.GetFileName(goldenPath)} row {i + 1}\nexpected {left}\nactual   {right}";
            }
        }
        return null;
    }

    public static string Root()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "RetentionEngine.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? throw new DirectoryNotFoundException("RetentionEngine.sln");
    }
}
