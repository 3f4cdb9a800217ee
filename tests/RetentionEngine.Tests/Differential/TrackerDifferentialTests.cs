using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Differential;

/// <summary>The tracker against the slow one, over generated lives.</summary>
public sealed class TrackerDifferentialTests
{
    private const long Seed = 77;
    private const int ShownMax = 12;

    private static readonly string[] s_domains = ["example.org"];

    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 0.05)]
    [InlineData(3, 40)]
    [InlineData(0, 40)]
    public void GeneratedLives_GiveTheSameRecords(int firstSeed, double endDays)
    {
        // Seed 0 means new ones for every run; a failure tells which it was.
        firstSeed = firstSeed == 0 ? Environment.TickCount & 0xFFFFFF : firstSeed * 1000;
        for (int seed = firstSeed; seed < firstSeed + 40; seed++)
        {
            byte[] log = new LifeGenerator(seed).Make(4 + (seed % 25), endDays);
            Compare(log, seed, endDays);
        }
    }

    [Theory]
    [InlineData(4334165)]
    public void LivesThatOnceDiffered_GiveTheSameRecords(int seed)
    {
        const double EndDays = 40;
        Compare(new LifeGenerator(seed).Make(4 + (seed % 25), EndDays), seed, EndDays);
    }

    private static void Compare(byte[] log, int seed, double endDays)
    {
        string[] domains = seed % 2 == 0 ? s_domains : [];
        var slow = new SlowTracker(domains);
        foreach (var (_, outcome, e) in Corpus.Parse(log))
        {
            if (outcome == SlowOutcome.Event)
            {
                slow.Add(e);
            }
        }
        (List<string> written, List<string> inFlight) = Fast(log, domains);
        AssertSame("written", slow.Records(inFlight: false), written, log, seed, endDays);
        AssertSame("in flight", slow.Records(inFlight: true), inFlight, log, seed, endDays);
    }

    private static void AssertSame(
        string what, IEnumerable<SlowRecord> slowRecords, List<string> fast, byte[] log, int seed, double endDays)
    {
        List<string> slow = [.. slowRecords.Select(r => RecordText.Of(r, Seed)).Order(StringComparer.Ordinal)];
        fast.Sort(StringComparer.Ordinal);
        if (slow.SequenceEqual(fast, StringComparer.Ordinal))
        {
            return;
        }
        List<string> slowOnly = [.. slow];
        fast.ForEach(r => slowOnly.Remove(r));
        List<string> fastOnly = [.. fast];
        slow.ForEach(r => fastOnly.Remove(r));
        if (Environment.GetEnvironmentVariable("DIFF_LOG") is { } path)
        {
            File.WriteAllBytes($"{path}.{seed}", log);
        }
        Assert.Fail($"{what}, seed {seed}, {endDays} days, {slow.Count} records\n"
            + string.Join('\n', slowOnly.Take(ShownMax).Select(r => "slow " + r)) + "\n"
            + string.Join('\n', fastOnly.Take(ShownMax).Select(r => "fast " + r)));
    }

    private static (List<string> Written, List<string> InFlight) Fast(byte[] log, string[] domains)
    {
        byte[] padded = new byte[log.Length + BlockReader.PaddingBytes];
        log.CopyTo(padded, 0);
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(Corpus.Zone, Corpus.LatestUnixMicros);
        var batch = new RecordBatch(Seed);
        var tracker = new Tracker(hosts, new LocalDomains(domains), batch, Seed);
        ReadOnlySpan<byte> block = padded.AsSpan(0, log.Length);
        var events = new LogEvent[64];
        for (int at = 0; at < block.Length;)
        {
            at = tokenizer.Read(block, at, events, out int count);
            tracker.Add(events.AsSpan(0, count), block);
        }
        tracker.Sweep();
        int written = batch.Count;
        tracker.EmitInFlight();
        List<string> all = [];
        foreach (ref RecordRow row in batch.Rows)
        {
            all.Add(RecordText.Of(row, batch.Strings));
        }
        return (all[..written], all[written..]);
    }
}
