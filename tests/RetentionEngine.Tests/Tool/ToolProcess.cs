using System.Diagnostics;
using System.Text;

namespace RetentionEngine.Tests.Tool;

/// <summary>Runs the built tool as a process of its own.</summary>
internal static class ToolProcess
{
    /// <summary>Guards against a process that hangs; not a measure.</summary>
    public static readonly TimeSpan HangTimeout = TimeSpan.FromSeconds(120);

    public sealed record Result(int ExitCode, string Output, string Error);

    /// <summary>
    /// Where the tool was built, with all it needs; the copy beside these tests lacks what the web
    /// framework of the daemon would bring.
    /// </summary>
    public static string Path { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(
        AppContext.BaseDirectory, "..", "..", "retention",
        System.IO.Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "retention.dll"));

    public static Process Start(
        string directory, IReadOnlyList<string> args, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host
            && System.IO.Path.GetFileNameWithoutExtension(host) is "dotnet" ? host : "dotnet")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = new UTF8Encoding(false),
            StandardErrorEncoding = new UTF8Encoding(false),
            WorkingDirectory = directory,
        };
        start.ArgumentList.Add(Path);
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }
        start.Environment["RETENTION_STORE"] = System.IO.Path.Combine(directory, "store");
        start.Environment.Remove("RETENTION_KEY");
        start.Environment.Remove("NO_COLOR");
        start.Environment["TERM"] = "xterm";
        // Processes start faster, and many of them run here.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    public static Result Run(string directory, params string[] args) =>
        RunWith(directory, args, "");

    public static Result RunWith(
        string directory,
        IReadOnlyList<string> args,
        string input,
        params (string Name, string Value)[] variables)
    {
        using Process process = Start(directory, args, variables);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Wait(process);
        return new Result(process.ExitCode, output.Result, error.Result);
    }

    public static void Wait(Process process)
    {
        if (!process.WaitForExit(HangTimeout))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{process.StartInfo.ArgumentList[^1]}' hangs.");
        }
        process.WaitForExit();
    }
}
