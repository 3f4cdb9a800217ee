namespace RetentionEngine.Bench;

/// <summary>How much a run measures. Everything else is the same for all scales.</summary>
internal sealed record Scale
{
    public required string Name { get; init; }

    /// <summary>Size of the log that is parsed in memory, of each stamp style.</summary>
    public required long ParseBytes { get; init; }

    /// <summary>Rounds of short measurements.</summary>
    public required int Rounds { get; init; }

    /// <summary>Runs small enough for the test suite: every workload, no figure worth keeping.</summary>
    public static Scale Tiny { get; } = new()
    {
        Name = "tiny",
        ParseBytes = 1_000_000,
        Rounds = 1,
    };

    /// <summary>Three minutes on two cores, building and making the input included.</summary>
    public static Scale Quick { get; } = new()
    {
        Name = "quick",
        ParseBytes = 100_000_000,
        Rounds = 11,
    };

    public static Scale Full { get; } = new()
    {
        Name = "full",
        ParseBytes = 500_000_000,
        Rounds = 15,
    };

    public static Scale? Find(string name) =>
        Array.Find([Tiny, Quick, Full], scale => scale.Name.Equals(name, StringComparison.Ordinal));
}
