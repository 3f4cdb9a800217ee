using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>An import in a process of its own: to be killed, or to run without vectors.</summary>
/// <remarks>The test program starts itself with a variable set and never reaches the tests.</remarks>
internal static class ImportProcess
{
    private const string Variable = "RETENTION_TEST_IMPORT";

    /// <summary>What to import.</summary>
    /// <param name="Store">Path of a store that is there already.</param>
    /// <param name="Now">What its clock shows.</param>
    /// <param name="CommitBytesMax">Bytes between commits.</param>
    /// <param name="IsOneByOne">Each file by an import of its own.</param>
    /// <param name="Files">In the order of reading.</param>
    public sealed record Job(
        string Store, DateTimeOffset Now, long CommitBytesMax, bool IsOneByOne, string[] Files);

    /// <summary>Starts it; it writes one line when the store is open, and "done" at the end.</summary>
    public static Process Start(Job job, params (string Name, string Value)[] variables)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "RetentionEngine.Tests");
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() ? program + ".exe" : program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment[Variable] = string.Join('\n', [
            job.Store,
            job.Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            job.CommitBytesMax.ToString(CultureInfo.InvariantCulture),
            job.IsOneByOne ? "1" : "0",
            .. job.Files]);
        // A killed process would leave its diagnostic sockets in the temporary directory.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { } text)
        {
            Run(text.Split('\n'));
            Environment.Exit(0);
        }
    }

    private static void Run(string[] job)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        var clock = new FakeTime(DateTimeOffset.FromUnixTimeSeconds(long.Parse(job[1], plain)));
        using RetentionStore store = RetentionStore.Open(
            job[0],
            new RetentionOptions { OpenBlocks = FasterBlockStore.Open, TimeProvider = clock });
        Console.WriteLine($"ready {Vector128.IsHardwareAccelerated} "
            + $"{Vector256.IsHardwareAccelerated} {Vector512.IsHardwareAccelerated}");
        var options = new ImportOptions { CommitBytesMax = long.Parse(job[2], plain) };
        string[] files = job[4..];
        foreach (string[] group in job[3] is "1" ? files.Select(f => (string[])[f]) : [files])
        {
            ImportReport report = store.Import(
                SourceFinder.Find(group, clock.Now).Sources, options, CancellationToken.None);
            if (report.Sources.Any(source => source.Error is not null))
            {
                Environment.Exit(3);
            }
        }
        Console.WriteLine("done");
    }
}
