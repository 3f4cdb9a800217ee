using System.Net;
using System.Text;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Records;

public sealed class ClientIpTests
{
    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.15", "192.0.2.15")]
    [InlineData("2001:db8::7", "2001:db8::7")]
    [InlineData("::1", "::1")]
    [InlineData("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8")]
    [InlineData("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0")]
    [InlineData("2001:db8::192.0.2.1", "2001:db8::c000:201")]
    [InlineData("fe80::1", "fe80::1")]
    public void ReadsWhatDaemonsWrite(string text, string expected)
    {
        ClientIp ip = ClientIp.Parse(Encoding.ASCII.GetBytes(text));
        Assert.Equal(IPAddress.Parse(expected), ip.ToIPAddress());
        Assert.Equal(ip, ClientIp.Of(IPAddress.Parse(text)));
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("::")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.256")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1:2:3:4:5:6:7")]
    [InlineData("1::2::3")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("12345::")]
    [InlineData("2001:db8::7:")]
    [InlineData("private/dovecot-lmtp")]
    [InlineData("local")]
    public void EverythingElseIsNone(string text) =>
        Assert.True(ClientIp.Parse(Encoding.ASCII.GetBytes(text)).IsNone);

    /// <summary>The quick way takes the usual forms only; it must not take others differently.</summary>
    [Fact]
    public void TheQuickWayAgreesWithThePlainOne()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        ReadOnlySpan<byte> alphabet = "0123456789259....:fx/ "u8;
        byte[] text = new byte[64];
        for (int i = 0; i < 200_000; i++)
        {
            int length = random.Next(5, 17);
            for (int at = 0; at < text.Length; at++)
            {
                text[at] = random.Next(3) > 0 && at % 3 == 2
                    ? (byte)'.' : alphabet[random.Next(i % 2 == 0 ? 17 : alphabet.Length)];
            }
            if (i % 5 == 0)
            {
                "::ffff:"u8.CopyTo(text);
                length += 7;
            }
            Assert.True(
                ClientIp.Parse(text.AsSpan(0, length)) == ClientIp.Parse(ref text[0], length),
                $"{Encoding.ASCII.GetString(text, 0, length)}, seed {seed}");
        }
    }

    [Fact]
    public void AgreesWithTheFrameworkOnRandomAddresses()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        byte[] bytes = new byte[16];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            for (int z = random.Next(16); z > 0; z--)
            {
                bytes[random.Next(16)] = 0;
            }
            var address = new IPAddress(i % 3 == 0 ? bytes[..4] : bytes);
            ClientIp ip = ClientIp.Parse(Encoding.ASCII.GetBytes(address.ToString()));
            Assert.True(ip == ClientIp.Of(address), $"{address}, seed {seed}");
        }
    }

    [Theory]
    [InlineData("127.0.0.1", true, false)]
    [InlineData("::1", true, false)]
    [InlineData("10.1.2.3", false, true)]
    [InlineData("172.31.0.1", false, true)]
    [InlineData("172.32.0.1", false, false)]
    [InlineData("192.168.9.9", false, true)]
    [InlineData("169.254.1.1", false, true)]
    [InlineData("fd00::1", false, true)]
    [InlineData("fe80::1", false, true)]
    [InlineData("2001:db8::1", false, false)]
    public void KnowsLoopbackAndPrivate(string text, bool loopback, bool isPrivate)
    {
        ClientIp ip = ClientIp.Parse(Encoding.ASCII.GetBytes(text));
        Assert.Equal((loopback, isPrivate), (ip.IsLoopback, ip.IsPrivate));
    }
}
