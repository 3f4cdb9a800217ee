using System.CommandLine;
using System.CommandLine.Parsing;

namespace RetentionEngine.Tool;

/// <summary>Options that every command takes.</summary>
internal sealed class GlobalOptions
{
    public Option<string?> Store { get; } = new("--store")
    {
        Description = "Directory of the store. Default: $RETENTION_STORE, else "
            + "$XDG_DATA_HOME/retention/store (~/.local/share/retention/store).",
        HelpName = "DIR",
        Recursive = true,
    };

    public Option<string?> Key { get; } = new("--key")
    {
        Description = "File of the master key. Default: $RETENTION_KEY, else the store's path with "
            + "'.key' behind it.",
        HelpName = "FILE",
        Recursive = true,
    };

    public Option<bool> Json { get; } = new("--json")
    {
        Description = "Write JSON lines, errors included; the last one is of type \"summary\".",
        Recursive = true,
    };

    public Option<string> Color { get; } = new("--color")
    {
        Description = "auto, always or never. Auto: on a terminal, unless NO_COLOR is set.",
        HelpName = "WHEN",
        Recursive = true,
        DefaultValueFactory = static _ => "auto",
    };

    public Option<bool> Quiet { get; } = new("--quiet", "-q")
    {
        Description = "No progress and no notes; errors are still told.",
        Recursive = true,
    };

    public void AddTo(Command root)
    {
        Color.AcceptOnlyFromAmong("auto", "always", "never");
        root.Add(Store);
        root.Add(Key);
        root.Add(Json);
        root.Add(Color);
        root.Add(Quiet);
    }

    /// <summary>The name of the command that was parsed, without the program's.</summary>
    public static string NameOf(ParseResult parse)
    {
        string name = "";
        for (SymbolResult? result = parse.CommandResult; result is not null; result = result.Parent)
        {
            if (result is CommandResult { Command: not RootCommand } command)
            {
                name = name.Length == 0 ? command.Command.Name : $"{command.Command.Name} {name}";
            }
        }
        return name;
    }
}
