using System.Buffers;
using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Buckets;

public sealed class BucketStoreTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    private string StorePath => _directory["store"];

    private string KeyPath => KeyRing.DefaultMasterKeyPath(StorePath);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void ACommitIsThereAfterReopening()
    {
        long seed;
        using (BucketStore store = Create())
        {
            seed = store.Seed;
            StoreFixture.Commit(store, 1);
            StoreFixture.Commit(store, 2);
            Check(store, 2);
        }
        using BucketStore again = Open();
        Check(again, 2);
        Assert.Equal(seed, again.Seed);
        Assert.NotEqual(0, seed);
    }

    [Fact]
    public void WhatWasNotCommittedIsNotThere()
    {
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
            store.Add(StoreFixture.Run(2, 0));
            Assert.Equal(2, store.Runs.Count);
        }
        using (BucketStore store = Open())
        {
            Check(store, 1);
            StoreFixture.Commit(store, 2);
            Check(store, 2);
        }
        using BucketStore again = Open();
        Check(again, 2);
        Assert.Empty(again.Verify(null).Faults);
    }

    [Fact]
    public void ARunCanBeReplacedByAnother()
    {
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
            RunInfo old = store.Runs[0];
            store.Remove(old);
            StoreFixture.Commit(store, 2);
            Assert.DoesNotContain(store.Runs, r => r.Run == old.Run);
            StoreFixture.Commit(store, 3);
            byte[] buffer = [];
            Assert.Equal(-1, store.ReadBlock(old, BlockKind.Header, 0, ref buffer));
        }
        using BucketStore again = Open();
        Assert.Equal(5, again.Runs.Count);
        Assert.Empty(again.Verify(null).Faults);
    }

    [Fact]
    public void ThePolicyOfItsSealingStaysWithARun()
    {
        var longer = new RetentionPolicy
        {
            Sent = new ClassPolicy(TimeSpan.FromDays(30), "Contract of 2026, paragraph 4"),
            LocalDomains = ["example.org"],
            TimeZone = "Europe/Berlin",
        };
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 4);
            store.SetPolicy(longer);
            StoreFixture.Commit(store, 8);
            Assert.Throws<RetentionException>(() => store.SetPolicy(longer with
            {
                Access = new ClassPolicy(TimeSpan.FromDays(8), " "),
            }));
        }
        using BucketStore again = Open();
        Assert.Equal(["example.org"], again.Policy.LocalDomains);
        Assert.Equal("Europe/Berlin", again.Policy.TimeZone);
        RunInfo before = again.Runs.First(r => r.Rows == 4 && r.Bucket.Class == RecordClass.Sent);
        RunInfo after = again.Runs.First(r => r.Rows == 8 && r.Bucket.Class == RecordClass.Sent);
        Assert.Equal((1, TimeSpan.FromHours(1), ""), (before.PolicyVersion, before.Period, before.Basis));
        Assert.Equal(
            (2, TimeSpan.FromDays(30), "Contract of 2026, paragraph 4"),
            (after.PolicyVersion, after.Period, after.Basis));
    }

    [Fact]
    public void ExpiryTakesExactlyTheBucketsThatAreDue()
    {
        using BucketStore store = Create();
        for (int commit = 1; commit <= 40; commit++)
        {
            StoreFixture.Commit(store, commit);
        }
        long due = HourMicros(StoreFixture.FirstHour + 1 + 2);
        RunInfo expired = store.Runs[0];
        Assert.Equal(4, store.Expire(due - 1, dryRun: true).Buckets.Count);
        ExpireReport dry = store.Expire(due, dryRun: true);
        Assert.Equal(80, store.Runs.Count);
        ExpireReport report = store.Expire(due, dryRun: false);
        Assert.Equal(8, report.Buckets.Count);
        Assert.Equal(dry.Buckets, report.Buckets);
        Assert.Equal(2 * Enumerable.Range(1, 19).Sum(), report.Buckets.Sum(b => b.Records));
        Assert.Equal(
            DateTimeOffset.UnixEpoch.AddHours(StoreFixture.FirstHour + 2 + 2), report.NextExpiry);
        Assert.All(store.Runs, r => Assert.True(r.Bucket.StartHour >= StoreFixture.FirstHour + 2));
        byte[] buffer = [];
        Assert.Equal(-1, store.ReadBlock(expired, BlockKind.Header, 0, ref buffer));
        Assert.True(store.IsDestroyed(expired.Bucket));
        Assert.False(store.Add(StoreFixture.Run(1, 0)));
        Assert.Empty(store.Verify(null).Faults);
    }

    [Fact]
    public void TheShorterOfBothPeriodsCounts()
    {
        using BucketStore store = Create();
        StoreFixture.Commit(store, 1);
        store.SetPolicy(new RetentionPolicy());
        StoreFixture.Commit(store, 2);
        // The bucket that both commits added to goes with the first one's period.
        Assert.Equal(2, store.Expire(HourMicros(StoreFixture.FirstHour + 2), true).Buckets.Count);
        store.SetPolicy(StoreFixture.HourPolicy);
        Assert.Equal(3, store.Expire(HourMicros(StoreFixture.FirstHour + 2), true).Buckets.Count);
    }

    [Fact]
    public void AnOldCopyAndTodaysMasterKeyOpenNothing()
    {
        BucketId bucket;
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
            StoreFixture.Commit(store, 25);
            bucket = store.Runs[0].Bucket;
        }
        TestDirectory.Copy(StorePath, _directory["copy"]);
        using (BucketStore store = Open())
        {
            store.Expire(HourMicros(StoreFixture.FirstHour + 2), dryRun: false);
        }
        File.Copy(KeyPath, _directory["copy.key"]);
        RetentionException e = Assert.Throws<RetentionException>(
            () => BucketStore.Open(_directory["copy"], StoreFixture.Options, readOnly: true));
        Assert.Equal(RetentionError.Key, e.Error);
        using BucketStore today = Open();
        Assert.DoesNotContain(today.Runs, r => r.Bucket == bucket);
        Assert.All(today.Runs, r => Assert.True(StoreFixture.IsRight(today, r)));
    }

    [Fact]
    public void AnExpiryThatWasCutOffIsFinishedByTheNextOpening()
    {
        BucketId bucket;
        Guid id;
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
            StoreFixture.Commit(store, 25);
            bucket = store.Runs[0].Bucket;
            using Manifest manifest = Manifest.Open(_directory["store/manifest"], readOnly: true);
            id = manifest.StoreId;
        }
        using (KeyRing keys = KeyRing.Open(_directory["store/keys"], KeyPath, id, readOnly: false))
        {
            keys.Destroy([bucket]);
        }
        using (BucketStore reader = BucketStore.Open(StorePath, StoreFixture.Options, readOnly: true))
        {
            byte[] buffer = [];
            Assert.Equal(-1, reader.ReadBlock(reader.Runs[0], BlockKind.Header, 0, ref buffer));
        }
        using BucketStore again = Open();
        Assert.True(again.IsDestroyed(bucket));
        Assert.Equal(3, again.Runs.Count);
        Assert.Empty(again.Verify(null).Faults);
    }

    [Fact]
    public void ARotationThatWasCutOffIsFinishedByTheNextOpening()
    {
        Guid id;
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
            using Manifest manifest = Manifest.Open(_directory["store/manifest"], readOnly: true);
            id = manifest.StoreId;
        }
        using (MasterKey master = MasterKey.Open(KeyPath, id, readOnly: false))
        {
            master.AddGeneration();
        }
        using (BucketStore store = Open())
        {
            Check(store, 1);
        }
        using MasterKey after = MasterKey.Open(KeyPath, id, readOnly: true);
        Assert.Equal(2u, after.Generation);
        Assert.False(after.HasOlder);
        Assert.Null(after.Find(1));
    }

    [Fact]
    public void TheKeyOfAnOldSnapshotIsGone()
    {
        Guid id;
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
            StoreFixture.Commit(store, 2);
            using Manifest manifest = Manifest.Open(_directory["store/manifest"], readOnly: true);
            id = manifest.StoreId;
        }
        using KeyRing keys = KeyRing.Open(_directory["store/keys"], KeyPath, id, readOnly: true);
        Assert.Null(keys.FindInFlight(0));
        Assert.NotNull(keys.FindInFlight(1));
    }

    [Fact]
    public void NoFileHoldsWhatABlockHolds()
    {
        using (BucketStore store = Create())
        {
            for (int commit = 1; commit <= 30; commit++)
            {
                StoreFixture.Commit(store, commit);
            }
        }
        byte[] marker = Encoding.ASCII.GetBytes(StoreFixture.Marker);
        foreach (string file in Directory.EnumerateFiles(
            _directory.Path, "*", SearchOption.AllDirectories))
        {
            Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(marker) < 0, file);
        }
    }

    [Fact]
    public void ASecondWriterIsRefusedAndAReaderIsNot()
    {
        using BucketStore store = Create();
        StoreFixture.Commit(store, 1);
        RetentionException e = Assert.Throws<RetentionException>(Open);
        Assert.Equal(RetentionError.StoreLocked, e.Error);
        using BucketStore reader = BucketStore.Open(StorePath, StoreFixture.Options, readOnly: true);
        StoreFixture.Commit(store, 2);
        Check(reader, 1);
        using BucketStore second = BucketStore.Open(StorePath, StoreFixture.Options, readOnly: true);
        Check(second, 2);
        Check(store, 2);
    }

    [Fact]
    public void AReaderTouchesNothing()
    {
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
        }
        Dictionary<string, byte[]> before = Files();
        using (BucketStore reader = BucketStore.Open(StorePath, StoreFixture.Options, readOnly: true))
        {
            Check(reader, 1);
            Assert.Empty(reader.Verify(null).Faults);
        }
        Assert.Equal(before, Files());
    }

    [Fact]
    public void AMasterKeyThatIsMissingOrWrongIsNamed()
    {
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
        }
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyPath));
        }
        BucketStore.Create(_directory["other"], StoreFixture.HourPolicy, StoreFixture.Options).Dispose();
        File.Move(KeyPath, KeyPath + ".away");
        ThrowsKey("missing");
        File.Copy(_directory["other.key"], KeyPath);
        ThrowsKey("another store");
        File.Delete(KeyPath);
        byte[] bytes = File.ReadAllBytes(KeyPath + ".away");
        bytes[(2 * 512) + 10] ^= 1;
        File.WriteAllBytes(KeyPath, bytes);
        ThrowsKey("damaged");

        void ThrowsKey(string part)
        {
            RetentionException e = Assert.Throws<RetentionException>(Open);
            Assert.Equal(RetentionError.Key, e.Error);
            Assert.Contains(part, e.Message, StringComparison.Ordinal);
            Assert.Contains(KeyPath, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AnotherVersionIsRefusedAndNotTouched()
    {
        using (BucketStore store = Create())
        {
            StoreFixture.Commit(store, 1);
        }
        using (FileStream file = File.OpenWrite(_directory["store/manifest"]))
        {
            file.Position = 8;
            file.WriteByte(2);
        }
        Dictionary<string, byte[]> before = Files();
        RetentionException e = Assert.Throws<RetentionException>(Open);
        Assert.Equal(RetentionError.StoreVersion, e.Error);
        Assert.Equal(before, Files());
    }

    [Fact]
    public void CreateRefusesWhatIsThereAndOpenWhatIsNot()
    {
        Assert.Equal(RetentionError.StoreNotFound, Assert.Throws<RetentionException>(Open).Error);
        Create().Dispose();
        Assert.Equal(RetentionError.StoreExists, Assert.Throws<RetentionException>(Create).Error);
        Directory.Delete(StorePath, recursive: true);
        Assert.Equal(RetentionError.StoreExists, Assert.Throws<RetentionException>(Create).Error);
        Assert.True(File.Exists(KeyPath));
    }

    [Fact]
    public void TheManifestDoesNotGrowWithoutEnd()
    {
        using (BucketStore store = Create())
        {
            SourceState[] sources = [.. Enumerable.Range(0, 500)
                .Select(i => new SourceState((UInt128)i, 1, 0, 0, 0, 0, 0))];
            for (int commit = 1; commit <= 300; commit++)
            {
                sources = [.. sources.Select(s => s with { PositionBytes = commit })];
                store.Commit(sources, []);
            }
            Assert.Equal(sources, store.Sources);
        }
        Assert.True(new FileInfo(_directory["store/manifest"]).Length < 2 << 20);
        using BucketStore again = Open();
        Assert.Equal(500, again.Sources.Count);
        Assert.All(again.Sources, s => Assert.Equal(300, s.PositionBytes));
    }

    [Fact]
    public void AClockThatWasYearsAheadDoesNotKeepRoomFromBeingFreed()
    {
        using BucketStore store = Create();
        store.DeadBytesMin = 0;
        AddHour(StoreFixture.FirstHour + 50_000);
        for (int hour = 0; hour < 20; hour++)
        {
            AddHour(StoreFixture.FirstHour + hour);
        }
        long full = store.Stats().SizeBytes;
        store.Expire(HourMicros(StoreFixture.FirstHour + 21), dryRun: false);
        Assert.Single(store.Runs);
        long sizeBytes = store.Stats().SizeBytes;
        Assert.True(sizeBytes < full / 2, $"{sizeBytes} of {full}");
        Assert.Empty(store.Verify(null).Faults);

        void AddHour(int hour)
        {
            var run = new SealedRun { Bucket = new BucketId(RecordClass.Sent, hour, 1), Rows = 1 };
            for (int number = 0; number < 40; number++)
            {
                run.Writer.Write(new byte[225_000]);
                run.EndBlock(BlockKind.Rows, number);
            }
            store.Add(run);
            store.Commit([], []);
        }
    }

    [Fact]
    public void StatsCountWhatIsThere()
    {
        using BucketStore store = Create();
        StoreFixture.Commit(store, 1);
        StoreFixture.Commit(store, 2);
        StoreStats stats = store.Stats();
        Assert.Equal(4, stats.Runs);
        Assert.Equal(6, stats.Classes.Sum(c => c.Records));
        Assert.Equal(store.Runs.Sum(r => r.SizeBytes), stats.Classes.Sum(c => c.SizeBytes));
        Assert.True(stats.SizeBytes > stats.Classes.Sum(c => c.SizeBytes));
        Assert.Equal(2, stats.InFlight);
        Assert.Equal(
            DateTimeOffset.UnixEpoch.AddHours(StoreFixture.FirstHour + 2),
            stats.Classes[1].NextExpiry);
    }

    internal static void Check(BucketStore store, int commits)
    {
        Assert.Equal(2 * commits, store.Runs.Count);
        Assert.All(store.Runs, r => Assert.True(StoreFixture.IsRight(store, r)));
        Assert.Equal(StoreFixture.Sources(commits), store.Sources);
        Assert.Equal(StoreFixture.InFlight(commits), store.InFlight.ToArray());
    }

    private static long HourMicros(int hour) => hour * 3_600_000_000L;

    private BucketStore Create() =>
        BucketStore.Create(StorePath, StoreFixture.HourPolicy, StoreFixture.Options);

    private BucketStore Open() => BucketStore.Open(StorePath, StoreFixture.Options, readOnly: false);

    private Dictionary<string, byte[]> Files() =>
        Directory.EnumerateFiles(_directory.Path, "*", SearchOption.AllDirectories)
            .ToDictionary(f => f, File.ReadAllBytes, StringComparer.Ordinal);
}
