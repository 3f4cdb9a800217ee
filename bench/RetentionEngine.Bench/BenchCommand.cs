using System.Globalization;
using RetentionEngine.Bench.Comparison;
using RetentionEngine.Bench.Macro;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Micro;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench;

/// <summary>The command line of the benchmarks.</summary>
internal static class BenchCommand
{
    private const string Help =
        """
        Usage: RetentionEngine.Bench quick|full|tiny [SECTION...] [--work DIR] [--json FILE]
               RetentionEngine.Bench micro [FILTER]

        Sections: parse forms import query seal commit compare daemon stream. Default: all, and then the result is
        written to bench/results/<cpu>/<date>-<commit>.md and .json.
          --work DIR    for inputs and stores (default artifacts/bench)
          --json FILE   also writes the figures there

        """;

    private static readonly (string Name, Action<Scale, string, Figures> Run)[] s_sections =
    [
        ("parse", ParseSection.Run),
        ("forms", FormsSection.Run),
        ("import", ImportSection.Run),
        ("query", QuerySection.Run),
        ("seal", SealSection.Run),
        ("commit", CommitSection.Run),
        ("compare", DuckDbSection.Run),
        ("daemon", DaemonSection.Run),
        ("stream", StreamSection.Run),
    ];

    public static int Run(string[] args)
    {
        if ((ImportWorker.TryRun(args) ?? QueryWorker.TryRun(args)) is { } exitCode)
        {
            return exitCode;
        }
        if (args is ["micro", .. var filter])
        {
            return MicroBenchmarks.Run(filter.Length > 0 ? filter[0] : "");
        }
        if (args is [] || Scale.Find(args[0]) is not { } scale)
        {
            Console.Error.Write(Help);
            return 64;
        }
        string work = Path.Combine("artifacts", "bench");
        string? json = null;
        var wanted = new List<string>();
        for (int i = 1; i < args.Length; i++)
        {
            if (args[i] is "--work" or "--json" && i + 1 < args.Length)
            {
                _ = args[i] is "--work" ? work = args[++i] : json = args[++i];
            }
            else if (Array.Exists(s_sections, section => string.Equals(section.Name, args[i], StringComparison.Ordinal)))
            {
                wanted.Add(args[i]);
            }
            else
            {
                Console.Error.Write(Help);
                return 64;
            }
        }
        Measure(scale, wanted, Path.GetFullPath(work), json);
        return 0;
    }

    private static void Measure(Scale scale, List<string> wanted, string work, string? json)
    {
        DateTimeOffset started = TimeProvider.System.GetUtcNow();
        string loadAtStart = Machine.Load;
        Directory.CreateDirectory(work);
        var figures = new Figures();
        foreach ((string name, Action<Scale, string, Figures> run) in s_sections)
        {
            if (wanted.Count == 0 || wanted.Contains(name))
            {
                Console.WriteLine($"{name}:");
                run(scale, work, figures);
            }
        }
        string commit = Machine.Commit();
        string command = string.Join(' ', ["bench/run.sh", scale.Name, .. wanted]);
        TimeSpan elapsed = TimeProvider.System.GetUtcNow() - started;
        ResultFile.Fact[] facts =
        [
            new("date", started.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)),
            new("commit", commit),
            new("command", command),
            new("cpu", Machine.Cpu),
            new("cores", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
            new("memory", Machine.Memory),
            new("kernel", Machine.Kernel),
            new("runtime", Machine.Runtime),
            new("vectors", Machine.Vectors),
            new("loadAtStart", loadAtStart),
            new("loadAtEnd", Machine.Load),
            new("elapsed", elapsed.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture)),
            new("seed", LogInput.Seed.ToString(CultureInfo.InvariantCulture)),
            new("scale", scale.ToString()),
        ];
        if (json is not null)
        {
            ResultFile.WriteJson(json, facts, figures);
        }
        if (wanted.Count == 0 && scale != Scale.Tiny)
        {
            WriteResult(facts, figures, started, commit);
        }
    }

    private static void WriteResult(
        ResultFile.Fact[] facts, Figures figures, DateTimeOffset started, string commit)
    {
        string folder = Path.Combine("bench", "results", Machine.CpuFolder);
        Directory.CreateDirectory(folder);
        string name = started.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) + "-" + commit;
        string path = Path.Combine(folder, name);
        File.WriteAllText(path + ".md", ResultFile.Page(facts, figures));
        ResultFile.WriteJson(path + ".json", facts, figures);
        Console.WriteLine($"written: {path}.md and .json");
    }
}
