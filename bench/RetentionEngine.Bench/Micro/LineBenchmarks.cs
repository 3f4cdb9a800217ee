using BenchmarkDotNet.Attributes;
using RetentionEngine.Bench.Macro;
using RetentionEngine.Lines;

namespace RetentionEngine.Bench.Micro;

/// <summary>Finding line ends in 20 MB, beside the two floors.</summary>
[MemoryDiagnoser]
public class LineBenchmarks
{
    private readonly int[] _ends = new int[256 + LineIndex.SpareSlots];
    private byte[] _bytes = [];
    private int _length;

    [GlobalSetup]
    public void Setup() => _bytes = LineSamples.Mix(out _length);

    [Benchmark(Baseline = true)]
    public long IndexOfLoop() => Floors.IndexOfLoop(_bytes.AsSpan(0, _length));

    [Benchmark]
    public long NewlineCount() => Floors.CountLines(_bytes.AsSpan(0, _length));

    [Benchmark]
    public long Index()
    {
        ReadOnlySpan<byte> block = _bytes.AsSpan(0, _length);
        long lines = 0;
        for (int at = 0; at < block.Length;)
        {
            int found = LineIndex.Find(block, at, _ends, 256);
            lines += found;
            at = _ends[found - 1] + 1;
        }
        return lines;
    }
}
