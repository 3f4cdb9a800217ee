using System.Text;
using RetentionEngine.Onion.Lookup;
using Xunit;

namespace RetentionEngine.Onion.Tests;

public sealed class ProtocolTests
{
    [Theory]
    [InlineData("12:onion a@b.de,", "onion", "a@b.de")]
    [InlineData("7:onion *,", "onion", "*")]
    [InlineData("6:onion ,", "onion", null)]
    [InlineData("5:onion,", "", null)]
    [InlineData("0:,", "", null)]
    [InlineData("9:onion a\0b,", "onion", null)]
    public void A_netstring_holds_map_and_key(string text, string map, string? key)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        Assert.Equal(Framing.Complete, Socketmap.Read(bytes, out MapRequest request));
        Assert.Equal((map, key, bytes.Length), (request.Map, request.Key, request.Length));
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            Assert.Equal(Framing.NeedMore, Socketmap.Read(bytes.AsSpan(0, cut), out _));
        }
    }

    [Theory]
    [InlineData(":onion x,")]
    [InlineData("x")]
    [InlineData("-1:")]
    [InlineData("07:onion x,")]
    [InlineData("10001:")]
    [InlineData("999999")]
    [InlineData("99999999999999999999:")]
    [InlineData("7:onion *;")]
    public void What_is_no_netstring_ends_the_connection(string text) =>
        Assert.Equal(Framing.Invalid, Socketmap.Read(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData("get a@b.de\n", "a@b.de")]
    [InlineData("get a%20b%25@b.de\n", "a b%@b.de")]
    [InlineData("get \n", null)]
    [InlineData("get a%2\n", null)]
    [InlineData("get a%zz\n", null)]
    [InlineData("get a%00b\n", null)]
    [InlineData("put a b\n", null)]
    [InlineData("\n", null)]
    public void A_line_holds_a_key(string text, string? key)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        Assert.Equal(Framing.Complete, TcpTable.Read(bytes, out MapRequest request));
        Assert.Equal((key, bytes.Length), (request.Key, request.Length));
    }

    [Fact]
    public void A_line_without_end_ends_the_connection()
    {
        byte[] line = new byte[4096];
        line.AsSpan().Fill((byte)'a');
        Assert.Equal(Framing.NeedMore, TcpTable.Read(line.AsSpan(0, 4095), out _));
        Assert.Equal(Framing.Invalid, TcpTable.Read(line, out _));
    }

    [Fact]
    public void Answers_are_written_as_Postfix_reads_them()
    {
        Answer?[] all =
            [Answer.Found("onion:[127.64.0.1]:10000"), Answer.NotFound, Answer.Temporary("a b%"), null];
        Assert.Equal(
            ["27:OK onion:[127.64.0.1]:10000,", "9:NOTFOUND ,", "9:TEMP a b%,",
                "26:PERM request without a key,"],
            all.Select(Write<Socketmap>));
        Assert.Equal(
            ["200 onion:[127.64.0.1]:10000\n", "500 not%20found\n", "400 a%20b%25\n",
                "400 bad%20request\n"],
            all.Select(Write<TcpTable>));
    }

    [Fact]
    public void Random_bytes_are_read_without_harm()
    {
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(1, 60)];
            random.NextBytes(bytes);
            bytes[0] = (byte)('0' + random.Next(10));
            Assert.InRange(Consumed<Socketmap>(bytes), 0, bytes.Length);
            Assert.InRange(Consumed<TcpTable>(bytes), 0, bytes.Length);
        }
    }

    private static int Consumed<TProtocol>(byte[] bytes)
        where TProtocol : IMapProtocol
    {
        TProtocol.Read(bytes, out MapRequest request);
        return request.Length;
    }

    private static string Write<TProtocol>(Answer? answer)
        where TProtocol : IMapProtocol
    {
        var bytes = new List<byte>();
        TProtocol.Write(answer, bytes);
        return Encoding.ASCII.GetString([.. bytes]);
    }
}
