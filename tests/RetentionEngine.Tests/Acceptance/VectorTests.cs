using System.Diagnostics;
using System.Runtime.Intrinsics;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>The records do not depend on what the processor can do.</summary>
public sealed class VectorTests
{
    private const long Lines = 30_000;

    [Theory]
    [InlineData("DOTNET_EnableHWIntrinsic", true)]
    [InlineData("DOTNET_EnableHWIntrinsic", false)]
    [InlineData("DOTNET_EnableAVX2", true)]
    [InlineData("DOTNET_EnableAVX2", false)]
    [InlineData("DOTNET_EnableAVX512", true)]
    [InlineData("DOTNET_EnableAVX512", false)]
    public async Task SwitchedOffTheyGiveTheSameRecords(string variable, bool isRfc3339)
    {
        using var log = new TruthLog(isRfc3339, Lines, TruthLog.Seed);
        using FacadeStore store = log.MakeStore();
        store.Close();
        var job = new ImportProcess.Job(store.Path, TruthLog.Now, 1 << 20, false, log.Files);
        using Process process = ImportProcess.Start(job, (variable, "0"));
        Task<string> error = process.StandardError.ReadToEndAsync();
        string[] output = (await process.StandardOutput.ReadToEndAsync()).Split('\n');
        ToolProcess.Wait(process);
        Assert.True(process.ExitCode == 0, await error);
        Assert.Equal("done", output[1]);
        string[] supported = output[0].Split(' ')[1..];
        string[] expected = variable switch
        {
            "DOTNET_EnableHWIntrinsic" => ["False", "False", "False"],
            "DOTNET_EnableAVX2" => [$"{Vector128.IsHardwareAccelerated}", "False", "False"],
            _ => [$"{Vector128.IsHardwareAccelerated}", $"{Vector256.IsHardwareAccelerated}", "False"],
        };
        Assert.Equal(expected, supported);
        log.AssertSame(store);
    }
}
