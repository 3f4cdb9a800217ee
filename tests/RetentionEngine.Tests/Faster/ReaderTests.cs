using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Faster;

/// <summary>A reader walks along small runs in the files itself: it finds what the writer finds.</summary>
public sealed class ReaderTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly FasterBlockStore _writer;
    private readonly Dictionary<BlockKey, byte[]> _blocks = [];
    private byte[] _buffer = [];

    public ReaderTests()
    {
        _writer = FasterBlockStore.Open(_directory.Path, readOnly: false);
    }

    public void Dispose()
    {
        _writer.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AReaderFindsWhatWasPut(int seed)
    {
        var random = new Random(seed);
        for (int flush = 0; flush < 6; flush++)
        {
            // Runs one behind the other, as an import puts them: of all sizes, over page ends.
            for (int run = (flush * 20) + 1; run <= (flush * 20) + 20; run++)
            {
                int blocks = random.Next(1, 12);
                int lengthMax = random.Next(4) == 0 ? BlockStore.ValueLengthMax : 30_000;
                for (int number = 0; number < blocks; number++)
                {
                    Put(run, number, random.Next(1, lengthMax + 1), random);
                }
            }
            _writer.Flush();
        }
        CheckReader();
        foreach (int run in (int[])[3, 50, 119])
        {
            Drop(run);
        }
        _writer.Move([.. _blocks.Keys.Where(key => key.Run == 7).OrderBy(key => key.Number)]);
        _writer.Flush();
        CheckReader();
    }

    [Fact]
    public void RunsThatWerePutTogetherAndBlocksThatWereReplacedAreFound()
    {
        var random = new Random(4);
        for (int round = 0; round < 30; round++)
        {
            for (int run = 1; run <= 4; run++)
            {
                Put(run, round / 2, random.Next(1, 9_000), random);
            }
        }
        _writer.Flush();
        CheckReader();
    }

    [Fact]
    public void AReaderSeesTheFlushThatItOpened()
    {
        var random = new Random(5);
        Put(1, 0, 5_000, random);
        _writer.Flush();
        using FasterBlockStore reader = FasterBlockStore.Open(_directory.Path, readOnly: true);
        Put(1, 1, 5_000, random);
        Put(2, 0, 5_000, random);
        _writer.Flush();
        Assert.Equal(5_000, reader.Read(Key(1, 0), ref _buffer));
        Assert.Equal(-1, reader.Read(Key(1, 1), ref _buffer));
        Assert.Equal(-1, reader.Read(Key(2, 0), ref _buffer));
        CheckReader();
    }

    [Fact]
    public void ADamagedHeadHidesBlocksAndBreaksNothing()
    {
        var random = new Random(6);
        for (int number = 0; number < 8; number++)
        {
            Put(1, number, 3_000, random);
        }
        _writer.Flush();
        string path = _directory["sent.log.0"];
        byte[] bytes = File.ReadAllBytes(path);
        // The first record is at 64: its word, its key, the length of its value.
        for (int at = 64; at < 64 + 28; at++)
        {
            foreach (byte value in (byte[])[0, 0x7f, 0xff])
            {
                byte[] copy = [.. bytes];
                copy[at] = value;
                File.WriteAllBytes(path, copy);
                using FasterBlockStore reader = FasterBlockStore.Open(_directory.Path, readOnly: true);
                foreach ((BlockKey key, byte[] block) in _blocks)
                {
                    int length = reader.Read(key, ref _buffer);
                    Assert.InRange(length, -1, BlockStore.ValueLengthMax);
                }
            }
        }
        File.WriteAllBytes(path, bytes);
        CheckReader();
    }

    private static BlockKey Key(int run, int number) =>
        new(new BucketId(RecordClass.Sent, 480_000 + (run % 3), 1), run, 1, number);

    private void Put(int run, int number, int length, Random random)
    {
        byte[] block = new byte[length];
        random.NextBytes(block);
        _blocks[Key(run, number)] = block;
        _writer.Put(Key(run, number), block);
    }

    private void Drop(int run)
    {
        BlockKey[] keys = [.. _blocks.Keys.Where(key => key.Run == run)];
        _writer.Drop(keys);
        foreach (BlockKey key in keys)
        {
            _blocks.Remove(key);
        }
    }

    private void CheckReader()
    {
        using FasterBlockStore reader = FasterBlockStore.Open(_directory.Path, readOnly: true);
        foreach ((BlockKey key, byte[] block) in _blocks)
        {
            foreach (FasterBlockStore store in (FasterBlockStore[])[_writer, reader])
            {
                int length = store.Read(key, ref _buffer);
                Assert.True(_buffer.AsSpan(0, Math.Max(length, 0)).SequenceEqual(block), $"{key}");
            }
        }
        Assert.Equal(-1, reader.Read(Key(1, 1_000), ref _buffer));
        Assert.Equal(-1, reader.Read(Key(1_000, 0), ref _buffer));
        reader.CheckRecovery();
    }
}
