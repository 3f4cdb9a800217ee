using RetentionEngine.Tests.Acceptance;
using RetentionEngine.Tests.Differential;
using Xunit;

namespace RetentionEngine.Tests.Golden;

/// <summary>The logs that real daemons wrote, imported as a user imports them.</summary>
public sealed class SampleLogTests
{
    private static readonly string s_corpus = Path.Combine(Corpus.Root(), "tests", "corpus");

    // A week after the logs were made, on any day that the test runs.
    private static readonly DateTimeOffset s_now = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("sample", false)]
    [InlineData("sample", true)]
    [InlineData("sample/traditional", false)]
    [InlineData("sample/traditional", true)]
    public void GivesExactlyTheRecordsThatWereDriven(string directory, bool inMemory)
    {
        string path = Path.Combine(s_corpus, directory);
        var truth = new TruthFile(Path.Combine(path, "expected.tsv"));
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(3650), truth.LocalDomains),
            new FakeTime(s_now),
            inMemory);
        string[] logs = [.. Directory.GetFiles(path, "mail.log*").Select(log => store.CopyOf(log, s_now))];
        Assert.Equal(3, logs.Length);
        ImportReport report = store.Import(logs);
        Assert.Equal(0, report.StrangeLines);
        int count = truth.AssertSame(() => store.Store.Query(new RetentionQuery()), store.Seed, directory);
        Assert.Equal(318, count);

        // What is alive is in the commit, not only in the importer's memory.
        store.Reopen();
        truth.AssertSame(() => store.Store.Query(new RetentionQuery()), store.Seed, directory);
        Assert.Empty(store.Store.Verify().Faults);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheLinesItBeganWithComeOutRight(bool inMemory)
    {
        var truth = new TruthFile(Path.Combine(s_corpus, "sample-origin.expected.tsv"));
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(3650), truth.LocalDomains),
            new FakeTime(s_now),
            inMemory);
        store.Import(store.CopyOf(Path.Combine(s_corpus, "sample-origin.log"), s_now));
        List<RetentionRecord> records = [.. store.Store.Query(new RetentionQuery())];
        Assert.Equal(
            truth.Records(store.Seed).Select(WithoutTimes).Order(StringComparer.Ordinal),
            store.Records().Select(WithoutTimes).Order(StringComparer.Ordinal));

        RetentionRecord session = Assert.Single(records, r => r.Kind == RecordKind.Access);
        Assert.Equal(new TimeSpan(0, 36, 23), session.Final - session.Time);
        Assert.Equal(new DateTimeOffset(2026, 11, 2, 16, 8, 54, TimeSpan.FromHours(1)), session.Time);

        RetentionRecord mail = Assert.Single(records, r => r.Kind == RecordKind.Internal);
        Assert.Equal(33, mail.Uid);
        Assert.Null(mail.Ip);
        Assert.Equal(RecordStatus.Sent, mail.Status);
        Assert.Equal(new DateTimeOffset(2026, 11, 2, 17, 0, 52, TimeSpan.FromHours(1)), mail.Time);

        RetentionRecord onion = Assert.Single(records, r => r.Kind == RecordKind.Received);
        Assert.Contains(".onion", onion.Relay, StringComparison.Ordinal);
        Assert.True(onion.Flags.HasFlag(RecordFlags.MissingStart));
        Assert.Equal([session, mail, onion], records);
    }

    private static string WithoutTimes(string record)
    {
        string[] columns = record.Split('\t');
        columns.AsSpan(1, 4).Fill("?");
        return string.Join('\t', columns);
    }
}
