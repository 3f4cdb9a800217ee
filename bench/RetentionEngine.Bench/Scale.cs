namespace RetentionEngine.Bench;

/// <summary>How much a run measures. Everything else is the same for all scales.</summary>
internal sealed record Scale
{
    public required string Name { get; init; }

    /// <summary>Size of the log that is parsed in memory, of each stamp style.</summary>
    public required long ParseBytes { get; init; }

    /// <summary>Rounds of short measurements.</summary>
    public required int Rounds { get; init; }

    /// <summary>Size of the log that is imported whole.</summary>
    public required long ImportBytes { get; init; }

    public required int ImportRounds { get; init; }

    /// <summary>Size of the log that is imported through a pipe; 0: none.</summary>
    public required long StreamBytes { get; init; }

    /// <summary>What the slowest compressor gets of the log.</summary>
    public required long SlowBytes { get; init; }

    /// <summary>Size of the log whose records DuckDB and SQLite get; 0: not measured.</summary>
    public required long CompareBytes { get; init; }

    /// <summary>Size of the log that fills 170 buckets.</summary>
    public required long QueryBytes { get; init; }

    public required int QueryRounds { get; init; }

    public required int ProcessRounds { get; init; }

    /// <summary>Runs small enough for the test suite: every workload, no figure worth keeping.</summary>
    public static Scale Tiny { get; } = new()
    {
        Name = "tiny",
        ParseBytes = 1_000_000,
        Rounds = 1,
        ImportBytes = 3_000_000,
        ImportRounds = 1,
        StreamBytes = 1_000_000,
        SlowBytes = 1_000_000,
        CompareBytes = 1_000_000,
        QueryBytes = 3_000_000,
        QueryRounds = 2,
        ProcessRounds = 1,
    };

    /// <summary>Three minutes on two cores, building and making the input included.</summary>
    public static Scale Quick { get; } = new()
    {
        Name = "quick",
        ParseBytes = 100_000_000,
        Rounds = 11,
        ImportBytes = 400_000_000,
        ImportRounds = 2,
        StreamBytes = 0,
        SlowBytes = 10_000_000,
        CompareBytes = 0,
        QueryBytes = 200_000_000,
        QueryRounds = 30,
        ProcessRounds = 7,
    };

    public static Scale Full { get; } = new()
    {
        Name = "full",
        ParseBytes = 500_000_000,
        Rounds = 15,
        ImportBytes = 1_000_000_000,
        ImportRounds = 5,
        StreamBytes = 20_000_000_000,
        SlowBytes = 50_000_000,
        CompareBytes = 400_000_000,
        QueryBytes = 1_000_000_000,
        QueryRounds = 100,
        ProcessRounds = 15,
    };

    public static Scale? Find(string name) =>
        Array.Find([Tiny, Quick, Full], scale => scale.Name.Equals(name, StringComparison.Ordinal));
}
