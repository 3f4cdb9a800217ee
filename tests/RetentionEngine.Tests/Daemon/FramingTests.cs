using System.Text;
using RetentionEngine.Daemon.Listeners;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Frames and lines, against a reader that takes byte after byte.</summary>
public sealed class FramingTests
{
    private const int FrameMax = 40;

    [Theory]
    [InlineData("<22>one\n<22>two\n", "<22>one|<22>two")]
    [InlineData("7 <22>one7 <22>two", "<22>one|<22>two")]
    [InlineData("7 <22>one<22>two\n7 <22>thr", "<22>one|<22>two|<22>thr")]
    [InlineData("8 <22>one\n\n<22>two\r\n", "<22>one|<22>two")]
    [InlineData("2026-11-25T10:00:00Z a b\n", "2026-11-25T10:00:00Z a b")]
    [InlineData("12\n13\ta\n", "12|13\ta")]
    [InlineData("0 a\n", "0 a")]
    [InlineData("<22>cut", "<22>cut")]
    [InlineData("9 <22>cut", "", FrameKind.Incomplete)]
    [InlineData("99 a", "", FrameKind.TooLong)]
    [InlineData("a\n1234567890123456", "a", FrameKind.TooLong)]
    [InlineData("a\n<22>a line that is longer than forty bytes!!", "a", FrameKind.TooLong)]
    [InlineData("3 a\nb4 c\r\0d2 \r\n", "a#012b|c#015#000d")]
    [InlineData("\n\n\r\n\0\n", "")]
    internal void A_stream_is_split(
        string stream, string lines, FrameKind last = FrameKind.NeedsMore)
    {
        byte[] input = Encoding.Latin1.GetBytes(stream);
        for (int cut = 0; cut <= input.Length; cut++)
        {
            (string found, FrameKind end) = Split(input, cut);
            Assert.Equal((lines, last), (found, end));
        }
        Assert.Equal((lines, last), Slow(input, FrameMax));
    }

    [Fact]
    public void Random_streams_are_split_as_the_slow_reader_does()
    {
        var random = new Random(20261125);
        for (int round = 0; round < 3000; round++)
        {
            byte[] input = Garbage(random);
            (string, FrameKind) expected = Slow(input, FrameMax);
            for (int cut = 0; cut <= input.Length; cut++)
            {
                if (expected != Split(input, cut))
                {
                    Assert.Fail($"round {round}, cut {cut}: {Convert.ToHexString(input)}");
                }
            }
        }
    }

    [Fact]
    public void A_batch_takes_what_fits_and_no_more()
    {
        using var batch = new LineBatch();
        byte[] half = Enumerable.Repeat((byte)'a', LineBatch.BytesMax / 2).ToArray();
        Assert.Equal(AddResult.Added, batch.TryAdd(half));
        Assert.Equal(AddResult.Full, batch.TryAdd(half));
        Assert.Equal(AddResult.Added, batch.TryAdd(half.AsSpan(2)));
        Assert.Equal(LineBatch.BytesMax, batch.Memory.Length);
        Assert.Equal(AddResult.Empty, batch.TryAdd("\r\n"u8));
        Assert.Equal(AddResult.Full, batch.TryAdd("b"u8));
        batch.Clear();
        Assert.Equal(AddResult.TooLong, batch.TryAdd([.. half.Select(static _ => (byte)'\r'), 97]));
        Assert.Equal(AddResult.Added, batch.TryAdd("b"u8));
        Assert.Equal("b\n"u8.ToArray(), batch.Memory.ToArray());
    }

    /// <summary>What comes out when the stream arrives in two parts.</summary>
    private static (string Lines, FrameKind Last) Split(byte[] input, int cut)
    {
        using var batch = new LineBatch();
        int taken = 0;
        FrameKind kind = Take(batch, input.AsSpan(0, cut), cut == input.Length, ref taken);
        if (cut < input.Length && kind == FrameKind.NeedsMore)
        {
            kind = Take(batch, input, isEnd: true, ref taken);
        }
        return (Text(batch.Memory.Span), kind);
    }

    private static FrameKind Take(
        LineBatch batch, ReadOnlySpan<byte> input, bool isEnd, ref int taken)
    {
        FrameKind kind;
        while ((kind = Framing.Next(
            input[taken..], FrameMax, isEnd, out ReadOnlySpan<byte> frame, out int consumed))
            == FrameKind.Whole)
        {
            batch.TryAdd(frame);
            taken += consumed;
        }
        return kind;
    }

    /// <summary>The same byte by byte, by the words of the documents.</summary>
    internal static (string Lines, FrameKind Last) Slow(byte[] input, int frameMax)
    {
        var lines = new List<byte>();
        int at = 0;
        while (at < input.Length)
        {
            int space = at;
            while (space < input.Length && input[space] is >= 48 and <= 57)
            {
                space++;
            }
            bool isCount = input[at] != 48 && space > at;
            if (isCount && space - at > 9)
            {
                return (Text(lines.ToArray()), FrameKind.TooLong);
            }
            if (isCount && space < input.Length && input[space] == 32)
            {
                int count = int.Parse(Encoding.ASCII.GetString(input, at, space - at));
                if (count > frameMax)
                {
                    return (Text(lines.ToArray()), FrameKind.TooLong);
                }
                if (space + 1 + count > input.Length)
                {
                    return (Text(lines.ToArray()), FrameKind.Incomplete);
                }
                AddSlow(lines, input[(space + 1)..(space + 1 + count)]);
                at = space + 1 + count;
                continue;
            }
            int end = at;
            while (end < input.Length && input[end] != 10)
            {
                end++;
            }
            if (end - at > frameMax)
            {
                return (Text(lines.ToArray()), FrameKind.TooLong);
            }
            AddSlow(lines, input[at..end]);
            at = end + 1;
        }
        return (Text(lines.ToArray()), FrameKind.NeedsMore);
    }

    private static void AddSlow(List<byte> lines, byte[] frame)
    {
        int end = frame.Length;
        while (end > 0 && frame[end - 1] is 0 or 10 or 13)
        {
            end--;
        }
        foreach (byte one in frame[..end])
        {
            lines.AddRange(one is 0 or 10 or 13
                ? Encoding.ASCII.GetBytes("#" + Convert.ToString(one, 8).PadLeft(3, '0')) : [one]);
        }
        if (end > 0)
        {
            lines.Add(10);
        }
    }

    private static string Text(ReadOnlySpan<byte> lines) =>
        Encoding.Latin1.GetString(lines).TrimEnd('\n').Replace('\n', '|');

    private static byte[] Garbage(Random random)
    {
        var input = new List<byte>();
        int parts = random.Next(1, 7);
        for (int i = 0; i < parts; i++)
        {
            byte[] frame = new byte[random.Next(0, 14)];
            for (int k = 0; k < frame.Length; k++)
            {
                frame[k] = "\n\r\0 01289<>ab"u8[random.Next(13)];
            }
            int lie = random.Next(8) == 0 ? random.Next(-2, 40) : 0;
            if (random.Next(2) == 0)
            {
                input.AddRange(Encoding.ASCII.GetBytes($"{Math.Max(frame.Length + lie, 0)} "));
            }
            input.AddRange(frame);
            if (random.Next(2) == 0)
            {
                input.Add(10);
            }
        }
        return [.. input];
    }
}
