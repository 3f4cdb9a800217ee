using System.CommandLine;
using System.Globalization;
using RetentionEngine.Tool.Output;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention explain</c></summary>
internal sealed class ExplainCommand : CommandPart
{
    private readonly PolicyOptions _policy = new();

    private readonly Argument<string> _place = new("FILE:LINE")
    {
        Description = "A log, plain or packed, with the number of a line, or of a first and a last "
            + "one (FILE:LINE-LINE); /dev/stdin:LINE is one of standard input.",
    };

    private readonly Argument<string[]> _others = new("PATH")
    {
        Description = "Logs before and behind it, whose lines may belong to the same records.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<int?> _year = ImportCommand.YearOption();

    private readonly Option<string?> _format = new("--format")
    {
        Description = "text, json or ndjson. Default: text.",
        HelpName = "FORMAT",
    };

    public ExplainCommand(CommandTree tree)
        : base(
            "explain",
            "Show how a line of a log is read, field by field, and which records it goes into. "
                + "Nothing is imported; zone and local domains are those of the store, if there "
                + "is one.")
    {
        _format.AcceptOnlyFromAmong("text", "json", "ndjson");
        Command.Add(_place);
        Command.Add(_others);
        Command.Add(_policy.TimeZone);
        Command.Add(_policy.LocalDomain);
        Command.Add(_year);
        Command.Add(_format);
        tree.Set(Command, Run, """
            It shows what the line says: names and addresses of people. The report of an import
            ("strange", "shapes") names the places that are worth a look.

            Examples:
              retention explain /var/log/mail.log:1234
              retention explain mail.log.2.gz:80-85 mail.log.1 --timezone Europe/Berlin
              retention explain mail.log:17 --format json
            """);
    }

    private int Run(ToolContext context)
    {
        (string file, long first, long last) = Place(context.Parse.GetValue(_place)!);
        using var signals = new SignalScope();
        FoundSources found = SourceFinder.Find(
            [file, .. context.Parse.GetValue(_others) ?? []],
            context.Clock.GetUtcNow(),
            signals.Token);
        foreach (RetentionException error in found.Errors)
        {
            if (found.Sources.Count == 0 || string.Equals(error.Path, file, StringComparison.Ordinal))
            {
                throw error;
            }
            context.Warn(error.Message);
        }
        StandardOutput.ExitWhenReaderGoes();
        GivenZones zones = _policy.Zones(context.Parse);
        LineExplanation explanation;
        try
        {
            explanation = LineExplainer.Explain(
                found.Sources,
                new ExplainOptions
                {
                    Source = found.Sources[0],
                    FirstLine = first,
                    LastLine = last,
                    Policy = Policy(context),
                    Zone = zones.Default,
                    HostZones = zones.Named(),
                    Year = ImportCommand.Year(context.Parse.GetValue(_year)),
                },
                signals.Token);
        }
        catch (OperationCanceledException)
        {
            return context.Summary(signals.ExitCode);
        }
        return Tell(context, file, explanation);
    }

    private int Tell(ToolContext context, string file, LineExplanation explanation)
    {
        foreach (RetentionException fault in explanation.Faults)
        {
            context.Warn($"{fault.Path}: {fault.Message}");
        }
        List<ExplainedLine> lines =
            [.. explanation.Lines.Where(static line => line.Use != LineUse.Missing)];
        if (lines.Count < explanation.Lines.Count)
        {
            long missing = explanation.Lines[lines.Count].Number;
            context.Note(string.Create(
                CultureInfo.InvariantCulture, $"'{file}' ends before line {missing}."));
        }
        string format = context.Parse.GetValue(_format) ?? "text";
        if (context.IsJson || format is "ndjson")
        {
            foreach (ExplainedLine line in lines)
            {
                context.Output.Write(ExplainText.MakeJsonLine(file, line, context.IsJson));
            }
        }
        else if (format is "json")
        {
            context.Output.Write(ExplainText.MakeJson(file, lines));
        }
        else
        {
            context.Write(ExplainText.Make(file, lines, context.Clock.GetUtcNow()));
        }
        int exitCode = lines.Count == 0 ? ExitCode.NothingFound
            : explanation.Faults.Count > 0 ? ExitCode.Partial
            : ExitCode.Done;
        return context.Summary(exitCode, json =>
        {
            json.WriteNumber("lines", lines.Count);
            json.WriteNumber("records", lines.Sum(static line => line.Records.Count));
        });
    }

    /// <summary>The policy of the store, if it can be had, changed as the command line says.</summary>
    private RetentionPolicy Policy(ToolContext context)
    {
        var policy = new RetentionPolicy();
        if (context.IsStoreNamed || Directory.Exists(context.StorePath))
        {
            try
            {
                using RetentionStore store = context.OpenStore(isReadOnly: true);
                policy = store.Policy;
            }
            catch (RetentionException) when (!context.IsStoreNamed)
            {
                context.Note($"the store {context.StorePath} can't be read: "
                    + "zone and local domains are those of a new one.");
            }
        }
        return _policy.ApplyDomains(context.Parse, policy);
    }

    private static (string File, long First, long Last) Place(string text)
    {
        int colon = text.LastIndexOf(':');
        ReadOnlySpan<char> lines = text.AsSpan(colon + 1);
        int dash = lines.IndexOf('-');
        ReadOnlySpan<char> from = dash < 0 ? lines : lines[..dash];
        ReadOnlySpan<char> to = dash < 0 ? lines : lines[(dash + 1)..];
        if (colon < 1 || !TryNumber(from, out long first) || !TryNumber(to, out long last)
            || last < first)
        {
            throw new UsageException(
                $"'{SafeText.Of(text)}' is not FILE:LINE or FILE:LINE-LINE, such as mail.log:1234.");
        }
        if (last - first >= LineExplainer.LinesMax)
        {
            throw new UsageException(string.Create(
                CultureInfo.InvariantCulture,
                $"At most {LineExplainer.LinesMax} lines are explained at once."));
        }
        string file = text[..colon];
        return Directory.Exists(file)
            ? throw new UsageException($"'{SafeText.Of(file)}' is a directory, not a log.")
            : (file, first, last);
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number is > 0 and < 1L << 53;
}
