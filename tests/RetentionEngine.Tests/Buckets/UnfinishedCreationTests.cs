using RetentionEngine.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Buckets;

/// <summary>A process that dies while it makes a store does not keep the next one from making it.</summary>
public sealed class UnfinishedCreationTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    private string StorePath => _directory["store"];

    private string KeyPath => StorePath + ".key";

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void EveryStateBeforeTheManifestIsTidiedUp()
    {
        string[] steps = ["lock", "blocks", "unfinished", "empty key", "key", "keys", "manifest.tmp"];
        for (int done = 0; done <= steps.Length; done++)
        {
            MakeWhole();
            byte[] id = File.ReadAllBytes(Path.Combine(StorePath, "manifest"))[16..32];
            File.Move(
                Path.Combine(StorePath, "manifest"), Path.Combine(StorePath, "manifest.tmp"));
            File.WriteAllBytes(Path.Combine(StorePath, "unfinished"), id);
            foreach (string step in steps[done..].Reverse())
            {
                Undo(step);
            }
            using BucketStore store = BucketStore.Create(
                StorePath, StoreFixture.HourPolicy, StoreFixture.Options);
            StoreFixture.Commit(store, 1);
            Assert.False(File.Exists(Path.Combine(StorePath, "unfinished")));
            store.Dispose();
            Directory.Delete(StorePath, recursive: true);
            File.Delete(KeyPath);
        }
    }

    [Fact]
    public void NothingElseIsTouched()
    {
        // Another store's key, where this one's would be.
        MakeWhole();
        File.Delete(Path.Combine(StorePath, "manifest"));
        File.WriteAllBytes(Path.Combine(StorePath, "unfinished"), new byte[16]);
        byte[] key = File.ReadAllBytes(KeyPath);
        Assert.Throws<RetentionException>(Create);
        Assert.Equal(key, File.ReadAllBytes(KeyPath));

        // A directory with anything else in it.
        File.Delete(KeyPath);
        File.WriteAllText(Path.Combine(StorePath, "letter.txt"), "");
        File.WriteAllText(Path.Combine(StorePath, "keys"), "");
        Assert.Equal(RetentionError.StoreExists, Assert.Throws<RetentionException>(Create).Error);
        Assert.True(File.Exists(Path.Combine(StorePath, "keys")));
    }

    private void Create() =>
        BucketStore.Create(StorePath, StoreFixture.HourPolicy, StoreFixture.Options).Dispose();

    private void MakeWhole()
    {
        Create();
        Assert.True(File.Exists(KeyPath));
    }

    private void Undo(string step)
    {
        string path = Path.Combine(StorePath, step);
        switch (step)
        {
            case "blocks":
                Directory.Delete(path, recursive: true);
                break;
            case "key":
                File.WriteAllBytes(KeyPath, []);
                break;
            case "empty key":
                File.Delete(KeyPath);
                break;
            default:
                File.Delete(path);
                break;
        }
    }
}
