using Xunit;

namespace RetentionEngine.Tests.Buckets;

/// <summary>What every block store must do; each one runs this class.</summary>
public abstract class BlockStoreContract : IDisposable
{
    private static readonly BucketId s_bucket = new(RecordClass.Sent, 480_000, 1);

    private BlockStore _store = null!;
    private byte[] _buffer = [];

    protected abstract BlockStore Open();

    /// <summary>Opens what a killed process would have left of a store.</summary>
    protected abstract BlockStore Reopen(BlockStore store);

    [Fact]
    public void ABlockComesBackBeforeAndAfterFlush()
    {
        _store = Open();
        byte[] value = Value(1, 20_000);
        _store.Put(Key(1, 0), value);
        Assert.Equal(value, Read(Key(1, 0)));
        _store.Flush();
        Assert.Equal(value, Read(Key(1, 0)));
        _store = Reopen(_store);
        Assert.Equal(value, Read(Key(1, 0)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4096)]
    [InlineData(BlockStore.ValueLengthMax)]
    public void EveryLengthComesBack(int length)
    {
        _store = Open();
        for (int number = 0; number < 5; number++)
        {
            _store.Put(Key(1, number), Value(number, length));
        }
        _store.Flush();
        _store = Reopen(_store);
        for (int number = 0; number < 5; number++)
        {
            Assert.Equal(Value(number, length), Read(Key(1, number)));
        }
    }

    [Fact]
    public void LengthsOutOfRangeAreRefused()
    {
        _store = Open();
        Assert.Throws<ArgumentOutOfRangeException>(() => _store.Put(Key(1, 0), []));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => _store.Put(Key(1, 0), new byte[BlockStore.ValueLengthMax + 1]));
    }

    [Fact]
    public void KeysThatDifferInOnePartAreDifferent()
    {
        _store = Open();
        BlockKey[] keys =
        [
            new(new BucketId(RecordClass.Sent, 480_000, 1), 1, 1, 0),
            new(new BucketId(RecordClass.Received, 480_000, 1), 2, 1, 0),
            new(new BucketId(RecordClass.Sent, 480_001, 1), 3, 1, 0),
            new(new BucketId(RecordClass.Sent, 480_000, 1), 4, 1, 0),
            new(new BucketId(RecordClass.Sent, 480_000, 1), 1, 2, 0),
            new(new BucketId(RecordClass.Sent, 480_000, 1), 1, 1, 1),
            new(new BucketId(RecordClass.Access, -24, 24), 5, 1, 0),
            new(new BucketId(RecordClass.Rejected, 480_000, 520), 6, 255, 1 << 30),
        ];
        for (int i = 0; i < keys.Length; i++)
        {
            _store.Put(keys[i], Value(i, 100 + i));
        }
        for (int i = 0; i < keys.Length; i++)
        {
            Assert.Equal(Value(i, 100 + i), Read(keys[i]));
        }
        Assert.Null(Read(new BlockKey(s_bucket, 1, 1, 2)));
        Assert.Null(Read(new BlockKey(s_bucket, 9, 1, 0)));
    }

    [Fact]
    public void APutReplaces()
    {
        _store = Open();
        _store.Put(Key(1, 0), Value(1, 500));
        _store.Flush();
        _store.Put(Key(1, 0), Value(2, 700));
        Assert.Equal(Value(2, 700), Read(Key(1, 0)));
        _store.Put(Key(1, 0), Value(3, 700));
        _store.Flush();
        Assert.Equal(Value(3, 700), Read(Key(1, 0)));
        _store = Reopen(_store);
        Assert.Equal(Value(3, 700), Read(Key(1, 0)));
    }

    [Fact]
    public void WhatWasNotFlushedIsGoneOrWhole()
    {
        _store = Open();
        _store.Put(Key(1, 0), Value(1, 5000));
        _store.Flush();
        _store.Put(Key(2, 0), Value(2, 5000));
        _store = Reopen(_store);
        Assert.Equal(Value(1, 5000), Read(Key(1, 0)));
        byte[]? late = Read(Key(2, 0));
        Assert.True(late == null || late.AsSpan().SequenceEqual(Value(2, 5000)));
    }

    [Fact]
    public void ADroppedRunIsGoneAndTheOthersStay()
    {
        _store = Open();
        for (int run = 1; run <= 20; run++)
        {
            for (int number = 0; number < 30; number++)
            {
                _store.Put(Key(run, number), Value((run * 100) + number, 30_000));
            }
            _store.Flush();
        }
        foreach (int run in (int[])[1, 2, 3, 7])
        {
            _store.Drop(Enumerable.Range(0, 30).Select(n => Key(run, n)).ToArray());
        }
        CheckDropped();
        _store.Flush();
        CheckDropped();
        _store = Reopen(_store);
        CheckDropped();

        void CheckDropped()
        {
            for (int run = 1; run <= 20; run++)
            {
                bool gone = run is 1 or 2 or 3 or 7;
                for (int number = 0; number < 30; number++)
                {
                    Assert.Equal(
                        gone ? null : Value((run * 100) + number, 30_000), Read(Key(run, number)));
                }
            }
        }
    }

