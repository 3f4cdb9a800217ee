using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using RetentionEngine.Tests.Differential;
using RetentionEngine.Tests.Oracle;

namespace RetentionEngine.Fuzz;

/// <summary>A whole source, from wrapped bytes to records, however it is cut.</summary>
/// <remarks>
/// Whatever the bytes are, nothing is thrown, what is allocated stays within a bound that grows
/// with the source only, and reads, blocks and batches of any size give the same records.
/// </remarks>
internal sealed class SourceTarget : ITarget
{
    private const long Seed = 77;
    private const long BytesAllocatedMax = 4 << 20;
    private const long BytesPerByteMax = 512;

    private readonly RecordBatch _batch = new(Seed);
    private readonly LogEvent[] _events = new LogEvent[256];

    public string Name => "source";

    public string? Run(ReadOnlySpan<byte> input)
    {
        byte[] bytes = input.ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        string whole = Read(bytes, bytes.Length + 1, eventRoom: 256, segmentBytes: 1 << 16);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > BytesAllocatedMax + (BytesPerByteMax * bytes.Length))
        {
            return $"{allocated} bytes allocated for {bytes.Length}\n";
        }
        int cut = 1 + (int)(System.IO.Hashing.XxHash3.HashToUInt64(bytes) % 97);
        string cutUp = Read(bytes, cut, eventRoom: 1 + (cut % 5), segmentBytes: 64 + cut);
        return whole.Equals(cutUp, StringComparison.Ordinal)
            ? null : $"whole\n{whole}in pieces of {cut}\n{cutUp}";
    }

    private string Read(byte[] bytes, int pieceBytes, int eventRoom, int segmentBytes)
    {
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(Corpus.Zone, Corpus.LatestUnixMicros);
        _batch.Clear();
        var tracker = new Tracker(hosts, new LocalDomains(["example.org"]), _batch, Seed);
        using var stream = new FormStream(new PieceStream(bytes, pieceBytes));
        using var reader = new BlockReader(stream, segmentBytes);
        while (reader.TryRead(out ReadOnlySpan<byte> block, out int first))
        {
            for (int at = first; at < block.Length;)
            {
                at = tokenizer.Read(block, at, _events.AsSpan(0, eventRoom), out int count);
                tracker.Add(_events.AsSpan(0, count), block);
            }
            reader.Advance(block.Length - first);
        }
        tracker.Sweep();
        int written = _batch.Count;
        tracker.EmitInFlight();
        return Describe(tokenizer, reader, written);
    }

    private string Describe(Tokenizer tokenizer, BlockReader reader, int written)
    {
        var rows = new List<string>();
        foreach (ref RecordRow row in _batch.Rows)
        {
            string state = rows.Count < written ? "written " : "in flight ";
            rows.Add(state + RecordText.Of(row, _batch.Strings));
        }
        rows.Sort(StringComparer.Ordinal);
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{tokenizer.Lines} lines, {tokenizer.Events} events, {tokenizer.Strange} strange, ");
        text.Append(
            CultureInfo.InvariantCulture,
            $"{tokenizer.GapLines} gaps, {reader.OverlongLines} overlong\n");
        rows.ForEach(row => text.Append(row).Append('\n'));
        return text.ToString();
    }

    /// <summary>Gives its bytes in reads of no more than so many.</summary>
    private sealed class PieceStream(byte[] bytes, int pieceBytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) =>
            base.Read(buffer[..Math.Min(buffer.Length, pieceBytes)]);
    }
}
