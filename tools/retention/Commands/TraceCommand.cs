using System.CommandLine;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention trace</c></summary>
internal sealed class TraceCommand : CommandPart
{
    private readonly Argument<string> _key = new("KEY")
    {
        Description = "Queue id, message-id (with or without angle brackets), or address.",
    };

    private readonly Option<string?> _format = new("--format")
    {
        Description = "text, json or ndjson. Default: text.",
        HelpName = "FORMAT",
    };

    public TraceCommand(CommandTree tree)
        : base("trace", "Show what became of a mail: every hop, recipient and attempt.")
    {
        _format.AcceptOnlyFromAmong("text", "json", "ndjson");
        Command.Add(_key);
        Command.Add(_format);
        tree.Set(Command, Run, """
            Examples:
              retention trace 4XyZ8k1Fz2z3Qd
              retention trace '<20261123101500.A1@example.org>'
              retention trace anna@example.org --format ndjson
            """);
    }

    private int Run(ToolContext context)
    {
        using RetentionStore store = context.OpenStore(isReadOnly: true);
        StandardOutput.ExitWhenReaderGoes();
        IReadOnlyList<RetentionRecord> records = store.Trace(context.Parse.GetValue(_key)!);
        string format = context.Parse.GetValue(_format) ?? "text";
        if (context.IsJson || format is not "text")
        {
            using var writer = new JsonRecordWriter(
                context.Output,
                RecordField.All,
                isArray: format is "json" && !context.IsJson,
                type: context.IsJson ? "record" : null);
            foreach (RetentionRecord record in records)
            {
                writer.Write(record);
            }
            writer.Finish();
        }
        else if (records.Count > 0)
        {
            context.Write(TraceText.Make(records, context.IsColored));
        }
        else
        {
            context.Note("nothing is known of it, or no longer.");
        }
        return context.Summary(
            records.Count > 0 ? ExitCode.Done : ExitCode.NothingFound,
            json => json.WriteNumber("records", records.Count));
    }
}
