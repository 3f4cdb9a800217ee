using System.Text;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Faster;

public sealed class SpoolTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task WhatWasConfirmedIsReadAgainByTheNextProcessInOrder()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        var said = new List<string>[4];
        using (RetentionStore store = Create())
        using (FasterSpool spool = Open(store))
        {
            await Task.WhenAll(Enumerable.Range(0, said.Length).Select(async writer =>
            {
                var random = new Random(writer);
                said[writer] = [];
                for (int i = 0; i < 60; i++)
                {
                    string lines = Lines(random, writer, i);
                    await spool.AppendAsync(Encoding.ASCII.GetBytes(lines), default, cancel);
                    said[writer].AddRange(lines.Split('\n')[..^1]);
                }
            }));
        }
        using RetentionStore reopened = RetentionStore.Open(_directory["store"], StoreFixture.Options);
        using FasterSpool again = Open(reopened);
        string[] read = [.. again.Sources().SelectMany(Read)];
        Assert.Equal(said.Sum(lines => lines.Count), read.Length);
        for (int writer = 0; writer < said.Length; writer++)
        {
            Assert.Equal(
                said[writer], read.Where(l => l.StartsWith($"{writer}.", StringComparison.Ordinal)));
        }
        Assert.Equal(again.UnreadBytes, read.Sum(l => l.Length + 1L));
    }

    [Fact]
    public async Task ASourceCanBeReadFromAnyPosition()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using RetentionStore store = Create();
        using FasterSpool spool = Open(store);
        var all = new StringBuilder();
        for (int i = 0; i < 20; i++)
        {
            string lines = Lines(new Random(i), 0, i);
            all.Append(lines);
            await spool.AppendAsync(Encoding.ASCII.GetBytes(lines), default, cancel);
        }
        using Stream stream = Assert.Single(spool.Sources()).Open();
        Assert.Equal(all.Length, stream.Length);
        var positions = new Random(1);
        byte[] buffer = new byte[1000];
        for (int i = 0; i < 500; i++)
        {
            int at = positions.Next(all.Length - buffer.Length);
            stream.Position = at;
            stream.ReadExactly(buffer);
            Assert.Equal(all.ToString(at, buffer.Length), Encoding.ASCII.GetString(buffer));
        }
    }

    [Fact]
    public async Task WhatIsReleasedIsGoneWithItsKeyAndTheCursorStays()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using RetentionStore store = Create();
        byte[] lines = Encoding.ASCII.GetBytes(new string('x', 99) + "\n");
        Guid first;
        using (FasterSpool spool = Open(store))
        {
            await spool.AppendAsync(lines, new SpoolCursor("system", "s=1;i=7"), cancel);
            IReadOnlyList<LogSource> sources = spool.Sources();
            first = Assert.Single(spool.Identities());
            Assert.False(spool.Release(sources));
            spool.Turn(TimeSpan.FromMinutes(-1));
            Assert.True(spool.Release([]));
            Assert.DoesNotContain(first, spool.Identities());
            Assert.Equal("s=1;i=7", spool.CursorOf("system"));
            Assert.Single(store.Keys.Buckets);
        }
        using FasterSpool again = Open(store);
        Assert.Equal("s=1;i=7", again.CursorOf("system"));
        Assert.Empty(again.Sources());
        string[] files = [.. Directory.EnumerateFiles(_directory["store/spool"]).Order()];
        Assert.Equal(["part.2.0", "part.2.commit"], files.Select(Path.GetFileName));
    }

    [Fact]
    public async Task NoLineCanBeReadInAnyFile()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        byte[] lines = Encoding.ASCII.GetBytes($"to=<{StoreFixture.Marker}>\n");
        using (RetentionStore store = Create())
        using (FasterSpool spool = Open(store))
        {
            await spool.AppendAsync(lines, default, cancel);
            foreach (string path in Directory.EnumerateFiles(
                _directory.Path, "*", SearchOption.AllDirectories))
            {
                if (path.EndsWith("/lock", StringComparison.Ordinal))
                {
                    // Empty, and nobody else may open it.
                    continue;
                }
                Assert.Equal(-1, Bytes(path).AsSpan().IndexOf(
                    Encoding.ASCII.GetBytes(StoreFixture.Marker)));
            }
        }
    }

    [Fact]
    public async Task ADamagedEntryIsNamedAndNotGuessed()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using RetentionStore store = Create();
        using (FasterSpool spool = Open(store))
        {
            await spool.AppendAsync(Encoding.ASCII.GetBytes(new string('y', 500) + "\n"), default, cancel);
        }
        string part = _directory["store/spool/part.1.0"];
        byte[] bytes = File.ReadAllBytes(part);
        bytes[64 + 40] ^= 1;
        File.WriteAllBytes(part, bytes);
        RetentionException e = Assert.Throws<RetentionException>(() =>
        {
            using FasterSpool again = Open(store);
            again.Sources().SelectMany(Read).Count();
        });
        Assert.Equal(RetentionError.StoreDamaged, e.Error);
        Assert.Contains("part.1.0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AppendingWaitsWhileTooMuchIsUnread()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using RetentionStore store = Create();
        using FasterSpool spool = FasterSpool.Open(store, TimeProvider.System, unreadMax: 1000, diskReserve: 0);
        byte[] lines = Encoding.ASCII.GetBytes(new string('x', 1999) + "\n");
        await spool.AppendAsync(lines, default, cancel);
        Task waiting = spool.AppendAsync(lines, default, cancel).AsTask();
        IReadOnlyList<LogSource> sources = spool.Sources();
        Assert.Equal(2000, spool.UnreadBytes);
        Assert.False(waiting.IsCompleted);
        spool.Release(sources);
        await waiting;
        Assert.Equal(2000, spool.UnreadBytes);
    }

    private static FasterSpool Open(RetentionStore store) =>
        FasterSpool.Open(store, TimeProvider.System, unreadMax: 1 << 30, diskReserve: 0);

    private static string[] Read(LogSource source)
    {
        using var reader = new StreamReader(source.Open());
        return reader.ReadToEnd().Split('\n')[..^1];
    }

    private static byte[] Bytes(string path)
    {
        using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static string Lines(Random random, int writer, int number)
    {
        var text = new StringBuilder();
        int count = random.Next(1, number % 20 == 19 ? 2000 : 20);
        for (int i = 0; i < count; i++)
        {
            text.Append($"{writer}.{number}.{i} ").Append((char)('a' + (i % 26)), random.Next(200)).Append('\n');
        }
        return text.ToString();
    }

    private RetentionStore Create() => RetentionStore.Create(
        _directory["store"], new RetentionPolicy(), StoreFixture.Options);
}
