using BenchmarkDotNet.Attributes;
using RetentionEngine.Bench.Macro;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Bench.Micro;

/// <summary>Time per line of one kind.</summary>
[MemoryDiagnoser]
public class TokenizerBenchmarks
{
    private const int Lines = 4096;

    private readonly Tokenizer _tokenizer = new(new HostTable());
    private readonly LogEvent[] _events = new LogEvent[256];
    private byte[] _bytes = [];
    private int _length;

    public static IEnumerable<string> Kinds { get; } =
        [.. Enum.GetNames<EventKind>().Where(name => name is not nameof(EventKind.None))];

    [ParamsSource(nameof(Kinds))]
    public string Kind { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _bytes = LineSamples.OfKind(Enum.Parse<EventKind>(Kind), Lines, out _length);
        _tokenizer.Begin(
            TimeZoneInfo.Utc, LogInput.Start.AddDays(1).UnixMicros(), LogInput.Start.Year);
    }

    [Benchmark(OperationsPerInvoke = Lines)]
    public int Read()
    {
        ReadOnlySpan<byte> block = _bytes.AsSpan(0, _length);
        int events = 0;
        for (int at = 0; at < block.Length;)
        {
            at = _tokenizer.Read(block, at, _events, out int count);
            events += count;
        }
        return events;
    }
}
