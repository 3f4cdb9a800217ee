using LogGen;
using RetentionEngine.Bench.Macro;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Bench.Micro;

/// <summary>Lines of loggen's mix in memory, all or of one kind.</summary>
internal static class LineSamples
{
    private const int SampleBytes = 20_000_000;

    /// <summary>A made-up log with padding behind it; its length is <paramref name="length"/>.</summary>
    public static byte[] Mix(out int length)
    {
        using var log = new MemoryStream();
        var options = new Options { Seed = LogInput.Seed, Bytes = SampleBytes, IsRfc3339 = true };
        Generator.Run(options, _ => log, null);
        byte[] bytes = log.ToArray();
        length = bytes.Length;
        Array.Resize(ref bytes, length + BlockReader.PaddingBytes);
        return bytes;
    }

    /// <summary>Lines that give events of one kind; over again when there are too few.</summary>
    public static byte[] OfKind(EventKind kind, int lines, out int length)
    {
        byte[] mix = Mix(out int mixLength);
        ReadOnlySpan<byte> block = mix.AsSpan(0, mixLength);
        var tokenizer = new Tokenizer(new HostTable());
        tokenizer.Begin(TimeZoneInfo.Utc, LogInput.Start.AddDays(1).UnixMicros(), LogInput.Start.Year);
        var events = new LogEvent[256];
        var starts = new List<int>();
        for (int at = 0; at < block.Length && starts.Count < lines;)
        {
            at = tokenizer.Read(block, at, events, out int count);
            foreach (ref readonly LogEvent e in events.AsSpan(0, count))
            {
                if (e.Kind == kind && starts.Count < lines)
                {
                    starts.Add(e.LineStart);
                }
            }
        }
        using var chosen = new MemoryStream();
        for (int i = 0; i < lines; i++)
        {
            ReadOnlySpan<byte> line = block[starts[i % starts.Count]..];
            chosen.Write(line[..(line.IndexOf((byte)'\n') + 1)]);
        }
        length = (int)chosen.Length;
        chosen.Write(new byte[BlockReader.PaddingBytes]);
        return chosen.ToArray();
    }
}
