using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Lab;

/// <summary>
/// One run of real daemons: a script of this repository starts them in namespaces of their own,
/// has them driven, and leaves behind their logs and the records that must come of them.
/// </summary>
/// <remarks>
/// Every process of the run ends with the first one of its process namespace, and that one with
/// the script. The script holds what the daemons wrote against what was driven, before any line
/// reaches the product: a run that fails there, as a busy machine may bring about, is done once
/// more. The second failure fails the tests; a run never counts as skipped.
/// </remarks>
internal sealed class LabRun : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(7);

    private readonly TestDirectory _out = new();

    /// <param name="script">In the repository; its argument is the folder to fill.</param>
    public LabRun(string script)
    {
        string? given = Environment.GetEnvironmentVariable("LAB_SEED");
        Seed = given is null
            ? RandomNumberGenerator.GetInt32(int.MaxValue)
            : int.Parse(given, CultureInfo.InvariantCulture);
        var watch = Stopwatch.StartNew();
        string? failure = Run(script);
        if (failure is not null)
        {
            Console.WriteLine($"{failure}\nonce more:");
            Directory.Delete(_out.Path, recursive: true);
            Directory.CreateDirectory(_out.Path);
            failure = Run(script);
        }
        Assert.True(failure is null, failure);
        Console.WriteLine($"{script}: {watch.Elapsed.TotalSeconds:0} s");
    }

    /// <summary>Decides the order and the content of what is driven.</summary>
    public int Seed { get; }

    public string this[string name] => _out[name];

    public static string Root { get; } = FindRoot();

    public void Dispose() => _out.Dispose();

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null
            && !File.Exists(Path.Combine(directory, "RetentionEngine.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? throw new InvalidOperationException("The lab needs a work tree.");
    }

    private static string Driver()
    {
        string own = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        return Path.GetFullPath(Path.Combine(
            own, "..", "..", "RetentionEngine.Lab.Driver", Path.GetFileName(own), "labdriver.dll"));
    }

    /// <returns>Why the run is not one to judge by; null when it is.</returns>
    private string? Run(string script)
    {
        Console.WriteLine($"{script}: LAB_SEED={Seed}");
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            Assert.Fail("The lab runs mail daemons in namespaces: it needs root on Debian 12.");
        }
        var start = new ProcessStartInfo("/bin/bash")
        {
            ArgumentList = { Path.Combine(Root, script), _out.Path },
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SEED"] = Seed.ToString(CultureInfo.InvariantCulture);
        start.Environment["DOTNET"] = Path.GetFullPath(
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        start.Environment["DRIVER"] = Driver();
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(s_patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{script} had no end within {s_patience.TotalMinutes} minutes");
        }
        return process.ExitCode == 0
            ? null
            : $"{script}, LAB_SEED={Seed}, ended with {process.ExitCode}\n"
                + $"{output.Result}\n{error.Result}";
    }
}