    [Fact]
    public void RetainForgetsTheRestAndSaysTheHighest()
    {
        _store = Open();
        for (int run = 1; run <= 5; run++)
        {
            _store.Put(Key(run, 0), Value(run, 100));
        }
        _store.Flush();
        _store = Reopen(_store);
        Assert.Equal(5, _store.Retain(new HashSet<int> { 2, 4 }));
        for (int run = 1; run <= 5; run++)
        {
            Assert.Equal(run is 2 or 4 ? Value(run, 100) : null, Read(Key(run, 0)));
        }
    }

    [Fact]
    public void TheGenerationRisesWithEachFlushThatDidSomething()
    {
        _store = Open();
        long first = _store.Generation;
        _store.Flush();
        Assert.Equal(first, _store.Generation);
        _store.Put(Key(1, 0), Value(1, 10));
        _store.Flush();
        long second = _store.Generation;
        Assert.True(second > first);
        _store = Reopen(_store);
        Assert.Equal(second, _store.Generation);
    }

    [Fact]
    public async Task ReadersRunBesideTheWriter()
    {
        _store = Open();
        for (int number = 0; number < 200; number++)
        {
            _store.Put(Key(1, number), Value(number, 10_000));
        }
        _store.Flush();
        using var stop = new CancellationTokenSource();
        Task<int>[] readers = [.. Enumerable.Range(0, 3).Select(seed => Task.Run(() =>
        {
            var random = new Random(seed);
            byte[] buffer = [];
            int wrong = 0;
            while (!stop.IsCancellationRequested)
            {
                int number = random.Next(200);
                int length = _store.Read(Key(1, number), ref buffer);
                wrong += length == 10_000
                    && buffer.AsSpan(0, length).SequenceEqual(Value(number, 10_000)) ? 0 : 1;
            }
            return wrong;
        }))];
        for (int run = 2; run < 12; run++)
        {
            for (int number = 0; number < 300; number++)
            {
                _store.Put(Key(run, number), Value(number, 10_000));
            }
            _store.Flush();
        }
        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(readers), wrong => Assert.Equal(0, wrong));
    }

    [Fact]
    public void AnythingPutFlushedDroppedAndReopenedIsWhatAModelSays()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        _store = Open();
        var model = new Dictionary<int, List<int>>();
        var flushed = new Dictionary<int, List<int>>();
        int next = 1;
        for (int step = 0; step < 300; step++)
        {
            switch (random.Next(10))
            {
                case < 6:
                    int count = random.Next(1, 40);
                    List<int> lengths = [.. Enumerable.Range(0, count).Select(_ => random.Next(1, 40_000))];
                    for (int number = 0; number < count; number++)
                    {
                        _store.Put(Key(next, number), Value(next + number, lengths[number]));
                    }
                    model[next++] = lengths;
                    break;
                case < 8:
                    if (model.Count > 5)
                    {
                        int run = model.Keys.Min() + random.Next(2);
                        if (model.Remove(run, out List<int>? dropped))
                        {
                            _store.Drop(Enumerable.Range(0, dropped.Count).Select(n => Key(run, n)).ToArray());
                        }
                    }
                    break;
                case 8:
                    _store.Flush();
                    flushed = new Dictionary<int, List<int>>(model);
                    break;
                default:
                    _store.Flush();
                    _store = Reopen(_store);
                    break;
            }
        }
        for (int run = 1; run < next; run++)
        {
            for (int number = 0; number < 40; number++)
            {
                bool isThere = model.TryGetValue(run, out List<int>? lengths) && number < lengths.Count;
                byte[]? expected = isThere ? Value(run + number, lengths![number]) : null;
                Assert.Equal(expected, Read(Key(run, number)));
            }
        }
    }

    public void Dispose()
    {
        _store?.Dispose();
        Clean();
        GC.SuppressFinalize(this);
    }

    protected virtual void Clean()
    {
    }

    private static BlockKey Key(int run, int number) => new(s_bucket, run, 1, number);

    private static byte[] Value(int seed, int length)
    {
        byte[] value = new byte[length];
        value.AsSpan().Fill((byte)seed);
        value[0] = (byte)(seed >> 8);
        value[^1] = (byte)length;
        return value;
    }

    private byte[]? Read(in BlockKey key)
    {
        int length = _store.Read(key, ref _buffer);
        return length < 0 ? null : _buffer[..length];
    }
}
