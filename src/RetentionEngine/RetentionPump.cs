using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>Reads logs that grow, again and again, into a store that stays open.</summary>
/// <remarks>
/// What a pump has read is one with what it has committed: after a crash reading goes on behind the
/// last commit, so nothing is lost and nothing doubled. Sources may be renamed, compressed or cut
/// between two calls. Memory is bounded. Belongs to one thread, and the store with it: other
/// calls that write (expire, holds) go between two calls of the pump, behind a
/// <see cref="Commit"/>; a new policy or a failure needs a new pump.
/// </remarks>
public sealed class RetentionPump : IDisposable
{
    private readonly BucketStore _store;
    private readonly Importer _importer;
    private readonly Action _committed;

    internal RetentionPump(
        BucketStore store, ImportOptions options, TimeProvider clock, Action committed)
    {
        _store = store;
        _importer = new Importer(store, options, clock);
        _committed = committed;
    }

    /// <summary>Records that were read since the last commit.</summary>
    public int RecordsWaiting => _importer.RecordsWaiting;

    /// <summary>Reads what is new, oldest first by the first line of each source.</summary>
    /// <param name="sources">
    /// All, or those that may have changed. A last line without LF waits for its rest.
    /// </param>
    /// <param name="cancel">Ends reading early; what was read is kept.</param>
    /// <returns>
    /// Counts since the pump began; its sources are those of this call, and one that can't be read
    /// is told there.
    /// </returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: the last commit stays.</exception>
    public ImportReport Read(IReadOnlyList<LogSource> sources, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(sources);
        _importer.ReadAll(sources, cancel);
        return _importer.Report();
    }

    /// <summary>Counts since the pump began; records are in it once they are committed.</summary>
    public ImportReport Report() => _importer.Report();

    /// <summary>Makes what was read durable and visible to queries.</summary>
    /// <exception cref="RetentionException">DiskFull, InputOutput: the last commit stays.</exception>
    public void Commit()
    {
        _importer.Commit();
        _committed();
    }

    /// <summary>Merges small runs, of buckets to which nothing is added any more above all.</summary>
    /// <returns>How many runs went.</returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public int Merge()
    {
        Commit();
        int merged = RunRewriter.Merge(_store);
        _committed();
        return merged;
    }

    /// <summary>Forgets how far sources with an identity were read, but for these.</summary>
    /// <param name="identities">Those that can still be read.</param>
    public void KeepOnly(IEnumerable<Guid> identities)
    {
        ArgumentNullException.ThrowIfNull(identities);
        _importer.KeepOnly(identities);
    }

    /// <summary>Ends the pump; what was not committed will be read again.</summary>
    public void Dispose() => _importer.Dispose();
}
