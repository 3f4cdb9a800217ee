using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Faster;

/// <summary>Logs of several segments, with saved indexes and memory that holds a part only.</summary>
public sealed class LargeLogTests : IDisposable
{
    private const int BlocksPerRun = 40;
    private const int BlockLength = 200_000;

    private static readonly BucketId s_bucket = new(RecordClass.Access, 480_000, 1);

    private readonly TestDirectory _directory = new();
    private readonly byte[] _value = new byte[BlockLength];

    private FasterBlockStore _store;

    public LargeLogTests()
    {
        _store = FasterBlockStore.Open(_directory.Path, readOnly: false);
    }

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void RoomIsFreedFromTheBeginningAndTheRestIsFound()
    {
        for (int run = 1; run <= 25; run++)
        {
            PutRun(run);
            _store.Flush();
        }
        long full = _store.SizeBytes;
        Assert.True(full > 190_000_000);
        Assert.Single(Directory.EnumerateFiles(_directory.Path, "access.index.*"));
        for (int run = 1; run <= 20; run++)
        {
            _store.Drop(Keys(run));
        }
        _store.Flush();
        Assert.True(_store.SizeBytes < full / 2, $"{_store.SizeBytes} of {full}");
        CheckRuns(21, 25);
        Reopen();
        CheckRuns(21, 25);
        Assert.True(_store.Read(Keys(3)[0], ref _buffer) < 0);
    }

    [Fact]
    public void ARunThatKeepsRoomFromBeingFreedCanBeMoved()
    {
        for (int run = 1; run <= 20; run++)
        {
            PutRun(run);
            _store.Flush();
        }
        for (int run = 2; run <= 18; run++)
        {
            _store.Drop(Keys(run));
        }
        _store.Flush();
        long full = _store.SizeBytes;
        Assert.True(_store.DeadBytesOf(RecordClass.Access) > 130_000_000);
        _store.Move(Keys(1));
        CheckRuns(1, 1);
        _store.Flush();
        Assert.True(_store.SizeBytes < full / 2, $"{_store.SizeBytes} of {full}");
        CheckRuns(1, 1);
        Reopen();
        CheckRuns(1, 1);
        CheckRuns(19, 20);
    }

    [Fact]
    public void AnIndexThatDoesNotFitLosesNothing()
    {
        for (int run = 1; run <= 7; run++)
        {
            PutRun(run);
            _store.Flush();
        }
        _store.BeforeWrite = (path, _) =>
        {
            if (path.Contains(".index.", StringComparison.Ordinal))
            {
                throw new IOException("No space left on device", 28);
            }
        };
        int run8 = 8;
        RetentionException e = Assert.Throws<RetentionException>(() =>
        {
            while (run8 < 30)
            {
                PutRun(run8);
                _store.Flush();
                run8++;
            }
        });
        Assert.Equal(RetentionError.DiskFull, e.Error);
        Reopen();
        CheckRuns(1, run8 - 1);
    }

    private byte[] _buffer = [];

    private static BlockKey[] Keys(int run) =>
        [.. Enumerable.Range(0, BlocksPerRun).Select(n => new BlockKey(s_bucket, run, 1, n))];

    private void PutRun(int run)
    {
        foreach (BlockKey key in Keys(run))
        {
            Fill(key);
            _store.Put(key, _value);
        }
    }

    private void CheckRuns(int first, int last)
    {
        for (int run = first; run <= last; run++)
        {
            foreach (BlockKey key in Keys(run))
            {
                int length = _store.Read(key, ref _buffer);
                Fill(key);
                Assert.True(_buffer.AsSpan(0, Math.Max(length, 0)).SequenceEqual(_value), $"{key}");
            }
        }
    }

    private void Fill(in BlockKey key) => _value.AsSpan().Fill((byte)((key.Run * 41) + key.Number));

    private void Reopen()
    {
        _store.Dispose();
        _store = FasterBlockStore.Open(_directory.Path, readOnly: false);
    }
}
