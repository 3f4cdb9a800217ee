using RetentionEngine.Tests.Hostile;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Forms;

/// <summary>The report on what was not understood shows at a glance that a format changed.</summary>
public sealed class ShapeReportTests : IDisposable
{
    private const string Stamp = "2026-11-01T10:00:00Z mx ";

    // Forms that no version has: four lines of one, two of another, one of a third.
    private static readonly (string Name, string Log)[] s_sources =
    [
        ("a.log", Stamp + "postfix/qmgr[3]: 8F00AA: removed by anna@example.org\n"
            + Stamp + "imapd: LOGIN, user=anna@example.org, ip=[192.0.2.7], protocol\n"),
        ("b.log", Stamp + "postfix/qmgr[3]: 8F00AB: skipped, still being delivered\n"
            + Stamp + "imapd: LOGIN, user=ben@example.net, ip=[2001:db8::7], protocol\n"
            + Stamp + "imapd: LOGIN, user=\u00E4nna, ip=[198.51.100.9], protocol\n"
            + Stamp + "postfix/qmgr[44]: 8F00AC: removed by carl\n"
            + Stamp + "imapd: LOGIN, user=dora, ip=[192.0.2.9], protocol\n"
            + Stamp + "postfix/bounce[3]: 8F00AD: sender delay notification: dora@example.org\n"),
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("retention-shapes").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void ShapesAreCountedWithTheFirstPlaceAndNoName()
    {
        ImportedLog.RecordsOf(s_sources, new ImportOptions(), out ImportReport report);
        Assert.Equal(7, report.StrangeLines);
        Assert.Equal(
            [
                new StrangeShape("* imapd: LOGIN, user=*, ip=[*], protocol", 4, "a.log", 2),
                new StrangeShape("* postfix/qmgr[*]: *: removed *", 2, "a.log", 1),
                new StrangeShape("* postfix/bounce[*]: *: sender delay notification: *", 1, "b.log", 6),
            ],
            report.Shapes);
    }

    [Fact]
    public void TheToolShowsTheMostFrequentFirst()
    {
        foreach ((string name, string log) in s_sources)
        {
            File.WriteAllText(Path.Combine(_directory, name), log);
        }
        string output = ToolProcess.Run(_directory, "import", "a.log", "b.log").Output;
        int first = output.IndexOf("4 lines like a.log:2: ", StringComparison.Ordinal);
        int second = output.IndexOf("2 lines like a.log:1: ", StringComparison.Ordinal);
        int third = output.IndexOf("1 line like b.log:6: ", StringComparison.Ordinal);
        Assert.True(first > 0 && second > first && third > second, output);
        Assert.All(
            (string[])["anna", "ben", "carl", "dora", "example", "192.0", "2001:", "198.51", "8F00"],
            word => Assert.DoesNotContain(word, output, StringComparison.Ordinal));
    }
}
