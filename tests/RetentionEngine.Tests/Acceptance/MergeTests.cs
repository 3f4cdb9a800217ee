using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>Small runs of a quiet bucket become one; what two sources told is there once.</summary>
public sealed class MergeTests : IDisposable
{
    private static readonly DateTimeOffset s_time = new(2026, 11, 2, 10, 0, 0, 123, 456, TimeSpan.Zero);

    private readonly FakeTime _time = new(s_time.AddHours(3));
    private readonly FacadeStore _store;

    public MergeTests() =>
        _store = new FacadeStore(FacadeStore.PolicyOf(TimeSpan.FromDays(7), "example.org"), _time);

    public void Dispose() => _store.Dispose();

    [Fact]
    public void SmallRunsOfAQuietBucketBecomeOne()
    {
        var expected = new List<string>();
        for (int i = 0; i < 6; i++)
        {
            Import($"part{i}.log", SmallLog.Mails(s_time.AddMinutes(i), 20, $"s{i}@example.org", 0xA0000 + (i * 100)));
        }
        // All lie in one hour, and nothing behind it: not quiet yet.
        Assert.Equal(6, _store.Store.Stats().Runs);
        expected.AddRange(_store.Records());
        Assert.Equal(120, expected.Count);
        Import("later.log", SmallLog.Mails(s_time.AddHours(1), 1, "later@example.org", 0xF0000));
        Assert.Equal(2, _store.Store.Stats().Runs);
        Assert.Equal(expected, _store.Records().Where(r => !r.Contains("later@", StringComparison.Ordinal)));
        _store.Reopen();
        Assert.Equal(121, _store.Records().Count);
        Assert.Empty(_store.Store.Verify().Faults);
        Assert.Single(_store.Store.Trace("A00051F"));
    }

    [Fact]
    public void WhatTwoSourcesToldIsThereOnceBeforeAndAfterMerging()
    {
        byte[] log = SmallLog.Mails(s_time, 40, "anna@example.org");
        Import("mail.log", log);
        // Another file with the same lines, as rsyslog's mail.info is: known neither by head nor tail.
        Import("mail.info", [.. SmallLog.Mails(s_time.AddSeconds(-1), 1, "x@example.org", 0xE0000), .. log]);
        Assert.Equal(41, _store.Records().Count);
        for (int i = 0; i < 3; i++)
        {
            Import($"more{i}.log", SmallLog.Mails(s_time.AddMinutes(10 + i), 1, "y@example.org", 0xD0000 + i));
        }
        Import("later.log", SmallLog.Mails(s_time.AddHours(1), 1, "later@example.org", 0xF0000));
        Assert.Equal(45, _store.Store.Stats().Classes.Sum(c => c.Records));
        Assert.Equal(45, _store.Records().Count);
    }

    [Fact]
    public void AQueryYieldsTheSameEachTimeItIsGoneThrough()
    {
        Import("mail.log", SmallLog.Mails(s_time, 1, "anna@example.org"));
        IEnumerable<RetentionRecord> query = _store.Store.Query(new RetentionQuery());
        Assert.Single(query);
        Assert.Single(query);
    }

    [Fact]
    public void LoginsOfOneSecondStayApart()
    {
        DateTimeOffset second = new(2026, 11, 2, 10, 0, 0, TimeSpan.Zero);
        for (int i = 0; i < 4; i++)
        {
            Import($"l{i}.log", [.. SmallLog.Logins(second, 2, "anna"), .. SmallLog.Logins(second.AddMinutes(i + 1), 1, $"b{i}")]);
        }
        int count = _store.Records().Count(r => r.Contains("anna", StringComparison.Ordinal));
        Assert.Equal(8, count);
    }

    private void Import(string name, byte[] log)
    {
        string path = _store.Write(name, log);
        File.SetLastWriteTimeUtc(path, _time.Now.UtcDateTime);
        _store.Import(path);
    }
}
