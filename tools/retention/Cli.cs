using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using RetentionEngine.Tool.Commands;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool;

/// <summary>From the command line to an exit code; every error ends here as one sentence.</summary>
internal static class Cli
{
    /// <summary>Runs one command.</summary>
    /// <returns>See <see cref="ExitCode"/>.</returns>
    public static int Run(string[] args)
    {
        // Numbers, sorting and messages do not depend on the place where the tool runs.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        var tree = new CommandTree();
        // "@file" is an address-like argument here, not a file of further arguments.
        ParseResult parse = tree.Root.Parse(
            args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0 && parse.Action is not HelpWithExamples)
        {
            return ReportUsage(parse, UsageMessage(parse), Array.IndexOf(args, "--json") >= 0);
        }
        using var output = new StreamWriter(new StandardOutput(), new UTF8Encoding(false));
        try
        {
            int exitCode = parse.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = output,
            });
            output.Flush();
            return exitCode;
        }
        catch (BrokenPipeException)
        {
            return ExitCode.Done;
        }
        catch (UsageException e)
        {
            return ReportUsage(parse, e.Message, parse.GetValue(tree.Options.Json));
        }
        catch (Exception e)
        {
            return Report(new ToolContext(parse, tree.Options), e);
        }
    }

    // Of several errors the unknown word is the cause and the others follow from it.
    private static string UsageMessage(ParseResult parse)
    {
        Command command = parse.CommandResult.Command;
        if (parse.UnmatchedTokens.Count == 0)
        {
            return command.Subcommands.Count > 0 && command.Action is null
                ? "Say what to do."
                : OneLine(parse.Errors[0].Message);
        }
        string word = parse.UnmatchedTokens[0];
        string what = word.StartsWith('-') ? "an option" : "a command or argument";
        string message = $"'{SafeText.Of(word)}' is not {what} that is taken here.";
        return Nearest(word, command) is { } near ? $"{message} Did you mean '{near}'?" : message;
    }

    // Lists of allowed values come one a line.
    private static string OneLine(string message) => message
        .ReplaceLineEndings(" ")
        .Replace("\t", "", StringComparison.Ordinal)
        .Replace("' '", "', '", StringComparison.Ordinal)
        .Replace(":'", ": '", StringComparison.Ordinal)
        .Trim();

    private static string? Nearest(string word, Command command)
    {
        const int DistanceMax = 2;
        string? nearest = null;
        int least = Math.Min(DistanceMax, (word.Length - 1) / 2) + 1;
        foreach (Symbol symbol in command.Children.Concat(command.Parents.OfType<Command>()
            .SelectMany(static p => p.Options)))
        {
            if (symbol is not Argument && Distance(word, symbol.Name) is int distance
                && distance < least)
            {
                (nearest, least) = (symbol.Name, distance);
            }
        }
        return nearest;
    }

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }

    private static int ReportUsage(ParseResult parse, string message, bool isJson)
    {
        string command = $"retention {GlobalOptions.NameOf(parse)}".TrimEnd();
        if (isJson)
        {
            ReportJson(GlobalOptions.NameOf(parse), ExitCode.Usage, "Usage", message, null);
        }
        else
        {
            Console.Error.WriteLine($"retention: {message}");
            Console.Error.WriteLine($"Try '{command} --help'");
        }
        return ExitCode.Usage;
    }

    private static int Report(ToolContext context, Exception e)
    {
        (int exitCode, string code, string message) = Explain(e);
        if (context.IsJson)
        {
            ReportJson(context.CommandName, exitCode, code, message, (e as RetentionException)?.Path);
        }
        else
        {
            Console.Error.WriteLine($"retention: {message}");
        }
        if (exitCode == ExitCode.Bug)
        {
            // The trace names our code only; the exception's text might hold what was read.
            Console.Error.WriteLine(e.StackTrace);
        }
        return exitCode;
    }

    private static (int ExitCode, string Code, string Message) Explain(Exception e)
    {
        switch (e)
        {
            case RetentionException { InnerException: UnauthorizedAccessException } denied
                when denied.Error == RetentionError.InputOutput:
                return (ExitCode.NotAllowed, "NotAllowed", denied.Message);
            case RetentionException known:
                string hint = known.Error == RetentionError.StoreNotFound
                    ? " 'retention import' or 'retention init' creates one; --store says where."
                    : "";
                return (ExitCode.Of(known.Error), known.Error.ToString(), known.Message + hint);
            case UnauthorizedAccessException:
                return (ExitCode.NotAllowed, "NotAllowed", e.Message);
            case IOException:
                return (ExitCode.InputOutput, nameof(RetentionError.InputOutput), e.Message);
            default:
                return (ExitCode.Bug, "Bug", $"This is a bug: {e.GetType().Name}. Please report it.");
        }
    }

    private static void ReportJson(
        string command, int exitCode, string code, string message, string? path)
    {
        byte[] error = JsonLine.Make("error", json =>
        {
            json.WriteString("command", command);
            json.WriteNumber("exit", exitCode);
            json.WriteString("code", code);
            json.WriteString("message", message);
            if (path is not null)
            {
                json.WriteString("path", path);
            }
        });
        Console.Error.Write(Encoding.UTF8.GetString(error));
        byte[] summary = JsonLine.Make("summary", json =>
        {
            json.WriteString("command", command);
            json.WriteNumber("exit", exitCode);
            json.WriteString("error", code);
            json.WriteString("message", message);
        });
        try
        {
            using var output = new StandardOutput();
            output.Write(summary);
        }
        catch (IOException)
        {
            // Nobody reads it; the exit code still tells.
        }
    }
}

/// <summary>The usual help, with examples behind it.</summary>
internal sealed class HelpWithExamples(HelpAction help, IReadOnlyDictionary<Command, string> examples)
    : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = help.Invoke(parseResult);
        if (examples.TryGetValue(parseResult.CommandResult.Command, out string? text))
        {
            parseResult.InvocationConfiguration.Output.Write(text);
        }
        return exitCode;
    }
}
