using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Records;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Hostile;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Lines;

/// <summary>
/// <c>last message repeated N times</c> means the line before it of the same host, wherever a
/// block, a read or an import ends between the two.
/// </summary>
public sealed class RepeatedLineTests
{
    private const string Login = " imapd: LOGIN, user=anna, ip=[::ffff:192.0.2.7], port=[5], protocol=IMAP\n";

    private const string Log =
        "Nov  1 10:00:00 mx1" + Login
        + "Nov  1 10:00:00 mx2 postfix/anvil[1]: statistics: max cache size 1\n"
        + "Nov  1 10:00:01 mx2 last message repeated 3 times\n"
        + "Nov  1 10:00:30 mx1 last message repeated 2 times\n"
        + "Nov  1 10:01:30 mx1 last message repeated 1 time\n"
        + "Nov  1 10:01:31 mx3 last message repeated 4 times\n"
        + "Nov  1 10:01:32 mx1 postfix/qmgr[1]: 7A1F03E21: removed\n"
        + "Nov  1 10:01:33 mx1 last message repeated 4 times\n";

    [Fact]
    public void EveryCutOfTheStreamGivesTheSameEvents()
    {
        byte[] log = Encoding.ASCII.GetBytes(Log);
        string[] whole = Read(log, log.Length, segmentBytes: 1 << 16, room: 256);
        Assert.Equal(
            ["login x1", "login x2", "login x1", "removed x1", "gap 4"],
            whole);
        for (int cut = 1; cut < log.Length; cut++)
        {
            Assert.Equal(whole, Read(log, cut, segmentBytes: 1 << 16, room: 1 + (cut % 5)));
            Assert.Equal(whole, Read(log, log.Length, segmentBytes: cut, room: 256));
        }
    }

    /// <summary>The bytes in between decide alone, not where blocks end.</summary>
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void TheLineBeforeIsWithinReach(int more, bool isJoined)
    {
        string line = "Nov  1 10:00:00 mx1" + Login;
        string other = "Nov  1 10:00:00 mx2 postfix/anvil[1]: statistics: ";
        var between = new StringBuilder();
        while (line.Length + between.Length + (2 * other.Length) < BlockReader.BeforeBytesMax)
        {
            between.Append(other).Append('\n');
        }
        int left = BlockReader.BeforeBytesMax - line.Length - between.Length - other.Length - 1 + more;
        between.Append(other).Append('x', left).Append('\n');
        byte[] log = Encoding.ASCII.GetBytes(
            line + between + "Nov  1 10:00:30 mx1 last message repeated 2 times\n");
        string[] expected = ["login x1", isJoined ? "login x2" : "gap 2"];
        foreach (int segmentBytes in new[] { 64, 1000, 1 << 14, 1 << 20 })
        {
            Assert.Equal(expected, Read(log, log.Length, segmentBytes, room: 256));
            Assert.Equal(expected, Read(log, 777, segmentBytes, room: 2));
        }
    }

    [Fact]
    public void AnOverlongLineInBetweenIsTheLineBefore()
    {
        byte[] log = Encoding.ASCII.GetBytes(
            "Nov  1 10:00:00 mx1" + Login + "Nov  1 10:00:00 mx1 x: "
            + new string('x', BlockReader.LineMaxBytes) + "\nNov  1 10:00:30 mx1 last message repeated 2 times\n");
        foreach (int segmentBytes in new[] { 1000, 1 << 16, 1 << 20 })
        {
            Assert.Equal(["login x1", "gap 2"], Read(log, log.Length, segmentBytes, room: 256));
        }
    }

    /// <summary>A log that grew is read on as if it had been read at one go.</summary>
    [Fact]
    public void EveryCutBetweenTwoImportsGivesTheSameRecords()
    {
        string padding = string.Concat(Enumerable.Repeat(
            "Nov  1 09:00:00 mx4 postfix/anvil[1]: statistics: max cache size 1\n", 300));
        foreach (string before in new[] { "", padding })
        {
            string log = before + Log;
            for (int end = log.IndexOf('\n', before.Length); end >= 0; end = log.IndexOf('\n', end + 1))
            {
                using var directory = new TestDirectory();
                using RetentionStore store = ImportedLog.Create(directory);
                var options = new ImportOptions();
                long gaps = ImportedLog.Import(store, options, ("mail.log", log[..(end + 1)])).GapLines;
                gaps += ImportedLog.Import(store, options, ("mail.log", log)).GapLines;
                Assert.Equal(4, store.Query(new RetentionQuery()).Count(r => r.Recipient is "anna"));
                Assert.Equal(1, gaps);
            }
        }
    }

    [Fact]
    public void AnotherSourceIsNotTheLineBefore()
    {
        List<RetentionRecord> records = ImportedLog.RecordsOf(
            [("a", "Nov  1 10:00:00 mx1" + Login), ("b", "Nov  1 10:00:30 mx1 last message repeated 2 times\n")],
            new ImportOptions(), out ImportReport report);
        Assert.Single(records);
        Assert.Equal(2, Assert.Single(report.Gaps).LostLines);
    }

    /// <summary>Events, each with how often it happened, then the gaps.</summary>
    private static string[] Read(byte[] log, int pieceBytes, int segmentBytes, int room)
    {
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(TimeZoneInfo.Utc, ImportedLog.Now.UnixMicros());
        var events = new LogEvent[room];
        List<string> texts = [];
        using var reader = new BlockReader(new PieceStream(log, pieceBytes), segmentBytes);
        while (reader.TryRead(out ReadOnlySpan<byte> block, out int at))
        {
            int start = at;
            while (at < block.Length)
            {
                at = tokenizer.Read(block, at, events, out int count);
                foreach (ref readonly LogEvent e in events.AsSpan(0, count))
                {
                    Assert.True(e.Kind != EventKind.Login || e.User.Of(block).SequenceEqual("anna"u8));
                    texts.Add($"{e.Kind.ToString().ToLowerInvariant()} x{e.Repeats + 1}");
                }
            }
            reader.Advance(block.Length - start);
        }
        foreach (SyslogGap gap in tokenizer.Gaps)
        {
            texts.Add($"gap {gap.LostLines}");
        }
        return [.. texts];
    }

    private sealed class PieceStream(byte[] bytes, int pieceBytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) =>
            base.Read(buffer[..Math.Min(buffer.Length, pieceBytes)]);
    }
}
