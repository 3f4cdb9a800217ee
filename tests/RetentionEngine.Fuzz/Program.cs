using System.Globalization;
using System.Text;
using RetentionEngine.Fuzz;
using RetentionEngine.Tests.Differential;
using SharpFuzz;

// Only made-up lines are read here, so what is bad may be printed.
return args switch
{
    ["loop", var name, var count, .. var rest] => RunLoop(name, count, rest),
    ["once", var name, var path] => RunOnce(name, path),
    ["afl", var name] => RunAfl(name),
    ["seeds", var name, var directory] => WriteSeeds(name, directory),
    ["instrument", var path] => Instrument(path),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        usage: RetentionEngine.Fuzz loop line|source COUNT [SEED [SECONDS]]
               RetentionEngine.Fuzz once line|source FILE     what one input gives
               RetentionEngine.Fuzz afl line|source           called by afl-fuzz
               RetentionEngine.Fuzz seeds line|source DIR     writes inputs to begin with
               RetentionEngine.Fuzz instrument DLL            lets afl-fuzz see its branches
        """);
    return 2;
}

static ITarget Target(string name) => name is "source" ? new SourceTarget() : new LineTarget();

static int RunLoop(string name, string count, string[] rest)
{
    int seed = rest.Length > 0 ? Number(rest[0]) : Environment.TickCount & 0xFFFFFF;
    TimeSpan longest = rest.Length > 1 ? TimeSpan.FromSeconds(Number(rest[1])) : TimeSpan.MaxValue;
    return Loop.Run(Target(name), Number(count), seed, longest) ? 0 : 1;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static int RunOnce(string name, string path)
{
    string? fault = Loop.Outcome(Target(name), File.ReadAllBytes(path));
    Console.WriteLine(fault ?? "well");
    return fault is null ? 0 : 1;
}

static int RunAfl(string name)
{
    // Made within the run: what is instrumented can't run before.
    ITarget? target = null;
    byte[] input = new byte[1 << 16];
    Fuzzer.Run(stream =>
    {
        target ??= Target(name);
        int length = stream.ReadAtLeast(input, input.Length, throwOnEndOfStream: false);
        if (target.Run(input.AsSpan(0, length)) is { } fault)
        {
            throw new InvalidOperationException(fault);
        }
    });
    return 0;
}

static int WriteSeeds(string name, string directory)
{
    string[] lines = [.. Corpus.Files.SelectMany(f => File.ReadAllLines(f, Encoding.Latin1))];
    Directory.CreateDirectory(directory);
    var random = new Random(1);
    for (int i = 0; i < lines.Length; i++)
    {
        byte[] seed = name is "source"
            ? SourceMaker.Make(lines, random) : Encoding.Latin1.GetBytes(lines[i]);
        File.WriteAllBytes(Path.Combine(directory, $"{i:D4}"), seed);
    }
    return 0;
}

static int Instrument(string path)
{
    Fuzzer.Instrument(path, _ => true, Options.Value);
    return 0;
}
