using System.Text.RegularExpressions;
using RetentionEngine.Events;

namespace RetentionEngine.Tests.Oracle;

/// <summary>The part of <see cref="SlowParser"/> for amavis.</summary>
internal static class SlowAmavis
{
    private static readonly Regex s_passed = SlowParser.Pattern(
        @"^[^ ]* Passed (?:(?!, Queue-ID: ).)*, Queue-ID: (?<id>[0-9A-Za-z]+)(?=,)"
        + "(?!.*, Queue-ID: ).*, queued_as: (?<new>[0-9A-Za-z]+)(?=,)"
        + "(?!.*, queued_as: )");

    public static SlowOutcome Parse(string text, SlowEvent frame, out SlowEvent result)
    {
        Match m = s_passed.Match(text.StartsWith('(') ? text : "");
        string id = m.Groups["id"].Value;
        string created = m.Groups["new"].Value;
        result = frame with { Kind = EventKind.Handed, QueueId = id, OrigQueueId = created };
        return m.Success && SlowParser.IsQueueId(id) && SlowParser.IsQueueId(created)
            ? SlowOutcome.Event : SlowOutcome.Ignored;
    }
}
