using RetentionEngine.Buckets;
using RetentionEngine.Queries;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>A store of records: takes logs in, answers, forgets on time.</summary>
/// <remarks>
/// One writer at a time (import, expire, policy); any number of readers, which see the last commit.
/// Not thread-safe: one instance per thread.
/// </remarks>
public sealed class RetentionStore : IDisposable
{
    private const int ReferenceLengthMax = 200;

    private readonly BucketStore _store;
    private readonly TimeProvider _clock;
    private RunReaders _readers;

    private RetentionStore(BucketStore store, RetentionOptions options)
    {
        _store = store;
        _clock = options.TimeProvider;
        _readers = new RunReaders(store);
    }

    /// <summary>What the store keeps for how long.</summary>
    public RetentionPolicy Policy => _store.Policy;

    /// <summary>When the last commit was made, by the clock of that time; null = there is none.</summary>
    public DateTimeOffset? LastCommit => _store.LastCommit;

    internal string DirectoryPath => _store.DirectoryPath;

    internal KeyRing Keys => _store.Keys;

    /// <summary>Makes a new, empty store and its master key.</summary>
    /// <param name="path">Directory; must not exist or be empty.</param>
    /// <param name="policy">Its policy.</param>
    /// <param name="options">Where the key is and how blocks are kept.</param>
    /// <exception cref="RetentionException">
    /// StoreExists, Policy, Key (a key file is already there), InputOutput.
    /// </exception>
    public static RetentionStore Create(
        string path, RetentionPolicy policy, RetentionOptions options)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(options);
        policy.Validate();
        return new RetentionStore(BucketStore.Create(path, policy, options), options);
    }

    /// <summary>Opens a store.</summary>
    /// <param name="path">Its directory.</param>
    /// <param name="options">Where the key is and how blocks are kept.</param>
    /// <param name="readOnly">Queries only; goes beside a writer.</param>
    /// <exception cref="RetentionException">
    /// StoreNotFound, StoreLocked, StoreVersion, StoreDamaged, Key, InputOutput.
    /// </exception>
    public static RetentionStore Open(string path, RetentionOptions options, bool readOnly = false)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new RetentionStore(BucketStore.Open(path, options, readOnly), options);
    }

    /// <summary>Replaces the policy. A shorter period also holds for what is stored already.</summary>
    /// <exception cref="RetentionException"><see cref="RetentionError.Policy"/>.</exception>
    public void SetPolicy(RetentionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        policy.Validate();
        _store.SetPolicy(policy);
    }

    /// <summary>Reads logs, oldest first by their first line, and commits what they say.</summary>
    /// <param name="sources">The logs; what is known of them already is skipped.</param>
    /// <param name="options">Zone, year, progress.</param>
    /// <param name="cancel">Ends the import after a commit of what has been read.</param>
    /// <returns>What became of the lines. A source that can't be read is in it, not thrown.</returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: the last commit stays.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was read is committed.</exception>
    public ImportReport Import(
        IReadOnlyList<LogSource> sources, ImportOptions options, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(options);
        using var importer = new Importer(_store, options, _clock);
        try
        {
            ImportReport report = importer.Run(sources, cancel);
            RunRewriter.Merge(_store);
            return report;
        }
        finally
        {
            _readers = new RunReaders(_store);
        }
    }

    /// <summary>Opens a pump, which reads logs that grow.</summary>
    /// <param name="options">Zone, year.</param>
    /// <returns>One at a time; dispose it before the store.</returns>
    /// <exception cref="RetentionException">StoreDamaged: what is in flight can't be read.</exception>
    public RetentionPump OpenPump(ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new RetentionPump(
            _store, options, _clock, () => _readers = new RunReaders(_store));
    }

    /// <summary>Finds records, ordered by time, mails in the queue and open sessions included.</summary>
    /// <returns>Streams: nothing is read before it is asked for.</returns>
    /// <exception cref="RetentionException">StoreDamaged, when a block that is needed is.</exception>
    public IEnumerable<RetentionRecord> Query(RetentionQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        return new StoreQuery(_store, _readers, _clock).Run(query);
    }

    /// <summary>Everything about one mail, or about the mails of an address.</summary>
    /// <param name="key">Queue id, message-id (with or without brackets), or address.</param>
    /// <returns>Records ordered by time, of all hops and recipients that belong together.</returns>
    public IReadOnlyList<RetentionRecord> Trace(string key)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        return new StoreQuery(_store, _readers, _clock).Trace(key);
    }

    /// <summary>Destroys the keys of all buckets whose period is over, and drops their blocks.</summary>
    /// <param name="dryRun">Only says what would go.</param>
    public ExpireReport Expire(bool dryRun)
    {
        ExpireReport report = _store.Expire(_clock.GetUtcNow().UnixMicros(), dryRun);
        if (!dryRun)
        {
            InFlight.Purge(_store, _clock.GetUtcNow().UnixMicros());
            _readers = new RunReaders(_store);
        }
        return report;
    }

    /// <summary>Copies the records of a mailbox under a key and a deadline of their own.</summary>
    /// <param name="hold">What to hold, for whom and until when.</param>
    /// <returns>The hold, with its number and the count of its records.</returns>
    /// <remarks>
    /// Holds what the store has now, and mail or sessions that are done; what comes later needs a
    /// hold of its own. The records are found by <see cref="RetentionQuery.Hold"/> only, and when
    /// the hold is over, <see cref="Expire"/> destroys its key.
    /// </remarks>
    /// <exception cref="RetentionException">
    /// Policy: an end that is not in the future, or a reference that is empty or names an address;
    /// DiskFull, InputOutput, StoreDamaged: there is no hold then.
    /// </exception>
    public PreservationHold AddHold(PreservationHold hold)
    {
        ArgumentNullException.ThrowIfNull(hold);
        CheckUntil(hold.Until);
        if (string.IsNullOrWhiteSpace(hold.Reference) || hold.Reference.Contains('@')
            || hold.Reference.Length > ReferenceLengthMax)
        {
            throw new RetentionException(
                RetentionError.Policy,
                "A hold needs a reference of at most 200 characters, such as a file number; it"
                + " stands in the journal, so it must not name an address.");
        }
        PreservationHold made = new RunRewriter(_store).Hold(hold, _clock.GetUtcNow().UnixMicros());
        _readers = new RunReaders(_store);
        return made;
    }

    /// <summary>The holds in force, by number.</summary>
    public IReadOnlyList<PreservationHold> Holds => _store.Holds;

    /// <summary>Moves the end of a hold.</summary>
    /// <returns>The hold; null when there is none of that number.</returns>
    /// <exception cref="RetentionException">Policy: not in the future; InputOutput, DiskFull.</exception>
    public PreservationHold? ExtendHold(int number, DateTimeOffset until)
    {
        CheckUntil(until);
        PreservationHold? hold = _store.Holds.FirstOrDefault(h => h.Number == number);
        if (hold is null)
        {
            return null;
        }
        hold = hold with { Until = until };
        _store.PutHold(hold);
        return hold;
    }

    /// <summary>Ends a hold at once: destroys its key and drops its blocks.</summary>
    /// <returns>False when there is none of that number.</returns>
    /// <exception cref="RetentionException">InputOutput, DiskFull: open the store anew.</exception>
    public bool ReleaseHold(int number)
    {
        bool done = _store.ReleaseHold(number);
        _readers = new RunReaders(_store);
        return done;
    }

    /// <summary>What was destroyed, held and given up, oldest first.</summary>
    /// <exception cref="RetentionException">InputOutput.</exception>
    public JournalReport ReadJournal() => _store.ReadJournal();

    private void CheckUntil(DateTimeOffset until)
    {
        if (until <= _clock.GetUtcNow())
        {
            throw new RetentionException(
                RetentionError.Policy, "A hold must end in the future; say until when.");
        }
    }

    /// <summary>Reads and authenticates every block.</summary>
    /// <param name="progress">Called with blocks done and blocks in all.</param>
    public VerifyReport Verify(Action<long, long>? progress = null)
    {
        long total = 0;
        foreach (RunInfo run in _store.Runs)
        {
            foreach (int count in run.BlockCounts)
            {
                total += count;
            }
        }
        return _store.Verify(progress is null ? null : new BlockProgress(progress, total));
    }

    /// <summary>
    /// Verifies, and puts what can still be read of damaged runs in their place: what can't is gone.
    /// </summary>
    /// <param name="progress">Called with blocks done and blocks in all.</param>
    /// <returns>What was found, how many runs were put anew, and how many records were lost.</returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public VerifyReport Repair(Action<long, long>? progress = null)
    {
        _store.BeginRepair();
        VerifyReport report = new RunRewriter(_store).Repair(Verify(progress));
        _readers = new RunReaders(_store);
        return report;
    }

    private sealed class BlockProgress(Action<long, long> report, long total) : IProgress<long>
    {
        public void Report(long value) => report(value, total);
    }

    /// <summary>What is in the store.</summary>
    public StoreStats Stats() => _store.Stats();

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();
}
