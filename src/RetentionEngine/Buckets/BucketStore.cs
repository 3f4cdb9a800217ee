using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;
using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

/// <summary>Encrypted runs in time buckets: what a commit made durable, and nothing else.</summary>
/// <remarks>
/// One thread calls what changes the store; any threads may call <see cref="ReadBlock"/> and read
/// the properties beside it. Order of a commit: snapshot, keys, blocks, manifest, each durable
/// before the next; the manifest's entry is the commit. Order of an expiry: keys, manifest,
/// blocks; the keys are the expiry. Whatever a crash leaves is finished or swept by
/// <see cref="Open"/>.
/// </remarks>
internal sealed partial class BucketStore : IDisposable
{
    private const string ManifestName = "manifest";
    private const string KeysName = "keys";
    private const string LockName = "lock";
    private const string BlocksName = "blocks";
    private const string ReserveName = "reserve";
    private const int ReserveLength = 1 << 18;
    private const int ReadOnlyAttempts = 20;

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly FileStream? _lock;
    private readonly Manifest _manifest;
    private readonly KeyRing _keys;
    private readonly RetentionOptions _options;
    private readonly bool _readOnly;
    private readonly List<RunInfo> _added = [];
    private readonly List<RunInfo> _removed = [];
    private readonly List<RunInfo> _toDrop = [];
    private BlockStore _blocks;
    private BlockStore _readBlocks;
    private byte[] _envelope = new byte[1 << 16];
    private byte[] _packed = [];
    private byte[] _inFlight = [];
    private volatile RunInfo[] _runs = [];
    private volatile SourceState[] _sources = [];
    private int _nextRun;
    private long _manifestTicks;

    private BucketStore(
        string path,
        RetentionOptions options,
        FileStream? fileLock,
        Manifest manifest,
        KeyRing keys,
        BlockStore blocks)
    {
        _path = path;
        _options = options;
        _time = options.TimeProvider;
        _lock = fileLock;
        _manifest = manifest;
        _keys = keys;
        _blocks = _readBlocks = blocks;
        _readOnly = fileLock == null;
        _nextRun = manifest.State.NextRun;
        Publish();
    }

    /// <summary>The policy in force; its version is <see cref="PolicyVersion"/>.</summary>
    public RetentionPolicy Policy => _manifest.State.Policies[^1];

    public int PolicyVersion => _manifest.State.Policies.Count;

    /// <summary>Seed of keyed hashes; kept under the master key.</summary>
    public long Seed => _keys.Seed;

    /// <summary>When the last commit was made; null = there is none.</summary>
    public DateTimeOffset? LastCommit => _manifest.State.LastCommit is { } commit
        ? DateTimeOffset.UnixEpoch.AddTicks(commit.TimeUnixMicros * TimeSpan.TicksPerMicrosecond)
        : null;

    /// <summary>The directory.</summary>
    public string DirectoryPath => _path;

    public KeyRing Keys => _keys;

    /// <summary>Committed runs, by number; never changes, a commit makes a new list.</summary>
    public IReadOnlyList<RunInfo> Runs => _runs;

    /// <summary>As given to the last commit, in its order.</summary>
    public IReadOnlyList<SourceState> Sources => _sources;

    /// <summary>The snapshot of the last commit, decrypted; empty when there is none.</summary>
    /// <remarks>Read from its file at each call; a read-only store has it from its opening.</remarks>
    public ReadOnlyMemory<byte> InFlight => _readOnly ? _inFlight : ReadInFlight();

