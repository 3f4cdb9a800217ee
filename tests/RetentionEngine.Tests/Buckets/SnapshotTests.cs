using RetentionEngine.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Buckets;

public sealed class SnapshotTests
{
    [Fact]
    public void WhatIsPackedComesBack()
    {
        byte[] buffer = [];
        var random = new Random(5);
        foreach (int length in (int[])[1, 2, 100, 5_000_000, 70_000, 3])
        {
            byte[] plain = new byte[length];
            // Half noise, half zeros: the second half shrinks.
            random.NextBytes(plain.AsSpan(0, length / 2));
            ReadOnlySpan<byte> packed = Snapshot.Pack(plain, ref buffer);
            Assert.True(Snapshot.TryUnpack(packed, out byte[] back));
            Assert.Equal(plain, back);
        }
    }

    [Fact]
    public void WhatIsNotWholeIsRefused()
    {
        byte[] buffer = [];
        byte[] packed = Snapshot.Pack(new byte[300], ref buffer).ToArray();
        for (int length = 0; length < packed.Length; length++)
        {
            Assert.False(Snapshot.TryUnpack(packed.AsSpan(0, length), out _));
        }
        packed[3] = 0x7f;
        Assert.False(Snapshot.TryUnpack(packed, out _));
    }
}
