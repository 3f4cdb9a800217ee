using System.Buffers.Binary;
using System.Text;
using RetentionEngine.Lines;
using Xunit;

namespace RetentionEngine.Tests.Lines;

/// <summary>Every wrapping form, in whatever pieces it comes.</summary>
public sealed class FormStreamTests
{
    private const string Text = "7A1F03E21: removed";
    private const string Plain = "2025-07-04T07:05:01.123456Z mx1 postfix/qmgr[811]: " + Text;

    private const string Head =
        "{\"__CURSOR\":\"x\",\"__REALTIME_TIMESTAMP\":\"1751612701123456\",\"_HOSTNAME\":\"mx1\","
        + "\"SYSLOG_IDENTIFIER\":\"postfix/qmgr\",\"_PID\":\"9\",\"SYSLOG_PID\":\"811\",\"MESSAGE\":";

    [Theory]
    [InlineData(Head + "\"" + Text + "\"}\n", Plain + "\n")]
    [InlineData(Head + "[55,65,49,70,48,51,69,50,49,58,32,114,101,109,111,118,101,100]}\n", Plain + "\n")]
    [InlineData(Head + "[\"" + Text + "\",\"other\"]}\n", Plain + "\n")]
    [InlineData(Head + "\"a\\nb\\u0007\"}\n",
        "2025-07-04T07:05:01.123456Z mx1 postfix/qmgr[811]: a?b?\n")]
    [InlineData(Head + "null}\n\n" + Head + "\"" + Text + "\"}", Head + "null}\n\n" + Plain)]
    [InlineData(Head + "\"" + Text + "\"}\n{\"MESS", Plain + "\n{\"MESS")]
    [InlineData("{\"log\":\"Jul  4 09:05:01 mx1 a: b\\n\",\"stream\":\"stdout\",\"time\":\"2025-07-04T07:05:01.1Z\"}\n",
        "Jul  4 09:05:01 mx1 a: b\n")]
    [InlineData("{\"log\":\"postfix/qmgr[811]: 7A1F\",\"stream\":\"stdout\",\"time\":\"2025-07-04T07:05:01.1Z\"}\n"
        + "{\"log\":\"x\\n\",\"stream\":\"stderr\",\"time\":\"2025-07-04T07:05:01.1Z\"}\n"
        + "{\"log\":\"03E21: removed\\n\",\"stream\":\"stdout\",\"time\":\"2025-07-04T07:05:01.2Z\"}\n",
        "\n2025-07-04T07:05:01.1Z - x\n2025-07-04T07:05:01.2Z - postfix/qmgr[811]: " + Text + "\n")]
    [InlineData("2025-07-04T07:05:01.1Z stdout P Jul  4 09:05:01 mx1 a:\n"
        + "2025-07-04T07:05:01.1Z stderr F Jul  4 09:05:01 mx1 c: d\n"
        + "2025-07-04T07:05:01.1Z stdout F  b\n",
        "\nJul  4 09:05:01 mx1 c: d\nJul  4 09:05:01 mx1 a: b\n")]
    [InlineData("Attaching to postfix_1\npostfix_1  | Jul  4 09:05:01 mx1 a: b\nodd\n",
        "Attaching to postfix_1\nJul  4 09:05:01 mx1 a: b\nodd\n")]
    [InlineData("\"Jul  4 09:05:01 mx1 a: \"\"b\"\"\",,,\nJul  4 09:05:01 mx1 c: d,,,\n",
        "Jul  4 09:05:01 mx1 a: \"b\"\nJul  4 09:05:01 mx1 c: d\n")]
    [InlineData("-- Boot 1 --\nJul  4 09:05:01 mx1 a: b\n{\"log\":\"x\"}\n",
        "-- Boot 1 --\nJul  4 09:05:01 mx1 a: b\n{\"log\":\"x\"}\n")]
    [InlineData("", "")]
    [InlineData("Jul", "Jul")]
    public void A_wrapped_line_is_unwrapped(string source, string expected)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(source);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(expected, Read(new PieceStream(bytes, cut)));
        }
    }

    [Fact]
    public void A_journal_export_keeps_its_line_numbers()
    {
        byte[] value = Encoding.Latin1.GetBytes("7A1F03E21: removed\n\u00ff");
        var source = new MemoryStream();
        source.Write("__CURSOR=x\n__REALTIME_TIMESTAMP=1751612701123456\n_HOSTNAME=mx1\n"u8);
        source.Write("SYSLOG_IDENTIFIER=postfix/qmgr\nSYSLOG_PID=811\nCOREDUMP\n"u8);
        WriteLength(source, 300_000);
        source.Write(new byte[300_000]);
        source.Write("\nMESSAGE\n"u8);
        WriteLength(source, value.Length);
        source.Write(value);
        source.Write("\n\n__CURSOR=y\n__REALTIME_TIMESTAMP=1\nMESSAGE=unfinished"u8);
        byte[] bytes = source.ToArray();
        string text = Read(new PieceStream(bytes, 77));
        string[] lines = text.Split('\n');
        int before = bytes.AsSpan(0, bytes.AsSpan().IndexOf("\n__CURSOR=y"u8)).Count((byte)'\n');
        Assert.Equal(
            "2025-07-04T07:05:01.123456Z mx1 postfix/qmgr[811]: 7A1F03E21: removed?\u00ff",
            lines[before]);
        Assert.All(lines[..before], line => Assert.Equal("", line));
        Assert.Equal("", string.Concat(lines[(before + 1)..]));
    }

    [Fact]
    public void A_line_without_end_takes_bounded_memory_and_is_overlong()
    {
        byte[] bytes = Encoding.Latin1.GetBytes(
            Head + "\"" + new string('x', 5_000_000) + "\"}\n" + Head + "\"" + Text + "\"}\n");
        using var reader = new BlockReader(new FormStream(new MemoryStream(bytes)));
        var text = new StringBuilder();
        while (reader.TryRead(out ReadOnlySpan<byte> block))
        {
            text.Append(Encoding.Latin1.GetString(block));
            reader.Advance(block.Length);
        }
        Assert.Equal(1, reader.OverlongLines);
        Assert.Equal(Plain + "\n", text.ToString());
    }

    private static void WriteLength(MemoryStream stream, long length)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        stream.Write(bytes);
    }

    private static string Read(Stream inner)
    {
        using var stream = new FormStream(inner);
        var result = new MemoryStream();
        byte[] buffer = new byte[11];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            result.Write(buffer.AsSpan(0, read));
        }
        return Encoding.Latin1.GetString(result.ToArray());
    }

    /// <summary>Gives its bytes in two reads, or in pieces no longer than the cut.</summary>
    private sealed class PieceStream(byte[] bytes, int cut) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) =>
            Position < cut ? base.Read(buffer[..(int)Math.Min(buffer.Length, cut - Position)])
                : base.Read(buffer);
    }
}
