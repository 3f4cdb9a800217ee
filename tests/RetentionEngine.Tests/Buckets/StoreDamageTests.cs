using RetentionEngine.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Buckets;

/// <summary>Whatever happens to a file, it is named; and no wrong byte ever comes back.</summary>
public sealed class StoreDamageTests : IDisposable
{
    private const int Commits = 12;

    private readonly TestDirectory _directory = new();

    public StoreDamageTests()
    {
        using BucketStore store = BucketStore.Create(
            StorePath, StoreFixture.HourPolicy, StoreFixture.Options);
        for (int commit = 1; commit <= Commits; commit++)
        {
            StoreFixture.Commit(store, commit);
        }
    }

    private string StorePath => _directory["store"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("manifest", 0.0)]
    [InlineData("manifest", 0.02)]
    [InlineData("manifest", 0.3)]
    [InlineData("manifest", 0.7)]
    [InlineData("manifest", 0.999)]
    [InlineData("blocks/checkpoints", 0.0)]
    [InlineData("blocks/checkpoints", 0.3)]
    [InlineData("blocks/checkpoints", 0.999)]
    [InlineData("blocks/sent.log.0", 0.1)]
    [InlineData("blocks/received.log.0", 0.5)]
    [InlineData("blocks/access.log.0", 0.9)]
    [InlineData("inflight.1", 0.01)]
    [InlineData("keys", 0.0)]
    public void AFlippedByteIsNamed(string file, double place)
    {
        string path = _directory["store/" + file];
        byte[] bytes = File.ReadAllBytes(path);
        bytes[(int)(place * bytes.Length)] ^= 0x10;
        File.WriteAllBytes(path, bytes);
        // A damaged block is named by bucket and run, and by the directory it is in.
        Assert.Contains(Faults(), f => path.StartsWith(f, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("manifest")]
    [InlineData("keys")]
    [InlineData("blocks/checkpoints")]
    [InlineData("blocks/sent.log.0")]
    [InlineData("inflight.1")]
    public void AFileThatIsTooShortOrMissingIsNamed(string file)
    {
        string path = _directory["store/" + file];
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 10)]);
        Assert.NotEmpty(Faults());
        File.Delete(path);
        Assert.NotEmpty(Faults());
        File.WriteAllBytes(path, bytes);
        Assert.Empty(Faults());
    }

    [Fact]
    public void OneCopyOfAKeyIsEnoughAndVerifySaysSo()
    {
        string path = _directory["store/keys"];
        byte[] bytes = File.ReadAllBytes(path);
        bytes[4096 + (4 * 128) + 30] ^= 1;
        File.WriteAllBytes(path, bytes);
        using (BucketStore store = BucketStore.Open(StorePath, StoreFixture.Options, readOnly: true))
        {
            BucketStoreTests.Check(store, Commits);
            Assert.Equal(path, Assert.Single(store.Verify(null).Faults).Path);
        }
        using (BucketStore store = Open())
        {
            // Whoever may write makes the second copy anew.
            BucketStoreTests.Check(store, Commits);
            Assert.Empty(store.Verify(null).Faults);
        }
        bytes = File.ReadAllBytes(path);
        bytes[4096 + (4 * 128) + 30] ^= 1;
        bytes[8192 + (4 * 128) + 30] ^= 1;
        File.WriteAllBytes(path, bytes);
        RetentionException e = Assert.Throws<RetentionException>(Open);
        Assert.Equal(RetentionError.StoreDamaged, e.Error);
        Assert.Equal(path, e.Path);
    }

    [Fact]
    public void ATornTailIsCutOff()
    {
        string path = _directory["store/manifest"];
        byte[] bytes = File.ReadAllBytes(path);
        int entry = FirstEntry(bytes);
        for (int length = 0; length < 100; length += 9)
        {
            File.WriteAllBytes(path, [.. bytes, .. bytes.AsSpan(entry, length)]);
            using BucketStore store = Open();
            BucketStoreTests.Check(store, Commits);
            Assert.Equal(bytes.Length, new FileInfo(path).Length);
        }
        File.WriteAllBytes(path, [.. bytes, .. new byte[4096]]);
        using BucketStore last = Open();
        BucketStoreTests.Check(last, Commits);
    }

    [Fact]
    public void ABlockThatWasPutBackFromACopyIsNoticed()
    {
        TestDirectory.Copy(_directory["store/blocks"], _directory["old"]);
        using (BucketStore store = Open())
        {
            StoreFixture.Commit(store, Commits + 1);
        }
        Directory.Delete(_directory["store/blocks"], recursive: true);
        TestDirectory.Copy(_directory["old"], _directory["store/blocks"]);
        RetentionException e = Assert.Throws<RetentionException>(Open);
        Assert.Equal(RetentionError.StoreDamaged, e.Error);
    }

    [Fact]
    public void NoFlippedByteOfALogGivesAWrongByte()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string path = _directory["store/blocks/sent.log.0"];
        byte[] bytes = File.ReadAllBytes(path);
        for (int round = 0; round < 40; round++)
        {
            // The first half near a record's head, where FASTER keeps lengths and addresses.
            int at = round < 20 ? 64 + random.Next(64) : random.Next(bytes.Length);
            byte[] copy = [.. bytes];
            copy[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, copy);
            try
            {
                using BucketStore store = BucketStore.Open(StorePath, StoreFixture.Options, true);
                foreach (RunInfo run in store.Runs)
                {
                    Assert.True(StoreFixture.IsRight(store, run));
                }
            }
            catch (RetentionException e)
            {
                Assert.Equal(RetentionError.StoreDamaged, e.Error);
            }
        }
    }

    private static int FirstEntry(byte[] bytes)
    {
        Assert.True(bytes.Length > 400);
        return 64;
    }

    private BucketStore Open() => BucketStore.Open(StorePath, StoreFixture.Options, readOnly: false);

    /// <summary>The paths that opening, or verifying, complains about.</summary>
    private List<string> Faults()
    {
        try
        {
            using BucketStore store = BucketStore.Open(StorePath, StoreFixture.Options, readOnly: true);
            return [.. store.Verify(null).Faults.Select(f => f.Path)];
        }
        catch (RetentionException e)
        {
            Assert.Contains(
                e.Error,
                (RetentionError[])[RetentionError.StoreDamaged, RetentionError.StoreNotFound, RetentionError.InputOutput]);
            return [e.Path!];
        }
    }
}
