using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests;

public sealed class StringTableTests
{
    [Fact]
    public void WhatLiesBehindATextDoesNotMatter()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var table = new StringTable(seed);
        byte[] text = new byte[300 + StringTable.PaddingBytes];
        for (int length = 1; length <= 300; length++)
        {
            random.NextBytes(text);
            uint id = table.Intern(ref text[0], length, table.Hash(ref text[0], length));
            random.NextBytes(text.AsSpan(length));
            ulong hash = table.Hash(ref text[0], length);
            Assert.True(id == table.Intern(ref text[0], length, hash), $"{length}, seed {seed}");
            Assert.Equal(id, table.Intern(text.AsSpan(0, length)));
            Assert.Equal(hash, table.HashOf(id));
            text[random.Next(length)] ^= 1;
            uint other = table.Intern(ref text[0], length, table.Hash(ref text[0], length));
            Assert.True(id != other, $"{length}, seed {seed}");
        }
    }

    [Fact]
    public void IdsAreDenseAndTextsComeBack()
    {
        var table = new StringTable(7);
        for (int i = 0; i < 100_000; i++)
        {
            Assert.Equal((uint)(i + 2), table.Intern(System.Text.Encoding.ASCII.GetBytes($"u{i}@example.org")));
        }
        Assert.Equal(500u + 2, table.Intern("u500@example.org"u8));
        for (int i = 0; i < 100_000; i++)
        {
            // By code that the compiler has meanwhile made anew.
            Assert.Equal((uint)(i + 2), table.Intern(System.Text.Encoding.ASCII.GetBytes($"u{i}@example.org")));
        }
        Assert.Equal("u77@example.org"u8.ToArray(), table[79].ToArray());
        Assert.Equal(1u, table.Intern([]));
        table.Clear();
        Assert.Equal(2u, table.Intern("x"u8));
    }
}
