using RetentionEngine.Buckets;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Oracle;
using RetentionEngine.Tool.Sources;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>A store in a directory of its own, used only through what an application sees.</summary>
internal sealed class FacadeStore : IDisposable
{
    /// <summary>Ten years: enough that no record of a test's log is past its period.</summary>
    public static RetentionPolicy LongPolicy { get; } = PolicyOf(TimeSpan.FromDays(3650));

    private readonly TestDirectory _directory = new();
    private readonly MemoryBlockStore? _memory;
    private RetentionStore? _store;

    /// <param name="policy">Policy of the new store.</param>
    /// <param name="time">Its clock; null = the system's.</param>
    /// <param name="inMemory">Blocks in memory instead of FASTER.</param>
    public FacadeStore(RetentionPolicy policy, TimeProvider? time = null, bool inMemory = false)
    {
        _memory = inMemory ? new MemoryBlockStore() : null;
        Options = new RetentionOptions
        {
            OpenBlocks = (path, readOnly) =>
                (BlockStore?)_memory ?? FasterBlockStore.Open(path, readOnly),
            TimeProvider = time ?? TimeProvider.System,
        };
        _store = RetentionStore.Create(Path, policy, Options);
        using BucketStore buckets = BucketStore.Open(Path, Options, readOnly: true);
        Seed = buckets.Seed;
    }

    public RetentionOptions Options { get; }

    public string Path => _directory["store"];

    public string Directory => _directory.Path;

    /// <summary>Seed of the fingerprints.</summary>
    public long Seed { get; }

    public RetentionStore Store => _store ??= RetentionStore.Open(Path, Options);

    public static RetentionPolicy PolicyOf(TimeSpan period, params string[] localDomains) => new()
    {
        Sent = new ClassPolicy(period, "test"),
        Received = new ClassPolicy(period, "test"),
        Access = new ClassPolicy(period, "test"),
        Rejected = new ClassPolicy(period, "test"),
        LocalDomains = localDomains,
        TimeZone = "Europe/Berlin",
    };

    /// <summary>Closes the store and opens it anew, as another process would.</summary>
    public void Reopen() => Close();

    public void Close()
    {
        _store?.Dispose();
        _store = null;
    }

    /// <summary>Imports files as the command line does, and checks that all could be read.</summary>
    public ImportReport Import(params string[] paths) => Import(paths, new ImportOptions());

    public ImportReport Import(string[] paths, ImportOptions options)
    {
        ImportReport report = ImportAny(paths, options);
        Assert.All(report.Sources, source => Assert.Null(source.Error));
        return report;
    }

    /// <summary>The same, but what can't be read is left to the caller.</summary>
    public ImportReport ImportAny(string[] paths, ImportOptions options)
    {
        FoundSources found = SourceFinder.Find(paths, Options.TimeProvider.GetUtcNow());
        Assert.Empty(found.Errors);
        return Store.Import(found.Sources, options, CancellationToken.None);
    }

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        string path = _directory[name];
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>Copies a file of the corpus; its time decides the year of stamps without one.</summary>
    public string CopyOf(string path, DateTimeOffset fileTime)
    {
        string copy = _directory[System.IO.Path.GetFileName(path)];
        File.Copy(path, copy);
        File.SetLastWriteTimeUtc(copy, fileTime.UtcDateTime);
        return copy;
    }

    /// <summary>All records as texts, ordered.</summary>
    public List<string> Records() =>
        [.. Store.Query(new RetentionQuery()).Select(RecordText.Of).Order(StringComparer.Ordinal)];

    /// <summary>The same without fingerprints, which differ from store to store.</summary>
    public List<string> RecordsWithoutSeed() =>
        [.. Store.Query(new RetentionQuery())
            .Select(r => RecordText.Of(r with { MessageIdFingerprint = null }))
            .Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        Close();
        _directory.Dispose();
    }
}
