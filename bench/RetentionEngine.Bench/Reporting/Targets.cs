using System.Globalization;

namespace RetentionEngine.Bench.Reporting;

/// <summary>What a figure must reach.</summary>
/// <param name="Name">Figure.</param>
/// <param name="IsAtMost">Whether the limit is an upper one.</param>
/// <param name="Must">The limit that has to hold.</param>
/// <param name="Goal">The limit to strive for; NaN: none.</param>
internal sealed record Target(string Name, bool IsAtMost, double Must, double Goal = double.NaN)
{
    /// <summary>The limit as text, e.g. <c>&lt;= 3</c>.</summary>
    public string Text => Show(Must) + (double.IsNaN(Goal) ? "" : $" (goal {Show(Goal)})");

    public bool IsMet(double value) => Holds(value, Must);

    /// <summary><c>target met</c>, <c>target not met</c>, or <c>goal met</c>.</summary>
    public string Verdict(double value) =>
        !IsMet(value) ? $"target {Show(Must)} NOT met"
        : Holds(value, Goal) ? $"goal {Show(Goal)} met"
        : $"target {Show(Must)} met";

    private bool Holds(double value, double limit) => IsAtMost ? value <= limit : value >= limit;

    private string Show(double limit) =>
        (IsAtMost ? "<= " : ">= ") + limit.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The limits that this project has set itself.</summary>
internal static class Targets
{
    public static IReadOnlyList<Target> All { get; } =
    [
        new("tokenize.ratioToFloor", true, 3, 2.5),
        new("tokenize.rfc3339RatioToFloor", true, 3, 2.5),
        new("correlate.ratioToFloor", true, 6, 5),
        new("correlate.rfc3339RatioToFloor", true, 6, 5),
        new("file.GBps", false, 1.2, 1.5),
        new("alloc.bytesPerLine", true, 0),
        new("alloc.bytesPerRecord", true, 0),
        new("import.wallMBps", false, 300, 400),
        new("import.distinctRatio", false, 0.5),
        new("import.peakMiB", true, 600),
        new("import.peakStreamMiB", true, 600),
        new("store.ratioToSqlite", true, 0.12),
        new("store.ratioToGzip", true, 0.30),
        new("query.mailboxWarmMs", true, 10),
        new("query.messageIdWarmMs", true, 10),
        new("query.mailboxColdMs", true, 150),
        new("query.processMs", true, 150),
        new("expire.bucketMs", true, 50),
        new("commit.ratioToRaw", true, 1.3),
        new("daemon.syslogLinesPerSecond", false, 200_000),
        new("daemon.lagSeconds", true, 2),
        new("daemon.peakMiB", true, 300),
        new("daemon.idleCpuPercent", true, 1),
    ];

    public static Target? Find(string name) => 
        All.FirstOrDefault(t => string.Equals(t.Name, name, StringComparison.Ordinal));
}
