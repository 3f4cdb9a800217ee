using System.CommandLine;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention expire</c></summary>
internal sealed class ExpireCommand : CommandPart
{
    private readonly Option<bool> _dryRun = new("--dry-run", "-n")
    {
        Description = "Only show what would be destroyed.",
    };

    public ExpireCommand(CommandTree tree)
        : base(
            "expire",
            "Destroy the keys and blocks of buckets whose time is over. Queries hide a record from "
                + "the microsecond it expires, so run this every hour: cron, or a systemd timer.")
    {
        Command.Add(_dryRun);
        tree.Set(Command, Run, """
            Examples:
              retention expire --dry-run
              retention expire
            """);
    }

    private int Run(ToolContext context)
    {
        bool isDryRun = context.Parse.GetValue(_dryRun);
        using RetentionStore store = context.OpenStore(isReadOnly: isDryRun);
        ExpireReport report = store.Expire(isDryRun);
        if (!context.IsJson)
        {
            context.Write(ToText(context, report));
            return ExitCode.Done;
        }
        foreach (ExpiredBucket bucket in report.Buckets)
        {
            context.WriteJson("bucket", json =>
            {
                json.WriteString("class", RecordField.ClassName(bucket.Bucket.Class));
                json.WriteString("from", Times.ToRfc3339(Times.Start(bucket.Bucket)));
                json.WriteString("to", Times.ToRfc3339(Times.End(bucket.Bucket)));
                json.WriteNumber("records", bucket.Records);
                json.WriteNumber("bytes", bucket.SizeBytes);
            });
        }
        return context.Summary(ExitCode.Done, json =>
        {
            json.WriteBoolean("dryRun", report.DryRun);
            json.WriteNumber("buckets", report.Buckets.Count);
            json.WriteNumber("holds", report.Holds.Count);
            json.WriteNumber("records", report.Buckets.Sum(static b => b.Records));
            json.WriteNumber("bytes", report.Buckets.Sum(static b => b.SizeBytes));
            if (report.NextExpiry is { } next)
            {
                json.WriteString("nextExpiry", Times.ToRfc3339(next));
            }
        });
    }

    private static string ToText(ToolContext context, ExpireReport report)
    {
        string text = "";
        if (report.Buckets.Count > 0)
        {
            var table = new TextTable("CLASS", "FROM", "TO", ">RECORDS", ">SIZE");
            foreach (ExpiredBucket bucket in report.Buckets)
            {
                table.Add(
                    RecordField.ClassName(bucket.Bucket.Class),
                    Times.ToText(Times.Start(bucket.Bucket)),
                    Times.ToText(Times.End(bucket.Bucket)),
                    Times.ToCount(bucket.Records),
                    Times.ToSize(bucket.SizeBytes));
            }
            text = table.Render(context.IsColored) + "\n";
        }
        foreach (PreservationHold hold in report.Holds)
        {
            text += $"Hold {hold.Number} with {Times.ToCount(hold.Records)} records is over.\n";
        }
        long records = report.Buckets.Sum(static b => b.Records);
        text += $"{Times.ToCount(report.Buckets.Count)} buckets with {Times.ToCount(records)} records "
            + (report.DryRun ? "would be destroyed.\n" : "destroyed.\n");
        return report.NextExpiry is { } next ? $"{text}Next at {Times.ToText(next)}.\n" : text;
    }
}

/// <summary><c>retention stats</c></summary>
internal sealed class StatsCommand : CommandPart
{
    public StatsCommand(CommandTree tree)
        : base("stats", "Show how much the store holds, of which times, and what expires when.") =>
        tree.Set(Command, Run, """
            Examples:
              retention stats
              retention stats --json
            """);

    private static int Run(ToolContext context)
    {
        using RetentionStore store = context.OpenStore(isReadOnly: true);
        StoreStats stats = store.Stats();
        if (context.IsJson)
        {
            return WriteJson(context, stats);
        }
        var table = new TextTable(
            "CLASS", ">RECORDS", ">BUCKETS", ">SIZE", "FROM", "TO", "NEXT KEY DIES");
        foreach (ClassStats c in stats.Classes)
        {
            table.Add(
                RecordField.ClassName(c.Class),
                Times.ToCount(c.Records),
                Times.ToCount(c.Buckets),
                Times.ToSize(c.SizeBytes),
                c.Earliest is { } from ? Times.ToText(from) : "-",
                c.Latest is { } to ? Times.ToText(to) : "-",
                c.NextExpiry is { } next ? Times.ToText(next) : "-");
        }
        string last = stats.LastCommit is { } commit ? Times.ToText(commit) : "never";
        context.Write($"""
            {table.Render(context.IsColored)}
            On disk      {Times.ToSize(stats.SizeBytes)} in {context.StorePath} (format {stats.FormatVersion})
            In flight    {Times.ToCount(stats.InFlight)} mails in the queue, {Times.ToCount(stats.OpenSessions)} sessions open
            Sources      {Times.ToCount(stats.Sources)} known, {Times.ToCount(stats.Runs)} runs, last import {last}

            """);
        return ExitCode.Done;
    }

