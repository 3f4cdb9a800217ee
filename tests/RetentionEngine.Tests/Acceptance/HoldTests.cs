using System.Text;
using RetentionEngine.Queries;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>What is held outlives its bucket, alone, and not a moment longer than it was asked for.</summary>
public sealed class HoldTests : IDisposable
{
    private static readonly DateTimeOffset s_time = new(2026, 11, 2, 10, 0, 0, 123, 456, TimeSpan.Zero);

    private readonly FakeTime _time = new(s_time.AddHours(1));
    private readonly FacadeStore _store;

    public HoldTests()
    {
        _store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(1), "example.org"), _time);
        Import("anna.log", SmallLog.Mails(s_time, 30, "anna@example.org"));
        Import("bert.log", SmallLog.Mails(s_time.AddMinutes(5), 30, "bert@example.org", 0xB0000));
    }

    public void Dispose() => _store.Dispose();

    [Fact]
    public void TheHeldRecordsLiveAndTheOthersDie()
    {
        List<RetentionRecord> before = [.. Query(mailbox: "anna@example.org")];
        Assert.Equal(30, before.Count);
        PreservationHold hold = Add();
        Assert.Equal((1, 30L), (hold.Number, hold.Records));
        // Not shown twice: a hold's records are found by its number only.
        Assert.Equal(60, Query().Count);
        Assert.Equal(before.Select(r => r with { Expires = hold.Until }), Query(hold: 1), StoreQuery.IsSame);

        _time.Now = s_time.AddDays(2);
        ExpireReport expired = _store.Store.Expire(dryRun: false);
        Assert.Equal(60, expired.Buckets.Sum(b => b.Records));
        Assert.Empty(Query());
        _store.Reopen();
        Assert.Equal(before.Select(r => r with { Expires = hold.Until }), Query(hold: 1), StoreQuery.IsSame);
        Assert.Equal(hold, Assert.Single(_store.Store.Holds));
        Assert.Empty(_store.Store.Verify().Faults);
        Assert.Equal(0, _store.Store.Stats().Classes.Sum(c => c.Records));

        _time.Now = hold.Until.AddMicroseconds(-1);
        Assert.Equal(30, Query(hold: 1).Count);
        Assert.Empty(_store.Store.Expire(dryRun: false).Holds);
        _time.Now = hold.Until;
        Assert.Empty(Query(hold: 1));
        Assert.Equal(hold, Assert.Single(_store.Store.Expire(dryRun: true).Holds));
        Assert.Equal(hold, Assert.Single(_store.Store.Expire(dryRun: false).Holds));
        _store.Reopen();
        Assert.Empty(_store.Store.Holds);
        Assert.Empty(Query(hold: 1));
        Assert.Equal(
            [JournalEvent.HoldAdded, JournalEvent.Expired, JournalEvent.HoldEnded],
            _store.Store.ReadJournal().Entries.Select(e => e.Event));
    }

    [Fact]
    public void AHoldTakesOnlyItsTime()
    {
        PreservationHold hold = _store.Store.AddHold(Wanted() with
        {
            From = s_time.AddSeconds(3),
            To = s_time.AddSeconds(7),
        });
        Assert.Equal(4, hold.Records);
        Assert.Equal(
            [3, 4, 5, 6], Query(hold: 1).Select(r => (int)(r.Time - s_time).TotalSeconds));
    }

    [Fact]
    public void WhatIsPastItsPeriodIsNotHeld()
    {
        // The bucket is still there, but its records are over, one after the other.
        _time.Now = s_time.AddDays(1).AddSeconds(9);
        Assert.Equal(20, Add().Records);
    }

    [Fact]
    public void AHoldIsExtendedAndReleased()
    {
        Add();
        PreservationHold longer = _store.Store.ExtendHold(1, s_time.AddDays(90))!;
        _store.Reopen();
        Assert.Equal(longer, Assert.Single(_store.Store.Holds));
        Assert.Equal(s_time.AddDays(90), Query(hold: 1)[0].Expires);
        Assert.Null(_store.Store.ExtendHold(2, s_time.AddDays(90)));
        Assert.False(_store.Store.ReleaseHold(2));
        Assert.True(_store.Store.ReleaseHold(1));
        Assert.Empty(Query(hold: 1));
        _store.Reopen();
        Assert.Empty(_store.Store.Holds);
        Assert.Equal(60, Query().Count);
        Assert.Equal(2, Add().Number);
        JournalReport journal = _store.Store.ReadJournal();
        Assert.Equal(-1, journal.DamagedOffset);
        Assert.Equal(
            [JournalEvent.HoldAdded, JournalEvent.HoldExtended, JournalEvent.HoldReleased, JournalEvent.HoldAdded],
            journal.Entries.Select(e => e.Event));
        Assert.All(journal.Entries, e => Assert.Equal("AZ 12 Js 345/26", e.Reference));
    }

    [Theory]
    [InlineData("", 60)]
    [InlineData("for anna@example.org", 60)]
    [InlineData("AZ 1", 0)]
    public void AHoldNeedsAReferenceWithoutAddressAndAnEnd(string reference, int days)
    {
        RetentionException e = Assert.Throws<RetentionException>(() => _store.Store.AddHold(
            Wanted() with { Reference = reference, Until = _time.Now.AddDays(days) }));
        Assert.Equal(RetentionError.Policy, e.Error);
        Assert.DoesNotContain("anna", e.Message, StringComparison.Ordinal);
        Assert.Empty(_store.Store.Holds);
    }

    [Fact]
    public void AnOldCopyAndTodaysKeysShowNothingOfAHoldThatIsOver()
    {
        Add();
        _store.Close();
        string copy = Path.Combine(_store.Directory, "copy");
        TestDirectory.Copy(_store.Path, copy);
        Assert.True(_store.Store.ReleaseHold(1));
        _store.Close();
        RetentionOptions options = _store.Options with { MasterKeyPath = _store.Path + ".key" };
        RetentionException e = Assert.Throws<RetentionException>(
            () => RetentionStore.Open(copy, options));
        Assert.Equal(RetentionError.Key, e.Error);
    }

    [Fact]
    public void NothingOfAHoldStandsInPlainText()
    {
        Add();
        _store.Close();
        foreach (string file in Directory.GetFiles(_store.Path, "*", SearchOption.AllDirectories))
        {
            byte[] bytes = File.ReadAllBytes(file);
            Assert.True(bytes.AsSpan().IndexOf("anna@"u8) < 0, file);
            Assert.True(bytes.AsSpan().IndexOf("example.org@"u8) < 0, file);
        }
    }

    private static PreservationHold Wanted() => new()
    {
        Mailbox = "anna@example.org",
        Until = s_time.AddDays(60),
        Reference = "AZ 12 Js 345/26",
    };

    private PreservationHold Add() => _store.Store.AddHold(Wanted());

    private List<RetentionRecord> Query(string? mailbox = null, int? hold = null) =>
        [.. _store.Store.Query(new RetentionQuery { Mailbox = mailbox, Hold = hold })];

    private void Import(string name, byte[] log)
    {
        string path = _store.Write(name, log);
        File.SetLastWriteTimeUtc(path, _time.Now.UtcDateTime);
        _store.Import(path);
    }
}
