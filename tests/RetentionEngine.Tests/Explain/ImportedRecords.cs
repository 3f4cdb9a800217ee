using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Queries;
using RetentionEngine.Records;

namespace RetentionEngine.Tests.Explain;

/// <summary>The records that a log gives when it is read at one go.</summary>
internal static class ImportedRecords
{
    /// <summary>Distinct records as text, in order.</summary>
    public static IEnumerable<string> Of(string log, DateTimeOffset latest)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(log);
        byte[] padded = [.. bytes, .. new byte[BlockReader.PaddingBytes]];
        ReadOnlySpan<byte> block = padded.AsSpan(0, bytes.Length);
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(TimeZoneInfo.Utc, latest.UnixMicros());
        var batch = new RecordBatch(1);
        var tracker = new Tracker(hosts, new LocalDomains(["example.org"]), batch, 1);
        var events = new LogEvent[256];
        for (int at = 0; at < block.Length;)
        {
            at = tokenizer.Read(block, at, events, out int count);
            tracker.Add(events.AsSpan(0, count), block);
        }
        tracker.Sweep();
        tracker.EmitInFlight();
        var maker = new RecordMaker();
        var texts = new HashSet<string>(StringComparer.Ordinal);
        foreach (ref readonly RecordRow row in batch.Rows)
        {
            texts.Add(Text(maker.Make(in row, batch.Strings, ClassPolicy.Default)));
        }
        return texts.Order(StringComparer.Ordinal);
    }

    public static string Text(RetentionRecord r) => string.Create(
        CultureInfo.InvariantCulture,
        $"{r.Kind} {r.Time:O} {r.Final:O} {r.Status} {r.Dsn} {r.Reply} {r.Attempts} {r.Retries.Count}"
        + $" {r.Sender} {r.Recipient} {r.OrigTo} {r.Sasl} {r.Uid} {r.Ip} {r.Relay} {r.SizeBytes}"
        + $" {r.QueueId} {string.Join('+', r.Via)} {r.Host} {r.Protocol} {r.Flags}");
}
