using System.Diagnostics;
using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

internal sealed partial class BucketStore
{
    /// <summary>Destroys every bucket whose end lies a whole period before an instant.</summary>
    /// <param name="nowUnixMicros">The instant.</param>
    /// <param name="dryRun">Only says what would be destroyed.</param>
    /// <exception cref="RetentionException">
    /// InputOutput, DiskFull: open the store anew, which finishes the expiry.
    /// </exception>
    public ExpireReport Expire(long nowUnixMicros, bool dryRun)
    {
        var due = new List<ExpiredBucket>();
        long next = long.MaxValue;
        foreach (IGrouping<BucketId, RunInfo> bucket in
            _runs.Where(r => r.Hold == 0).GroupBy(r => r.Bucket))
        {
            long expiry = ExpiryOf(bucket.Key, bucket);
            if (expiry <= nowUnixMicros)
            {
                due.Add(new ExpiredBucket(
                    bucket.Key, bucket.Sum(r => (long)r.Rows), bucket.Sum(r => r.SizeBytes)));
            }
            else
            {
                next = Math.Min(next, expiry);
            }
        }
        due.Sort((a, b) => a.Bucket.EndUnixMicros.CompareTo(b.Bucket.EndUnixMicros));
        List<PreservationHold> holds = [.. Holds.Where(h => UnixMicros(h.Until) <= nowUnixMicros)];
        foreach (HoldEntry hold in _manifest.State.Holds.Values)
        {
            next = hold.UntilUnixMicros > nowUnixMicros ? Math.Min(next, hold.UntilUnixMicros) : next;
        }
        if (!dryRun && due.Count + holds.Count > 0)
        {
            Destroy([.. due.Select(d => d.Bucket),
                .. holds.Select(h => HoldEntry.KeyNameOf(h.Number))]);
        }
        return new ExpireReport
        {
            DryRun = dryRun,
            Buckets = due,
            Holds = holds,
            NextExpiry = next == long.MaxValue
                ? null
                : DateTimeOffset.UnixEpoch.AddTicks(next * TimeSpan.TicksPerMicrosecond),
        };
    }

    /// <summary>Reads, decrypts and checks every block, and lists what is wrong.</summary>
    public VerifyReport Verify(IProgress<long>? progress)
    {
        long started = Stopwatch.GetTimestamp();
        var faults = new List<VerifyFault>();
        var damaged = new List<RunInfo>();
        long blocks = 0;
        long bytes = 0;
        long records = 0;
        byte[] buffer = [];
        foreach (long offset in _keys.DamagedCopies)
        {
            faults.Add(new VerifyFault(
                Path.Combine(_path, KeysName), offset, "One of the two copies of a key is damaged."));
        }
        ReadJournalFor(faults);
        bool isRecoveryDamaged = false;
        try
        {
            _readBlocks.CheckRecovery();
        }
        catch (RetentionException e)
        {
            if (!_readOnly || !HasManifestChanged)
            {
                faults.Add(new VerifyFault(e.Path ?? _path, e.OffsetBytes, e.Message));
                isRecoveryDamaged = true;
            }
        }
        foreach (RunInfo run in _runs)
        {
            ulong hash = 0;
            int faultsBefore = faults.Count;
            foreach (BlockKey key in run.Keys())
            {
                try
                {
                    bytes += VerifyBlock(run, key, ref buffer, ref hash);
                    blocks++;
                }
                catch (RetentionException e)
                {
                    faults.Add(new VerifyFault(e.Path ?? _path, e.OffsetBytes, e.Message));
                }
                progress?.Report(blocks);
            }
            if (hash != run.Hash && faults.Count == faultsBefore && _keys.Find(run.KeyName) != null)
            {
                faults.Add(new VerifyFault(
                    BlocksPath(_path, _manifest.State.BlocksNumber),
                    -1,
                    $"Run {run.Run} of {Name(run.KeyName)}: not the blocks that were committed."));
            }
            if (faults.Count > faultsBefore)
            {
                damaged.Add(run);
            }
            records += run.Rows;
        }
        return new VerifyReport
        {
            Blocks = blocks,
            BytesRead = bytes,
            Records = records,
            Faults = faults,
            DamagedRuns = damaged,
            AreBlocksDamaged = isRecoveryDamaged || damaged.Count > 0,
            Elapsed = Stopwatch.GetElapsedTime(started),
        };
    }

