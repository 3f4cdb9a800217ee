using System.Globalization;

namespace LogGen;

internal static class Program
{
    private const string Help =
        """
        loggen: writes a made-up mail log, and what is true about it.

        Usage: loggen [options]

        What
          --seed N             same seed, same options: same bytes (default 1)
          --lines N            stop after N lines (a few more, see below), or
          --bytes SIZE         stop after SIZE bytes: 500000, 20MB, 1GB (powers of ten)
          --style STYLE        traditional (no year, no zone, default), rfc3339, or journal, as
                               journalctl -o export prints it; a line is then an entry
          --mix MIX            standard (default), or postscreen: of a host behind DNS block
                               lists, where 95 lines in a hundred make no record
          --start TIME         first instant (default 2026-11-01T00:00:00Z)
          --zone NAME          time zone of the hosts (default Europe/Berlin)
          --rate SIZE          bytes of log a day (default 1GB): a smaller rate makes a log of
                               the same size span more days, with more retries and expiries
          --hosts N            hosts, each of another kind (default 7)
          --mailboxes N        mailboxes of the site (default 200000)
          --peers N            addresses elsewhere (default 2000000)
          --distinct-addresses N
                               N addresses elsewhere, drawn evenly, so that most are new

        Where
          --out PATH           a file; a directory, then mail.log in it; - (default) is
                               standard output
          --cut N              N cuts at random lines: mail.log.1 (the oldest), mail.log.2, ...
          --truth FILE         the true records, tab separated, as docs/RECORDS.md defines them

        The truth has three head lines: "# local-domains: ...", which a reader has to configure,
        "# zone: ..." and "# columns: ...". Absent is "-", empty is two quotes. Mails and
        sessions still open at the end are there with the flag in_flight. The log never ends
        between a mail and the line that links it to the mail it was made from; it is a few
        lines longer instead.

        Traffic: Postfix (short and long queue ids; content filters with and without
        XFORWARD; alias forwards; retries over days; bounces, delay warnings, expiry; postsuper
        -d and -r; milters; a second instance named postfix-in), Courier, Dovecot 2.3 and 2.4,
        and noise. Names, domains and addresses are of the ranges reserved for examples and tests.

        """;

    public static int Main(string[] args)
    {
        if (args is [] or ["--help"] or ["-h"])
        {
            Console.Out.Write(Help);
            return 0;
        }
        Options options;
        try
        {
            options = Parse(args);
            _ = TimeZoneInfo.FindSystemTimeZoneById(options.Zone);
        }
        catch (Exception error)
            when (error is FormatException or OverflowException or TimeZoneNotFoundException)
        {
            Console.Error.WriteLine($"loggen: {error.Message} See loggen --help.");
            return 2;
        }
        try
        {
            Generator.Run(options);
            return 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"loggen: {error.Message}");
            return 1;
        }
    }

    internal static Options Parse(string[] args)
    {
        var options = new Options();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
            {
                throw new FormatException($"{args[i]} needs a value.");
            }
            options = Apply(options, args[i], args[i + 1]);
        }
        if (options.Lines > 0 == options.Bytes > 0)
        {
            throw new FormatException("Give either --lines or --bytes.");
        }
        if (options.Hosts is < 1 or > 64 || options.Mailboxes < 1 || options.Peers < 100
            || options.RateBytesPerDay < 1 || options.Cuts < 0 || options.Mailboxes > 1 << 30)
        {
            throw new FormatException("A number is out of its range.");
        }
        if (options.Cuts > 0 && IsStandardOutput(options))
        {
            throw new FormatException("--cut needs --out.");
        }
        return options;
    }

    internal static bool IsStandardOutput(Options options) =>
        string.Equals(options.Out, "-", StringComparison.Ordinal);

    private static Options Apply(Options options, string name, string value) => name switch
    {
        "--seed" => options with { Seed = ulong.Parse(value, CultureInfo.InvariantCulture) },
        "--lines" => options with { Lines = Number(value) },
        "--bytes" => options with { Bytes = Size(value) },
        "--style" => value switch
        {
            "rfc3339" => options with { IsRfc3339 = true, IsJournal = false },
            "traditional" => options with { IsRfc3339 = false, IsJournal = false },
            "journal" => options with { IsRfc3339 = false, IsJournal = true },
            _ => throw new FormatException($"Unknown style {value}."),
        },
        "--mix" => options with
        {
            IsPostscreenHeavy = value switch
            {
                "standard" => false,
                "postscreen" => true,
                _ => throw new FormatException($"Unknown mix {value}."),
            },
        },
        "--out" => options with { Out = value },
        "--truth" => options with { Truth = value },
        "--start" => options with
        {
            Start = DateTimeOffset.Parse(value, CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal),
        },
        "--zone" => options with { Zone = value },
        "--rate" => options with { RateBytesPerDay = Size(value) },
        "--hosts" => options with { Hosts = checked((int)Number(value)) },
        "--mailboxes" => options with { Mailboxes = checked((int)Number(value)) },
        "--peers" => options with { Peers = checked((int)Number(value)) },
        "--distinct-addresses" => options with
        {
            Peers = checked((int)Number(value)),
            HasUniformPeers = true,
        },
        "--cut" => options with { Cuts = checked((int)Number(value)) },
        _ => throw new FormatException($"Unknown option {name}."),
    };

    private static long Number(string value) =>
        long.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture);

    private static long Size(string value)
    {
        (string suffix, long unit)[] units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB",
            1_000)];
        foreach ((string suffix, long unit) in units)
        {
            if (value.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                return checked(Number(value[..^2]) * unit);
            }
        }
        return Number(value);
    }
}
