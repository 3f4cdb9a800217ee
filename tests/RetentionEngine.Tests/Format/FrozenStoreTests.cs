using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Crash;
using RetentionEngine.Tests.Tidy;
using Xunit;

namespace RetentionEngine.Tests.Format;

/// <summary>A store that an earlier program wrote: every later one reads it, and writes on.</summary>
/// <remarks>
/// Made once with <c>UPDATE_FROZEN=1</c>, when the format gets a number, and never changed again.
/// </remarks>
public sealed class FrozenStoreTests
{
    /// <summary>Steps of the life that the store has behind it; the hold is in force then.</summary>
    private const int Steps = 11;

    private static string Corpus => Path.Combine(Repository.Root, "tests", "corpus", "stores", "format-1");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheStoreOfFormat1IsRead(bool readOnly)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_FROZEN") is "1")
        {
            Freeze();
        }
        using var directory = new TestDirectory();
        string disk = directory["disk"];
        TestDirectory.Copy(Corpus, disk);
        using var life = new StoreLife(disk, directory.Path);
        life.SetClock(life.Steps[Steps - 1]);
        if (readOnly)
        {
            life.OpenReadOnly();
        }
        Assert.Equal(File.ReadAllLines(Path.Combine(Corpus, "seen.txt")), life.See());
        Assert.Empty(life.Store.Verify().Faults);
        Assert.Equal(
            [JournalEvent.HoldAdded, JournalEvent.Expired, JournalEvent.HoldExtended],
            life.Store.ReadJournal().Entries.Select(e => e.Event).Distinct());
        if (!readOnly)
        {
            life.GoOn();
        }
    }

    private static void Freeze()
    {
        using var directory = new TestDirectory();
        string disk = Directory.CreateDirectory(directory["disk"]).FullName;
        using var life = new StoreLife(disk, directory.Path);
        for (int i = 0; i < Steps; i++)
        {
            life.Run(life.Steps[i]);
        }
        List<string> seen = life.See();
        life.Close();
        Directory.CreateDirectory(Corpus);
        Directory.Delete(Corpus, recursive: true);
        TestDirectory.Copy(disk, Corpus);
        File.WriteAllLines(Path.Combine(Corpus, "seen.txt"), seen);
    }
}
