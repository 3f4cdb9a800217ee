using System.Text.Json;
using Xunit;

namespace RetentionEngine.Tests.Tool;

/// <summary>What the tool says without a store: help, errors, exit codes.</summary>
public sealed class UsageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("retention-usage").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ToolProcess.Result Run(params string[] args) => ToolProcess.Run(_directory, args);

    [Theory]
    [InlineData("")]
    [InlineData("init")]
    [InlineData("policy")]
    [InlineData("policy set")]
    [InlineData("import")]
    [InlineData("query")]
    [InlineData("trace")]
    [InlineData("explain")]
    [InlineData("expire")]
    [InlineData("stats")]
    [InlineData("verify")]
    [InlineData("completion")]
    public void HelpHasExamplesAndGoesToStandardOutput(string command)
    {
        string[] args =
            [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"];
        (int exitCode, string output, string error) = Run(args);
        Assert.Equal(0, exitCode);
        Assert.Empty(error);
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
        Assert.Contains("RETENTION_STORE", output, StringComparison.Ordinal);
        Assert.All(output.Split('\n'), static line => Assert.InRange(line.Length, 0, 110));
    }

    [Theory]
    [InlineData("quer", "Did you mean 'query'?", "retention --help")]
    [InlineData("query --mailbax a", "Did you mean '--mailbox'?", "retention query --help")]
    [InlineData("query --jsn", "Did you mean '--json'?", "retention query --help")]
    [InlineData("", "Say what to do.", "retention --help")]
    [InlineData("stats everything", "'everything'", "retention stats --help")]
    [InlineData("query --mailbox", "--mailbox", "retention query --help")]
    [InlineData("query --status lost", "lost", "retention query --help")]
    [InlineData("query --limit 0", "--limit", "retention query --help")]
    [InlineData("query --limit many", "many", "retention query --help")]
    [InlineData("query --from someday", "--from 'someday' is not a time", "retention query --help")]
    [InlineData("query --from 2h --to 3h", "--from is not before --to", "retention query --help")]
    [InlineData("query --tz Nowhere", "--tz 'Nowhere'", "retention query --help")]
    [InlineData("query --ip 192.0.2", "--ip '192.0.2'", "retention query --help")]
    [InlineData("query --fields subject", "no field 'subject'", "retention query --help")]
    [InlineData("query --direction in --class sent", "nothing in common", "retention query --help")]
    [InlineData("init --retain sent", "CLASS=PERIOD", "retention init --help")]
    [InlineData("init --retain mail=3d", "CLASS=PERIOD", "retention init --help")]
    [InlineData("init --local-domain a@b", "--local-domain", "retention init --help")]
    [InlineData("policy set", "Nothing to set", "retention policy set --help")]
    [InlineData("init --timezone Nowhere", "--timezone 'Nowhere' is not known", "retention init --help")]
    [InlineData("init --timezone mx2=Nowhere", "'mx2=Nowhere' is not known", "retention init --help")]
    [InlineData("import x --timezone =UTC", "neither ZONE nor HOST=ZONE", "retention import --help")]
    [InlineData("init --timezone UTC --timezone Asia/Tokyo", "two zones", "retention init --help")]
    [InlineData("import x --year 99999", "--year", "retention import --help")]
    [InlineData("trace", "KEY", "retention trace --help")]
    [InlineData("explain", "FILE:LINE", "retention explain --help")]
    [InlineData("explain mail.log", "is not FILE:LINE", "retention explain --help")]
    [InlineData("explain mail.log:0", "is not FILE:LINE", "retention explain --help")]
    [InlineData("explain mail.log:9-8", "is not FILE:LINE", "retention explain --help")]
    [InlineData("explain mail.log:1-2000", "At most 1000 lines", "retention explain --help")]
    [InlineData("explain .:1", "is a directory", "retention explain --help")]
    public void BadUsageIsOneSentenceAndAHint(string line, string message, string hint)
    {
        string[] args = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (int exitCode, string output, string error) = Run(args);
        Assert.Equal(64, exitCode);
        Assert.Empty(output);
        string[] lines = error.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("retention: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(message, lines[0], StringComparison.Ordinal);
        Assert.Equal($"Try '{hint}'", lines[1]);
        (exitCode, output, error) = Run([.. args, "--json"]);
        if (line.Length > 0 && !line.EndsWith("--mailbox", StringComparison.Ordinal))
        {
            Assert.Equal(64, exitCode);
            AssertError(output, error, 64, "Usage");
        }
    }

    internal static void AssertError(string output, string error, int exitCode, string code)
    {
        using var summary = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal("summary", summary.RootElement.GetProperty("type").GetString());
        Assert.Equal(1, summary.RootElement.GetProperty("schema").GetInt32());
        Assert.Equal(exitCode, summary.RootElement.GetProperty("exit").GetInt32());
        Assert.Equal(code, summary.RootElement.GetProperty("error").GetString());
        using var told = JsonDocument.Parse(error.TrimEnd().Split('\n')[^1]);
        Assert.Equal("error", told.RootElement.GetProperty("type").GetString());
        Assert.Equal(code, told.RootElement.GetProperty("code").GetString());
        Assert.NotEmpty(told.RootElement.GetProperty("message").GetString()!);
    }

    [Theory]
    [InlineData("stats", 66, "StoreNotFound")]
    [InlineData("query --mailbox a@example.org", 66, "StoreNotFound")]
    [InlineData("import missing.log", 66, "SourceUnreadable")]
    [InlineData("init --retain all=30d", 78, "Policy")]
    [InlineData("init --store file/store", 73, "StoreExists")]
    public void ErrorsHaveTheirExitCodes(string line, int exitCode, string code)
    {
        string[] args = line.Split(' ');
        File.WriteAllText(Path.Combine(_directory, "file"), "no directory");
        ToolProcess.Result plain = Run(args);
        Assert.Equal(exitCode, plain.ExitCode);
        Assert.Empty(plain.Output);
        Assert.Single(plain.Error.TrimEnd().Split('\n'));
        ToolProcess.Result json = Run([.. args, "--json"]);
        Assert.Equal(exitCode, json.ExitCode);
        AssertError(json.Output, json.Error, exitCode, code);
    }

    [Fact]
    public void TheDefaultStoreFollowsXdg()
    {
        ToolProcess.Result result = ToolProcess.RunWith(
            _directory, ["stats"], "", ("RETENTION_STORE", ""), ("XDG_DATA_HOME", "/nowhere"));
        Assert.Equal(66, result.ExitCode);
        Assert.Contains("/nowhere/retention/store", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[suggest:4]", "quer", "query")]
    [InlineData("[suggest:12]", "query --mail", "--mailbox")]
    [InlineData("[suggest:15]", "query --status ", "bounced")]
    [InlineData("[suggest:15]", "query --fields ", "orig_to")]
    public void Completes(string directive, string line, string expected)
    {
        (int exitCode, string output, _) = Run(directive, line);
        Assert.Equal(0, exitCode);
        Assert.Contains($"{expected}\n", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bash", "complete ")]
    [InlineData("zsh", "#compdef retention")]
    [InlineData("fish", "complete -c retention")]
    public void PrintsCompletionScripts(string shell, string expected)
    {
        (int exitCode, string output, _) = Run("completion", shell);
        Assert.Equal(0, exitCode);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Contains("[suggest:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    [InlineData(200)]
    public void TerminalsOfAnyWidthAreServed(int columns)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not here");
        var start = new System.Diagnostics.ProcessStartInfo("/usr/bin/script")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = _directory,
        };
        start.ArgumentList.Add("-qec");
        start.ArgumentList.Add(
            $"stty cols {columns}; dotnet '{ToolProcess.Path}' query --help");
        start.ArgumentList.Add("/dev/null");
        start.Environment["TERM"] = "xterm";
        using var process = System.Diagnostics.Process.Start(start)!;
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        ToolProcess.Wait(process);
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
    }

    [Fact]
    public void VersionIsPrinted()
    {
        (int exitCode, string output, _) = Run("--version");
        Assert.Equal(0, exitCode);
        Assert.Matches("^[0-9]+[.][0-9]+[.][0-9]+", output);
    }
}
