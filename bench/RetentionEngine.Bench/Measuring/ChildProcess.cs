using System.ComponentModel;
using System.Diagnostics;

namespace RetentionEngine.Bench.Measuring;

/// <summary>Runs other programs, and this one again as a child of its own.</summary>
internal static class ChildProcess
{
    /// <summary>The program <c>dotnet</c> that runs us.</summary>
    public static string DotNet { get; } =
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) is "dotnet"
            ? Environment.ProcessPath!
            : "dotnet";

    /// <summary>Path of a program's assembly that was built beside ours.</summary>
    public static string Assembly(string name) =>
        Path.Combine(AppContext.BaseDirectory, name + ".dll");

    /// <summary>Whether a program is on the path.</summary>
    public static bool Exists(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, program)));

    /// <summary>Standard output of a program; null when it can't be run or fails.</summary>
    public static string? TryOutput(string program, params string[] args)
    {
        try
        {
            return Output(program, args);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Standard output of a program that must end with one of the given codes.</summary>
    /// <exception cref="InvalidOperationException">It ended with another code.</exception>
    public static string Output(string program, IReadOnlyList<string> args, int highestCode = 0)
    {
        ProcessStartInfo start = Describe(program, args);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode <= highestCode
            ? output
            : throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }

    /// <summary>This program as a command line, run with the settings of <c>retention</c>.</summary>
    /// <remarks>What a child measures is what users run: tiers, profiles and collector alike.</remarks>
    public static IReadOnlyList<string> Self { get; } =
    [
        DotNet, "exec",
        "--runtimeconfig", Path.Combine(AppContext.BaseDirectory, "retention.runtimeconfig.json"),
        "--depsfile", Path.Combine(AppContext.BaseDirectory, "RetentionEngine.Bench.deps.json"),
        Assembly("RetentionEngine.Bench"),
    ];

    /// <summary>Standard output of this program, called with <paramref name="args"/>.</summary>
    public static string OutputOfSelf(params string[] args) =>
        Output(DotNet, [.. Self.Skip(1), .. args]);

    public static ProcessStartInfo Describe(string program, IReadOnlyList<string> args)
    {
        var start = new ProcessStartInfo(program) { UseShellExecute = false };
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }
        return start;
    }
}
