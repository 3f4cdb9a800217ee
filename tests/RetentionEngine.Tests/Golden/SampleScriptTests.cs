using System.Diagnostics;
using RetentionEngine.Tests.Differential;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Golden;

/// <summary>The README's first command.</summary>
public sealed class SampleScriptTests
{
    [Fact]
    public async Task ImportsTheSampleAndTracesOneMail()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "bash is not here");
        using Process process = Process.Start(new ProcessStartInfo("/bin/bash")
        {
            ArgumentList = { Path.Combine(Corpus.Root(), "tools", "sample.sh") },
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        ToolProcess.Wait(process);
        Assert.True(process.ExitCode == 0, await error);
        Assert.Matches("(?m)^read +3 sources, 1,939 lines, .* MB/s[)]$", output);
        Assert.Matches("(?m)^lines .* 0 not understood$", output);
        Assert.Matches("(?m)^mails +133 finished, 1 still in the queue", output);
        Assert.Matches(
            "(?m)^records +316: .*access 135, rejected 24; 1 session still open$", output);
        Assert.Matches("(?m)^kept .*% of what was read", output);
        Assert.Matches("(?m)^[$] retention trace ", output);
        Assert.Matches("(?m)^MAIL .*  sent ", output);
        Assert.Contains("deferred 4.7.1", output, StringComparison.Ordinal);
        Assert.DoesNotContain("skipped", output, StringComparison.Ordinal);
        Assert.DoesNotContain("failed", output, StringComparison.Ordinal);
    }
}
