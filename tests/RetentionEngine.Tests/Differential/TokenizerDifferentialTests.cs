using System.Text;
using Xunit;

namespace RetentionEngine.Tests.Differential;

/// <summary>The tokenizer against the slow parser: corpus, truncations, mutations.</summary>
public sealed class TokenizerDifferentialTests
{
    public static TheoryData<string> Files() => [.. Corpus.Files.Select(f => Path.GetFileName(f))];

    [Theory]
    [MemberData(nameof(Files))]
    public void Corpus_GivesTheSameEvents(string name)
    {
        byte[] log = Read(name);
        BothParsers.AssertAgree(log, name);
        BothParsers.AssertAgree(log, name, eventRoom: 1);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void EveryTruncation_GivesTheSameEvents(string name)
    {
        var log = new MemoryStream();
        foreach (string line in Encoding.Latin1.GetString(Read(name)).Split('\n'))
        {
            for (int length = line.Length - 1; length > 0; length--)
            {
                log.Write(Encoding.Latin1.GetBytes(line[..length]));
                log.WriteByte((byte)'\n');
            }
        }
        BothParsers.AssertAgree(log.ToArray(), name);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(0)]
    public void Mutations_GiveTheSameEvents(int seed)
    {
        // Seed 0 means a new one for every run; a failure tells which it was.
        seed = seed == 0 ? Environment.TickCount : seed;
        BothParsers.AssertAgree(
            Mutator.Mutate(Corpus.Files, seed, lineCount: 50_000), $"mutations with seed {seed}",
            isEachLineFirst: true);
    }

    private static byte[] Read(string name) =>
        File.ReadAllBytes(Corpus.Files.Single(f => Path.GetFileName(f).Equals(name, StringComparison.Ordinal)));
}
