using System.CommandLine;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention completion</c>: scripts that ask the tool itself what may follow.</summary>
internal sealed class CompletionCommand : CommandPart
{
    private const string Bash = """
        # retention: completion for bash
        _retention() {
            local line="${COMP_LINE#"${COMP_WORDS[0]}"}"
            line="${line# }"
            local skipped=$((${#COMP_LINE} - ${#line}))
            local current="${COMP_WORDS[COMP_CWORD]}"
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:$((COMP_POINT - skipped))]" "$line" 2>/dev/null)" -- "$current"))
        }
        complete -o default -o bashdefault -F _retention retention
        """;

    private const string Zsh = """
        #compdef retention
        # retention: completion for zsh
        _retention() {
            local line="${BUFFER#"${words[1]}"}"
            line="${line# }"
            local skipped=$((${#BUFFER} - ${#line}))
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:$((CURSOR - skipped))]" "$line" 2>/dev/null)}")
            found=("${(@)found:#}")
            if (( ${#found} )); then
                compadd -a found
            else
                _files
            fi
        }
        compdef _retention retention
        """;

    private const string Fish = """
        # retention: completion for fish
        function __retention_complete
            set -l line (commandline -p)
            set -l rest (string replace -r '^\S+ ?' '' -- $line)
            set -l at (math (commandline -C) - (string length -- $line) + (string length -- $rest))
            retention "[suggest:$at]" "$rest" 2>/dev/null
        end
        complete -c retention -a '(__retention_complete)'
        """;

    private readonly Argument<string> _shell = new("SHELL")
    {
        Description = "bash, zsh or fish.",
    };

    public CompletionCommand(CommandTree tree)
        : base("completion", "Print a script that completes commands and options in a shell.")
    {
        _shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Command.Add(_shell);
        tree.Set(Command, Run, """
            Examples:
              source <(retention completion bash)
              retention completion zsh > "${fpath[1]}/_retention"
              retention completion fish > ~/.config/fish/completions/retention.fish
            """);
    }

    private int Run(ToolContext context)
    {
        string script = context.Parse.GetValue(_shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        };
        if (!context.IsJson)
        {
            context.Write(script + "\n");
        }
        return context.Summary(ExitCode.Done, json => json.WriteString("script", script));
    }
}
