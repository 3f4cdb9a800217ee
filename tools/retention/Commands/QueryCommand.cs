using System.CommandLine;
using System.Net;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention query</c></summary>
internal sealed class QueryCommand : CommandPart
{
    private readonly Option<string?> _mailbox = Text(
        "--mailbox", "ADDRESS", "An address in any role: sender, recipient, as addressed, login.");

    private readonly Option<string?> _party = Text(
        "--party", "ADDRESS", "The other address of the mail, in any role.");

    private readonly Option<string?> _domain = Text(
        "--domain", "DOMAIN", "Domain of the sender, a recipient or a mailbox.");

    private readonly Option<string?> _ip = Text(
        "--ip", "ADDRESS[/BITS]", "Client address or network, IPv4 or IPv6.");

    private readonly Option<string?> _messageId = Text(
        "--message-id", "ID", "Message-id, with or without angle brackets.");

    private readonly Option<string?> _queueId = Text(
        "--queue-id", "ID", "Queue id of any hop; upper and lower case differ.");

    private readonly Option<string?> _host = Text("--host", "HOST", "Host, as logged.");

    private readonly Option<string[]> _class = Many(
        "--class", "sent", "received", "internal", "relayed", "access", "rejected");

    private readonly Option<string[]> _status = Many(
        "--status", "sent", "deferred", "bounced", "expired", "discarded", "deleted", "queued",
        "redirected", "rejected", "session", "login", "logout");

    private readonly Option<string?> _direction = Text(
        "--direction", "WHICH", "in, out or internal: short for --class received, sent, internal.")
        .AcceptOnlyFromAmong("in", "out", "internal");

    private readonly Option<string?> _from = Text(
        "--from", "TIME", $"Earliest time, included: {TimeExpression.Forms}.");

    private readonly Option<string?> _to = Text(
        "--to", "TIME", "Latest time, not included; '--to 2026-11-24' ends with the 23rd.");

    private readonly Option<string?> _zone = new("--tz", "--timezone")
    {
        Description = "Zone of --from, --to and the times shown: Europe/Berlin, local, +02:00. "
            + "Default: UTC for what is given, the source's own for what is shown.",
        HelpName = "ZONE",
    };

    private readonly Option<int?> _hold = new("--hold")
    {
        Description = "Records of this preservation hold instead of those under their own period.",
        HelpName = "NUMBER",
    };

    private readonly Option<long?> _limit = new("--limit", "-n")
    {
        Description = "Stop after this many records.",
        HelpName = "COUNT",
    };

    private readonly Option<string?> _format = Text(
        "--format", "FORMAT",
        "table, ndjson, json or csv. Default: table on a terminal, else ndjson.")
        .AcceptOnlyFromAmong("table", "ndjson", "json", "csv");

    private readonly Option<string?> _fields = Text(
        "--fields", "NAMES", "Only these fields, separated by commas, in this order.");

    private readonly Option<bool> _rawCsv = new("--raw-csv")
    {
        Description = "CSV cells exactly as logged. Else a cell that a spreadsheet would take for a "
            + "formula (= + - @ in front) gets an apostrophe before it.",
    };

    public QueryCommand(CommandTree tree)
        : base("query", "Show records, oldest first. All conditions must hold.")
    {
        _fields.CompletionSources.Add(static _ => RecordField.Names()
            .Select(static n => new System.CommandLine.Completions.CompletionItem(n)));
        foreach (Option option in (Option[])[
            _mailbox, _party, _domain, _ip, _messageId, _queueId, _host, _class, _status, _direction,
            _from, _to, _zone, _hold, _limit, _format, _fields, _rawCsv])
        {
            Command.Add(option);
        }
        tree.Set(Command, Run, """
            Examples:
              retention query --mailbox anna@example.org --from yesterday
              retention query --ip 192.0.2.0/24 --class access --from '7d ago'
              retention query --domain example.net --status bounced --format csv > bounced.csv
              retention query --message-id '<a1@example.org>' --format ndjson --fields time,status
            """);
    }

    /// <summary>Conditions from the command line.</summary>
    public RetentionQuery Conditions(ToolContext context)
    {
        ParseResult parse = context.Parse;
        TimeZoneInfo zone = Zone(parse) ?? TimeZoneInfo.Utc;
        DateTimeOffset now = context.Clock.GetUtcNow();
        var query = new RetentionQuery
        {
            Mailbox = parse.GetValue(_mailbox),
            Party = parse.GetValue(_party),
            Domain = parse.GetValue(_domain)?.TrimStart('@'),
            Network = parse.GetValue(_ip) is { } ip ? Network(ip) : null,
            MessageId = parse.GetValue(_messageId),
            QueueId = parse.GetValue(_queueId),
            Host = parse.GetValue(_host),
            Kinds = Kinds(parse),
            Statuses = Statuses(parse.GetValue(_status)!),
            Hold = parse.GetValue(_hold),
            From = Time(parse.GetValue(_from), "--from", now, zone, isEnd: false),
            To = Time(parse.GetValue(_to), "--to", now, zone, isEnd: true),
        };
        if (query.From >= query.To)
        {
            throw new UsageException("--from is not before --to: no time lies between them.");
        }
        return query;
    }

