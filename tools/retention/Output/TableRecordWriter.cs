using System.Text;

namespace RetentionEngine.Tool.Output;

/// <summary>Columns for people. Widths come from the first records; nothing is ever cut.</summary>
/// <remarks>
/// Results stream, so later and wider values can't widen a column: they push the rest of their line
/// to the right. A cut address would be a wrong one.
/// </remarks>
internal sealed class TableRecordWriter : RecordWriter
{
    private const int MeasuredRows = 100;
    private const long MeasuredMilliseconds = 200;
    private const int WidthMax = 48;

    private readonly Column[] _columns;
    private readonly bool _isColored;
    private readonly List<(string[] Cells, RecordStatus Status)> _waiting = [];
    private long _firstMilliseconds;
    private int[]? _widths;

    /// <summary>Creates a writer.</summary>
    /// <param name="output">Where the text goes.</param>
    /// <param name="fields">Columns; null = those that tell most.</param>
    /// <param name="isColored">Whether statuses are coloured.</param>
    public TableRecordWriter(Stream output, IReadOnlyList<RecordField>? fields, bool isColored)
        : base(output)
    {
        _columns = fields is null ? s_columns : Columns(fields);
        _isColored = isColored;
    }

    private sealed record Column(string Title, Func<RetentionRecord, string?> Text);

    private static readonly Column[] s_columns =
    [
        new("TIME", static r => TimeText(r)),
        new("KIND", static r => r.Protocol == AccessProtocol.None
            ? RecordField.KindName(r.Kind)
            : RecordField.ProtocolName(r.Protocol)),
        new("STATUS", StatusText),
        new("SENDER", static r => r.Sender is "" ? "<>" : r.Sender),
        new("RECIPIENT", static r => r.Recipient),
        new("CLIENT", static r => r.Ip?.ToString()),
        new("RELAY", static r => r.Relay),
        new("QUEUE ID", static r => r.QueueId),
        new("MARKS", static r => RecordField.FlagsText(r.Flags & ~Inferred, ',')),
        new("BASIS", static r => r.Basis),
    ];

    private const RecordFlags Inferred = RecordFlags.YearInferred | RecordFlags.ZoneInferred;

    /// <summary>Whether a time with a question mark was shown.</summary>
    public bool HasInferred { get; private set; }

    /// <summary>The time for people, with a question mark when year or zone is inferred.</summary>
    public static string TimeText(RetentionRecord record) =>
        Times.ToText(record.Time) + ((record.Flags & Inferred) == RecordFlags.None ? "" : "?");

    /// <summary>SGR sequence for a status; empty = as usual.</summary>
    public static string ColorOf(RecordStatus status) => status switch
    {
        RecordStatus.Sent or RecordStatus.Session => "\e[32m",
        RecordStatus.Deferred or RecordStatus.Queued => "\e[33m",
        RecordStatus.Bounced or RecordStatus.Expired or RecordStatus.Rejected => "\e[31m",
        RecordStatus.Discarded or RecordStatus.Deleted or RecordStatus.Redirected => "\e[35m",
        _ => "",
    };

    protected override void Add(RetentionRecord record)
    {
        HasInferred |= (record.Flags & Inferred) != RecordFlags.None;
        string[] cells = new string[_columns.Length];
        for (int i = 0; i < cells.Length; i++)
        {
            cells[i] = SafeText.Of(_columns[i].Text(record));
        }
        if (_widths is not null)
        {
            AddRow(cells, record.Status);
            return;
        }
        // Counted from the first record: opening the store takes its time too.
        long now = Environment.TickCount64;
        _firstMilliseconds = _waiting.Count == 0 ? now : _firstMilliseconds;
        _waiting.Add((cells, record.Status));
        if (_waiting.Count >= MeasuredRows || now - _firstMilliseconds >= MeasuredMilliseconds)
        {
            AddWaiting();
        }
    }

    protected override void AddEnd()
    {
        if (_widths is null && _waiting.Count > 0)
        {
            AddWaiting();
        }
    }

    private static string StatusText(RetentionRecord record)
    {
        string status = RecordField.StatusName(record.Status);
        string? code = record.Dsn ?? record.Reply?.ToString(
            System.Globalization.CultureInfo.InvariantCulture);
        return code is null ? status : $"{status} {code}";
    }

    private static Column[] Columns(IReadOnlyList<RecordField> fields)
    {
        var columns = new Column[fields.Count];
        for (int i = 0; i < columns.Length; i++)
        {
            RecordField field = fields[i];
            columns[i] = new Column(field.Name.ToUpperInvariant(), field.Text);
        }
        return columns;
    }

    private void AddWaiting()
    {
        _widths = new int[_columns.Length];
        for (int i = 0; i < _widths.Length; i++)
        {
            _widths[i] = _columns[i].Title.Length;
            foreach ((string[] cells, _) in _waiting)
            {
                _widths[i] = Math.Max(_widths[i], Math.Min(WidthMax, cells[i].Length));
            }
        }
        string[] titles = new string[_columns.Length];
        for (int i = 0; i < titles.Length; i++)
        {
            titles[i] = _columns[i].Title;
        }
        AddRow(titles, RecordStatus.None);
        foreach ((string[] cells, RecordStatus status) in _waiting)
        {
            AddRow(cells, status);
        }
        _waiting.Clear();
    }

    private void AddRow(string[] cells, RecordStatus status)
    {
        var line = new StringBuilder();
        for (int i = 0; i < cells.Length; i++)
        {
            string color = _isColored && _columns[i].Title is "STATUS" ? ColorOf(status) : "";
            line.Append(color).Append(cells[i]).Append(color.Length == 0 ? "" : "\e[0m")
                .Append(' ', Math.Max(0, _widths![i] - cells[i].Length) + 2);
        }
        AddText(line.ToString().AsSpan().TrimEnd(' '));
        AddText("\n");
    }
}
