using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;

namespace RetentionEngine.Tool.Commands;

/// <summary>All commands with their options and examples.</summary>
internal sealed class CommandTree
{
    private const int HelpWidthMax = 100;

    private readonly Dictionary<Command, string> _examples = [];

    public CommandTree()
    {
        Options.AddTo(Root);
        Root.Directives.Clear();
        Root.Add(new SuggestDirective());
        Add(Root, new InitCommand(this));
        Add(Root, new PolicyCommand(this));
        Add(Root, new ImportCommand(this));
        Add(Root, new QueryCommand(this));
        Add(Root, new TraceCommand(this));
        Add(Root, new ExplainCommand(this));
        Add(Root, new ExpireCommand(this));
        Add(Root, new StatsCommand(this));
        Add(Root, new TopCommand(this));
        Add(Root, new VerifyCommand(this));
        Add(Root, new HoldCommand(this));
        Add(Root, new JournalCommand(this));
        Add(Root, new CompletionCommand(this));
        _examples[Root] = """
            Examples:
              retention import /var/log --local-domain example.org
              retention query --mailbox anna@example.org --from '2h ago'
              retention trace 4XyZ8k1Fz2z3Qd

            Exit codes:
              0 done   1 nothing matched, or damage found   3 some input could not be read
              64 usage   65 bad data   66 no input   70 bug   73 cannot create   74 I/O
              75 locked, try again   77 not allowed   78 policy   130, 143 interrupted

            """;
        foreach (Option option in Root.Options)
        {
            if (option is HelpOption { Action: HelpAction action })
            {
                // A terminal that does not tell its size has a width of 0, which is not accepted.
                int width = action.MaxWidth;
                action.MaxWidth = width is > 0 and < HelpWidthMax ? width : HelpWidthMax;
                option.Action = new HelpWithExamples(action, _examples);
            }
        }
    }

    public RootCommand Root { get; } =
        new("Keeps who mailed whom, when and with what result, for as long as the policy says.");

    public GlobalOptions Options { get; } = new();

    /// <summary>Gives a command its action and the examples of its help.</summary>
    public void Set(Command command, Func<ToolContext, int> run, string examples)
    {
        command.SetAction(parse => run(new ToolContext(parse, Options)));
        _examples[command] = examples + Environment.NewLine;
    }

    private static void Add(Command parent, CommandPart part) => parent.Add(part.Command);
}

/// <summary>A command with its options, which its action reads.</summary>
internal abstract class CommandPart(string name, string description)
{
    public Command Command { get; } = new(name, description);
}
