using System.Diagnostics;
using System.Globalization;
using System.Text;
using RetentionEngine.Tests.Differential;

namespace RetentionEngine.Fuzz;

/// <summary>Runs a target in this process on mutations of the corpus, by a seed.</summary>
internal static class Loop
{
    private const int InputsPerRound = 20_000;
    private const int SourcesPerRound = 1_000;
    private const int ShownMax = 20;

    /// <summary>Runs a target so many times.</summary>
    /// <returns>Whether all was well. Of a bad input the shortest form is printed.</returns>
    public static bool Run(ITarget target, long count, int seed, TimeSpan longest)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"loop {target.Name}: {count} runs, seed {seed}"));
        long started = Stopwatch.GetTimestamp();
        long runs = 0;
        int bad = 0;
        for (int round = 0; runs < count && Stopwatch.GetElapsedTime(started) < longest; round++)
        {
            foreach (byte[] input in Inputs(target, seed + round))
            {
                runs++;
                if (Outcome(target, input) is { } fault && bad++ < ShownMax)
                {
                    Show(target, Shrink(target, input, Kind(fault)), fault);
                }
            }
        }
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"loop {target.Name}: {runs} runs, {bad} bad, {seconds:F0} s, {runs / seconds:F0}/s"));
        return bad == 0;
    }

    /// <summary>Null when the target says that all is well.</summary>
    public static string? Outcome(ITarget target, byte[] input)
    {
        try
        {
            return target.Run(input);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return e.ToString();
        }
    }

    private static IEnumerable<byte[]> Inputs(ITarget target, int seed)
    {
        string log = Encoding.Latin1.GetString(Mutator.Mutate(Corpus.Files, seed, InputsPerRound));
        string[] lines = log.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (target is LineTarget)
        {
            return lines.Select(Encoding.Latin1.GetBytes);
        }
        var random = new Random(seed);
        return Enumerable.Range(0, SourcesPerRound).Select(_ => SourceMaker.Make(lines, random));
    }

    /// <summary>What kind of fault it is: others are not what is looked for.</summary>
    private static string Kind(string fault) => string.Join('|', fault.Split('\n')
        .Take(2).Select(line => line.Split('\t', ' ', '=')[0]));

    private static byte[] Shrink(ITarget target, byte[] input, string kind)
    {
        for (int size = input.Length / 2; size > 0; size /= 2)
        {
            for (int at = 0; at + size <= input.Length;)
            {
                byte[] less = [.. input[..at], .. input[(at + size)..]];
                if (Outcome(target, less) is { } fault
                    && Kind(fault).Equals(kind, StringComparison.Ordinal))
                {
                    input = less;
                }
                else
                {
                    at += size;
                }
            }
        }
        return input;
    }

    private static void Show(ITarget target, byte[] input, string fault)
    {
        // What depends on earlier runs may be well when it is run alone.
        string again = Outcome(target, input) ?? fault + "\n(not when run again)";
        Console.WriteLine($"bad: {Convert.ToBase64String(input)}");
        Console.WriteLine($"{Encoding.Latin1.GetString(input)}\n{again}");
    }
}
