using RetentionEngine.Events;
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
}
