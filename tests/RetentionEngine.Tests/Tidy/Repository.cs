using System.Diagnostics;
using Xunit;

namespace RetentionEngine.Tests.Tidy;

/// <summary>The working tree that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Paths of all tracked files, from the root, with slashes.</summary>
    public static IReadOnlyList<string> Files { get; } = Tracked();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static IEnumerable<string> Under(string folder, string extension) =>
        Files.Where(f => f.StartsWith(folder + "/", StringComparison.Ordinal)
            && f.EndsWith(extension, StringComparison.Ordinal));

    public static IEnumerable<string> OfType(params string[] extensions) =>
        Files.Where(f => extensions.Any(e => f.EndsWith(e, StringComparison.Ordinal)));

    /// <summary>Fails with all that was found, one a line.</summary>
    public static void AssertNone(IEnumerable<string> faults)
    {
        string[] all = [.. faults];
        Assert.True(all.Length == 0, "\n" + string.Join('\n', all));
    }

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory != null && !File.Exists(Path.Combine(directory, "RetentionEngine.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? throw new InvalidOperationException("Tests run from a build tree.");
    }

    /// <summary>What git tracks and still exists; new files count before they are committed.</summary>
    private static List<string> Tracked()
    {
        var start = new ProcessStartInfo("git")
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach (string arg in (string[])
            ["-C", Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            start.ArgumentList.Add(arg);
        }
        using Process git = Process.Start(start)!;
        string output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        if (git.ExitCode != 0)
        {
            throw new InvalidOperationException("The tidy tests need a git work tree.");
        }
        return [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Where(f => File.Exists(Path.Combine(Root, f)))
            .Order(StringComparer.Ordinal)];
    }
}
