namespace RetentionEngine;

/// <summary>Which lines to explain, and how their sources are to be read.</summary>
public sealed record ExplainOptions
{
    /// <summary>The source that holds the lines; one of those that are read.</summary>
    public required LogSource Source { get; init; }

    /// <summary>Number of the first line, from 1.</summary>
    public required long FirstLine { get; init; }

    /// <summary>Number of the last; at most <see cref="LineExplainer.LinesMax"/> lines in all.</summary>
    public required long LastLine { get; init; }

    /// <summary>Local domains, periods, and the zone of stamps that name none.</summary>
    public RetentionPolicy Policy { get; init; } = new();

    /// <summary>Zone of stamps that name none; null = the policy's.</summary>
    public TimeZoneInfo? Zone { get; init; }

    /// <summary>As for <see cref="ImportOptions.HostZones"/>.</summary>
    public IReadOnlyDictionary<string, TimeZoneInfo> HostZones { get; init; } =
        new Dictionary<string, TimeZoneInfo>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Year of the first line of sources without years; null = inferred.</summary>
    public int? Year { get; init; }

    /// <summary>No line is younger than this clock says.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}

/// <summary>What an import makes of a line.</summary>
public enum LineUse
{
    /// <summary>The source ends before this line.</summary>
    Missing = 0,

    /// <summary>It says something that records need.</summary>
    Used = 1,

    /// <summary>No record needs it.</summary>
    NotNeeded = 2,

    /// <summary>It should have been understood, or opens like no known format.</summary>
    NotUnderstood = 3,

    /// <summary>It says that lines are missing.</summary>
    Gap = 4,

    /// <summary>Longer than the longest line that is read.</summary>
    Overlong = 5,

    /// <summary>
    /// Nothing stands in it; or its source wraps log lines, and it is a part of one that a later
    /// line completes.
    /// </summary>
    Empty = 6,
}

/// <summary>One thing that a line says.</summary>
/// <param name="Name">In lower case; of an event as in docs/RECORDS.md where that has the name.</param>
/// <param name="Value">As written in the log where it is a text; empty for <c>from=&lt;&gt;</c>.</param>
public sealed record ExplainedField(string Name, string Value);

/// <summary>How one line was read. It holds what the line says: for the eyes of who asked for it.</summary>
public sealed record ExplainedLine
{
    /// <summary>Number of the line in its source, from 1.</summary>
    public required long Number { get; init; }

    /// <summary>What an import makes of it.</summary>
    public LineUse Use { get; init; }

    /// <summary>Why it is not used; null when it is. Never a piece of the line.</summary>
    public string? Reason { get; init; }

    /// <summary>Of lines not understood: how the import's report shows them; else null.</summary>
    public string? Shape { get; init; }

    /// <summary>The line, as taken out of what wraps it; bytes that are not UTF-8 as <c>\xHH</c>.</summary>
    public string Text { get; init; } = "";

    /// <summary>What stands in front of the message, then what the message says.</summary>
    public IReadOnlyList<ExplainedField> Fields { get; init; } = [];

    /// <summary>The records that the line is part of; without fingerprints of message-ids.</summary>
    public IReadOnlyList<RetentionRecord> Records { get; init; } = [];
}

/// <summary>The lines that were asked for, and what else was met on the way.</summary>
public sealed record LineExplanation
{
    /// <summary>Each line, in order.</summary>
    public IReadOnlyList<ExplainedLine> Lines { get; init; } = [];

    /// <summary>Sources that could not be read, or not to their end.</summary>
    public IReadOnlyList<RetentionException> Faults { get; init; } = [];
}
