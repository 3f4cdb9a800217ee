using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Runtime.InteropServices;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon;

/// <summary>From the command line to an exit code; every error ends here as one sentence.</summary>
internal static class Cli
{
    private static readonly Option<string?> s_config = new("--config")
    {
        Description = $"The configuration. Default: ${SettingsFile.PathVariable}, else "
            + $"{SettingsFile.DefaultPath}.",
        HelpName = "FILE",
        Recursive = true,
    };

    private static readonly Option<string[]> s_set = new("--set")
    {
        Description = "Overrides one setting, e.g. store.path=/srv/store; may be repeated. Goes "
            + "before variables (RETENTIOND_STORE_PATH), which go before the file.",
        HelpName = "NAME=VALUE",
        Recursive = true,
        DefaultValueFactory = static _ => [],
    };

    /// <summary>Runs one command.</summary>
    /// <returns>See <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        // Numbers and messages do not depend on the place where the daemon runs.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        ParseResult parse = Tree().Parse(
            args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0)
        {
            return Usage(parse.UnmatchedTokens.Count > 0
                ? "An option, a command or an argument is not taken here."
                : parse.CommandResult.Command.Subcommands.Count > 0
                    ? "Say what to do." : parse.Errors[0].Message.ReplaceLineEndings(" "));
        }
        try
        {
            return await parse.InvokeAsync(
                new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                });
        }
        catch (ConfigException e)
        {
            foreach (ConfigError error in e.Errors)
            {
                await Console.Error.WriteLineAsync($"retentiond: {error}");
            }
            return ExitCode.Configuration;
        }
        catch (RetentionException e)
        {
            await Console.Error.WriteLineAsync($"retentiond: {e.Message}");
            return ExitCode.Of(e.Error);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"retentiond: {e.Message}");
            return e is IOException ? ExitCode.InputOutput : ExitCode.NotAllowed;
        }
    }

    private static RootCommand Tree()
    {
        var serve = new Command("serve", "Run in the foreground, as the service manager wants it.");
        serve.SetAction((parse, _) => ServeAsync(parse));
        var check = new Command("check", "Read the configuration and say what is wrong with it.");
        check.SetAction(Check);
        var config = new Command("config", "Look at the configuration.") { check };
        return new RootCommand("Takes mail logs in from all sides and keeps their records on time.")
        {
            s_config, s_set, serve, config,
        };
    }

    private static int Usage(string message)
    {
        Console.Error.WriteLine($"retentiond: {message}");
        Console.Error.WriteLine("Try 'retentiond --help'");
        return ExitCode.Usage;
    }

    private static Settings Read(ParseResult parse)
    {
        string path = parse.GetValue(s_config)
            ?? Environment.GetEnvironmentVariable(SettingsFile.PathVariable)
            ?? SettingsFile.DefaultPath;
        var flags = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string text in parse.GetValue(s_set)!)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !flags.TryAdd(text[..equals], text[(equals + 1)..]))
            {
                throw new ConfigException([new ConfigError(
                    "command line", 0, $"--set {text} is not NAME=VALUE, each name once")]);
            }
        }
        return SettingsFile.Read(path, SettingsFile.Variables(), flags);
    }

    private static int Check(ParseResult parse)
    {
        Settings settings = Read(parse);
        foreach (SyslogSettings syslog in settings.Syslogs)
        {
            Listeners.SyslogListener.Check(syslog);
        }
        parse.InvocationConfiguration.Output.Write(SettingsSummary.Of(settings));
        return ExitCode.Done;
    }

    private static async Task<int> ServeAsync(ParseResult parse)
    {
        Settings settings = Read(parse);
        bool isJournal = Environment.GetEnvironmentVariable("JOURNAL_STREAM") is not null;
        var log = new Log(Console.Error, isJournal)
        {
            Level = settings.LogLevel,
            IsJson = settings.IsLogJson,
        };
        using var stop = new CancellationTokenSource();
        await using var host = new DaemonHost(
            settings, () => Read(parse), log, TimeProvider.System);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await host.StartAsync();
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _ = host.ReloadAsync();
        });
        await host.WatchAsync(stop.Token);
        await host.StopAsync();
        return ExitCode.Done;

        void Stop(PosixSignalContext context)
        {
            // A second one ends the process at once.
            context.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }
}
