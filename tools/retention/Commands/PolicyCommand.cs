using System.CommandLine;
using System.Text;
using System.Text.Json;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool.Commands;

/// <summary><c>retention policy show</c> and <c>retention policy set</c></summary>
internal sealed class PolicyCommand : CommandPart
{
    private readonly PolicyOptions _policy = new();

    public PolicyCommand(CommandTree tree)
        : base("policy", "Show or change what is kept for how long, and why.")
    {
        var show = new Command("show", "Show the policy.");
        var set = new Command(
            "set",
            "Change what is named and keep the rest. A shorter period takes effect at once; a "
                + "longer one can't bring back what is gone. --local-domain replaces the list.");
        _policy.AddTo(set);
        Command.Add(show);
        Command.Add(set);
        const string Examples = """
            Examples:
              retention policy show
              retention policy set --retain access=3d
              retention policy set --retain sent=10w --basis "sent=order 4711 of 2026-11-02"
            """;
        tree.Set(Command, Show, Examples);
        tree.Set(show, Show, """
            Examples:
              retention policy show
              retention policy show --json
            """);
        tree.Set(set, Set, """
            Examples:
              retention policy set --retain access=3d
              retention policy set --retain sent=10w --basis "sent=order 4711 of 2026-11-02"
              retention policy set --local-domain example.org --local-domain example.net
              retention policy set --timezone mx2=America/Lima
              retention policy set --timezone mx2=
            """);
    }

    /// <summary>The policy for people.</summary>
    public static string ToText(ToolContext context, RetentionPolicy policy)
    {
        var table = new TextTable("CLASS", "KEPT FOR", "KEYS DIE EVERY", "BASIS");
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            ClassPolicy kept = policy[c];
            table.Add(
                RecordField.ClassName(c),
                Times.ToPeriod(kept.Period),
                Times.ToPeriod(TimeSpan.FromHours(BucketId.LengthHoursOf(kept.Period))),
                kept.Basis.Length == 0 ? "none needed" : kept.Basis);
        }
        var text = new StringBuilder(table.Render(context.IsColored));
        text.Append('\n');
        text.Append("Local domains  ").Append(policy.LocalDomains.Count == 0
            ? "none: sent and received are told apart by guessing (see --local-domain)"
            : string.Join(", ", policy.LocalDomains)).Append('\n');
        text.Append("Time zone      ").Append(policy.TimeZone)
            .Append(" for time stamps that name none\n");
        foreach ((string host, string zone) in policy.HostTimeZones)
        {
            text.Append("               ").Append(zone).Append(" for those of ")
                .Append(SafeText.Of(host)).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>The policy as members of a JSON object.</summary>
    public static void WriteMembers(Utf8JsonWriter json, RetentionPolicy policy)
    {
        json.WriteStartObject("classes");
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            json.WriteStartObject(RecordField.ClassName(c));
            json.WriteNumber("periodHours", (long)policy[c].Period.TotalHours);
            json.WriteNumber("bucketHours", BucketId.LengthHoursOf(policy[c].Period));
            json.WriteString("basis", policy[c].Basis);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteStartArray("localDomains");
        foreach (string domain in policy.LocalDomains)
        {
            json.WriteStringValue(domain);
        }
        json.WriteEndArray();
        json.WriteString("timezone", policy.TimeZone);
        json.WriteStartObject("hostTimezones");
        foreach ((string host, string zone) in policy.HostTimeZones)
        {
            json.WriteString(host, zone);
        }
        json.WriteEndObject();
    }

    private static int Show(ToolContext context)
    {
        using RetentionStore store = context.OpenStore(isReadOnly: true);
        return Tell(context, store.Policy);
    }

    private int Set(ToolContext context)
    {
        if (!_policy.AreGiven(context.Parse)
            && context.Parse.GetValue(_policy.TimeZone)!.Length == 0)
        {
            throw new UsageException("Nothing to set: say --retain, --basis, --local-domain or --timezone.");
        }
        using RetentionStore store = context.OpenStore(isReadOnly: false);
        RetentionPolicy policy = _policy.Apply(context.Parse, store.Policy);
        store.SetPolicy(policy);
        return Tell(context, policy);
    }

    private static int Tell(ToolContext context, RetentionPolicy policy)
    {
        if (!context.IsJson)
        {
            context.Write(ToText(context, policy));
        }
        return context.Summary(ExitCode.Done, json => WriteMembers(json, policy));
    }
}
