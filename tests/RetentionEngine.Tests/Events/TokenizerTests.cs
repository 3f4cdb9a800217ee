using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using Xunit;

namespace RetentionEngine.Tests.Events;

public sealed class TokenizerTests
{
    [Theory]
    [InlineData("Jul  4 09:05:01 mx1 ")]
    [InlineData("Jul 04 09:05:01 mx1 ")]
    [InlineData("Jul 4 09:05:01 mx1 ")]
    [InlineData("<22>Jul  4 09:05:01 mx1 ")]
    [InlineData("2025-07-04T09:05:01Z mx1 ")]
    [InlineData("2025-07-04T09:05:01.123456+02:00 mx1 ")]
    [InlineData("2025-07-04T09:05:01.1234567+0200 mx1 ")]
    [InlineData("<22>2025-07-04T09:05:01,1-00:30 mx1 ")]
    [InlineData("2025-07-04T09:05:01 mx1 ")]
    public void EveryPrefixGivesTheSameEvent(string prefix)
    {
        string[] events = TokenizerCase.Read(
            prefix + "postfix/smtpd[811]: 7A1F03E21: client=mail.example.org[192.0.2.7]\r\n"
            + prefix + "postfix/qmgr[1]: 7A1F03E21: removed",
            out Tokenizer tokenizer,
            out _);
        Assert.Equal(
            ["Client id=7A1F03E21 ip=[192.0.2.7]", "Removed id=7A1F03E21 removal=Removed"], events);
        Assert.Equal(0, tokenizer.Strange);
    }

    [Fact]
    public void EventsDoNotDependOnHowTheStreamIsCut()
    {
        byte[] log = Log(out int lines);
        string[] whole = TokenizerCase.Read(log, TimeZoneInfo.Utc, out Tokenizer plain, out _);
        foreach (int most in new[] { 1, 7, 64, 65, 1000, 4096 })
        {
            var hosts = new HostTable();
            var tokenizer = new Tokenizer(hosts);
            tokenizer.Begin(TimeZoneInfo.Utc, TokenizerCase.Latest);
            var events = new LogEvent[16];
            var found = new List<string>();
            using var reader = new BlockReader(new SlowStream(log, most), 2048);
            while (reader.TryRead(out ReadOnlySpan<byte> block))
            {
                int next = tokenizer.Read(block, 0, events, out int count);
                for (int i = 0; i < count; i++)
                {
                    found.Add(TokenizerCase.Text(block, events[i], hosts));
                }
                reader.Advance(next);
            }
            Assert.Equal<IEnumerable<string>>(whole, found);
            Assert.Equal(lines, tokenizer.Lines);
            Assert.Equal(plain.Strange, tokenizer.Strange);
            for (LineOutcome reason = LineOutcome.NoPrefix; reason < LineOutcome.Count; reason++)
            {
                Assert.Equal(plain.StrangeOf(reason), tokenizer.StrangeOf(reason));
            }
        }
    }

    [Fact]
    public void ReadingAllocatesNothingOnceWarm()
    {
        byte[] log = Log(out _);
        byte[] padded = TokenizerCase.Pad(log);
        var tokenizer = new Tokenizer(new HostTable());
        var events = new LogEvent[256];
        tokenizer.Begin(TimeZoneInfo.Utc, TokenizerCase.Latest);
        long before = 0;
        for (int round = 0; round < 40; round++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            for (int at = 0; at < log.Length;)
            {
                at = tokenizer.Read(padded.AsSpan(0, log.Length), at, events, out _);
            }
        }
        long after = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(0, after - before);
    }

    [Fact]
    public void StrangeLinesAreCountedWithTheirFirstPlace()
    {
        TokenizerCase.Read(
            "hello\n\nJul  4 09:05:01 mx1 postfix/qmgr[1]: 7A1F03E21: removed!\nbye\n",
            out Tokenizer tokenizer,
            out _);
        Assert.Equal((4, 0, 1, 3), (
            tokenizer.Lines, tokenizer.Events, tokenizer.Ignored, tokenizer.Strange));
        Assert.Equal(new StrangeLines(2, 1, 0), tokenizer.StrangeOf(LineOutcome.NoPrefix));
        Assert.Equal(new StrangeLines(1, 3, 7), tokenizer.StrangeOf(LineOutcome.Removed));
    }

    /// <summary>All golden lines, whole and cut, in both stamps.</summary>
    private static byte[] Log(out int lines)
    {
        var log = new StringBuilder();
        lines = 0;
        foreach ((string line, _) in GoldenLines.Cases())
        {
            log.Append("Jul  4 09:05:01 mx1 ").Append(line).Append('\n');
            log.Append("2025-07-04T09:05:01.5Z mx2 ").Append(line).Append("\r\n");
            log.Append("Jul  4 09:05:01 mx1 ").Append(line.AsSpan(0, line.Length / 2)).Append('\n');
            lines += 3;
        }
        return Encoding.Latin1.GetBytes(log.ToString());
    }

    private sealed class SlowStream(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) =>
            base.Read(buffer[..Math.Min(buffer.Length, most)]);
    }
}
