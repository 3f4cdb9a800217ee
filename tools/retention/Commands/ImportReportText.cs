using System.Globalization;
using System.Text;
using System.Text.Json;
using RetentionEngine.Tool.Output;
using RetentionEngine.Tool.Sources;

namespace RetentionEngine.Tool.Commands;

/// <summary>What an import did, for people and as JSON.</summary>
internal static class ImportReportText
{
    private const int StrangeMax = 20;
    private const int ShapesMax = 10;
    private const int SkippedMax = 10;

    /// <summary>Makes the report for people.</summary>
    public static string Make(
        ToolContext context, ImportReport report, FoundSources found, RetentionPolicy policy)
    {
        var text = new StringBuilder();
        double seconds = Math.Max(report.Elapsed.TotalSeconds, 1e-6);
        Row(text, "read", $"{Count(report.Sources.Count, "source")}, {Count(report.Lines, "line")}, "
            + $"{Times.ToSize(report.BytesRead)} in {Times.ToText(report.Elapsed)} "
            + $"({Mega(report.BytesRead / seconds)} MB/s)");
        long known = 0;
        foreach (SourceReport source in report.Sources)
        {
            known += source.AlreadyKnownBytes;
        }
        if (known > 0)
        {
            Row(text, "known", $"{Times.ToSize(known)} were imported before and are not read again");
        }
        Row(text, "lines", $"{Count(report.Events, "line")} used, "
            + $"{Times.ToCount(report.IgnoredLines)} not needed, "
            + $"{Times.ToCount(report.StrangeLines)} not understood");
        Row(text, "mails", $"{Times.ToCount(report.Messages)} finished, "
            + $"{Times.ToCount(report.InFlight)} still in the queue, "
            + $"{Times.ToCount(report.AbandonedMessages)} given up before they were queued");
        AddRecords(text, report);
        Row(text, "kept", $"{Times.ToSize(report.BytesStored)}"
            + (report.BytesRead > 0
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $", {100.0 * report.BytesStored / report.BytesRead:0.0} % of what was read")
                : "")
            + $", in {context.StorePath}");
        if (report.EarliestTime is { } first && report.LatestTime is { } last)
        {
            Row(text, "times", $"{Times.ToText(first)} to {Times.ToText(last)}");
        }
        AddInferred(text, report, policy);
        AddNotKept(text, context, report, policy);
        AddStrange(text, report);
        AddShapes(text, report);
        AddGaps(text, report);
        AddOffClocks(text, report);
        AddSources(text, report, found);
        return text.ToString();
    }

    /// <summary>Writes an object for each source and a summary.</summary>
    /// <returns><paramref name="exitCode"/>.</returns>
    public static int WriteJson(
        ToolContext context, ImportReport report, FoundSources found, int exitCode)
    {
        foreach (SourceReport source in report.Sources)
        {
            context.WriteJson("source", json =>
            {
                json.WriteString("name", source.Name);
                json.WriteNumber("bytes", source.Bytes);
                json.WriteNumber("lines", source.Lines);
                json.WriteNumber("events", source.Events);
                json.WriteNumber("alreadyKnownBytes", source.AlreadyKnownBytes);
                WriteError(json, source.Error);
            });
        }
        foreach (RetentionException error in found.Errors)
        {
            context.WriteJson("source", json =>
            {
                json.WriteString("name", error.Path ?? "");
                WriteError(json, error);
            });
        }
        foreach (SkippedFile file in found.Skipped)
        {
            context.WriteJson("skipped", json =>
            {
                json.WriteString("name", file.Path);
                json.WriteString("reason", file.Reason);
            });
        }
        foreach (StrangeShape shape in report.Shapes)
        {
            context.WriteJson("shape", json =>
            {
                json.WriteString("shape", shape.Shape);
                json.WriteNumber("count", shape.Count);
                json.WriteString("firstSource", shape.FirstSource);
                json.WriteNumber("firstLine", shape.FirstLine);
            });
        }
        WriteRemarks(context, report);
        return context.Summary(exitCode, json => WriteTotals(json, report));
    }

    private static void WriteRemarks(ToolContext context, ImportReport report)
    {
        foreach (OffClock clock in report.OffClocks)
        {
            context.WriteJson("clock", json =>
            {
                json.WriteString("host", clock.Host);
                json.WriteString("program", clock.Program);
                json.WriteNumber("lines", clock.Lines);
                json.WriteNumber("offsetMinutes", (int)clock.Offset.TotalMinutes);
            });
        }
        foreach (LogGap gap in report.Gaps)
        {
            context.WriteJson("gap", json =>
            {
                json.WriteString("host", gap.Host);
                json.WriteString("time", gap.Time);
                json.WriteString("reason", gap.Reason);
                json.WriteNumber("lostLines", gap.LostLines);
                json.WriteString("source", gap.Source);
                json.WriteNumber("line", gap.Line);
            });
        }
        foreach (StrangeLine strange in report.Strange)
        {
            context.WriteJson("strange", json =>
            {
                json.WriteString("reason", strange.Reason);
                json.WriteNumber("count", strange.Count);
                json.WriteString("firstSource", strange.FirstSource);
                json.WriteNumber("firstLine", strange.FirstLine);
                json.WriteNumber("firstOffsetBytes", strange.FirstOffsetBytes);
            });
        }
    }

    private static void WriteTotals(Utf8JsonWriter json, ImportReport report)
    {
        json.WriteNumber("sources", report.Sources.Count);
        json.WriteNumber("bytesRead", report.BytesRead);
        json.WriteNumber("bytesStored", report.BytesStored);
        json.WriteNumber("lines", report.Lines);
        json.WriteNumber("events", report.Events);
        json.WriteNumber("ignoredLines", report.IgnoredLines);
        json.WriteNumber("strangeLines", report.StrangeLines);
        json.WriteNumber("overlongLines", report.OverlongLines);
        json.WriteNumber("gapLines", report.GapLines);
        json.WriteNumber("messages", report.Messages);
        json.WriteStartObject("records");
        foreach ((RecordKind kind, long count) in report.Records)
        {
            json.WriteNumber(RecordField.KindName(kind), count);
        }
        json.WriteEndObject();
        json.WriteNumber("inFlight", report.InFlight);
        json.WriteNumber("openSessions", report.OpenSessions);
        json.WriteNumber("abandonedMessages", report.AbandonedMessages);
        json.WriteStartObject("pastPeriodRecords");
        foreach ((RecordClass recordClass, long count) in report.PastPeriodRecords)
        {
            json.WriteNumber(RecordField.ClassName(recordClass), count);
        }
        json.WriteEndObject();
        json.WriteNumber("pastPeriodInFlight", report.PastPeriodInFlight);
        json.WriteNumber("lateDropped", report.LateDropped);
        json.WriteBoolean("yearInferred", report.YearInferred);
        json.WriteBoolean("zoneInferred", report.ZoneInferred);
        json.WriteString("timezone", report.TimeZone);
        json.WriteStartObject("hostTimezones");
        foreach ((string host, string zone) in report.HostTimeZones)
        {
            json.WriteString(host, zone);
        }
        json.WriteEndObject();
        if (report.EarliestTime is { } first && report.LatestTime is { } last)
        {
            json.WriteString("earliest", Times.ToRfc3339(first));
            json.WriteString("latest", Times.ToRfc3339(last));
        }
        json.WriteNumber("seconds", report.Elapsed.TotalSeconds);
    }

    private static void WriteError(Utf8JsonWriter json, RetentionException? error)
    {
        if (error is not null)
        {
            json.WriteString("error", error.Error.ToString());
            json.WriteString("message", error.Message);
        }
    }

    private static void AddRecords(StringBuilder text, ImportReport report)
    {
        long total = 0;
        var kinds = new StringBuilder();
        for (RecordKind kind = RecordKind.Sent; kind <= RecordKind.Rejected; kind++)
        {
            long count = report.Records.TryGetValue(kind, out long n) ? n : 0;
            total += count;
            if (count > 0)
            {
                kinds.Append(kinds.Length == 0 ? ": " : ", ")
                    .Append(RecordField.KindName(kind)).Append(' ').Append(Times.ToCount(count));
            }
        }
        Row(text, "records", $"{Times.ToCount(total)}{kinds}"
            + (report.OpenSessions > 0
                ? $"; {Count(report.OpenSessions, "session")} still open"
                : ""));
    }

    private static void AddInferred(
        StringBuilder text, ImportReport report, RetentionPolicy policy)
    {
        if (report.YearInferred)
        {
            Row(text, "inferred", "the year, for stamps without one; --year says it");
        }
        if (report.ZoneInferred)
        {
            string others = string.Concat(
                report.HostTimeZones.Select(static pair => $", {pair.Key} {pair.Value}"));
            Row(text, "inferred", $"the zone {report.TimeZone}{others}, for stamps without one; "
                + "--timezone says it");
        }
        if (policy.LocalDomains.Count == 0)
        {
            Row(text, "guessed", "sent and received, as no domain is known to be local; "
                + "--local-domain says it");
        }
    }

    private static void AddNotKept(
        StringBuilder text, ToolContext context, ImportReport report, RetentionPolicy policy)
    {
        long total = 0;
        var classes = new StringBuilder();
        foreach ((RecordClass recordClass, long count) in report.PastPeriodRecords)
        {
            if (count == 0)
            {
                continue;
            }
            total += count;
            classes.Append(classes.Length == 0 ? "" : ", ")
                .Append(RecordField.ClassName(recordClass)).Append(' ')
                .Append(Times.ToCount(count)).Append(" over ")
                .Append(Times.ToPeriod(policy[recordClass].Period));
        }
        if (total > 0)
        {
            Row(text, "not kept", $"{Count(total, "record")} past the period ({classes})");
            if (report.EarliestTime is { } first)
            {
                double days = (context.Clock.GetUtcNow() - first).TotalDays;
                Row(text, "", "to keep such records, import into a store with "
                    + string.Create(CultureInfo.InvariantCulture, $"--retain all={Math.Ceiling(days) + 1:0}d")
                    + " --basis 'WHY THEY MAY BE KEPT'");
            }
        }
        if (report.PastPeriodInFlight > 0)
        {
            Row(text, "not kept", $"{Count(report.PastPeriodInFlight, "mail")} in the queue or "
                + "sessions open, past the period");
        }
        if (report.LateDropped > 0)
        {
            Row(text, "not kept", $"{Count(report.LateDropped, "record")} of times whose key is "
                + "already destroyed");
        }
    }

    private static void AddStrange(StringBuilder text, ImportReport report)
    {
        if (report.OverlongLines > 0)
        {
            Row(text, "overlong", $"{Count(report.OverlongLines, "line")} longer than 64 kB left out");
        }
        for (int i = 0; i < report.Strange.Count; i++)
        {
            if (i == StrangeMax)
            {
                Row(text, "", $"and {report.Strange.Count - i} more reasons; --json lists them all");
                break;
            }
            StrangeLine strange = report.Strange[i];
            Row(text, i == 0 ? "strange" : "", $"{Count(strange.Count, "line")}: {strange.Reason}, "
                + $"first {strange.FirstSource}:{strange.FirstLine}");
        }
    }

    private static void AddShapes(StringBuilder text, ImportReport report)
    {
        for (int i = 0; i < Math.Min(report.Shapes.Count, ShapesMax); i++)
        {
            StrangeShape shape = report.Shapes[i];
            Row(text, i == 0 ? "shapes" : "", $"{Count(shape.Count, "line")} like "
                + $"{shape.FirstSource}:{shape.FirstLine}: {shape.Shape}");
        }
    }

    private static void AddGaps(StringBuilder text, ImportReport report)
    {
        if (report.GapLines == 0)
        {
            return;
        }
        long lost = report.Gaps.Sum(gap => Math.Max(gap.LostLines, 0));
        LogGap first = report.Gaps[0];
        Row(text, "gaps", $"{Count(report.GapLines, "line")} of syslog daemons tell of lines "
            + $"missing, {Times.ToCount(lost)} by their count");
        Row(text, "", $"first {first.Source}:{first.Line}: {first.Reason}");
    }

    private static void AddOffClocks(StringBuilder text, ImportReport report)
    {
        for (int i = 0; i < report.OffClocks.Count; i++)
        {
            OffClock clock = report.OffClocks[i];
            Row(text, i == 0 ? "clocks" : "", $"{Count(clock.Lines, "line")} of {clock.Program} on "
                + $"{clock.Host} seem to run on another clock ({OffsetText(clock.Offset)})");
        }
    }

    private static string OffsetText(TimeSpan offset) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(offset < TimeSpan.Zero ? '-' : '+')}{Math.Abs(offset.TotalHours):0.##} h");

    private static void AddSources(StringBuilder text, ImportReport report, FoundSources found)
    {
        for (int i = 0; i < found.Skipped.Count; i++)
        {
            if (i == SkippedMax)
            {
                Row(text, "", $"and {found.Skipped.Count - i} more; --json lists them all");
                break;
            }
            Row(text, i == 0 ? "skipped" : "", $"{found.Skipped[i].Path} {found.Skipped[i].Reason}");
        }
        foreach (SourceReport source in report.Sources)
        {
            if (source.Error is not null)
            {
                Row(text, "failed", source.Error.Message);
            }
        }
        foreach (RetentionException error in found.Errors)
        {
            Row(text, "failed", error.Message);
        }
    }

    private static void Row(StringBuilder text, string title, string value) =>
        text.Append(title.PadRight(10)).Append(SafeText.Of(value)).Append('\n');

    private static string Count(long count, string noun) =>
        $"{Times.ToCount(count)} {noun}{(count == 1 ? "" : "s")}";

    private static string Mega(double bytesPerSecond) =>
        (bytesPerSecond / 1e6).ToString("0.0", CultureInfo.InvariantCulture);
}
