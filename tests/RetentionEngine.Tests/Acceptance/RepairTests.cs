using System.Globalization;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>A flipped byte costs one block: the rest is read on after a repair, which counts the loss.</summary>
public sealed class RepairTests : IDisposable
{
    private const int Mails = 12_000;

    private static readonly DateTimeOffset s_time = new(2026, 11, 2, 10, 0, 0, 123, 456, TimeSpan.Zero);

    private readonly FacadeStore _store;
    private readonly List<string> _records;

    public RepairTests()
    {
        var time = new FakeTime(s_time.AddHours(5));
        _store = new FacadeStore(FacadeStore.PolicyOf(TimeSpan.FromDays(200), "example.org"), time);
        string path = _store.Write("mail.log", SmallLog.Mails(s_time, Mails, "anna@example.org"));
        File.SetLastWriteTimeUtc(path, time.Now.UtcDateTime);
        _store.Import(path);
        _records = _store.Records();
        _store.Close();
    }

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.2)]
    [InlineData(0.4)]
    [InlineData(0.6)]
    [InlineData(0.9)]
    public void WhatIsNotDamagedCanBeReadAfterARepair(double place)
    {
        string log = Path.Combine(_store.Path, "blocks", "sent.log.0");
        byte[] bytes = File.ReadAllBytes(log);
        int used = bytes.AsSpan().LastIndexOfAnyExcept((byte)0);
        bytes[(int)(place * used)] ^= 0x20;
        File.WriteAllBytes(log, bytes);

        VerifyReport found = _store.Store.Verify();
        Assert.NotEmpty(found.Faults);
        Assert.Equal(0, found.RunsRepaired);
        VerifyReport repaired = _store.Store.Repair();
        Assert.Equal(1, repaired.RunsRepaired);
        // One block: a group of rows, or a page of texts that some rows need.
        Assert.InRange(repaired.RecordsLost, 0, 2048);
        List<string> left = _store.Records();
        Assert.Equal(Mails - repaired.RecordsLost, left.Count);
        Assert.Subset(_records.ToHashSet(StringComparer.Ordinal), left.ToHashSet(StringComparer.Ordinal));
        _store.Reopen();
        Assert.Empty(_store.Store.Verify().Faults);
        Assert.Equal(left, _store.Records());
        JournalEntry? entry = _store.Store.ReadJournal().Entries.SingleOrDefault();
        Assert.Equal(repaired.RecordsLost, entry?.Records ?? 0);
        Assert.Equal(repaired.RecordsLost > 0, entry is { Event: JournalEvent.Repaired });
    }

    [Fact]
    public void AWholeStoreIsLeftAlone()
    {
        VerifyReport report = _store.Store.Repair();
        Assert.Empty(report.Faults);
        Assert.Equal((0, 0L), (report.RunsRepaired, report.RecordsLost));
        Assert.Equal(_records, _store.Records());
        Assert.Empty(_store.Store.ReadJournal().Entries);
    }

    [Fact]
    public void AnAlteredLineOfTheJournalIsFound()
    {
        string journal = Path.Combine(_store.Path, "journal");
        for (int i = 1; i <= 3; i++)
        {
            _store.Store.AddHold(new PreservationHold
            {
                Mailbox = "anna@example.org",
                Reference = $"AZ {i}",
                Until = s_time.AddDays(60),
                To = s_time.AddSeconds(1),
            });
        }
        _store.Close();
        Assert.Equal(-1, _store.Store.ReadJournal().DamagedOffset);
        string[] lines = File.ReadAllLines(journal);
        Assert.Equal(3, lines.Length);
        File.WriteAllText(journal, string.Create(CultureInfo.InvariantCulture, $"{lines[0]}\n{lines[2]}\n"));
        Assert.Equal(lines[0].Length + 1, _store.Store.ReadJournal().DamagedOffset);
        Assert.Equal(journal, Assert.Single(_store.Store.Verify().Faults).Path);
        // A line that was torn off is cut by the next one that is added.
        File.WriteAllText(journal, string.Join('\n', lines) + "\n{\"time\":\"2026");
        Assert.Equal(-1, _store.Store.ReadJournal().DamagedOffset);
        _store.Store.ReleaseHold(2);
        Assert.Equal((4, -1L), (_store.Store.ReadJournal().Entries.Count, _store.Store.ReadJournal().DamagedOffset));
    }
}
