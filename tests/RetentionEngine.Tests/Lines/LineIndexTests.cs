using RetentionEngine.Lines;
using Xunit;

namespace RetentionEngine.Tests.Lines;

public sealed class LineIndexTests
{
    [Fact]
    public void AgreesWithThePlainLoop()
    {
        const int Seed = 20250704;
        var random = new Random(Seed);
        var ends = new int[600 + LineIndex.SpareSlots];
        for (int round = 0; round < 4000; round++)
        {
            int length = random.Next(0, 700);
            var padded = new byte[length + BlockReader.PaddingBytes];
            int share = random.Next(1, 200);
            for (int i = 0; i < padded.Length; i++)
            {
                padded[i] = random.Next(share) == 0 ? (byte)'\n' : (byte)random.Next(256);
            }
            int start = random.Next(0, length + 1);
            int wanted = random.Next(1, 600);
            List<int> expected = Plain(padded.AsSpan(0, length), start, wanted);
            int count = LineIndex.Find(padded.AsSpan(0, length), start, ends, wanted);
            Assert.True(expected.SequenceEqual(ends[..count]), $"seed {Seed} round {round}");
        }
    }

    private static List<int> Plain(ReadOnlySpan<byte> block, int start, int wanted)
    {
        var ends = new List<int>();
        for (int i = start; i < block.Length && ends.Count < wanted; i++)
        {
            if (block[i] == '\n')
            {
                ends.Add(i);
            }
            else if (i == block.Length - 1)
            {
                ends.Add(block.Length);
            }
        }
        return ends;
    }
}
