using LogGen.Text;

namespace LogGen;

/// <summary>Opens the files and runs a simulation into them.</summary>
internal static class Generator
{
    /// <summary>Writes log and truth as the options say.</summary>
    public static void Run(Options options)
    {
        Func<int, Stream> open = Program.IsStandardOutput(options)
            ? _ => Console.OpenStandardOutput()
            : number => File.Create(FilePath(options, number));
        using Stream? truth = options.Truth is null ? null : File.Create(options.Truth);
        _ = Run(options, open, truth);
    }

    /// <summary>The same into any streams; returns the numbers of lines and records.</summary>
    public static (long Lines, long Records) Run(Options options, Func<int, Stream> open,
        Stream? truthStream)
    {
        var stamps = new Stamps(options.IsRfc3339,
            TimeZoneInfo.FindSystemTimeZoneById(options.Zone), options.IsJournal);
        using var log = new LogOutput(stamps, options, open);
        using var truth = new Truth(truthStream, stamps, options.Zone);
        new Simulation(options, log, truth).Run();
        return (log.LineCount, truth.RecordCount);
    }

    private static string FilePath(Options options, int number)
    {
        bool isDirectory = Directory.Exists(options.Out) || options.Out.EndsWith('/');
        string path = isDirectory ? Path.Combine(options.Out, "mail.log") : options.Out;
        if (isDirectory)
        {
            _ = Directory.CreateDirectory(options.Out);
        }
        return options.Cuts == 0 ? path : $"{path}.{number}";
    }
}