    /// <summary>Makes an empty store and opens it for writing.</summary>
    /// <exception cref="RetentionException">StoreExists, Policy, InputOutput, DiskFull.</exception>
    public static BucketStore Create(string path, RetentionPolicy policy, RetentionOptions options)
    {
        policy.Validate();
        RemoveUnfinished(path, options);
        if (File.Exists(path) || (Directory.Exists(path)
            && Directory.EnumerateFileSystemEntries(path).Any()))
        {
            throw new RetentionException(
                RetentionError.StoreExists,
                $"There is already something at '{path}'; a store needs an empty directory.",
                path);
        }
        DurableFile.CreateDirectory(path);
        DurableFile.CreateDirectory(Path.Combine(path, BlocksName));
        FileStream fileLock = TakeLock(path);
        KeyRing? keys = null;
        try
        {
            var id = Guid.NewGuid();
            string unfinished = Path.Combine(path, UnfinishedName);
            using (SafeFileHandle file = DurableFile.Open(
                unfinished, FileMode.Create, FileAccess.ReadWrite))
            {
                DurableFile.Write(file, id.ToByteArray(), 0, unfinished);
                DurableFile.Flush(file, unfinished);
            }
            // A master key without it would be taken for that of another store for ever.
            DurableFile.FlushDirectory(path);
            DurableFile.FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var state = new ManifestState();
            state.AddPolicy(policy);
            keys = KeyRing.Create(
                Path.Combine(path, KeysName), MasterKeyPath(path, options), id);
            DurableFile.FlushDirectory(path);
            DurableFile.FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var manifest = Manifest.Create(Path.Combine(path, ManifestName), id, state);
            DurableFile.Delete(unfinished);
            BlockStore blocks = options.OpenBlocks(Path.Combine(path, BlocksName), false);
            return new BucketStore(path, options, fileLock, manifest, keys, blocks);
        }
        catch
        {
            keys?.Dispose();
            fileLock.Dispose();
            throw;
        }
    }

    /// <summary>Opens a store as the last commit left it.</summary>
    /// <exception cref="RetentionException">
    /// StoreNotFound, StoreLocked, StoreVersion, StoreDamaged, Key, InputOutput.
    /// </exception>
    public static BucketStore Open(string path, RetentionOptions options, bool readOnly)
    {
        string manifestPath = Path.Combine(path, ManifestName);
        if (!File.Exists(manifestPath))
        {
            throw NotFound(path, manifestPath);
        }
        for (int attempt = 1; ; attempt++)
        {
            long before = readOnly ? File.GetLastWriteTimeUtc(manifestPath).Ticks : 0;
            try
            {
                BucketStore store = OpenOnce(path, options, readOnly);
                store._manifestTicks = before;
                return store;
            }
            catch (RetentionException) when (readOnly && attempt < ReadOnlyAttempts
                && File.GetLastWriteTimeUtc(manifestPath).Ticks != before)
            {
                // A writer committed or expired between two of our reads: look again.
            }
        }
    }

    /// <summary>Replaces the policy, durably. Runs keep the version they were sealed under.</summary>
    /// <exception cref="RetentionException">Policy, InputOutput, DiskFull.</exception>
    public void SetPolicy(RetentionPolicy policy)
    {
        policy.Validate();
        _manifest.Append(ManifestState.PolicyPayload(policy));
    }

    /// <summary>The shorter of the periods at sealing and now; the basis is that at sealing.</summary>
    public ClassPolicy PolicyOf(RunInfo run)
    {
        TimeSpan now = Policy[run.Bucket.Class].Period;
        return new ClassPolicy(now < run.Period ? now : run.Period, run.Basis);
    }

    /// <summary>Whether the key of a bucket was destroyed: its rows can't be kept any more.</summary>
    public bool IsDestroyed(in BucketId bucket) => _manifest.State.IsDestroyed(bucket);

    /// <summary>Reads one block, decrypted.</summary>
    /// <param name="run">The run.</param>
    /// <param name="kind">Kind of block.</param>
    /// <param name="number">From 0, below the run's count of that kind.</param>
    /// <param name="buffer">Receives the plain bytes; replaced by a larger one when too small.</param>
    /// <returns>Count of plain bytes; -1 when the run expired or was replaced meanwhile.</returns>
    /// <exception cref="RetentionException">StoreDamaged, InputOutput.</exception>
    public int ReadBlock(RunInfo run, BlockKind kind, int number, ref byte[] buffer)
    {
        var key = new BlockKey(run.Bucket, run.Run, (byte)kind, number);
        BlockCipher? cipher = _keys.Find(run.KeyName);
        if (cipher == null)
        {
            return -1;
        }
        int length = _readBlocks.Read(key, ref buffer);
        if (length >= 0)
        {
            Span<byte> associated = stackalloc byte[BlockCipher.AssociatedLength];
            BlockCipher.WriteAssociated(key, associated);
            length = cipher.Decrypt(buffer.AsSpan(0, length), associated);
            if (length >= 0)
            {
                return length;
            }
        }
        return IsCurrent(run) ? throw DamagedBlock(key) : -1;
    }

