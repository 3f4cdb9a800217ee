using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using RetentionEngine.Tests.Differential;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Hostile;

/// <summary>
/// Every payload in every field that a stranger fills: there are as many records as with an
/// innocent value, and in none of them differs anything but that field.
/// </summary>
public sealed class InjectionTests
{
    private const long Seed = 77;
    private const int ShownMax = 20;

    private static readonly string[] s_columns = RecordText.Columns.Split('\t');

    public static TheoryData<string> Fields() => [.. InjectionScene.Fields.Select(f => f.Name)];

    /// <summary>What the scene is, so that a change to it can't make the matrix empty.</summary>
    [Fact]
    public void TheSceneHasRecordsOfEveryKind()
    {
        string kinds = string.Join(", ", Records(InjectionScene.Log(null, ""))
            .GroupBy(r => $"{r[0]} {r[5]}").Select(g => $"{g.Count()} {g.Key}")
            .Order(StringComparer.Ordinal));
        Assert.Equal(
            "1 sent bounced, 1 sent deferred, 1 sent sent, 2 access login, 2 access session,"
                + " 2 internal sent, 2 received bounced, 2 received sent, 6 rejected rejected",
            kinds);
    }

    [Theory]
    [MemberData(nameof(Fields))]
    public void NoPayloadChangesAnythingButItsField(string name)
    {
        InjectionScene.Field field = InjectionScene.Fields.Single(
            f => f.Name.Equals(name, StringComparison.Ordinal));
        List<string[]> innocent = Records(InjectionScene.Log(null, ""));
        List<string> faults = [];
        foreach (string payload in InjectionScene.Payloads)
        {
            byte[] log = InjectionScene.Log(field, payload);
            if (Difference(innocent, Records(log), field) is { } fault)
            {
                faults.Add($"{name} = {payload}\n  {fault}");
            }
            BothParsers.AssertAgree(log, $"{name} = {payload}");
        }
        if (faults.Count > 0)
        {
            Assert.Fail($"{faults.Count} cells\n{string.Join('\n', faults.Take(ShownMax))}");
        }
    }

    /// <returns>Null when all is well.</returns>
    private static string? Difference(
        List<string[]> innocent, List<string[]> records, InjectionScene.Field field)
    {
        if (records.Count != innocent.Count)
        {
            IEnumerable<string> shown = records.Select(r => string.Join(' ', r));
            return $"{records.Count} records instead of {innocent.Count}: "
                + string.Join("\n    ", shown.Except(innocent.Select(r => string.Join(' ', r))));
        }
        for (int i = 0; i < records.Count; i++)
        {
            for (int c = 0; c < s_columns.Length; c++)
            {
                // A fingerprint does not show what it was made of: one mail of the scene has it.
                bool isField = s_columns[c].Equals(field.Column, StringComparison.Ordinal)
                    && (field.Column is "message_id"
                        ? innocent[i][s_columns.IndexOf("queue_id")] is "8F00A1"
                        : innocent[i][c].Equals(field.Innocent, StringComparison.Ordinal));
                if (!isField && !innocent[i][c].Equals(records[i][c], StringComparison.Ordinal))
                {
                    return $"{s_columns[c]} is {records[i][c]} instead of {innocent[i][c]} in "
                        + string.Join(' ', innocent[i]);
                }
            }
        }
        return null;
    }

    /// <summary>The records of a log, column by column, by time.</summary>
    private static List<string[]> Records(byte[] log)
    {
        byte[] padded = [.. log, .. new byte[BlockReader.PaddingBytes]];
        ReadOnlySpan<byte> block = padded.AsSpan(0, log.Length);
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(TimeZoneInfo.Utc, ImportedLog.Now.UnixMicros());
        var batch = new RecordBatch(Seed);
        var tracker = new Tracker(hosts, new LocalDomains(["example.org"]), batch, Seed);
        var events = new LogEvent[256];
        for (int at = 0; at < block.Length;)
        {
            at = tokenizer.Read(block, at, events, out int count);
            tracker.Add(events.AsSpan(0, count), block);
        }
        tracker.Sweep();
        tracker.EmitInFlight();
        List<string> texts = [];
        foreach (ref RecordRow row in batch.Rows)
        {
            texts.Add(RecordText.Of(row, batch.Strings));
        }
        int time = s_columns.IndexOf("time");
        int final = s_columns.IndexOf("final");
        return [.. texts.Select(t => t.Split('\t'))
            .OrderBy(r => r[time], StringComparer.Ordinal).ThenBy(r => r[final], StringComparer.Ordinal)];
    }
}
