using System.CommandLine;
using RetentionEngine.Tool.Output;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention import</c></summary>
internal sealed class ImportCommand : CommandPart
{
    private readonly PolicyOptions _policy = new();

    private readonly Argument<string[]> _paths = new("PATH")
    {
        Description = "Log files, plain or packed (.gz .zst .xz .bz2), directories of them, or - "
            + "for standard input.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<int?> _year = YearOption();

    private readonly Option<bool> _strict = new("--strict")
    {
        Description = "Exit with 65 when a line was not understood.",
    };

    private readonly Option<string> _progress = ProgressOption();

    public ImportCommand(CommandTree tree)
        : base(
            "import",
            "Read logs into the store; creates it if there is none. Logs may be given in any order "
                + "and again: what is known already adds nothing.")
    {
        Command.Add(_paths);
        _policy.AddTo(Command);
        Command.Add(_year);
        Command.Add(_strict);
        Command.Add(_progress);
        tree.Set(Command, Run, """
            The policy options (--retain, --basis, --local-domain) are for a new store; an existing
            one keeps its policy: see 'retention policy set'.

            Examples:
              retention import /var/log --local-domain example.org
              retention import mail.log.1 mail.log.2.gz --timezone Europe/Berlin --year 2026
              retention import relay.log --timezone UTC --timezone mx2=America/Lima
              journalctl -u 'postfix*' -o short-iso-precise | retention import -
              retention import old.log.xz --retain all=3650d --basis "sample logs"

            SIGUSR1 makes it tell how far it is; SIGINT and SIGTERM end it after the last commit.
            """);
    }

    /// <summary>The option <c>--progress</c>.</summary>
    public static Option<string> ProgressOption()
    {
        var option = new Option<string>("--progress")
        {
            Description = "auto, plain, json or none. Auto: a bar on a terminal, else a line every "
                + "10 seconds.",
            HelpName = "HOW",
            DefaultValueFactory = static _ => "auto",
        };
        return option.AcceptOnlyFromAmong("auto", "plain", "json", "none");
    }

    /// <summary>The option <c>--year</c>.</summary>
    public static Option<int?> YearOption() => new("--year")
    {
        Description = "Year of the first line of logs without years. Default: inferred.",
        HelpName = "YEAR",
    };

    /// <summary>Checks what <c>--year</c> says.</summary>
    public static int? Year(int? year) => year is < 1970 or > 9998
        ? throw new UsageException($"--year {year} can't be the year of a log.")
        : year;

    private int Run(ToolContext context)
    {
        GivenZones zones = _policy.Zones(context.Parse);
        int? year = Year(context.Parse.GetValue(_year));
        using var signals = new SignalScope();
        FoundSources found =
            SourceFinder.Find(Paths(context), context.Clock.GetUtcNow(), signals.Token);
        if (found.Sources.Count == 0)
        {
            return NoSources(context, found);
        }
        using RetentionStore store = OpenOrCreate(context);
        ImportReport report;
        try
        {
            using var progress = new ProgressReporter(context.Parse.GetValue(_progress)!, context);
            report = store.Import(
                found.Sources,
                new ImportOptions
                {
                    Zone = zones.Default,
                    HostZones = zones.Named(),
                    Year = year,
                    Progress = p => progress.Update(
                        p.Source, found.Meter.Bytes, found.BytesTotal, p.Lines, p.Records),
                },
                signals.Token);
        }
        catch (OperationCanceledException)
        {
            context.Warn("Interrupted; what was committed is kept, the next import goes on there.");
            return context.Summary(signals.ExitCode);
        }
        int exitCode = signals.ExitCode != 0
            ? signals.ExitCode
            : ExitCodeOf(report, found, context.Parse.GetValue(_strict));
        if (context.IsJson)
        {
            return ImportReportText.WriteJson(context, report, found, exitCode);
        }
        context.Write(ImportReportText.Make(context, report, found, store.Policy));
        return exitCode;
    }

    private static int ExitCodeOf(ImportReport report, FoundSources found, bool isStrict)
    {
        bool isPartial = found.Errors.Count > 0;
        int unreadable = 0;
        foreach (SourceReport source in report.Sources)
        {
            isPartial |= source.Error is not null;
            unreadable += source is { Error: not null, Events: 0, AlreadyKnownBytes: 0 } ? 1 : 0;
        }
        if (unreadable == report.Sources.Count && isPartial)
        {
            return ExitCode.Of(report.Sources[0].Error!.Error);
        }
        if (isPartial)
        {
            return ExitCode.Partial;
        }
        return isStrict && report.StrangeLines + report.OverlongLines > 0
            ? ExitCode.BadData
            : ExitCode.Done;
    }

    private static int NoSources(ToolContext context, FoundSources found)
    {
        if (found.Errors.Count == 0)
        {
            throw new UsageException("There is nothing to read.");
        }
        for (int i = 1; i < found.Errors.Count; i++)
        {
            context.Warn(found.Errors[i].Message);
        }
        throw found.Errors[0];
    }

    private string[] Paths(ToolContext context)
    {
        string[] paths = context.Parse.GetValue(_paths) ?? [];
        if (paths.Length > 0)
        {
            return paths;
        }
        return Console.IsInputRedirected
            ? [SourceFinder.StandardInput]
            : throw new UsageException("Say which logs to read: files, directories, or - for standard input.");
    }

    private RetentionStore OpenOrCreate(ToolContext context)
    {
        RetentionStore store;
        try
        {
            store = context.OpenStore(isReadOnly: false);
        }
        catch (RetentionException e) when (e.Error == RetentionError.StoreNotFound)
        {
            RetentionPolicy policy = _policy.Apply(context.Parse, new RetentionPolicy());
            context.Note($"creating the store {context.StorePath}");
            return InitCommand.Create(context, policy);
        }
        if (_policy.AreGiven(context.Parse)
            && !PolicyOptions.AreEqual(_policy.Apply(context.Parse, store.Policy), store.Policy))
        {
            store.Dispose();
            throw new UsageException(
                "The store has another policy than these options say; change it with "
                    + "'retention policy set', or leave out --retain, --basis and --local-domain.");
        }
        return store;
    }
}
