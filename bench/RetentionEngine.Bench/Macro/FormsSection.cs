using LogGen;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Macro;

/// <summary>
/// The way of <see cref="ParseSection"/> over other logs: of a host at which hardly a line makes a
/// record, and of the journal as <c>journalctl -o export</c> prints it.
/// </summary>
internal static class FormsSection
{
    private const string IndexOf = "IndexOf loop";
    private const string Count = "newline count";
    private const string Tokenize = "tokenize";
    private const string Correlate = "correlate";
    private const int WarmRounds = 3;

    public static void Run(Scale scale, string folder, Figures figures)
    {
        var options = new Options { Bytes = scale.ParseBytes };
        Measure(scale, folder, figures, "standard", options);
        Measure(scale, folder, figures, "postscreen", options with { IsPostscreenHeavy = true });
        Measure(scale, folder, figures, "journal", options with { IsJournal = true });
    }

    private static void Measure(
        Scale scale, string folder, Figures figures, string name, Options options)
    {
        LogInput input = LogInput.Make(folder, options);
        byte[] bytes = input.Load();
        int length = (int)input.Bytes;
        var loop = new ParseLoop();
        Func<ParseCounts> tokenize = options.IsJournal
            ? () => loop.TokenizeWrapped(bytes, length)
            : () => loop.Tokenize(bytes.AsSpan(0, length));
        Func<ParseCounts> correlate = options.IsJournal
            ? () => loop.CorrelateWrapped(bytes, length)
            : () => loop.Correlate(bytes.AsSpan(0, length));
        ParseCounts counts = correlate();
        long lines = Floors.CountLines(bytes.AsSpan(0, length));
        if (counts.Lines != lines || tokenize().Events != counts.Events || correlate() != counts
            || (!options.IsJournal && loop.CorrelateFile(input.Path) != counts))
        {
            throw new InvalidOperationException("Two passes over the same log differ.");
        }
        var rounds = new Rounds();
        rounds.Add(IndexOf, () => Floors.IndexOfLoop(bytes.AsSpan(0, length)));
        rounds.Add(Count, () => Floors.CountLines(bytes.AsSpan(0, length)));
        rounds.Add(Tokenize, () => tokenize());
        rounds.Add(Correlate, () => correlate());
        rounds.Run(scale.Rounds, WarmRounds);
        Report(figures, name, input, counts, rounds);
    }

    private static void Report(
        Figures figures, string name, LogInput input, ParseCounts counts, Rounds rounds)
    {
        double megabytes = input.Bytes / 1e6;
        double floor = rounds[IndexOf].CpuMs;
        figures.Add($"forms.{name}MB", megabytes, "MB", $"log, {Meaning(name)}");
        figures.Add($"forms.{name}Lines", input.Lines, "lines", "lines or entries in it");
        figures.Add(
            $"forms.{name}EventShare", (double)counts.Events / input.Lines, "", "of them needed");
        figures.Add(
            $"forms.{name}IndexOfGBps", megabytes / floor, "GB/s",
            "IndexOf('\\n') loop in memory: 1 for the ratios");
        figures.Add(
            $"forms.{name}CountRatioToFloor", rounds[Count].CpuMs / floor, "x floor",
            "newline count in memory");
        foreach (string stage in (string[])[Tokenize, Correlate])
        {
            Timing timing = rounds[stage];
            string prefix = $"forms.{name}{char.ToUpperInvariant(stage[0])}{stage[1..]}";
            figures.Add(
                prefix + "RatioToFloor", timing.CpuMs / floor, "x floor",
                "bytes to events, or to rows, in memory");
            figures.Add(
                prefix + "RatioToCount", timing.CpuMs / rounds[Count].CpuMs, "x count",
                "against the newline count");
            figures.Add(prefix + "GBps", megabytes / timing.CpuMs, "GB/s", "by CPU time");
            figures.Add(
                prefix + "NsPerLine", timing.CpuMs * 1e6 / input.Lines, "ns",
                "CPU per line or entry");
        }
    }

    private static string Meaning(string name) => name switch
    {
        "postscreen" => "19 lines in 20 make no record",
        "journal" => "journalctl -o export, standard mix",
        _ => "standard mix",
    };
}
