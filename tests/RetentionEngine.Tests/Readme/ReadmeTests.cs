using System.Diagnostics;
using System.Text.RegularExpressions;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Tidy;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Readme;

/// <summary>What README.md shows is what works.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_readme = Repository.Read("README.md");

    [Fact]
    public void The_embed_examples_are_compiled_code()
    {
        string source = Repository.Read("tests/RetentionEngine.Tests/Readme/EmbedExample.cs");
        IEnumerable<string> examples = source.Split("        // Begin\n")[1..]
            .Select(s => s[..s.IndexOf("        // End", StringComparison.Ordinal)]
                .Replace("\n        ", "\n", StringComparison.Ordinal).TrimStart());
        Assert.Equal(examples, Blocks("csharp"));
    }

    [Fact]
    public void The_pump_example_follows_a_log()
    {
        using var directory = new TestDirectory();
        using RetentionStore store = RetentionStore.Create(
            directory["store"], new RetentionPolicy(), StoreFixture.Options);
        using var stop = new CancellationTokenSource();
        int looks = 0;
        EmbedExample.RunPump(store, () =>
        {
            looks++;
            string line = $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ssK} mx1 dovecot: imap-login: Login:"
                + $" user=<u{looks}>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.1, session=<s{looks}>\n";
            File.AppendAllText(directory["mail.log"], line);
            if (looks == 2)
            {
                stop.Cancel();
            }
            var log = new FileInfo(directory["mail.log"]);
            return [new LogSource(
                log.Name, log.OpenRead, DateTimeOffset.UtcNow, isComplete: false, log.Length)];
        }, stop.Token);
        Assert.Equal(2, store.Query(new RetentionQuery()).Count());
    }

    [Fact]
    public void The_embed_example_runs()
    {
        using var directory = new TestDirectory();
        var decade = new ClassPolicy(TimeSpan.FromDays(3650), "sample logs");
        var policy = new RetentionPolicy
        {
            Sent = decade, Received = decade, Access = decade, Rejected = decade,
            LocalDomains = ["example.org"],
        };
        List<RetentionRecord> records = EmbedExample.Run(
            Path.Combine(Repository.Root, "tests/corpus/sample/mail.log"), directory["store"], policy);
        Assert.NotEmpty(records);
        Assert.All(records, r => Assert.Contains(
            "anna@example.org", (string?[])[r.Sender, r.Recipient, r.OrigTo, r.Sasl]));
    }

    [Fact]
    public void The_commands_run()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        using var directory = new TestDirectory();
        string script = Assert.Single(Blocks("sh"));
        (int exitCode, string output, string error) = Bash(
            "set -eu\nretention() { dotnet \"$TOOL\" \"$@\"; }\n" + script, directory.Path);
        Assert.True(exitCode == 0, $"exit code {exitCode}\n{output}\n{error}");
        Assert.Contains("anna@example.org", output, StringComparison.Ordinal);
        Assert.Equal(11, Command().Count(script));
    }

    /// <summary>The command that tries the sample, and the one that runs the tests.</summary>
    [Fact]
    public void The_first_screen_names_scripts_that_continuous_integration_runs()
    {
        Assert.Equal(["bash tools/sample.sh\n", "bash tests/run.sh\n"], Blocks(""));
        Assert.Contains("bash tests/run.sh\n", Repository.Read(".ci/run"), StringComparison.Ordinal);
        Assert.Contains("tools/sample.sh", Repository.Read("tests/run.sh"), StringComparison.Ordinal);
        string head = string.Concat(s_readme.Split('\n').Take(24));
        Assert.Contains("bash tests/run.sh", head, StringComparison.Ordinal);
    }

    private static string[] Blocks(string language) =>
        [.. Fence().Matches(s_readme)
            .Where(m => string.Equals(m.Groups[1].Value, language, StringComparison.Ordinal))
            .Select(m => m.Groups[2].Value)];

    private static (int ExitCode, string Output, string Error) Bash(string script, string directory)
    {
        var start = new ProcessStartInfo("bash")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        start.ArgumentList.Add("-s");
        start.Environment["TOOL"] = ToolProcess.Path;
        start.Environment["RETENTION_STORE"] = Path.Combine(directory, "store");
        start.Environment.Remove("RETENTION_KEY");
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(script);
        process.StandardInput.Close();
        ToolProcess.Wait(process);
        return (process.ExitCode, output.Result, error.Result);
    }

    [GeneratedRegex("^```(\\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("^retention ", RegexOptions.Multiline)]
    private static partial Regex Command();
}