    public void Dispose()
    {
        if (!_readOnly)
        {
            try
            {
                _keys.Sync();
                DropReplaced();
                _blocks.Flush();
            }
            catch (RetentionException)
            {
                // Nothing committed hangs on it: the next opening sweeps what is left.
            }
        }
        _blocks.Dispose();
        _keys.Dispose();
        _manifest.Dispose();
        _lock?.Dispose();
    }

    private static BucketStore OpenOnce(string path, RetentionOptions options, bool readOnly)
    {
        FileStream? fileLock = readOnly ? null : TakeLock(path);
        Manifest? manifest = null;
        KeyRing? keys = null;
        BlockStore? blocks = null;
        try
        {
            manifest = Manifest.Open(Path.Combine(path, ManifestName), readOnly);
            keys = KeyRing.Open(
                Path.Combine(path, KeysName),
                MasterKeyPath(path, options),
                manifest.StoreId,
                readOnly);
            string blocksPath = BlocksPath(path, manifest.State.BlocksNumber);
            blocks = options.OpenBlocks(blocksPath, readOnly);
            var store = new BucketStore(path, options, fileLock, manifest, keys, blocks);
            store.CheckComplete(blocksPath);
            if (readOnly)
            {
                store._inFlight = store.ReadInFlight();
            }
            else
            {
                store.Sweep();
            }
            return store;
        }
        catch
        {
            blocks?.Dispose();
            keys?.Dispose();
            manifest?.Dispose();
            fileLock?.Dispose();
            throw;
        }
    }

    private static RetentionException NotFound(string path, string manifestPath)
    {
        try
        {
            _ = File.GetAttributes(manifestPath);
        }
        catch (UnauthorizedAccessException e)
        {
            return DurableFile.Failure(e, path);
        }
        catch (IOException)
        {
            // It is not there, or what should be a directory is none.
        }
        return new RetentionException(
            RetentionError.StoreNotFound, $"There is no store at '{path}'.", path);
    }

    private static string MasterKeyPath(string path, RetentionOptions options) =>
        options.MasterKeyPath ?? KeyRing.DefaultMasterKeyPath(path);

