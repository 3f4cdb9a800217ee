using System.Globalization;
using LogGen;
using RetentionEngine.Tests.Buckets;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>A made-up log, cut into files at random lines, with its true records.</summary>
/// <remarks>
/// Ten days that hold the end of summer time, whatever the size. RETENTION_TRUTH_LINES and
/// RETENTION_TRUTH_SEED set size and seed: tests/acceptance.sh.
/// </remarks>
internal sealed class TruthLog : IDisposable
{
    public const int Cuts = 6;

    private const int Days = 10;
    private const int LineBytes = 125;

    private static readonly DateTimeOffset s_start = new(2024, 10, 20, 0, 0, 0, TimeSpan.Zero);

    private readonly TestDirectory _directory = new();

    public TruthLog(bool isRfc3339, long lines, ulong seed)
    {
        What = string.Create(
            CultureInfo.InvariantCulture,
            $"{lines} lines, seed {seed}, {(isRfc3339 ? "RFC 3339" : "traditional")}");
        Lines = lines;
        var options = new Options
        {
            Seed = seed,
            Lines = lines,
            IsRfc3339 = isRfc3339,
            Start = s_start,
            RateBytesPerDay = lines * LineBytes / Days,
            Cuts = Cuts,
        };
        Generator.Run(options with { Out = _directory.Path + "/", Truth = _directory["truth.tsv"] });
        Truth = new TruthFile(_directory["truth.tsv"]);
        Files = [.. Enumerable.Range(1, Cuts + 1).Select(n => _directory[$"mail.log.{n}"])];
        foreach (string file in Files)
        {
            File.SetLastWriteTimeUtc(file, Now.UtcDateTime);
        }
    }

    /// <summary>From RETENTION_TRUTH_LINES, else as given.</summary>
    public static long LinesOr(long lines) =>
        Environment.GetEnvironmentVariable("RETENTION_TRUTH_LINES") is { Length: > 0 } text
            ? long.Parse(text, CultureInfo.InvariantCulture)
            : lines;

    /// <summary>From RETENTION_TRUTH_SEED, else 1.</summary>
    public static ulong Seed =>
        Environment.GetEnvironmentVariable("RETENTION_TRUTH_SEED") is { Length: > 0 } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : 1;

    /// <summary>A time at which the log has ended and nothing is past its period.</summary>
    public static DateTimeOffset Now { get; } = s_start.AddDays(60);

    /// <summary>Says how to make it again.</summary>
    public string What { get; }

    public long Lines { get; }

    /// <summary>Oldest first.</summary>
    public string[] Files { get; }

    public TruthFile Truth { get; }

    public FacadeStore MakeStore(bool inMemory = false) => new(
        FacadeStore.PolicyOf(TimeSpan.FromDays(3650), Truth.LocalDomains),
        new FakeTime(Now),
        inMemory);

    public int AssertSame(FacadeStore store) =>
        Truth.AssertSame(() => store.Store.Query(new RetentionQuery()), store.Seed, What);

    public void Dispose() => _directory.Dispose();
}

/// <summary>One log of each style for all tests of a class.</summary>
public sealed class TruthLogs : IDisposable
{
    private const long LinesDefault = 150_000;

    private readonly Lazy<TruthLog> _rfc3339 =
        new(() => new TruthLog(isRfc3339: true, TruthLog.LinesOr(LinesDefault), TruthLog.Seed));

    private readonly Lazy<TruthLog> _traditional =
        new(() => new TruthLog(isRfc3339: false, TruthLog.LinesOr(LinesDefault), TruthLog.Seed));

    public void Dispose()
    {
        foreach (Lazy<TruthLog> log in (Lazy<TruthLog>[])[_rfc3339, _traditional])
        {
            if (log.IsValueCreated)
            {
                log.Value.Dispose();
            }
        }
    }

    internal TruthLog Of(bool isRfc3339) => (isRfc3339 ? _rfc3339 : _traditional).Value;
}
