using System.Text;
using RetentionEngine.Events;
using Xunit;

namespace RetentionEngine.Tests.Events;

public sealed class QueueIdTests
{
    [Theory]
    [InlineData("7A1F03E21")]
    [InlineData("F423F0")]
    [InlineData("000000")]
    [InlineData("4XyZ1Q0bLtz1F9")]
    [InlineData("7A1F0FFFFFFFFFFFFFFFF")]
    [InlineData("4XyZ1Q0bLtzbTTTTTTTT")]
    [InlineData("0123456789BCzD")]
    public void IdsComeBack(string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        bool valid = QueueId.TryParse(bytes, out QueueId id);
        if (text.StartsWith("0123", StringComparison.Ordinal))
        {
            // Its microseconds are more than a second has.
            Assert.False(valid);
            return;
        }
        Assert.True(valid);
        var back = new byte[QueueId.TextLengthMax];
        Assert.Equal(text, Encoding.ASCII.GetString(back, 0, id.Format(back)));
        Assert.True(id.TryDecode(out bool isLong, out long seconds, out int micros, out ulong inode));
        Assert.Equal(id, QueueId.Encode(isLong, seconds, micros, inode));
    }

    [Theory]
    [InlineData("")]
    [InlineData("F4240A")]
    [InlineData("7A1F0")]
    [InlineData("7A1F0G")]
    [InlineData("7a1f03")]
    [InlineData("NOQUEUE")]
    [InlineData("warning")]
    [InlineData("STATISTICS1")]
    [InlineData("CLEANUP99")]
    [InlineData("4XyZ1Q0bLt1F9AAAA")]
    [InlineData("4XyZ1Q0bLtz")]
    [InlineData("4XyZ1Q0bLtzA")]
    [InlineData("4AyZ1Q0bLtz1")]
    [InlineData("7A1F0FFFFFFFFFFFFFFFF0")]
    [InlineData("7A1F0000000000000000F")]
    public void OtherWordsAreNoIds(string text)
    {
        Assert.False(QueueId.TryParse(Encoding.ASCII.GetBytes(text), out QueueId id));
        Assert.True(id.IsNone);
    }

    [Fact]
    public void RandomIdsRoundTripAndBothPackingsAgree()
    {
        const int Seed = 7;
        var random = new Random(Seed);
        var text = new byte[QueueId.TextLengthMax + 64];
        for (int i = 0; i < 20_000; i++)
        {
            bool isLong = random.Next(2) == 0;
            long seconds = isLong ? random.NextInt64(1L << random.Next(10, 40)) : 0;
            int micros = random.Next(1_000_000);
            ulong inode = (ulong)random.NextInt64() >> random.Next(63);
            QueueId id = QueueId.Encode(isLong, seconds, micros, inode);
            random.NextBytes(text);
            int length = id.Format(text);
            Assert.True(QueueId.TryParse(text.AsSpan(0, length), out QueueId back));
            Assert.True(id == back, $"seed {Seed} round {i}");
            Assert.True(id.TryDecode(
                out bool wasLong, out long secondsBack, out int microsBack, out ulong inodeBack));
            Assert.Equal(
                (isLong, seconds, micros, inode), (wasLong, secondsBack, microsBack, inodeBack));
            if (length <= QueueId.PackedLengthMax)
            {
                Assert.Equal(QueueId.Pack(text.AsSpan(0, length)), QueueId.Pack(ref text[0], length));
            }
        }
    }

    [Fact]
    public void LongIdsTellTheirSecond()
    {
        var text = new byte[QueueId.TextLengthMax];
        QueueId id = QueueId.Encode(true, 1_751_612_701, 123_456, 1_234_567);
        int length = id.Format(text);
        Assert.InRange(length, 12, 20);
        Assert.True(QueueId.TryParse(text.AsSpan(0, length), out QueueId back));
        Assert.True(back.TryDecode(out bool isLong, out long seconds, out int micros, out ulong inode));
        Assert.Equal((true, 1_751_612_701L, 123_456, 1_234_567UL), (isLong, seconds, micros, inode));
    }
}
