using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using RetentionEngine.Buckets;

namespace RetentionEngine.Tests.Buckets;

/// <summary>A writer in a process of its own, made to be killed.</summary>
/// <remarks>The test program starts itself with a variable set and never reaches the tests.</remarks>
internal static class KilledWriter
{
    public const int ExpireEvery = 15;

    private const string Variable = "RETENTION_TEST_WRITER";

    /// <summary>Last hour that the expiry behind a commit takes.</summary>
    public static int LastExpiredHour(int commit) =>
        StoreFixture.FirstHour + (commit / ExpireEvery * ExpireEvery / 10) - 3;

    /// <summary>Starts a writer of fixed commits.</summary>
    public static Process Start(string storePath) => Start(Variable, storePath);

    /// <summary>Starts a program that reaches a variable instead of the tests.</summary>
    public static Process Start(string variable, string value)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "RetentionEngine.Tests");
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() ? program + ".exe" : program)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment[variable] = value;
        start.Environment["DOTNET_TieredPGO"] = "0";
        // A killed process would leave its diagnostic sockets in the temporary directory.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return Process.Start(start)!;
    }

    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { } storePath)
        {
            Run(storePath);
            Environment.Exit(0);
        }
    }

    private static void Run(string storePath)
    {
        using BucketStore store = BucketStore.Open(storePath, StoreFixture.Options, readOnly: false);
        using Stream output = Console.OpenStandardOutput();
        int first = store.Sources.Count == 0 ? 1 : (int)store.Sources[0].PositionBytes + 1;
        // The one before may have died between its commit and the expiry behind it.
        Expire(store, first - 1);
        for (int commit = first; commit < first + 2000; commit++)
        {
            StoreFixture.Commit(store, commit);
            output.Write(System.Text.Encoding.ASCII.GetBytes(
                commit.ToString(CultureInfo.InvariantCulture) + "\n"));
            output.Flush();
            if (commit % ExpireEvery == 0)
            {
                Expire(store, commit);
            }
        }
    }

    private static void Expire(BucketStore store, int commit) =>
        store.Expire((LastExpiredHour(commit) + 2) * 3_600_000_000L, dryRun: false);
}
