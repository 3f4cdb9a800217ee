using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>The true records of a log, as loggen and the makers of the sample logs write them.</summary>
/// <remarks>
/// Records are compared as bags of 128-bit hashes of their texts, so that millions of them need
/// little memory; only where the bags differ are the texts read again.
/// </remarks>
internal sealed class TruthFile
{
    private const int ShownMax = 5;

    private readonly string _path;

    public TruthFile(string path)
    {
        _path = path;
        foreach (string line in File.ReadLines(path).TakeWhile(l => l.StartsWith("# ", StringComparison.Ordinal)))
        {
            if (line.StartsWith("# local-domains: ", StringComparison.Ordinal))
            {
                LocalDomains = line["# local-domains: ".Length..].Split(' ');
            }
            else if (line.StartsWith("# columns: ", StringComparison.Ordinal))
            {
                Assert.Equal(RecordText.Columns, line["# columns: ".Length..]);
            }
        }
    }

    public string[] LocalDomains { get; } = [];

    /// <summary>The records, with fingerprints for message-ids.</summary>
    public IEnumerable<string> Records(long seed)
    {
        foreach (string line in File.ReadLines(_path))
        {
            if (!line.StartsWith('#'))
            {
                yield return RecordText.WithFingerprint(line, seed);
            }
        }
    }

    /// <summary>Checks that the store yields exactly these records, each as often.</summary>
    /// <param name="records">The store's records; asked for twice where they differ.</param>
    /// <param name="seed">The store's seed.</param>
    /// <param name="what">Said when they differ, so that the run can be repeated.</param>
    /// <returns>How many records there are.</returns>
    public int AssertSame(Func<IEnumerable<RetentionRecord>> records, long seed, string what)
    {
        List<UInt128> expected = Hashes(Records(seed));
        List<UInt128> actual = Hashes(records().Select(RecordText.Of));
        if (CollectionsMarshal.AsSpan(expected).SequenceEqual(CollectionsMarshal.AsSpan(actual)))
        {
            return expected.Count;
        }
        var text = new StringBuilder();
        text.AppendLine($"{what}: {expected.Count} records are true, {actual.Count} were found");
        Tell(text, "missing", Surplus(expected, actual), Records(seed));
        Tell(text, "surplus", Surplus(actual, expected), records().Select(RecordText.Of));
        Assert.Fail(text.ToString());
        return 0;
    }

    private static List<UInt128> Hashes(IEnumerable<string> texts)
    {
        var hashes = new List<UInt128>();
        byte[] bytes = new byte[1 << 16];
        foreach (string text in texts)
        {
            hashes.Add(Hash(text, bytes));
        }
        hashes.Sort();
        return hashes;
    }

    private static UInt128 Hash(string text, byte[] bytes) =>
        XxHash128.HashToUInt128(bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, bytes)));

    /// <summary>What is in the first bag more often than in the second; both are sorted.</summary>
    private static Dictionary<UInt128, int> Surplus(List<UInt128> first, List<UInt128> second)
    {
        var surplus = new Dictionary<UInt128, int>();
        int other = 0;
        foreach (UInt128 hash in first)
        {
            while (other < second.Count && second[other] < hash)
            {
                other++;
            }
            if (other < second.Count && second[other] == hash)
            {
                other++;
                continue;
            }
            surplus[hash] = surplus.GetValueOrDefault(hash) + 1;
        }
        return surplus;
    }

    private static void Tell(
        StringBuilder text, string what, Dictionary<UInt128, int> hashes, IEnumerable<string> texts)
    {
        byte[] bytes = new byte[1 << 16];
        text.AppendLine($"{what} ({hashes.Values.Sum()})");
        int shown = 0;
        foreach (string record in texts)
        {
            if (shown < ShownMax && hashes.ContainsKey(Hash(record, bytes)))
            {
                text.AppendLine(record);
                shown++;
            }
        }
    }
}
