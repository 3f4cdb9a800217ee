using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Crash;

/// <summary>A process that is killed in any step of a store's life leaves the step done, or not begun.</summary>
/// <remarks><c>RETENTION_KILL_ROUNDS</c> sets how many times.</remarks>
public sealed class LifeKillTests
{
    private const string Variable = "RETENTION_TEST_LIFE";

    /// <summary>About as long as a whole life takes.</summary>
    private const int LongestMilliseconds = 900;

    private static readonly int s_rounds = int.Parse(
        Environment.GetEnvironmentVariable("RETENTION_KILL_ROUNDS") ?? "12", CultureInfo.InvariantCulture);

    [Fact]
    public async Task AKilledStepIsThereAsAWholeOrNotAtAll()
    {
        List<(List<string> Before, List<string> After)> expected = WholeLife();
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        int killed = 0;
        while (killed < s_rounds)
        {
            using var directory = new TestDirectory();
            Directory.CreateDirectory(directory["disk"]);
            for (int done = 0; done < expected.Count && killed < s_rounds;)
            {
                done = await RunAndKill(directory.Path, done, random.Next(LongestMilliseconds));
                killed++;
                if (done < expected.Count)
                {
                    done += IsDone(directory.Path, done, expected[done]) ? 1 : 0;
                }
            }
        }
    }

    /// <summary>The other process: takes the steps from one on, and tells of each.</summary>
    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } value)
        {
            return;
        }
        string[] parts = value.Split('|');
        using var life = new StoreLife(Path.Combine(parts[0], "disk"), parts[0]);
        for (int i = int.Parse(parts[1], CultureInfo.InvariantCulture); i < life.Steps.Count; i++)
        {
            Console.WriteLine(i);
            life.Run(life.Steps[i]);
        }
        Console.WriteLine(life.Steps.Count);
        Environment.Exit(0);
    }

    private static List<(List<string> Before, List<string> After)> WholeLife()
    {
        var expected = new List<(List<string> Before, List<string> After)>();
        using var directory = new TestDirectory();
        Directory.CreateDirectory(directory["disk"]);
        using var life = new StoreLife(directory["disk"], directory.Path);
        foreach (StoreLife.Step step in life.Steps)
        {
            life.SetClock(step);
            List<string> before = expected.Count == 0 ? [] : life.See();
            life.Run(step);
            expected.Add((before, life.See()));
        }
        return expected;
    }

    /// <returns>Number of the step that was under way.</returns>
    private static async Task<int> RunAndKill(string root, int from, int milliseconds)
    {
        using Process writer = KilledWriter.Start(
            Variable, string.Create(CultureInfo.InvariantCulture, $"{root}|{from}"));
        string last = await writer.StandardOutput.ReadLineAsync() ?? "";
        await Task.Delay(milliseconds);
        writer.Kill();
        while (await writer.StandardOutput.ReadLineAsync() is { } line)
        {
            last = line;
        }
        await writer.WaitForExitAsync();
        return int.Parse(last, CultureInfo.InvariantCulture);
    }

    private static bool IsDone(string root, int number, (List<string> Before, List<string> After) expected)
    {
        using var life = new StoreLife(Path.Combine(root, "disk"), root);
        life.SetClock(life.Steps[number]);
        if (number == 0 && !File.Exists(Path.Combine(life.StorePath, "manifest")))
        {
            return false;
        }
        List<string> seen = life.See();
        bool isDone = number == 0 || !seen.SequenceEqual(expected.Before, StringComparer.Ordinal);
        if (isDone)
        {
            Assert.Equal(expected.After, seen);
        }
        Assert.Empty(life.Store.Verify().Faults);
        return isDone;
    }
}
