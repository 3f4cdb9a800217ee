using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests;

public sealed class StringTableTests
{
    [Fact]
    public void IdsAreDenseAndTextsComeBack()
    {
        var table = new StringTable(7);
        for (int i = 0; i < 100_000; i++)
        {
            Assert.Equal((uint)(i + 2), table.Intern(System.Text.Encoding.ASCII.GetBytes($"u{i}@example.org")));
        }
        Assert.Equal(500u + 2, table.Intern("u500@example.org"u8));
        Assert.Equal("u77@example.org"u8.ToArray(), table[79].ToArray());
        Assert.Equal(1u, table.Intern([]));
        table.Clear();
        Assert.Equal(2u, table.Intern("x"u8));
    }
}
