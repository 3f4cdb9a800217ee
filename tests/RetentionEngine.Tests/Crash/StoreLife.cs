using System.Globalization;
using RetentionEngine.Tests.Acceptance;
using RetentionEngine.Tests.Oracle;
using RetentionEngine.Tool.Sources;
using Xunit;

namespace RetentionEngine.Tests.Crash;

/// <summary>The life of a store in steps, each of which happens as a whole or not at all.</summary>
internal sealed class StoreLife : IDisposable
{
    private static readonly DateTimeOffset s_time = new(2026, 11, 2, 10, 0, 0, 123, 456, TimeSpan.Zero);

    private readonly string _root;
    private readonly string _logs;
    private readonly FakeTime _time = new(s_time.AddHours(1));
    private RetentionStore? _store;

    /// <param name="root">Holds the store and its key.</param>
    /// <param name="logs">Holds the logs that are imported.</param>
    public StoreLife(string root, string logs)
    {
        _root = root;
        _logs = logs;
        Options = new RetentionOptions { OpenBlocks = FasterBlockStore.Open, TimeProvider = _time };
        Steps =
        [
            new("create", _ => RetentionStore.Create(StorePath, Policy, Options).Dispose()),
            Import(0, 10, 1300, "anna@example.org"),
            Import(1, 10, 20, "bert@example.org"),
            Import(2, 10, 5, "carl@example.org"),
            Import(3, 10, 5, "dora@example.org"),
            new("import and merge", s => ImportOf(s, 4, 12, 300, "emil@example.org")),
            new("hold", s => s.AddHold(new PreservationHold
            {
                Mailbox = "anna@example.org",
                Reference = "AZ 1",
                Until = s_time.AddDays(60),
            })),
            new("policy", s => s.SetPolicy(Policy with { TimeZone = "Europe/Paris" })),
            new("expire", s => s.Expire(dryRun: false), 26),
            Import(5, 26, 10, "fred@example.org", 27),
            new("extend", s => s.ExtendHold(FirstHold(s), s_time.AddDays(90)), 27),
            new("release", s => s.ReleaseHold(FirstHold(s)), 28),
            Import(6, 28, 1500, "gina@example.org", 29),
            new("repair", s => s.Repair(), 29),
            new("expire the rest", s => s.Expire(dryRun: false), 60),
        ];
    }

    public static RetentionPolicy Policy { get; } =
        FacadeStore.PolicyOf(TimeSpan.FromDays(1), "example.org");

    public RetentionOptions Options { get; }

    public IReadOnlyList<Step> Steps { get; }

    public string StorePath => Path.Combine(_root, "store");

    /// <summary>The clock of a step.</summary>
    public void SetClock(Step step) => _time.Now = s_time.AddHours(step.Hour);

    public void Run(Step step)
    {
        SetClock(step);
        step.Do(step == Steps[0] ? null! : Store);
    }

    /// <summary>All that can be seen of the store at the clock's time.</summary>
    public List<string> See()
    {
        var seen = new List<string>();
        foreach (RetentionRecord record in Store.Query(new RetentionQuery()))
        {
            seen.Add(RecordText.Of(record with { MessageIdFingerprint = null }));
        }
        foreach (PreservationHold hold in Store.Holds)
        {
            // A hold that was cut off keeps its number; the one made in its place has the next.
            seen.Add($"hold {hold.Mailbox} {hold.Until:O} {hold.Records}");
            seen.AddRange(Store.Query(new RetentionQuery { Hold = hold.Number })
                .Select(r => "held " + RecordText.Of(r with { MessageIdFingerprint = null })));
        }
        seen.Add(Store.Policy.TimeZone);
        seen.Sort(StringComparer.Ordinal);
        return seen;
    }

    /// <summary>Checks that the store is whole and takes in a further log.</summary>
    public void GoOn()
    {
        Assert.Empty(Store.Verify().Faults);
        Assert.Equal(-1, Store.ReadJournal().DamagedOffset);
        _time.Now = s_time.AddHours(100);
        ImportOf(Store, 9, 99, 3, "last@example.org");
        Close();
        Assert.Equal(3, Store.Query(new RetentionQuery { Mailbox = "last@example.org" }).Count());
    }

    public RetentionStore Store => _store ??= RetentionStore.Open(StorePath, Options);

    public void OpenReadOnly() => _store = RetentionStore.Open(StorePath, Options, readOnly: true);

    public void Close()
    {
        _store?.Dispose();
        _store = null;
    }

    public void Dispose() => Close();

    private static int FirstHold(RetentionStore store) =>
        store.Holds.Select(h => h.Number).FirstOrDefault(1);

    private Step Import(int number, int hour, int count, string sender, int at = 13) =>
        new($"import {sender}", s => ImportOf(s, number, hour, count, sender), at);

    private void ImportOf(RetentionStore store, int number, int hour, int count, string sender)
    {
        string path = Path.Combine(_logs, string.Create(CultureInfo.InvariantCulture, $"mail{number}.log"));
        File.WriteAllBytes(path, SmallLog.Mails(
            s_time.AddHours(hour - 10).AddMinutes(number), count, sender, 0xA0000 + (number * 0x10000)));
        File.SetLastWriteTimeUtc(path, _time.Now.UtcDateTime);
        FoundSources found = SourceFinder.Find([path], _time.Now);
        store.Import(found.Sources, new ImportOptions(), CancellationToken.None);
    }

    /// <param name="Name">For messages.</param>
    /// <param name="Do">What is done.</param>
    /// <param name="Hour">When, in hours since the first record.</param>
    public sealed record Step(string Name, Action<RetentionStore> Do, int Hour = 13);
}
