using System.Text;
using RetentionEngine.Buckets;
using RetentionEngine.Tests.Acceptance;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Crash;

/// <summary>What is gone is gone: no old copy and no file that ever was yields it.</summary>
public sealed class DeletionProofTests
{
    /// <summary>Of each kind of text that stands in the logs; the policy's own domains are not secret.</summary>
    private static readonly string[] s_secrets =
    [
        "anna", "bert", "carl", "dora", "emil", "fred", "gina", "u7@", "@u7", "m7@", "m7>",
        "mx.example.net", "198.51.100.8", "192.0.2.7", "c.example.org", "postfix", "2.0.0 Ok",
    ];

    [Fact]
    public void NoFileEverHoldsATextOfALog()
    {
        using var directory = new TestDirectory();
        string root = Directory.CreateDirectory(directory["disk"]).FullName;
        using var life = new StoreLife(root, directory.Path);
        var found = new List<string>();
        long bytes = 0;
        byte[][] secrets = [.. s_secrets.Select(Encoding.ASCII.GetBytes)];
        DurableFile.Observer = (in FileChange change) =>
        {
            if (change.Path.StartsWith(root, StringComparison.Ordinal))
            {
                Interlocked.Add(ref bytes, change.Bytes.Length);
                foreach (byte[] secret in secrets)
                {
                    if (change.Bytes.IndexOf(secret) >= 0)
                    {
                        lock (found)
                        {
                            found.Add($"{Encoding.ASCII.GetString(secret)} in {change.Path}");
                        }
                    }
                }
            }
            return -1;
        };
        try
        {
            foreach (StoreLife.Step step in life.Steps)
            {
                life.Run(step);
            }
            life.Close();
        }
        finally
        {
            DurableFile.Observer = null;
        }
        Assert.True(bytes > 1 << 17, $"Only {bytes} bytes were written.");
        Assert.Empty(found);
    }

    [Fact]
    public void AnOldCopyAndTodaysKeysYieldNotOneBlockOfWhatExpired()
    {
        using var directory = new TestDirectory();
        string root = Directory.CreateDirectory(directory["disk"]).FullName;
        using var life = new StoreLife(root, directory.Path);
        int expiry = life.Steps.ToList().FindIndex(s => s.Name is "expire");
        for (int i = 0; i < expiry; i++)
        {
            life.Run(life.Steps[i]);
        }
        life.Close();
        TestDirectory.Copy(root, directory["copy"]);
        life.Run(life.Steps[expiry]);
        List<string> left = life.See();
        ExpireReport again = life.Store.Expire(dryRun: true);
        Assert.Empty(again.Buckets);
        life.Close();

        // As it stands, and with today's key store put into it: the copy does not even open.
        string copy = directory["copy/store"];
        AssertRefused(copy, directory["copy/store.key"], life.Options, RetentionError.Key, replaceMaster: root);
        File.Copy(Path.Combine(root, "store", "keys"), Path.Combine(copy, "keys"), overwrite: true);
        AssertRefused(copy, directory["copy/store.key"], life.Options, RetentionError.StoreDamaged, null);

        // And whoever reads around all checks: no key of today opens a block of a bucket that is gone.
        using var keys = KeyRing.Open(
            Path.Combine(root, "store", "keys"), Path.Combine(root, "store.key"), StoreIdOf(copy), true);
        (int gone, int alive) = TryAllKeys(copy, keys);
        Assert.True(gone > 4, $"{gone} blocks were tried.");
        // The same way does open what is not gone: the hold's records.
        Assert.True(alive > 0, "The hold's blocks do not open either: the trial proves nothing.");
        Assert.Contains(left, s => s.StartsWith("held ", StringComparison.Ordinal));
    }

    private static void AssertRefused(
        string store, string key, RetentionOptions options, RetentionError error, string? replaceMaster)
    {
        if (replaceMaster is not null)
        {
            File.Copy(Path.Combine(replaceMaster, "store.key"), key, overwrite: true);
        }
        foreach (bool readOnly in (bool[])[true, false])
        {
            RetentionException e = Assert.Throws<RetentionException>(
                () => RetentionStore.Open(store, options, readOnly));
            Assert.Equal(error, e.Error);
        }
    }

    private static Guid StoreIdOf(string store)
    {
        using var manifest = Manifest.Open(Path.Combine(store, "manifest"), readOnly: true);
        return manifest.StoreId;
    }

    private static (int Gone, int Alive) TryAllKeys(string copy, KeyRing keys)
    {
        using var manifest = Manifest.Open(Path.Combine(copy, "manifest"), readOnly: true);
        using var blocks = FasterBlockStore.Open(Path.Combine(copy, "blocks"), readOnly: true);
        BlockCipher[] ciphers = [.. keys.Buckets.Select(b => keys.Find(b)!)];
        Assert.NotEmpty(ciphers);
        byte[] block = [];
        byte[] associated = new byte[BlockCipher.AssociatedLength];
        int gone = 0;
        int alive = 0;
        foreach (RunInfo run in manifest.State.Runs.Values)
        {
            foreach (BlockKey key in run.Keys())
            {
                int length = blocks.Read(key, ref block);
                Assert.True(length > 0, "The copy has the block.");
                BlockCipher.WriteAssociated(key, associated);
                bool opens = ciphers.Any(
                    c => c.Decrypt(block.AsSpan(0, length).ToArray(), associated) >= 0);
                if (keys.Find(run.KeyName) is null)
                {
                    Assert.False(opens, "A destroyed bucket's block was opened.");
                    gone++;
                }
                else
                {
                    Assert.True(opens);
                    alive++;
                }
            }
        }
        return (gone, alive);
    }
}