    /// <summary>What the store holds.</summary>
    public StoreStats Stats()
    {
        CommitEntry? commit = _manifest.State.LastCommit;
        var classes = new List<ClassStats>();
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            classes.Add(StatsOf(c));
        }
        long sizeBytes = _blocks.SizeBytes;
        foreach (string file in Directory.EnumerateFiles(_path))
        {
            sizeBytes += new FileInfo(file).Length;
        }
        return new StoreStats
        {
            FormatVersion = Manifest.FormatVersion,
            Classes = classes,
            SizeBytes = sizeBytes,
            Runs = _runs.Length,
            InFlight = commit?.InFlightCount ?? 0,
            OpenSessions = commit?.OpenSessions ?? 0,
            Sources = _sources.Length,
            LastCommit = commit == null ? null : Instant(commit.TimeUnixMicros),
        };
    }

    /// <summary>
    /// Dead bytes of a class that are put up with: below it, and while they are not more than the
    /// living ones, waiting for the log's beginning to expire is cheaper than moving anything.
    /// </summary>
    internal long DeadBytesMin { get; set; } = 256L << 20;

    /// <summary>Whether a writer beside this reader may have replaced files that it knows of.</summary>
    private bool HasManifestChanged =>
        File.GetLastWriteTimeUtc(Path.Combine(_path, ManifestName)).Ticks != _manifestTicks;

    private static DateTimeOffset Instant(long unixMicros) =>
        DateTimeOffset.UnixEpoch.AddTicks(unixMicros * TimeSpan.TicksPerMicrosecond);

    /// <summary>End of the bucket plus the shortest period that its runs were promised.</summary>
    private long ExpiryOf(in BucketId bucket, IEnumerable<RunInfo> runs)
    {
        TimeSpan period = Policy[bucket.Class].Period;
        foreach (RunInfo run in runs)
        {
            period = run.Period < period ? run.Period : period;
        }
        return bucket.EndUnixMicros + (period.Ticks / TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>The steps behind the destruction of the keys; repeated after a crash.</summary>
    /// <remarks>They also work on a full disk: what was kept free for them is given up then.</remarks>
    private void FinishExpiry(List<BucketId> names, Dictionary<int, PreservationHold> holds)
    {
        try
        {
            FinishExpiryOnce(names, holds);
        }
        catch (RetentionException e) when (e.Error == RetentionError.DiskFull
            && File.Exists(Path.Combine(_path, ReserveName)))
        {
            DurableFile.Delete(Path.Combine(_path, ReserveName));
            DurableFile.FlushDirectory(_path);
            FinishExpiryOnce(names, holds);
        }
    }

    private void FinishExpiryOnce(List<BucketId> names, Dictionary<int, PreservationHold> holds)
    {
        var gone = names.ToHashSet();
        List<RunInfo> dropped = [.. _runs.Concat(_added).Where(r => gone.Contains(r.KeyName))];
        _added.RemoveAll(r => gone.Contains(r.KeyName));
        _removed.RemoveAll(r => gone.Contains(r.KeyName));
        Journal.Append(_path, _manifest.StoreId, Destroyed(gone, holds));
        BucketId[] buckets = [.. names.Where(n => !HoldEntry.IsKeyName(n))];
        if (buckets.Length > 0)
        {
            _manifest.Append(ManifestState.DropPayload(buckets));
        }
        if (buckets.Length < names.Count)
        {
            _manifest.Append(ManifestState.HoldEndPayload(
                [.. names.Where(n => HoldEntry.IsKeyName(n)).Select(n => n.StartHour)]));
        }
        Publish();
        foreach (RunInfo run in dropped)
        {
            _blocks.Drop(run.Keys());
        }
        _blocks.Flush();
        _keys.Forget();
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            MoveOldRuns(c);
        }
    }

    /// <summary>
    /// Room is freed from a log's beginning only. Should a bucket lie there that expires much
    /// later than those behind it (a clock that was years ahead is enough), it is put anew.
    /// </summary>
    private void MoveOldRuns(RecordClass recordClass)
    {
        RunInfo[] runs = [.. _runs.Where(r => r.Bucket.Class == recordClass)];
        long dead = _blocks.DeadBytesOf(recordClass);
        if (dead < Math.Max(DeadBytesMin, runs.Sum(r => r.SizeBytes)))
        {
            return;
        }
        // A quarter at a time: moving costs less than what it frees, and expiry stays quick.
        long room = dead / 4;
        foreach (RunInfo run in runs)
        {
            room -= run.SizeBytes;
            if (room < 0)
            {
                break;
            }
            _blocks.Move(run.Keys());
        }
        _blocks.Flush();
    }

    private int VerifyBlock(RunInfo run, in BlockKey key, ref byte[] buffer, ref ulong hash)
    {
        BlockCipher? cipher = _keys.Find(run.KeyName);
        int length = cipher == null ? 0 : _readBlocks.Read(key, ref buffer);
        if (cipher == null)
        {
            return 0;
        }
        if (length < BlockCipher.Overhead)
        {
            throw DamagedBlock(key);
        }
        hash += BlockCipher.HashOf(buffer.AsSpan(0, length), key);
        Span<byte> associated = stackalloc byte[BlockCipher.AssociatedLength];
        BlockCipher.WriteAssociated(key, associated);
        if (cipher.Decrypt(buffer.AsSpan(0, length), associated) < 0 && IsCurrent(run))
        {
            throw DamagedBlock(key);
        }
        return length;
    }

    private ClassStats StatsOf(RecordClass recordClass)
    {
        List<IGrouping<BucketId, RunInfo>> buckets =
            [.. _runs.Where(r => r.Hold == 0 && r.Bucket.Class == recordClass).GroupBy(r => r.Bucket)];
        return new ClassStats
        {
            Class = recordClass,
            Records = buckets.Sum(b => b.Sum(r => (long)r.Rows)),
            Buckets = buckets.Count,
            SizeBytes = buckets.Sum(b => b.Sum(r => r.SizeBytes)),
            Earliest = buckets.Count == 0 ? null : Instant(buckets.Min(b => b.Key.StartUnixMicros)),
            Latest = buckets.Count == 0 ? null : Instant(buckets.Max(b => b.Key.EndUnixMicros)),
            NextExpiry = buckets.Count == 0 ? null : Instant(buckets.Min(b => ExpiryOf(b.Key, b))),
        };
    }
}
