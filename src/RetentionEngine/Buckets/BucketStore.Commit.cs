using System.Diagnostics;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

internal sealed partial class BucketStore
{
    /// <summary>Encrypts a run and puts its blocks; visible after the next commit.</summary>
    /// <returns>False when the bucket's key was destroyed: the caller drops such rows.</returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public bool Add(SealedRun run) => Add(run, PolicyVersion, 0);

    /// <summary>Adds a run of records that were sealed before.</summary>
    /// <param name="run">The run.</param>
    /// <param name="policyVersion">The policy under which they were sealed.</param>
    /// <param name="hold">The hold whose key they come under; 0 = their bucket's.</param>
    /// <returns>False when the bucket's key was destroyed.</returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public bool Add(SealedRun run, int policyVersion, int hold)
    {
        Debug.Assert(!_readOnly, "A store that is open for reading was written to.");
        if (hold == 0 && IsDestroyed(run.Bucket))
        {
            return false;
        }
        BlockCipher cipher =
            _keys.FindOrCreate(hold == 0 ? run.Bucket : HoldEntry.KeyNameOf(hold));
        int number = _nextRun++;
        int[] counts = [];
        long sizeBytes = 0;
        ulong hash = 0;
        Span<byte> associated = stackalloc byte[BlockCipher.AssociatedLength];
        for (int i = 0; i < run.BlockCount; i++)
        {
            ReadOnlySpan<byte> plain = run.Block(i, out BlockKind kind, out int blockNumber);
            if ((int)kind >= counts.Length)
            {
                Array.Resize(ref counts, (int)kind + 1);
            }
            if (blockNumber != counts[(int)kind]++)
            {
                throw new InvalidOperationException("Blocks of a kind must be numbered from 0 on.");
            }
            var key = new BlockKey(run.Bucket, number, (byte)kind, blockNumber);
            ReadOnlySpan<byte> envelope = Encrypt(cipher, key, plain, associated);
            _blocks.Put(key, envelope);
            sizeBytes += envelope.Length;
            hash += BlockCipher.HashOf(envelope, key);
        }
        ClassPolicy policy = _manifest.State.Policies[policyVersion - 1][run.Bucket.Class];
        _added.Add(new RunInfo
        {
            Bucket = run.Bucket,
            Hold = hold,
            Run = number,
            Rows = run.Rows,
            FirstUnixMicros = run.FirstUnixMicros,
            LastUnixMicros = run.LastUnixMicros,
            PolicyVersion = policyVersion,
            Period = policy.Period,
            Basis = policy.Basis,
            BlockCounts = counts,
            SizeBytes = sizeBytes,
            Hash = hash,
        });
        return true;
    }

    /// <summary>Takes a run out of the store with the next commit, as its merged rows come in.</summary>
    public void Remove(RunInfo run) => _removed.Add(run);

    /// <summary>Makes everything since the last commit durable and visible, or nothing.</summary>
    /// <param name="sources">All sources; their order is kept.</param>
    /// <param name="inFlight">Snapshot of what is not a record yet.</param>
    /// <param name="inFlightCount">Mails in the snapshot, for statistics.</param>
    /// <param name="openSessions">Sessions in the snapshot, for statistics.</param>
    /// <exception cref="RetentionException">
    /// DiskFull, InputOutput: the last commit still holds; open the store anew.
    /// </exception>
    public void Commit(
        IReadOnlyList<SourceState> sources,
        ReadOnlySpan<byte> inFlight,
        long inFlightCount = 0,
        long openSessions = 0)
    {
        Debug.Assert(!_readOnly, "A store that is open for reading was written to.");
        DropReplaced();
        TakeReserve();
        int previous = _manifest.State.LastCommit?.InFlightIndex ?? 1;
        int index = 1 - previous;
        (int length, ulong hash) = WriteInFlight(index, inFlight);
        Flush(length > 0 ? InFlightPath(index) : null);
        var commit = new CommitEntry
        {
            TimeUnixMicros = UnixMicros(_time.GetUtcNow()),
            Generation = _blocks.Generation,
            InFlightIndex = index,
            InFlightLength = length,
            InFlightHash = hash,
            InFlightCount = inFlightCount,
            OpenSessions = openSessions,
        };
        _manifest.Append(
            _manifest.State.CommitPayload(commit, _added, _removed, sources, _nextRun));
        _keys.DestroyInFlight(previous);
        _toDrop.AddRange(_removed);
        _added.Clear();
        _removed.Clear();
        Publish();
    }

    /// <summary>Takes room on the disk that an expiry gives up when there is none left.</summary>
    private void TakeReserve()
    {
        string path = Path.Combine(_path, ReserveName);
        if (File.Exists(path))
        {
            return;
        }
        using SafeFileHandle file = DurableFile.Open(path, FileMode.Create, FileAccess.Write);
        DurableFile.Write(file, new byte[ReserveLength], 0, path);
    }

    private static long UnixMicros(DateTimeOffset time) =>
        (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private ReadOnlySpan<byte> Encrypt(
        BlockCipher cipher, in BlockKey key, ReadOnlySpan<byte> plain, Span<byte> associated)
    {
        int length = plain.Length + BlockCipher.Overhead;
        EnsureEnvelope(length);
        BlockCipher.WriteAssociated(key, associated);
        cipher.Encrypt(plain, associated, _envelope);
        return _envelope.AsSpan(0, length);
    }

    private void EnsureEnvelope(int length)
    {
        if (_envelope.Length < length)
        {
            _envelope = new byte[Math.Max(length, _envelope.Length * 2)];
        }
    }

    private (int Length, ulong Hash) WriteInFlight(int index, ReadOnlySpan<byte> plain)
    {
        if (plain.IsEmpty)
        {
            return (0, 0);
        }
        ReadOnlySpan<byte> packed = Snapshot.Pack(plain, ref _packed);
        int length = packed.Length + BlockCipher.Overhead;
        EnsureEnvelope(length);
        Span<byte> envelope = _envelope.AsSpan(0, length);
        _keys.CreateInFlight(index).Encrypt(packed, _manifest.StoreId.ToByteArray(), envelope);
        string path = InFlightPath(index);
        bool isNew = !File.Exists(path);
        using (var file = DurableFile.Open(path, FileMode.OpenOrCreate, FileAccess.Write))
        {
            DurableFile.Write(file, envelope, 0, path);
        }
        if (isNew)
        {
            DurableFile.FlushDirectory(_path);
        }
        return (length, XxHash3.HashToUInt64(envelope));
    }

    /// <summary>Makes snapshot, keys and blocks durable, side by side: one wait, not three.</summary>
    private void Flush(string? inFlightPath)
    {
        Task keys = Task.Run(_keys.Sync);
        Task inFlight = inFlightPath is null ? Task.CompletedTask : Task.Run(() => Sync(inFlightPath));
        try
        {
            if (_added.Count > 0)
            {
                _blocks.Flush();
            }
        }
        finally
        {
            Task.WhenAll(keys, inFlight).GetAwaiter().GetResult();
        }
    }

    private static void Sync(string path)
    {
        using var file = DurableFile.Open(path, FileMode.Open, FileAccess.Write);
        DurableFile.Flush(file, path);
    }

    /// <summary>
    /// Drops the blocks of runs that the commit before took out: a query that began just before
    /// it has had the time of one commit to end.
    /// </summary>
    private void DropReplaced()
    {
        foreach (RunInfo run in _toDrop)
        {
            _blocks.Drop(run.Keys());
        }
        _toDrop.Clear();
    }
}
