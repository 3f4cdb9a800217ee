using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention hold add</c>, <c>list</c>, <c>extend</c> and <c>release</c></summary>
internal sealed class HoldCommand : CommandPart
{
    private readonly Option<string> _mailbox = new("--mailbox")
    {
        HelpName = "ADDRESS",
        Description = "The mailbox whose records are held, in any role.",
        Required = true,
    };

    private readonly Option<string?> _from = Time(
        "--from", $"Earliest time, included: {TimeExpression.Forms}.");

    private readonly Option<string?> _to = Time("--to", "Latest time, not included.");

    private readonly Option<string> _until = new("--until")
    {
        HelpName = "TIME",
        Description = "When the hold ends by itself: 2027-01-31, or +60d from now.",
        Required = true,
    };

    private readonly Option<string> _reference = new("--reference")
    {
        HelpName = "TEXT",
        Description = "Who asked for it, such as a file number. Stands in the journal for good, so "
            + "it must not name an address.",
        Required = true,
    };

    private readonly Argument<int> _number = new("NUMBER") { Description = "As 'hold list' shows it." };

    public HoldCommand(CommandTree tree)
        : base("hold", "Keep the records of a mailbox beyond their period, under a key of their own.")
    {
        var add = new Command(
            "add",
            "Copy the records that are in the store now. The others of their time die when they "
                + "would have; what comes later needs a hold of its own.");
        foreach (Option option in (Option[])[_mailbox, _from, _to, _until, _reference])
        {
            add.Add(option);
        }
        var list = new Command("list", "Show the holds in force.");
        var extend = new Command("extend", "Move the end of a hold.");
        extend.Add(_number);
        extend.Add(_until);
        var release = new Command("release", "End a hold now: its key is destroyed.");
        release.Add(_number);
        foreach (Command command in (Command[])[add, list, extend, release])
        {
            Command.Add(command);
        }
        const string Examples = """
            Examples:
              retention hold add --mailbox anna@example.org --from 2026-11-01 --to 2026-11-08 \
                --until +60d --reference "AZ 12 Js 345/26"
              retention query --hold 1
              retention hold extend 1 --until 2027-03-01
              retention hold release 1
            """;
        tree.Set(Command, List, Examples);
        tree.Set(add, Add, Examples);
        tree.Set(list, List, Examples);
        tree.Set(extend, Extend, Examples);
        tree.Set(release, Release, Examples);
    }

    private static Option<string?> Time(string name, string description) =>
        new(name) { HelpName = "TIME", Description = description };

    private int Add(ToolContext context)
    {
        DateTimeOffset now = context.Clock.GetUtcNow();
        var hold = new PreservationHold
        {
            Mailbox = context.Parse.GetValue(_mailbox)!,
            From = QueryCommand.Time(
                context.Parse.GetValue(_from), "--from", now, TimeZoneInfo.Utc, isEnd: false),
            To = QueryCommand.Time(
                context.Parse.GetValue(_to), "--to", now, TimeZoneInfo.Utc, isEnd: true),
            Until = Until(context, now),
            Reference = context.Parse.GetValue(_reference)!,
        };
        if (hold.From >= hold.To)
        {
            throw new UsageException("--from is not before --to: no time lies between them.");
        }
        using RetentionStore store = context.OpenStore(isReadOnly: false);
        hold = store.AddHold(hold);
        return Tell(
            context,
            [hold],
            $"Hold {hold.Number}: {Times.ToCount(hold.Records)} records until {Times.ToText(hold.Until)}.\n",
            hold.Records > 0 ? ExitCode.Done : ExitCode.NothingFound);
    }

    private int List(ToolContext context)
    {
        using RetentionStore store = context.OpenStore(isReadOnly: true);
        IReadOnlyList<PreservationHold> holds = store.Holds;
        string text = "No holds.\n";
        if (holds.Count > 0)
        {
            var table = new TextTable("HOLD", ">RECORDS", "UNTIL", "FROM", "TO", "MAILBOX", "REFERENCE");
            foreach (PreservationHold hold in holds)
            {
                table.Add(
                    hold.Number.ToString(CultureInfo.InvariantCulture),
                    Times.ToCount(hold.Records),
                    Times.ToText(hold.Until),
                    hold.From is { } from ? Times.ToText(from) : "-",
                    hold.To is { } to ? Times.ToText(to) : "-",
                    hold.Mailbox,
                    hold.Reference);
            }
            text = table.Render(context.IsColored) + "\n";
        }
        return Tell(context, holds, text, ExitCode.Done);
    }

    private int Extend(ToolContext context)
    {
        int number = context.Parse.GetValue(_number);
        DateTimeOffset until = Until(context, context.Clock.GetUtcNow());
        using RetentionStore store = context.OpenStore(isReadOnly: false);
        return store.ExtendHold(number, until) is { } hold
            ? Tell(context, [hold], $"Hold {number} ends {Times.ToText(until)}.\n", ExitCode.Done)
            : Tell(context, [], $"There is no hold {number}.\n", ExitCode.NothingFound);
    }

