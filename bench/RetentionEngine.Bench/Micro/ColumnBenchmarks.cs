using BenchmarkDotNet.Attributes;
using RetentionEngine.Bench.Macro;
using RetentionEngine.Blocks;
using RetentionEngine.Records;

namespace RetentionEngine.Bench.Micro;

/// <summary>Rows to columns and back: time per row.</summary>
[MemoryDiagnoser]
public class ColumnBenchmarks
{
    private const int Rows = 20_000;
    private const int Values = 1024;

    private readonly RunPlanner _planner = new(42);
    private readonly RunEncoder _encoder = new(42);
    private readonly SealedRun _run = new();
    private readonly RecordRow[] _rows = new RecordRow[RunFormat.GroupRows];
    private readonly long[] _values = new long[Values];
    private readonly long[] _read = new long[Values];
    private readonly ulong[] _scratch = new ulong[Values];
    private readonly ByteSink _sink = new();
    private readonly ByteSink _packed = new();
    private RecordBatch _batch = new(42);
    private byte[][] _blocks = [];

    [GlobalSetup]
    public void Setup()
    {
        byte[] bytes = LineSamples.Mix(out int length);
        var loop = new ParseLoop();
        loop.Correlate(bytes.AsSpan(0, length));
        _batch = loop.Batch;
        _batch.Truncate(Rows);
        if (Encode() != Rows)
        {
            throw new InvalidOperationException("The sample has too few rows.");
        }
        _blocks = LargestRun();
        var random = new Random(3);
        for (int i = 0; i < Values; i++)
        {
            _values[i] = (i * 1000L) + random.Next(700);
        }
        PackedColumn.Write(_values, _packed, _scratch);
    }

    /// <summary>Plans and encodes all runs of 20,000 rows.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public int Encode()
    {
        _planner.Plan(_batch, StoreSetup.Policy(TimeSpan.FromDays(7)));
        int rows = 0;
        for (int i = 0; i < _planner.RunCount; i++)
        {
            _encoder.Encode(_planner, i, _run);
            rows += _run.Rows;
        }
        return rows;
    }

    /// <summary>Opens the largest run and decodes all its rows: time for the run.</summary>
    [Benchmark]
    public int DecodeRun()
    {
        var reader = new RunReader(Fetch);
        int rows = 0;
        for (int group = 0; group < reader.GroupCount; group++)
        {
            rows += reader.ReadGroup(group, _rows);
        }
        return rows;
    }

    [Benchmark(OperationsPerInvoke = Values)]
    public int PackColumn()
    {
        _sink.Clear();
        PackedColumn.Write(_values, _sink, _scratch);
        return _sink.Length;
    }

    [Benchmark(OperationsPerInvoke = Values)]
    public long UnpackColumn()
    {
        var cursor = new ByteCursor(_packed.Written);
        new PackedColumn(ref cursor, Values).CopyTo(_read);
        return _read[^1];
    }

    private ReadOnlyMemory<byte> Fetch(BlockKind kind, int number) =>
        _blocks[((int)kind * 256) + number];

    private byte[][] LargestRun()
    {
        byte[][] largest = [];
        int rows = 0;
        for (int i = 0; i < _planner.RunCount; i++)
        {
            _encoder.Encode(_planner, i, _run);
            if (_run.Rows <= rows)
            {
                continue;
            }
            rows = _run.Rows;
            largest = new byte[6 * 256][];
            for (int block = 0; block < _run.BlockCount; block++)
            {
                ReadOnlySpan<byte> plain = _run.Block(block, out BlockKind kind, out int number);
                largest[((int)kind * 256) + number] = plain.ToArray();
            }
        }
        return largest;
    }
}
