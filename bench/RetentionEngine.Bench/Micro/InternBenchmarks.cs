using System.Text;
using BenchmarkDotNet.Attributes;
using RetentionEngine.Records;

namespace RetentionEngine.Bench.Micro;

/// <summary>Time per text that is interned, hash included, in a table that holds them all.</summary>
[MemoryDiagnoser]
public class InternBenchmarks
{
    private const int Lookups = 1 << 16;

    private readonly StringTable _table = new(42);
    private byte[][] _texts = [];

    [Params(10_000, 1_000_000)]
    public int Distinct { get; set; }

    /// <summary>Whether a few texts make most of the lookups, as with mailboxes.</summary>
    [Params(false, true)]
    public bool IsSkewed { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        byte[][] all = new byte[Distinct][];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = Encoding.ASCII.GetBytes($"name{i}@domain{i % 997}.example.org");
            _table.Intern(all[i]);
        }
        var random = new Random(7);
        _texts = new byte[Lookups][];
        for (int i = 0; i < Lookups; i++)
        {
            double at = random.NextDouble();
            _texts[i] = all[(int)(IsSkewed ? Math.Pow(Distinct, at) - 1 : at * Distinct)];
        }
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public uint Intern()
    {
        uint sum = 0;
        foreach (byte[] text in _texts)
        {
            sum += _table.Intern(text);
        }
        return sum;
    }
}
