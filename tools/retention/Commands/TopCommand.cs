using System.CommandLine;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention top</c></summary>
internal sealed class TopCommand : CommandPart
{
    private readonly Option<double> _interval = new("--interval")
    {
        Description = "Seconds between two looks.",
        HelpName = "SECONDS",
        DefaultValueFactory = static _ => 1,
    };

    private readonly Option<int> _count = new("--count", "-n")
    {
        Description = "Looks before it ends; 0 = until interrupted.",
        HelpName = "N",
    };

    public TopCommand(CommandTree tree)
        : base("top", "Watch the daemon that writes the store: rates, lag, fates, what expires next.")
    {
        _interval.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0.1 and <= 3600))
            {
                result.AddError("--interval must be 0.1 to 3600 seconds.");
            }
        });
        Command.Add(_interval);
        Command.Add(_count);
        tree.Set(Command, Run, """
            Examples:
              retention top
              retention top --interval 10 --count 6 > rates.txt
            """);
    }

    private int Run(ToolContext context)
    {
        TimeSpan interval = TimeSpan.FromSeconds(context.Parse.GetValue(_interval));
        int count = context.Parse.GetValue(_count);
        if (!DaemonLink.TryMetrics(context.StorePath, out string text))
        {
            throw new RetentionException(
                RetentionError.StoreNotFound,
                $"No daemon answers at '{Path.Combine(context.StorePath, "control")}';"
                + " start retentiond, or name its store with --store.",
                context.StorePath);
        }
        StandardOutput.ExitWhenReaderGoes();
        var view = new TopView(context.Clock, context.IsColored);
        bool isLive = !Console.IsOutputRedirected && !context.IsJson;
        using var signals = new SignalScope();
        for (int look = 1; ; look++)
        {
            TopReading reading = view.Take(text);
            if (context.IsJson)
            {
                context.WriteJson("top", reading.Write);
            }
            else
            {
                context.Write((isLive ? "\e[H\e[2J" : "") + view.Text(reading));
            }
            if (look == count || signals.Token.WaitHandle.WaitOne(interval))
            {
                return context.Summary(ExitCode.Done);
            }
            if (!DaemonLink.TryMetrics(context.StorePath, out text))
            {
                context.Note("the daemon does not answer any more.");
                return context.Summary(ExitCode.NothingFound);
            }
        }
    }
}
