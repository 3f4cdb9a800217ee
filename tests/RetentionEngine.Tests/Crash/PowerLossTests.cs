using System.Globalization;
using RetentionEngine.Buckets;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Crash;

/// <summary>
/// Whatever a disk makes of writes that were not synced, and wherever it fails, a step happened as a
/// whole or not at all, and the store goes on.
/// </summary>
/// <remarks><c>RETENTION_CRASH_SEEDS</c> sets how many; the first seed is printed by each failure.</remarks>
public sealed class PowerLossTests
{
    private static readonly int s_seeds = int.Parse(
        Environment.GetEnvironmentVariable("RETENTION_CRASH_SEEDS") ?? "100", CultureInfo.InvariantCulture);

    [Fact]
    public void AStepIsThereAsAWholeOrNotAtAllAfterALossOfPower()
    {
        using var directory = new TestDirectory();
        string root = Directory.CreateDirectory(directory["disk"]).FullName;
        string logs = Directory.CreateDirectory(directory["logs"]).FullName;
        var disk = new CrashDisk(root);
        var spans = new List<(int From, int To, List<string> Before, List<string> After)>();
        using (var life = new StoreLife(root, logs))
        {
            DurableFile.Observer = disk.Record;
            try
            {
                foreach (StoreLife.Step step in life.Steps)
                {
                    life.SetClock(step);
                    List<string> before = spans.Count == 0 ? [] : life.See();
                    int from = disk.Count;
                    life.Run(step);
                    int to = disk.Count;
                    spans.Add((from, to, before, life.See()));
                }
                life.Close();
            }
            finally
            {
                DurableFile.Observer = null;
            }
        }
        int first = Random.Shared.Next(1 << 24);
        for (int seed = first; seed < first + s_seeds; seed++)
        {
            var random = new Random(seed);
            int changes = random.Next(disk.Count + 1);
            string copy = directory[$"crash{seed}"];
            disk.Materialize(changes, random, Directory.CreateDirectory(copy).FullName);
            int last = spans.FindLastIndex(s => s.From < changes);
            try
            {
                Check(copy, logs, spans, changes, Math.Max(last, 0));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(
                    $"seed {seed}, change {changes} of {disk.Count}, step {last}: {e.Message}", e);
            }
            Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public void AStepIsThereAsAWholeOrNotAtAllAfterAFailureOfTheDevice()
    {
        int changes = ChangesOfALife();
        int first = Random.Shared.Next(1 << 24);
        int count = Math.Max(s_seeds / 15, 1);
        for (int seed = first; seed < first + count; seed++)
        {
            try
            {
                FailOnce(new Random(seed), changes);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    private static void Check(
        string root,
        string logs,
        List<(int From, int To, List<string> Before, List<string> After)> spans,
        int changes,
        int last)
    {
        using var life = new StoreLife(root, logs);
        life.SetClock(life.Steps[last]);
        if (last == 0 && changes < spans[0].To)
        {
            // Not made yet, or made as a whole.
            if (!File.Exists(Path.Combine(life.StorePath, "manifest")))
            {
                life.Run(life.Steps[0]);
            }
            Assert.Equal(spans[0].After, life.See());
            life.GoOn();
            return;
        }
        List<string> seen = life.See();
        if (changes >= spans[last].To || !seen.SequenceEqual(spans[last].Before, StringComparer.Ordinal))
        {
            Assert.Equal(spans[last].After, seen);
        }
        life.GoOn();
    }

    private static int ChangesOfALife()
    {
        int count = 0;
        using var directory = new TestDirectory();
        using var life = new StoreLife(directory["disk"], directory["."]);
        Directory.CreateDirectory(directory["disk"]);
        DurableFile.Observer = (in FileChange change) =>
        {
            count += change.Path.StartsWith(directory.Path, StringComparison.Ordinal) ? 1 : 0;
            return -1;
        };
        try
        {
            foreach (StoreLife.Step step in life.Steps)
            {
                life.Run(step);
            }
        }
        finally
        {
            DurableFile.Observer = null;
        }
        return count;
    }

    /// <summary>The device fails at one change and from then on, until the store is opened anew.</summary>
    private static void FailOnce(Random random, int changes)
    {
        using var directory = new TestDirectory();
        using var life = new StoreLife(directory["disk"], directory["."]);
        Directory.CreateDirectory(directory["disk"]);
        int left = random.Next(changes);
        bool fails = false;
        bool isArmed = false;
        DurableFile.Observer = (in FileChange change) =>
        {
            if (!isArmed || !change.Path.StartsWith(directory.Path, StringComparison.Ordinal)
                || Interlocked.Decrement(ref left) >= 0)
            {
                return -1;
            }
            fails = true;
            return random.Next(change.Bytes.Length + 1);
        };
        try
        {
            foreach (StoreLife.Step step in life.Steps)
            {
                life.SetClock(step);
                List<string> before = step == life.Steps[0] ? [] : life.See();
                life.Close();
                isArmed = true;
                try
                {
                    life.Run(step);
                    life.Close();
                }
                catch (RetentionException e)
                {
                    Assert.True(fails, e.Message);
                }
                isArmed = false;
                if (fails)
                {
                    life.Close();
                    DurableFile.Observer = null;
                    Recover(life, step, before);
                    return;
                }
            }
        }
        finally
        {
            DurableFile.Observer = null;
        }
    }

    private static void Recover(StoreLife life, StoreLife.Step step, List<string> before)
    {
        if (step == life.Steps[0])
        {
            if (!File.Exists(Path.Combine(life.StorePath, "manifest")))
            {
                life.Run(step);
            }
            life.GoOn();
            return;
        }
        List<string> seen = life.See();
        if (!seen.SequenceEqual(before, StringComparer.Ordinal))
        {
            // Then it happened, and doing it once more must change nothing that can be seen.
            life.Run(step);
            Assert.Equal(seen.Where(s => !IsHold(s)), life.See().Where(s => !IsHold(s)));
        }
        life.GoOn();
    }

    // A hold that is made a second time is a second hold.
    private static bool IsHold(string seen) =>
        seen.StartsWith("held ", StringComparison.Ordinal)
        || seen.StartsWith("hold ", StringComparison.Ordinal);
}
