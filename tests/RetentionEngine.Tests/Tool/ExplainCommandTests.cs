using System.Text;
using System.Text.Json;
using Xunit;

namespace RetentionEngine.Tests.Tool;

/// <summary><c>retention explain</c>: forms of sources, formats, exit codes.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private const string Line =
        "Nov  1 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.99]: 554 5.7.1 <b@example.net>: Relay access denied; from=<a@example.net> to=<b@example.net> proto=ESMTP helo=<foo>";

    private const string Wrapped = """
        {"log":"Nov  1 10:00:00 mx postfix/smtpd[1]: connect from x[192.0.2.99]\n","stream":"stdout","time":"2026-11-01T09:00:00.1Z"}
        {"log":"Nov  1 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.99]: 554 5.7.1 <b@example.net>: Relay access ","stream":"stdout","time":"2026-11-01T09:00:00.1Z"}
        {"log":"denied; from=<a@example.net> to=<b@example.net> proto=ESMTP helo=<foo>\n","stream":"stdout","time":"2026-11-01T09:00:00.1Z"}
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("retention-explain").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ToolProcess.Result Run(params string[] args) =>
        ToolProcess.RunWith(_directory, args, "", ("RETENTION_STORE", ""), ("XDG_DATA_HOME", _directory));

    [Fact]
    public void ForPeople()
    {
        File.WriteAllText(Path.Combine(_directory, "mail.log"), Line + "\n");
        ToolProcess.Result result = Run("explain", "mail.log:1", "--timezone", "Europe/Berlin");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.StartsWith("mail.log:1: used\n", result.Output, StringComparison.Ordinal);
        foreach (string row in (string[])["  event  refusal", "  zone  inferred: Europe/Berlin",
            "  recipient  b@example.net", "  record 1 of 1", "    kind  rejected", "    reply  554"])
        {
            string[] parts = row.TrimStart().Split("  ");
            string pattern = "(?m)^" + row[..^row.TrimStart().Length] + string.Join(" +", parts) + "$";
            Assert.Matches(pattern.Replace("record 1 of 1$", "record 1 of 1.*$", StringComparison.Ordinal), result.Output);
        }
    }

    [Theory]
    [InlineData("packed", 1)]
    [InlineData("docker", 3)]
    [InlineData("pipe", 1)]
    public void EveryFormOfASource(string form, int number)
    {
        byte[] plain = Encoding.ASCII.GetBytes(Line + "\n");
        string name = form is "pipe" ? "/dev/stdin" : "log";
        File.WriteAllBytes(Path.Combine(_directory, "log"), form switch
        {
            "packed" => SourceTests.Gzip(plain),
            "docker" => Encoding.ASCII.GetBytes(Wrapped),
            _ => plain,
        });
        ToolProcess.Result result = ToolProcess.RunWith(
            _directory,
            ["explain", $"{name}:{number}", "--format", "ndjson"],
            Line + "\n",
            ("RETENTION_STORE", ""),
            ("XDG_DATA_HOME", _directory));
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        using var told = JsonDocument.Parse(result.Output);
        JsonElement root = told.RootElement;
        Assert.Equal(Line, root.GetProperty("text").GetString());
        Assert.Equal("192.0.2.99", root.GetProperty("fields").GetProperty("ip").GetString());
        Assert.Equal(
            "b@example.net", root.GetProperty("records")[0].GetProperty("recipient").GetString());
    }

    [Fact]
    public void AsJson()
    {
        File.WriteAllText(Path.Combine(_directory, "docker.log"), Wrapped);
        ToolProcess.Result result = Run("explain", "docker.log:1-3", "--format", "json");
        using var array = JsonDocument.Parse(result.Output);
        Assert.Equal(
            ["not_needed", "empty", "used"],
            array.RootElement.EnumerateArray().Select(e => e.GetProperty("use").GetString()));
        result = Run("explain", "docker.log:3", "--json");
        string[] lines = result.Output.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        using var line = JsonDocument.Parse(lines[0]);
        Assert.Equal("line", line.RootElement.GetProperty("type").GetString());
        using var summary = JsonDocument.Parse(lines[1]);
        Assert.Equal(1, summary.RootElement.GetProperty("records").GetInt32());
    }

    [Fact]
    public void TheStoreGivesZoneAndDomains()
    {
        string mail = "Jul  1 10:00:00 mx postfix/qmgr[3]: 8F00AA: from=<anna@example.org>, size=1, nrcpt=1 (queue active)\n";
        File.WriteAllText(Path.Combine(_directory, "mail.log"), mail);
        Assert.Equal(0, Run(
            "init", "--store", "s", "--timezone", "Europe/Berlin", "--local-domain", "example.org").ExitCode);
        ToolProcess.Result result = Run("explain", "mail.log:1", "--store", "s", "--format", "ndjson");
        using var told = JsonDocument.Parse(result.Output);
        JsonElement record = told.RootElement.GetProperty("records")[0];
        Assert.Equal("sent", record.GetProperty("kind").GetString());
        Assert.EndsWith("+02:00", record.GetProperty("time").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheStoreKeepsZonesOfHosts()
    {
        File.WriteAllText(
            Path.Combine(_directory, "mail.log"),
            Line + "\n" + Line.Replace(" mx ", " mx2 ", StringComparison.Ordinal) + "\n");
        Assert.Equal(0, Run(
            "init", "--store", "s", "--timezone", "mx=America/Lima", "--timezone", "Europe/Berlin").ExitCode);
        Assert.Equal(["-05:00", "+01:00"], Offsets());
        Assert.Contains("America/Lima for those of mx\n", Run("policy", "show", "--store", "s").Output, StringComparison.Ordinal);
        Assert.Equal(0, Run("policy", "set", "--store", "s", "--timezone", "MX=", "--timezone", "mx2=Asia/Tokyo").ExitCode);
        Assert.Equal(["+01:00", "+09:00"], Offsets());
        Assert.Equal(["+05:45", "+03:00"], Offsets("--timezone", "Asia/Kathmandu", "--timezone", "mx2=+03:00"));
    }

    private IEnumerable<string> Offsets(params string[] options)
    {
        ToolProcess.Result result =
            Run(["explain", "mail.log:1-2", "--store", "s", "--format", "ndjson", .. options]);
        return result.Output.TrimEnd().Split('\n').Select(line =>
        {
            using var told = JsonDocument.Parse(line);
            return told.RootElement.GetProperty("fields").GetProperty("time").GetString()![^6..];
        });
    }

    [Fact]
    public void ALineBehindTheEndIsNothingFound()
    {
        File.WriteAllText(Path.Combine(_directory, "mail.log"), Line + "\n");
        ToolProcess.Result result = Run("explain", "mail.log:2");
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Contains("ends before line 2", result.Error, StringComparison.Ordinal);
        Assert.Equal(66, Run("explain", "nowhere.log:2").ExitCode);
    }
}
