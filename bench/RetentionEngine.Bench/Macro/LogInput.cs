using System.Globalization;
using LogGen;

namespace RetentionEngine.Bench.Macro;

/// <summary>A made-up log on disk, and what its maker says about it.</summary>
/// <param name="Path">The file.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Lines">Lines in it.</param>
/// <param name="Records">Records that are true about it, those still in flight included.</param>
internal sealed record LogInput(string Path, long Bytes, long Lines, long Records)
{
    /// <summary>The seed of all inputs.</summary>
    public const ulong Seed = 20_261_101;

    /// <summary>Domains that a store has to know as its own.</summary>
    public static string[] LocalDomains => LogGen.Text.Names.LocalDomains;

    /// <summary>The zone of the hosts, for stamps that name none.</summary>
    public static TimeZoneInfo Zone { get; } = TimeZoneInfo.FindSystemTimeZoneById(new Options().Zone);

    /// <summary>The first instant of inputs that do not say otherwise.</summary>
    public static DateTimeOffset Start { get; } = new Options().Start;

    /// <summary>Makes the log, unless the same one is there already.</summary>
    /// <param name="folder">Where inputs are kept.</param>
    /// <param name="options">What to make; <c>Out</c> and <c>Seed</c> are set here.</param>
    public static LogInput Make(string folder, Options options)
    {
        options = options with { Seed = Seed };
        Directory.CreateDirectory(folder);
        string path = System.IO.Path.Combine(folder, NameOf(options) + ".log");
        string facts = path + ".facts";
        if (File.Exists(facts) && File.Exists(path))
        {
            long[] known = [.. File.ReadAllText(facts).Split(' ')
                .Select(n => long.Parse(n, CultureInfo.InvariantCulture))];
            if (new FileInfo(path).Length == known[0])
            {
                return new LogInput(path, known[0], known[1], known[2]);
            }
        }
        (long lines, long records) = Generator.Run(options, _ => File.Create(path), null);
        long bytes = new FileInfo(path).Length;
        File.WriteAllText(
            facts, string.Create(CultureInfo.InvariantCulture, $"{bytes} {lines} {records}"));
        return new LogInput(path, bytes, lines, records);
    }

    /// <summary>The content in memory, with room behind it for vectors that run over the end.</summary>
    public byte[] Load()
    {
        byte[] bytes = new byte[Bytes + RetentionEngine.Lines.BlockReader.PaddingBytes];
        using FileStream file = File.OpenRead(Path);
        file.ReadExactly(bytes.AsSpan(0, (int)Bytes));
        return bytes;
    }

    /// <summary>Frees the disk.</summary>
    public void Delete()
    {
        File.Delete(Path);
        File.Delete(Path + ".facts");
    }

    // Another build of loggen may write other bytes, so its identity is part of the name.
    private static string NameOf(Options options) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(options.IsPostscreenHeavy ? "postscreen-" : "")}{
            (options.IsJournal ? "journal" : options.IsRfc3339 ? "rfc3339" : "traditional")}-{
            options.Bytes}-rate{
            options.RateBytesPerDay}-{(options.HasUniformPeers ? "distinct" : "peers")}{
            options.Peers}-from{options.Start.ToUnixTimeSeconds()}-{
            typeof(Generator).Module.ModuleVersionId.ToString("N")[..8]}");
}
