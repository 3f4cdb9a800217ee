using System.Text;
using RetentionEngine.Events;

namespace RetentionEngine;

/// <summary>What an import could not read, by shape, and what the logs say is missing.</summary>
internal sealed partial class ImportTally
{
    private readonly List<LogGap> _gaps = [];

    // Where each shape was met first.
    private readonly List<(string Source, long Line)> _shapePlaces = [];

    private void TakeShapes()
    {
        for (int i = _shapePlaces.Count; i < tokenizer.Shapes.Count; i++)
        {
            _shapePlaces.Add((_source!.Name, tokenizer.Shapes[i].FirstLineNumber + _knownLines));
        }
    }

    private void TakeGaps()
    {
        // Found batch by batch, and within a batch by kind.
        foreach (SyslogGap gap in tokenizer.Gaps[_gaps.Count..].ToArray().OrderBy(g => g.LineNumber))
        {
            _gaps.Add(new LogGap(
                Encoding.Latin1.GetString(hosts.Host(gap.Host)),
                DateTimeOffset.UnixEpoch.AddTicks(gap.TimeUnixMicros * 10)
                    .ToOffset(TimeSpan.FromMinutes(gap.OffsetMinutes)),
                Words(gap.Kind),
                gap.LostLines,
                _source!.Name,
                gap.LineNumber + _knownLines));
        }
    }

    private IEnumerable<StrangeShape> Shapes()
    {
        var shapes = new List<StrangeShape>();
        for (int i = 0; i < _shapePlaces.Count; i++)
        {
            LineShape shape = tokenizer.Shapes[i];
            shapes.Add(new StrangeShape(
                Encoding.ASCII.GetString(shape.Text),
                shape.Count,
                _shapePlaces[i].Source,
                _shapePlaces[i].Line));
        }
        return shapes.OrderByDescending(shape => shape.Count);
    }

    private IEnumerable<OffClock> OffClocks() => tracker.OtherClocks().Select(clock => new OffClock(
        Encoding.Latin1.GetString(hosts.Host(clock.Host)),
        clock.Daemon.ToString().ToLowerInvariant(),
        clock.Lines,
        TimeSpan.FromMinutes(clock.OffsetMinutes)));

    public static string Words(GapKind kind) => kind switch
    {
        GapKind.Dropping => "rate limiting began to drop lines",
        GapKind.Dropped => "rate limiting dropped lines",
        GapKind.Stopped => "the syslog daemon ended",
        GapKind.Restarted => "the syslog daemon began anew",
        _ => "a repeated line is not in reach",
    };
}
