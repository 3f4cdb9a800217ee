using RetentionEngine.Blocks;
using Xunit;

namespace RetentionEngine.Tests.Blocks;

public sealed class PackedColumnTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RangesAreMarkedAsAllValuesSay(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 400; round++)
        {
            long[] values = Values(random);
            var sink = new ByteSink();
            PackedColumn.Write(values, sink, new ulong[values.Length]);
            var cursor = new ByteCursor(sink.Written);
            var column = new PackedColumn(ref cursor, values.Length);
            long first = values[random.Next(values.Length)] + random.Next(-2, 3);
            long last = Math.Max(first, first + (random.Next(3) == 0 ? 0 : random.NextInt64(1L << random.Next(1, 60))));
            ulong[] hits = new ulong[(values.Length + 63) / 64];
            bool any = column.MarkRange(first, last, hits);
            for (int i = 0; i < values.Length; i++)
            {
                bool isHit = (hits[i >> 6] >> i & 1) != 0;
                Assert.True(
                    isHit == (values[i] >= first && values[i] <= last), $"seed {seed}, round {round}, {i}");
            }
            Assert.Equal(hits.Any(word => word != 0), any);
        }
    }

    /// <summary>Constant, narrow, wide, and narrow with some that are wide and so patched.</summary>
    private static long[] Values(Random random)
    {
        long[] values = new long[random.Next(1, PackedColumn.ChunkLength + 1)];
        long low = random.NextInt64(-1000, 1L << 40);
        int bits = random.Next(0, 59);
        int oddEvery = random.Next(3) == 0 ? random.Next(10, 200) : int.MaxValue;
        for (int i = 0; i < values.Length; i++)
        {
            long step = random.NextInt64(1L << (i % oddEvery == oddEvery - 1 ? 50 : bits));
            values[i] = low + step;
        }
        return values;
    }
}
