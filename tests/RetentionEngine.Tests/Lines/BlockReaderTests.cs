using System.Text;
using RetentionEngine.Lines;
using Xunit;

namespace RetentionEngine.Tests.Lines;

public sealed class BlockReaderTests
{
    private static readonly byte[] s_log = Encoding.ASCII.GetBytes(
        "one\ntwo two\n\nthree three three\r\n" + new string('x', 300) + "\nlast without end");

    [Theory]
    [InlineData(16)]
    [InlineData(37)]
    [InlineData(4096)]
    public void EveryCutGivesTheSameLines(int segmentBytes)
    {
        string[] whole = Encoding.ASCII.GetString(s_log).Split('\n');
        for (int cut = 0; cut <= s_log.Length; cut++)
        {
            using var reader = new BlockReader(new CutStream(s_log, cut), segmentBytes);
            Assert.Equal<IEnumerable<string>>(whole, Lines(reader, s_log));
        }
    }

    [Fact]
    public void SingleBytesGiveTheSameLines()
    {
        using var reader = new BlockReader(new CutStream(s_log, -1));
        Assert.Equal<IEnumerable<string>>(LinesOf(s_log), Lines(reader, s_log));
    }

    [Theory]
    [InlineData(64 * 1024, 0)]
    [InlineData((64 * 1024) + 1, 1)]
    [InlineData(3_000_000, 1)]
    public void OverlongLinesAreSkippedWhereverTheSegmentsEnd(int length, int overlong)
    {
        byte[] log = Encoding.ASCII.GetBytes(
            "a\n" + new string('x', length) + "\nb\n" + new string('y', length));
        foreach (int segmentBytes in new[] { 1000, 65_536, 65_537, 512 * 1024, 8_000_000 })
        {
            using var reader = new BlockReader(new MemoryStream(log), segmentBytes);
            List<string> lines = Lines(reader, log);
            Assert.Equal(2 * overlong, reader.OverlongLines);
            Assert.Equal<IEnumerable<string>>(
                overlong == 1 ? ["a", "b", ""] : [.. LinesOf(log)], lines);
        }
    }

    [Fact]
    public void AHundredMegabytesWithoutLineEndStayBounded()
    {
        using var reader = new BlockReader(new EndlessStream(100_000_000));
        Assert.False(reader.TryRead(out _));
        Assert.Equal(1, reader.OverlongLines);
        Assert.Equal(100_000_000, reader.Offset);
    }

    [Fact]
    public void WhatIsNotConsumedComesAgain()
    {
        using var reader = new BlockReader(new MemoryStream("one\ntwo\n"u8.ToArray()));
        Assert.True(reader.TryRead(out ReadOnlySpan<byte> block));
        Assert.Equal("one\ntwo\n"u8.ToArray(), block.ToArray());
        reader.Advance(4);
        Assert.Equal(4, reader.Offset);
        Assert.True(reader.TryRead(out block));
        Assert.Equal("two\n"u8.ToArray(), block.ToArray());
        reader.Advance(4);
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public void ReadingAllocatesNothingOnceWarm()
    {
        byte[] line = Encoding.ASCII.GetBytes(new string('x', 150) + "\n");
        var log = new byte[line.Length * 40_000];
        for (int i = 0; i < log.Length; i += line.Length)
        {
            line.CopyTo(log, i);
        }

        // What is not compiled in full yet may allocate: what reading needs would show every time.
        long least = long.MaxValue;
        for (int round = 0; round < 40; round++)
        {
            using var reader = new BlockReader(new MemoryStream(log), 64 * 1024);
            for (int i = 0; i < 20; i++)
            {
                Take(reader);
            }
            long before = GC.GetAllocatedBytesForCurrentThread();
            while (Take(reader))
            {
            }
            long after = GC.GetAllocatedBytesForCurrentThread();
            least = Math.Min(least, after - before);
            Assert.Equal(log.Length, reader.Offset);
        }
        Assert.Equal(0, least);
    }

    private static bool Take(BlockReader reader)
    {
        bool any = reader.TryRead(out ReadOnlySpan<byte> block);
        if (any)
        {
            reader.Advance(block.Length);
        }
        return any;
    }

    private static string[] LinesOf(byte[] log) => Encoding.ASCII.GetString(log).Split('\n');

    /// <summary>All lines; checks offsets, whole lines and padding on the way.</summary>
    private static List<string> Lines(BlockReader reader, byte[] log)
    {
        var text = new StringBuilder();
        bool ended = true;
        while (reader.TryRead(out ReadOnlySpan<byte> block))
        {
            Assert.True(ended);
            Assert.False(block.IsEmpty);
            Assert.True(block.SequenceEqual(log.AsSpan((int)reader.Offset, block.Length)));
            ended = block[^1] == '\n';
            text.Append(Encoding.ASCII.GetString(block));
            reader.Advance(block.Length);
        }
        return [.. text.ToString().Split('\n')];
    }

    /// <summary>Delivers up to one cut, then the rest; or single bytes.</summary>
    private sealed class CutStream(byte[] bytes, int cut) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer)
        {
            int most = cut < 0 ? 1 : Position < cut ? cut - (int)Position : buffer.Length;
            return base.Read(buffer[..Math.Min(buffer.Length, most)]);
        }
    }

    private sealed class EndlessStream(long length) : MemoryStream
    {
        private long _left = length;

        public override int Read(Span<byte> buffer)
        {
            int count = (int)Math.Min(buffer.Length, _left);
            buffer[..count].Fill((byte)'x');
            _left -= count;
            return count;
        }
    }
}