    private int Release(ToolContext context)
    {
        int number = context.Parse.GetValue(_number);
        using RetentionStore store = context.OpenStore(isReadOnly: false);
        return store.ReleaseHold(number)
            ? Tell(context, [], $"Hold {number} released; its key is destroyed.\n", ExitCode.Done)
            : Tell(context, [], $"There is no hold {number}.\n", ExitCode.NothingFound);
    }

    private DateTimeOffset Until(ToolContext context, DateTimeOffset now)
    {
        string text = context.Parse.GetValue(_until)!;
        if (text.StartsWith('+') && TimeExpression.TrySpan(text.AsSpan(1), out TimeSpan period))
        {
            return now + period;
        }
        return QueryCommand.Time(text, "--until", now, TimeZoneInfo.Utc, isEnd: true)!.Value;
    }

    private static int Tell(
        ToolContext context, IReadOnlyList<PreservationHold> holds, string text, int exitCode)
    {
        if (!context.IsJson)
        {
            context.Write(text);
        }
        foreach (PreservationHold hold in context.IsJson ? holds : [])
        {
            context.WriteJson("hold", json => WriteMembers(json, hold));
        }
        return context.Summary(exitCode, json => json.WriteNumber("holds", holds.Count));
    }

    private static void WriteMembers(Utf8JsonWriter json, PreservationHold hold)
    {
        json.WriteNumber("number", hold.Number);
        json.WriteString("reference", hold.Reference);
        json.WriteString("mailbox", hold.Mailbox);
        foreach ((string name, DateTimeOffset? time) in ((string, DateTimeOffset?)[])[
            ("from", hold.From), ("to", hold.To), ("until", hold.Until)])
        {
            if (time is { } t)
            {
                json.WriteString(name, Times.ToRfc3339(t));
            }
        }
        json.WriteNumber("records", hold.Records);
    }
}

/// <summary><c>retention journal</c></summary>
internal sealed class JournalCommand : CommandPart
{
    public JournalCommand(CommandTree tree)
        : base(
            "journal",
            "Show what was destroyed, held and given up, and check that no line is missing. "
                + "Exit code 1 = a line is damaged or was altered.") =>
        tree.Set(Command, Run, """
            Examples:
              retention journal
              retention journal --json
            """);

    private static int Run(ToolContext context)
    {
        using RetentionStore store = context.OpenStore(isReadOnly: true);
        JournalReport journal = store.ReadJournal();
        var table = new TextTable("WHEN", "EVENT", "OF", "FROM", "TO", ">RECORDS", "KEY");
        foreach (JournalEntry entry in journal.Entries)
        {
            if (context.IsJson)
            {
                context.WriteJson("entry", json => WriteMembers(json, entry));
                continue;
            }
            table.Add(
                Times.ToText(entry.Time),
                EventName(entry.Event),
                entry.Bucket is { } bucket
                    ? RecordField.ClassName(bucket.Class)
                    : $"hold {entry.Hold} ({entry.Reference})",
                entry.Bucket is { } b ? Times.ToText(Times.Start(b)) : "-",
                entry.Bucket is { } e ? Times.ToText(Times.End(e))
                    : entry.Until is { } until ? Times.ToText(until) : "-",
                Times.ToCount(entry.Records),
                entry.Key ?? "-");
        }
        if (!context.IsJson)
        {
            context.Write(journal.Entries.Count == 0 ? "Nothing yet.\n" : table.Render(context.IsColored) + "\n");
            if (journal.DamagedOffset >= 0)
            {
                context.Write($"DAMAGED  from offset {journal.DamagedOffset} on: a line was altered, or "
                    + "lines before it are missing.\n");
            }
        }
        return context.Summary(
            journal.DamagedOffset < 0 ? ExitCode.Done : ExitCode.NothingFound,
            json =>
            {
                json.WriteNumber("entries", journal.Entries.Count);
                json.WriteNumber("damagedOffset", journal.DamagedOffset);
            });
    }

    private static void WriteMembers(Utf8JsonWriter json, JournalEntry entry)
    {
        json.WriteString("time", Times.ToRfc3339(entry.Time));
        json.WriteString("event", EventName(entry.Event));
        if (entry.Bucket is { } bucket)
        {
            json.WriteString("class", RecordField.ClassName(bucket.Class));
            json.WriteString("from", Times.ToRfc3339(Times.Start(bucket)));
            json.WriteString("to", Times.ToRfc3339(Times.End(bucket)));
        }
        if (entry.Hold is { } hold)
        {
            json.WriteNumber("hold", hold);
            json.WriteString("reference", entry.Reference);
            json.WriteString("until", Times.ToRfc3339(entry.Until!.Value));
        }
        json.WriteNumber("records", entry.Records);
        json.WriteNumber("runs", entry.Runs);
        json.WriteNumber("bytes", entry.SizeBytes);
        if (entry.Key is { } key)
        {
            json.WriteString("key", key);
        }
    }

    private static string EventName(JournalEvent happened) =>
        JsonNamingPolicy.KebabCaseLower.ConvertName(happened.ToString());
}
