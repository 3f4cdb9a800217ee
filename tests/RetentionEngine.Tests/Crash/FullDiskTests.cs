using RetentionEngine.Buckets;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Crash;

/// <summary>A disk without a free byte: nothing is taken in, nothing is lost, and what is due still dies.</summary>
public sealed class FullDiskTests
{
    [Fact]
    public void WhatIsDueDiesOnAFullDisk()
    {
        using var directory = new TestDirectory();
        string root = Directory.CreateDirectory(directory["disk"]).FullName;
        using var life = new StoreLife(root, directory.Path);
        StoreLife.Step[] steps = [.. life.Steps];
        int expiry = Array.FindIndex(steps, s => s.Name is "expire");
        foreach (StoreLife.Step step in steps[..expiry])
        {
            life.Run(step);
        }
        StoreLife.Step large = Array.Find(steps, s => s.Name is "import gina@example.org")!;
        life.SetClock(steps[expiry]);
        List<string> before = life.See();
        var disk = new FullDisk(root);
        DurableFile.Observer = disk.Take;
        try
        {
            RetentionException e = Assert.Throws<RetentionException>(() => life.Run(large));
            Assert.Equal(RetentionError.DiskFull, e.Error);
            life.Close();
            life.SetClock(steps[expiry]);
            Assert.Equal(before, life.See());
            life.Close();
            ExpireReport report = life.Store.Expire(dryRun: false);
            Assert.NotEmpty(report.Buckets);
            Assert.True(disk.IsReserveGone);
            life.Close();
            Assert.Equal(
                JournalEvent.Expired, life.Store.ReadJournal().Entries[^1].Event);
            Assert.Empty(life.Store.Expire(dryRun: true).Buckets);
            life.Close();
        }
        finally
        {
            DurableFile.Observer = null;
        }
        // There is room again: everything goes on, and the reserve is taken anew.
        life.Run(large);
        Assert.True(File.Exists(Path.Combine(life.StorePath, "reserve")));
        life.GoOn();
    }

    /// <summary>Not a byte is free: files grow only into what others gave back.</summary>
    private sealed class FullDisk(string root)
    {
        private readonly Dictionary<string, long> _lengths = new(StringComparer.Ordinal);
        private long _free;

        public bool IsReserveGone { get; private set; }

        public int Take(in FileChange change)
        {
            if (!change.Path.StartsWith(root, StringComparison.Ordinal))
            {
                return -1;
            }
            lock (_lengths)
            {
                long has = LengthOf(change.Path);
                if (change.Kind == FileChangeKind.Delete)
                {
                    IsReserveGone |= Path.GetFileName(change.Path) is "reserve";
                    _free += has;
                    _lengths[change.Path] = 0;
                }
                else if (change.Kind == FileChangeKind.Write)
                {
                    long needs = change.Offset + change.Bytes.Length;
                    if (needs - has > _free)
                    {
                        return 0;
                    }
                    _free -= Math.Max(0, needs - has);
                    _lengths[change.Path] = Math.Max(has, needs);
                }
            }
            return -1;
        }

        private long LengthOf(string path)
        {
            if (!_lengths.TryGetValue(path, out long length))
            {
                var file = new FileInfo(path);
                _lengths[path] = length = file.Exists ? file.Length : 0;
            }
            return length;
        }
    }
}