    /// <summary>An address or a network; bits behind the prefix are taken for zero.</summary>
    public static IPNetwork Network(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string address = slash < 0 ? text : text[..slash];
        // IPAddress.TryParse also takes "10.1" and "1"; here every part must be written.
        if (IPAddress.TryParse(address.Trim('[', ']'), out IPAddress? ip)
            && (address.Contains(':', StringComparison.Ordinal) || address.AsSpan().Count('.') == 3))
        {
            if (ip.IsIPv4MappedToIPv6)
            {
                ip = ip.MapToIPv4();
            }
            byte[] bytes = ip.GetAddressBytes();
            int bits = bytes.Length * 8;
            if (slash < 0 || (int.TryParse(
                text.AsSpan(slash + 1),
                System.Globalization.NumberStyles.None,
                System.Globalization.CultureInfo.InvariantCulture,
                out bits) && bits <= bytes.Length * 8))
            {
                for (int i = 0; i < bytes.Length; i++)
                {
                    int kept = Math.Clamp(bits - (8 * i), 0, 8);
                    bytes[i] &= (byte)(0xff << (8 - kept));
                }
                return new IPNetwork(new IPAddress(bytes), bits);
            }
        }
        throw new UsageException($"--ip '{text}' is not an address or a network.");
    }

    private static Option<string?> Text(string name, string help, string description) =>
        new(name) { HelpName = help, Description = description };

    private static Option<string[]> Many(string name, params string[] values)
    {
        var option = new Option<string[]>(name)
        {
            HelpName = name[2..].ToUpperInvariant(),
            Description = $"{string.Join(", ", values)}. May be repeated.",
            DefaultValueFactory = static _ => [],
        };
        return option.AcceptOnlyFromAmong(values);
    }

    private int Run(ToolContext context)
    {
        RetentionQuery query = Conditions(context);
        TimeZoneInfo? zone = Zone(context.Parse);
        long limit = context.Parse.GetValue(_limit) ?? long.MaxValue;
        if (limit < 1)
        {
            throw new UsageException("--limit takes a count of 1 or more.");
        }
        IReadOnlyList<RecordField>? fields =
            context.Parse.GetValue(_fields) is { } names ? RecordField.Parse(names) : null;
        using RecordWriter writer = Writer(context, fields);
        using RetentionStore store = context.OpenStore(isReadOnly: true);
        StandardOutput.ExitWhenReaderGoes();
        foreach (RetentionRecord record in store.Query(query))
        {
            writer.Write(zone is null ? record : InZone(record, zone));
            if (writer.Count == limit)
            {
                break;
            }
        }
        writer.Finish();
        if (writer is TableRecordWriter { HasInferred: true })
        {
            context.Note("a time with ? has its year or its zone inferred.");
        }
        return context.Summary(
            writer.Count > 0 ? ExitCode.Done : ExitCode.NothingFound,
            json => json.WriteNumber("records", writer.Count));
    }

    private RecordWriter Writer(ToolContext context, IReadOnlyList<RecordField>? fields)
    {
        if (context.IsJson)
        {
            return new JsonRecordWriter(
                context.Output, fields ?? RecordField.All, isArray: false, type: "record");
        }
        string format = context.Parse.GetValue(_format)
            ?? (Console.IsOutputRedirected ? "ndjson" : "table");
        return format switch
        {
            "table" => new TableRecordWriter(context.Output, fields, context.IsColored),
            "csv" => new CsvRecordWriter(
                context.Output, fields ?? RecordField.All, context.Parse.GetValue(_rawCsv)),
            _ => new JsonRecordWriter(
                context.Output, fields ?? RecordField.All, isArray: format is "json"),
        };
    }

    /// <summary>The same record with its times shown in another zone.</summary>
    private static RetentionRecord InZone(RetentionRecord record, TimeZoneInfo zone)
    {
        DateTimeOffset Shown(DateTimeOffset time) => TimeZoneInfo.ConvertTime(time, zone);
        return record with
        {
            Time = Shown(record.Time),
            Final = record.Final is { } final ? Shown(final) : null,
            Expires = Shown(record.Expires),
            Retries = [.. record.Retries.Select(r => r with { Time = Shown(r.Time) })],
        };
    }

    private TimeZoneInfo? Zone(ParseResult parse)
    {
        if (parse.GetValue(_zone) is not { } name)
        {
            return null;
        }
        return TimeExpression.TryZone(name, out TimeZoneInfo zone)
            ? zone
            : throw new UsageException($"--tz '{name}' is not known here.");
    }

    /// <summary>A time as given to an option; null when it was not given.</summary>
    public static DateTimeOffset? Time(
        string? text, string option, DateTimeOffset now, TimeZoneInfo zone, bool isEnd)
    {
        if (text is null)
        {
            return null;
        }
        return TimeExpression.TryParse(text, now, zone, isEnd, out DateTimeOffset time)
            ? time
            : throw new UsageException(
                $"{option} '{text}' is not a time; forms: {TimeExpression.Forms}.");
    }

    private List<RecordKind>? Kinds(ParseResult parse)
    {
        var kinds = new List<RecordKind>();
        for (RecordKind kind = RecordKind.Sent; kind <= RecordKind.Rejected; kind++)
        {
            if (parse.GetValue(_class)!.Contains(RecordField.KindName(kind), StringComparer.Ordinal))
            {
                kinds.Add(kind);
            }
        }
        if (parse.GetValue(_direction) is { } direction)
        {
            RecordKind kind = direction switch
            {
                "in" => RecordKind.Received,
                "out" => RecordKind.Sent,
                _ => RecordKind.Internal,
            };
            if (kinds.Count > 0 && !kinds.Contains(kind))
            {
                throw new UsageException("--direction and --class leave nothing in common.");
            }
            return [kind];
        }
        return kinds.Count == 0 ? null : kinds;
    }

    private static List<RecordStatus>? Statuses(string[] names)
    {
        var statuses = new List<RecordStatus>();
        for (RecordStatus status = RecordStatus.Sent; status <= RecordStatus.Redirected; status++)
        {
            if (names.Contains(RecordField.StatusName(status), StringComparer.Ordinal))
            {
                statuses.Add(status);
            }
        }
        return statuses.Count == 0 ? null : statuses;
    }
}
