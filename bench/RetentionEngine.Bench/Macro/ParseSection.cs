using LogGen;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;

namespace RetentionEngine.Bench.Macro;

/// <summary>From bytes to rows on one thread, beside the floors over the same bytes.</summary>
internal static class ParseSection
{
    private const string IndexOf = "IndexOf loop";
    private const string Count = "newline count";
    private const string Tokenize = "tokenize";
    private const string Correlate = "correlate";
    private const string FromFile = "file";
    private const string WordCount = "wc -l";
    private const int WarmRounds = 3;

    public static void Run(Scale scale, string folder, Figures figures)
    {
        foreach (bool isRfc3339 in (bool[])[false, true])
        {
            LogInput input = LogInput.Make(
                folder, new Options { Bytes = scale.ParseBytes, IsRfc3339 = isRfc3339 });
            byte[] bytes = input.Load();
            var loop = new ParseLoop();
            Check(input, bytes, loop);
            Rounds rounds = Measure(scale, input, bytes, loop);
            Report(figures, input, rounds, isRfc3339 ? "rfc3339" : "");
            if (!isRfc3339)
            {
                ReportAllocations(figures, bytes.AsSpan(0, (int)input.Bytes), loop);
            }
        }
    }

    /// <summary>Every way through the same bytes must find the same.</summary>
    private static void Check(LogInput input, byte[] bytes, ParseLoop loop)
    {
        ReadOnlySpan<byte> block = bytes.AsSpan(0, (int)input.Bytes);
        ParseCounts memory = loop.Correlate(block);
        ulong digest = loop.Digest();
        ParseCounts file = loop.CorrelateFile(input.Path);
        ParseCounts again = loop.Correlate(block);
        if (memory != again || digest != loop.Digest() || memory.Rows != file.Rows || memory.Events != file.Events
            || loop.Tokenize(block).Events != memory.Events || memory.Lines != input.Lines
            || Floors.IndexOfLoop(block) != input.Lines || Floors.CountLines(block) != input.Lines)
        {
            throw new InvalidOperationException("Two passes over the same log differ.");
        }
    }

    private static Rounds Measure(Scale scale, LogInput input, byte[] bytes, ParseLoop loop)
    {
        int length = (int)input.Bytes;
        var rounds = new Rounds();
        rounds.Add(IndexOf, () => Floors.IndexOfLoop(bytes.AsSpan(0, length)));
        rounds.Add(Count, () => Floors.CountLines(bytes.AsSpan(0, length)));
        rounds.Add(Tokenize, () => loop.Tokenize(bytes.AsSpan(0, length)));
        rounds.Add(Correlate, () => loop.Correlate(bytes.AsSpan(0, length)));
        rounds.Add(FromFile, () => loop.CorrelateFile(input.Path));
        if (ChildProcess.Exists("wc"))
        {
            rounds.AddProcess(WordCount, () => ChildProcess.Output("wc", ["-l", input.Path]));
        }
        WarmUp(bytes.AsSpan(0, length), loop);
        rounds.Run(scale.Rounds, WarmRounds);
        return rounds;
    }

    /// <summary>Calls everything often enough for the compiler's last tier.</summary>
    private static void WarmUp(ReadOnlySpan<byte> block, ParseLoop loop)
    {
        const int Calls = 60;
        const int CompilerMs = 300;
        ReadOnlySpan<byte> head = block[..(block[..Math.Min(block.Length, 400_000)]
            .LastIndexOf((byte)'\n') + 1)];
        for (int pass = 0; pass < 2; pass++)
        {
            for (int i = 0; i < Calls; i++)
            {
                Floors.IndexOfLoop(head);
                Floors.CountLines(head);
                loop.Tokenize(head);
                loop.Correlate(head);
            }
            Thread.Sleep(CompilerMs);
        }
    }

    private static void Report(Figures figures, LogInput input, Rounds rounds, string style)
    {
        double megabytes = input.Bytes / 1e6;
        double floor = rounds[IndexOf].CpuMs;
        string what = style.Length == 0 ? "traditional stamps" : "RFC 3339 stamps";
        figures.Add(Name("input", style, "MB"), megabytes, "MB", $"log, {what}");
        figures.Add(Name("input", style, "lines"), input.Lines, "lines", $"lines in it, {what}");
        figures.Add(
            Name("floor", style, "indexOfGBps"), megabytes / floor, "GB/s",
            "IndexOf('\\n') loop in memory: 1 for the ratios");
        figures.Add(
            Name("floor", style, "countRatioToFloor"), rounds[Count].CpuMs / floor, "x floor",
            "newline count in memory");
        foreach (string stage in (string[])[Tokenize, Correlate, FromFile])
        {
            Timing timing = rounds[stage];
            figures.Add(
                Name(stage, style, "ratioToFloor"), timing.CpuMs / floor, "x floor", Meaning(stage));
            figures.Add(
                Name(stage, style, "GBps"), megabytes / timing.CpuMs, "GB/s", "by CPU time");
            figures.Add(
                Name(stage, style, "wallGBps"), megabytes / timing.WallMs, "GB/s", "by the clock");
            figures.Add(
                Name(stage, style, "nsPerLine"), timing.CpuMs * 1e6 / input.Lines, "ns",
                "CPU per line");
        }
        figures.Add(
            Name("tokenize", style, "ratioToCount"), rounds[Tokenize].CpuMs / rounds[Count].CpuMs,
            "x count", "against the newline count");
        if (!rounds.Has(WordCount))
        {
            figures.Note("wc is not installed: no ratio to it.");
            return;
        }
        figures.Add(
            Name("floor", style, "wcGBps"), megabytes / rounds[WordCount].CpuMs, "GB/s",
            "wc -l, process, warm file, by CPU time");
        figures.Add(
            Name(FromFile, style, "ratioToWc"), rounds[FromFile].CpuMs / rounds[WordCount].CpuMs,
            "x wc -l", "tokenize + correlate from the page cache");
    }

    private static void ReportAllocations(
        Figures figures, ReadOnlySpan<byte> block, ParseLoop loop)
    {
        ReadOnlySpan<byte> half =
            block[..(block[..(block.Length / 2)].LastIndexOf((byte)'\n') + 1)];
        figures.Add(
            "alloc.bytesPerLine", Marginal(block, half, loop, tracks: false, perRow: false), "bytes",
            "managed, tokenizing");
        figures.Add(
            "alloc.bytesPerRecord", Marginal(block, half, loop, tracks: true, perRow: true), "bytes",
            "managed, tokenizing and correlating, per row");
    }

    /// <summary>What the second half of a log costs more: what a pass costs as such is not it.</summary>
    private static double Marginal(
        ReadOnlySpan<byte> block, ReadOnlySpan<byte> half, ParseLoop loop, bool tracks, bool perRow)
    {
        (long bytes, long lines, long rows) = loop.Allocations(block, tracks);
        (long halfBytes, long halfLines, long halfRows) = loop.Allocations(half, tracks);
        return (double)(bytes - halfBytes) / Math.Max(1, perRow ? rows - halfRows : lines - halfLines);
    }

    private static string Meaning(string stage) => stage switch
    {
        Tokenize => "lines to events, in memory",
        Correlate => "lines to rows, in memory",
        _ => "lines to rows, from the page cache",
    };

    private static string Name(string stage, string style, string what) => style.Length == 0
        ? $"{stage}.{what}"
        : $"{stage}.{style}{char.ToUpperInvariant(what[0])}{what[1..]}";
}