    private static FileStream TakeLock(string path)
    {
        string lockPath = Path.Combine(path, LockName);
        try
        {
            return new FileStream(
                lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw DurableFile.Failure(e, lockPath);
        }
        catch (IOException e)
        {
            throw new RetentionException(
                RetentionError.StoreLocked,
                $"Another process writes to the store '{path}'.",
                path,
                inner: e);
        }
    }

    /// <summary>Compares the three parts: each must have reached what the manifest says.</summary>
    private void CheckComplete(string blocksPath)
    {
        if (_blocks.Generation < _manifest.State.Generation)
        {
            throw new RetentionException(
                RetentionError.StoreDamaged,
                $"The blocks in '{blocksPath}' are older than the store's manifest: files are"
                + " missing or were put back from a copy.",
                blocksPath);
        }
        var destroyed = _keys.Destroyed.Select(d => d.Bucket).ToHashSet();
        foreach (RunInfo run in _runs)
        {
            if (_keys.Find(run.KeyName) == null && !destroyed.Contains(run.KeyName))
            {
                string keysPath = Path.Combine(_path, KeysName);
                throw new RetentionException(
                    RetentionError.StoreDamaged,
                    $"The store's file '{keysPath}' lacks the key of {Name(run.KeyName)}.",
                    keysPath);
            }
        }
    }

    private static string BlocksPath(string path, int number) =>
        Path.Combine(path, number == 0 ? BlocksName : $"{BlocksName}.{number}");

    /// <summary>Finishes what a crash cut off, and forgets what was never committed.</summary>
    private void Sweep()
    {
        RemoveOtherBlocks();
        DurableFile.Delete(Path.Combine(_path, UnfinishedName));
        if (_keys.IsRotating)
        {
            _keys.Rotate();
        }
        _keys.RewriteDamaged();
        List<BucketId> destroyed = [.. _keys.Destroyed.Select(d => d.Bucket)];
        if (destroyed.Count > 0)
        {
            // The master key may not have been rotated yet when the process died.
            _keys.Rotate();
            FinishExpiry(destroyed, []);
        }
        int[] unfinished = [.. _manifest.State.Runs.Values.Select(r => r.Hold).Distinct()
            .Where(h => h != 0 && !_manifest.State.Holds.ContainsKey(h))];
        if (unfinished.Length > 0)
        {
            _manifest.Append(ManifestState.HoldEndPayload(unfinished));
            Publish();
        }
        var live = _runs.Select(r => r.KeyName)
            .Concat(_manifest.State.Holds.Keys.Select(HoldEntry.KeyNameOf)).ToHashSet();
        // Which parts of a spool there are is known to the spool.
        var garbage = _keys.Buckets
            .Where(b => !live.Contains(b) && !SpoolKeys.IsKeyName(b)).ToList();
        if (garbage.Count > 0)
        {
            _keys.Discard(garbage);
        }
        _keys.DestroyInFlight(1 - (_manifest.State.LastCommit?.InFlightIndex ?? 1));
        int last = _blocks.Retain(_runs.Select(r => r.Run).ToHashSet());
        _nextRun = Math.Max(_nextRun, last + 1);
    }

    private void Publish()
    {
        _runs = [.. _manifest.State.Runs.Values];
        _sources = [.. _manifest.State.Sources];
    }

    private bool IsCurrent(RunInfo run)
    {
        foreach (RunInfo current in _runs)
        {
            if (current.Run == run.Run)
            {
                return _keys.Find(run.KeyName) != null;
            }
        }
        return false;
    }

    private string InFlightPath(int index) => Path.Combine(_path, $"inflight.{index}");

    private byte[] ReadInFlight()
    {
        CommitEntry? commit = _manifest.State.LastCommit;
        if (commit == null || commit.InFlightLength == 0)
        {
            return [];
        }
        string path = InFlightPath(commit.InFlightIndex);
        byte[] envelope = new byte[commit.InFlightLength];
        int length;
        using (var file = DurableFile.Open(path, FileMode.Open, FileAccess.Read))
        {
            length = DurableFile.Read(file, envelope, 0, path);
        }
        if (length == envelope.Length && XxHash3.HashToUInt64(envelope) == commit.InFlightHash)
        {
            length = _keys.FindInFlight(commit.InFlightIndex)
                ?.Decrypt(envelope, _manifest.StoreId.ToByteArray()) ?? -1;
            if (length >= 0 && Snapshot.TryUnpack(envelope.AsSpan(0, length), out byte[] plain))
            {
                return plain;
            }
        }
        throw new RetentionException(
            RetentionError.StoreDamaged, $"The store's file '{path}' is damaged.", path);
    }

    private static string Name(in BucketId bucket) => HoldEntry.IsKeyName(bucket)
        ? $"hold {bucket.StartHour}"
        : $"bucket {bucket.Class}/{DateTimeOffset.UnixEpoch.AddHours(bucket.StartHour):yyyy-MM-dd'T'HH'Z'}"
        + $"+{bucket.LengthHours}h";

    private RetentionException DamagedBlock(in BlockKey key)
    {
        (string path, long offset) = _readBlocks.Locate(key)
            ?? (BlocksPath(_path, _manifest.State.BlocksNumber), -1);
        string place = offset < 0 ? "" : $" at byte {offset}";
        return new RetentionException(
            RetentionError.StoreDamaged,
            $"In '{path}'{place}, {Name(key.Bucket)}, run {key.Run}: block"
            + $" {(BlockKind)key.Kind} {key.Number} is missing or damaged."
            + " 'retention verify --repair' gives it up and keeps the rest.",
            path,
            offset);
    }
}
