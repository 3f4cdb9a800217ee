using RetentionEngine.Onion.Dns;
using Xunit;

namespace RetentionEngine.Onion.Tests;

public sealed class DnsMessageTests
{
    private const string Service = "_onion-mx._tcp.example.org";

    [Fact]
    public void A_query_is_these_bytes() =>
        Assert.Equal(
            "1234" + "0120" + "0001000000000000" + "0161" + "02" + "6465" + "00" + "0021" + "0001",
            Convert.ToHexString(DnsMessage.Query(0x1234, "a.de", DnsMessage.Srv)));

    [Fact]
    public void A_reply_gives_its_records()
    {
        DnsReply? reply = DnsMessage.Read(
            DnsReplies.Srv(7, Service, true, (0, 5, 25, OnionNameTests.Example)),
            7, Service, DnsMessage.Srv);
        Assert.NotNull(reply);
        Assert.True(reply.IsAuthentic);
        DnsRecord record = Assert.Single(reply.Answers);
        Assert.Equal(
            (300u, 0, 5, 25, OnionNameTests.Example),
            (record.Ttl, record.Priority, record.Weight, record.Port, record.Target));
    }

    [Fact]
    public void Another_question_or_number_is_no_reply()
    {
        byte[] bytes = DnsReplies.Srv(7, Service, true, (0, 5, 25, "a.onion"));
        Assert.NotNull(DnsMessage.Read(bytes, 7, Service.ToUpperInvariant(), DnsMessage.Srv));
        Assert.Null(DnsMessage.Read(bytes, 8, Service, DnsMessage.Srv));
        Assert.Null(DnsMessage.Read(bytes, 7, "x." + Service, DnsMessage.Srv));
        Assert.Null(DnsMessage.Read(bytes, 7, Service, DnsMessage.Txt));
        byte[] cut = [.. bytes];
        cut[2] |= 0x02;
        Assert.Null(DnsMessage.Read(cut, 7, Service, DnsMessage.Srv));
        byte[] query = [.. bytes];
        query[2] &= 0x7F;
        Assert.Null(DnsMessage.Read(query, 7, Service, DnsMessage.Srv));
    }

    [Fact]
    public void A_reply_cut_or_lengthened_anywhere_is_none()
    {
        byte[] bytes = DnsReplies.Srv(7, Service, true, (0, 5, 25, OnionNameTests.Example));
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            Assert.Null(DnsMessage.Read(bytes.AsSpan(0, cut), 7, Service, DnsMessage.Srv));
        }
        Assert.Null(DnsMessage.Read([.. bytes, 0], 7, Service, DnsMessage.Srv));
    }

    [Fact]
    public void Records_of_other_names_do_not_count()
    {
        byte[] bytes = DnsReplies.Srv(7, Service, true, (0, 5, 25, "a.onion"));
        // The answer's owner is a pointer to the question; let it point one label further.
        int owner = Array.LastIndexOf(bytes, (byte)0xC0, bytes.Length - 20);
        bytes[owner + 1] += 10;
        Assert.Empty(DnsMessage.Read(bytes, 7, Service, DnsMessage.Srv)!.Answers);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(0x3FFF)]
    public void Pointers_in_circles_end(int target)
    {
        byte[] bytes =
        [
            0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0,
            (byte)(0xC0 | (target >> 8)), (byte)target, 0, 33, 0, 1,
        ];
        Assert.Null(DnsMessage.Read(bytes, 7, "", DnsMessage.Srv));
        Assert.Null(DnsMessage.QueryName(bytes));
    }

    [Fact]
    public void Fuzzed_replies_are_refused_or_read_and_never_throw()
    {
        var random = new Random(11);
        byte[] good = DnsReplies.Srv(
            7, Service, true, (0, 5, 25, OnionNameTests.Example), (9, 1, 26, "b.example"));
        int read = 0;
        for (int round = 0; round < 200_000; round++)
        {
            byte[] bytes = [.. good.AsSpan(0, random.Next(4) == 0
                ? random.Next(good.Length + 1) : good.Length)];
            for (int change = random.Next(1, 5); change > 0 && bytes.Length > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = random.Next(3) == 0
                    ? (byte)0xC0 : (byte)random.Next(256);
            }
            DnsReply? reply = DnsMessage.Read(bytes, 7, Service, DnsMessage.Srv);
            read += reply == null ? 0 : 1;
            Assert.True(reply == null || reply.Answers.Count <= 128);
            DnsMessage.QueryName(bytes);
        }
        Assert.InRange(read, 1, 199_999);
    }
}
