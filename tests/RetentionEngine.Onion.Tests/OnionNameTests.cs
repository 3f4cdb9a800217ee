using RetentionEngine.Onion.Names;
using Xunit;

namespace RetentionEngine.Onion.Tests;

public sealed class OnionNameTests
{
    /// <summary>The example of Tor's own specification.</summary>
    public const string Example = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";

    [Theory]
    [InlineData(Example)]
    [InlineData("PG6MMJIYJMCRSSLVYKFWNNTLARU7P5SVN6Y2YMMJU6NUBXNDF4PSCRYD.ONION")]
    [InlineData(Example + ".")]
    [InlineData("mail." + Example)]
    public void One_service_has_one_form(string text)
    {
        Assert.Equal(OnionFault.Valid, OnionName.Parse(text, out string onion));
        Assert.Equal(Example, onion);
    }

    [Theory]
    [InlineData("expyuzz4wqqyqhjn.onion", nameof(OnionFault.OldVersion))]
    [InlineData("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscrye.onion",
        nameof(OnionFault.WrongVersion))]
    [InlineData("qg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
        nameof(OnionFault.WrongChecksum))]
    [InlineData("0g6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
        nameof(OnionFault.WrongAlphabet))]
    [InlineData("abc.onion", nameof(OnionFault.WrongLength))]
    [InlineData("onion", nameof(OnionFault.WrongLength))]
    [InlineData(".onion", nameof(OnionFault.WrongLength))]
    [InlineData(Example + ".example.org", nameof(OnionFault.NotOnion))]
    [InlineData("myonion", nameof(OnionFault.NotOnion))]
    public void What_can_never_work_is_named(string text, string fault)
    {
        Assert.Equal(fault, OnionName.Parse(text, out string onion).ToString());
        Assert.Empty(onion);
    }

    [Fact]
    public void Each_changed_letter_is_found()
    {
        int found = 0;
        for (int i = 0; i < 56; i++)
        {
            char[] letters = Example.ToCharArray();
            letters[i] = letters[i] == 'a' ? 'b' : 'a';
            found += OnionName.Parse(letters, out _) == OnionFault.Valid ? 0 : 1;
        }
        Assert.Equal(56, found);
    }

    [Fact]
    public void A_name_made_from_a_key_is_valid()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            string name = Name(seed);
            Assert.Equal(OnionFault.Valid, OnionName.Parse(name, out string onion));
            Assert.Equal(name, onion);
        }
    }

    [Theory]
    [InlineData("user@Example.ORG", "example.org")]
    [InlineData("\"odd@local\"@example.org.", "example.org")]
    [InlineData("user@m\u00fcller.example", "xn--mller-kva.example")]
    [InlineData("example.org", "example.org")]
    [InlineData("*", null)]
    [InlineData("user@[192.0.2.1]", null)]
    [InlineData("user@", null)]
    [InlineData("user@localhost", null)]
    [InlineData(".example.org", null)]
    [InlineData("user@a..b", null)]
    public void A_key_has_a_domain(string key, string? domain) =>
        Assert.Equal(domain, DomainName.FromKey(key));

    /// <summary>A valid name, another one for each seed.</summary>
    public static string Name(int seed)
    {
        byte[] key = new byte[32];
        new Random(seed).NextBytes(key);
        return OnionName.FromKey(key);
    }
}