    private static int WriteJson(ToolContext context, StoreStats stats)
    {
        foreach (ClassStats c in stats.Classes)
        {
            context.WriteJson("class", json =>
            {
                json.WriteString("class", RecordField.ClassName(c.Class));
                json.WriteNumber("records", c.Records);
                json.WriteNumber("buckets", c.Buckets);
                json.WriteNumber("bytes", c.SizeBytes);
                foreach ((string name, DateTimeOffset? time) in ((string, DateTimeOffset?)[])[
                    ("earliest", c.Earliest), ("latest", c.Latest), ("nextExpiry", c.NextExpiry)])
                {
                    if (time is { } t)
                    {
                        json.WriteString(name, Times.ToRfc3339(t));
                    }
                }
            });
        }
        return context.Summary(ExitCode.Done, json =>
        {
            json.WriteNumber("records", stats.Classes.Sum(static c => c.Records));
            json.WriteNumber("bytes", stats.SizeBytes);
            json.WriteNumber("formatVersion", stats.FormatVersion);
            json.WriteNumber("runs", stats.Runs);
            json.WriteNumber("sources", stats.Sources);
            json.WriteNumber("inFlight", stats.InFlight);
            json.WriteNumber("openSessions", stats.OpenSessions);
            if (stats.LastCommit is { } commit)
            {
                json.WriteString("lastCommit", Times.ToRfc3339(commit));
            }
        });
    }
}

/// <summary><c>retention verify</c></summary>
internal sealed class VerifyCommand : CommandPart
{
    private readonly Option<string> _progress = ImportCommand.ProgressOption();

    private readonly Option<bool> _repair = new("--repair")
    {
        Description = "Give up what is damaged, so that the rest can be read; says how many records "
            + "that was.",
    };

    public VerifyCommand(CommandTree tree)
        : base("verify", "Read, decrypt and check every block of the store. Exit code 1 = damage.")
    {
        Command.Add(_progress);
        Command.Add(_repair);
        tree.Set(Command, Run, """
            Examples:
              retention verify
              retention verify --json --progress json
              retention verify --repair
            """);
    }

    private int Run(ToolContext context)
    {
        bool repairs = context.Parse.GetValue(_repair);
        using RetentionStore store = context.OpenStore(isReadOnly: !repairs);
        VerifyReport report;
        using (var progress = new ProgressReporter(context.Parse.GetValue(_progress)!, context))
        {
            void Show(long done, long total) =>
                progress.Update("verify", done, total, lines: -1, records: 0);
            report = repairs ? store.Repair(Show) : store.Verify(Show);
        }
        int exitCode = report.Faults.Count == 0 ? ExitCode.Done : ExitCode.NothingFound;
        foreach (VerifyFault fault in report.Faults)
        {
            if (context.IsJson)
            {
                context.WriteJson("fault", json =>
                {
                    json.WriteString("path", fault.Path);
                    json.WriteNumber("offsetBytes", fault.OffsetBytes);
                    json.WriteString("message", fault.Message);
                });
            }
            else
            {
                string place = fault.OffsetBytes < 0 ? "" : $", offset {fault.OffsetBytes}";
                context.Write($"DAMAGED  {fault.Path}{place}: {fault.Message}\n");
            }
        }
        if (!context.IsJson)
        {
            context.Write($"{Times.ToCount(report.Blocks)} blocks, {Times.ToCount(report.Records)} "
                + $"records, {Times.ToSize(report.BytesRead)} checked in {Times.ToText(report.Elapsed)}: "
                + (report.Faults.Count == 0 ? "no damage.\n" : $"{report.Faults.Count} damaged.\n"));
            if (report.RunsRepaired > 0)
            {
                context.Write($"{Times.ToCount(report.RunsRepaired)} runs put anew; "
                    + $"{Times.ToCount(report.RecordsLost)} records could not be read and are gone.\n");
            }
        }
        return context.Summary(exitCode, json =>
        {
            json.WriteNumber("blocks", report.Blocks);
            json.WriteNumber("records", report.Records);
            json.WriteNumber("bytesRead", report.BytesRead);
            json.WriteNumber("faults", report.Faults.Count);
            json.WriteNumber("runsRepaired", report.RunsRepaired);
            json.WriteNumber("recordsLost", report.RecordsLost);
            json.WriteNumber("seconds", report.Elapsed.TotalSeconds);
        });
    }
}
