using System.Text;
using LogGen;
using RetentionEngine.Blocks;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>Once warm, a line costs no memory, and a record neither: from bytes to encoded runs.</summary>
public sealed class AllocationTests
{
    private const int Lines = 40_000;
    private const int Rounds = 8;
    private const int RoundsMax = 40;
    private const long Seed = 7;

    // Fixed costs of a batch, whatever it holds.
    private const long BatchBytesMax = 1024;

    private readonly HostTable _hosts = new();
    private readonly Tokenizer _tokenizer;
    private readonly Tracker _tracker;
    private readonly RunPlanner _planner = new(Seed);
    private readonly RunEncoder _encoder = new(Seed);
    private readonly SealedRun _run = new();
    private readonly LogEvent[] _events = new LogEvent[256];
    private RecordBatch _batch = new(Seed);
    private RecordBatch _spare = new(Seed);

    public AllocationTests()
    {
        _tokenizer = new Tokenizer(_hosts);
        _tracker = new Tracker(_hosts, new LocalDomains(LogGen.Text.Names.LocalDomains), _batch, Seed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TwiceTheLinesTakeNoMoreMemory(bool isRfc3339)
    {
        byte[] written = PlainLines(isRfc3339);
        int length = written.Length;
        byte[] log = [.. written, .. new byte[BlockReader.PaddingBytes]];
        int half = log.AsSpan(0, length / 2).LastIndexOf((byte)'\n') + 1;
        long allOfIt = long.MaxValue;
        long halfOfIt = long.MaxValue;
        int rows = 0;
        int rowsOfHalf = 0;
        for (int round = 0; round < Rounds || (round < RoundsMax && allOfIt != halfOfIt); round++)
        {
            // What each reading leaves in flight makes a table grow now and then, and so does the
            // compiler: the least counts. What a line costs would be in every round.
            allOfIt = Math.Min(allOfIt, Read(log, length, out rows));
            halfOfIt = Math.Min(halfOfIt, Read(log, half, out rowsOfHalf));
        }
        Assert.InRange(rows, rowsOfHalf + (Lines / 20), Lines);
        Assert.Equal(halfOfIt, allOfIt);
        Assert.InRange(allOfIt, 0, BatchBytesMax);
    }

    /// <summary>
    /// Without internationalized and quoted addresses: a library makes their canonical form, and
    /// that costs memory, once for each distinct one of a batch.
    /// </summary>
    private static byte[] PlainLines(bool isRfc3339)
    {
        var stream = new MemoryStream();
        Generator.Run(
            new Options { Seed = 3, Lines = Lines, IsRfc3339 = isRfc3339 }, _ => stream, null);
        var plain = new MemoryStream();
        ReadOnlySpan<byte> rest = stream.ToArray();
        while (!rest.IsEmpty)
        {
            ReadOnlySpan<byte> line = rest[..(rest.IndexOf((byte)'\n') + 1)];
            if (Ascii.IsValid(line) && line.IndexOf("xn--"u8) < 0 && !line.Contains((byte)'"'))
            {
                plain.Write(line);
            }
            rest = rest[line.Length..];
        }
        return plain.ToArray();
    }

    private long Read(byte[] log, int length, out int rows)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        _tokenizer.Begin(TimeZoneInfo.Utc, 1_800_000_000_000_000);
        ReadOnlySpan<byte> block = log.AsSpan(0, length);
        for (int at = 0; at < length;)
        {
            at = _tokenizer.Read(block, at, _events, out int count);
            _tracker.Add(_events.AsSpan(0, count), block);
        }
        _tracker.Sweep();
        _spare.Clear();
        _tracker.SwitchTo(_spare);
        (_batch, _spare) = (_spare, _batch);
        rows = _spare.Count;
        _planner.Plan(_spare, FacadeStore.LongPolicy);
        for (int run = 0; run < _planner.RunCount; run++)
        {
            _encoder.Encode(_planner, run, _run);
        }
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
