using System.Globalization;
using Spectre.Console;

namespace RetentionEngine.Tool.Output;

/// <summary>A small table of results, drawn by Spectre.Console.</summary>
internal sealed class TextTable
{
    // Wide enough that nothing wraps where the reader is a program or a wide terminal.
    private const int WidthWhenRedirected = 240;

    private readonly Table _table = new();

    /// <summary>Starts a table; a title that begins with <c>&gt;</c> aligns its column right.</summary>
    public TextTable(params ReadOnlySpan<string> titles)
    {
        _table.Border(TableBorder.None).HideRowSeparators();
        foreach (string title in titles)
        {
            bool isRight = title.StartsWith('>');
            var column = new TableColumn(new Text(isRight ? title[1..] : title, new Style(decoration: Decoration.Bold)))
            {
                Alignment = isRight ? Justify.Right : Justify.Left,
                NoWrap = true,
                Padding = new Padding(0, 0, 2, 0),
            };
            _table.AddColumn(column);
        }
    }

    /// <summary>Adds a row; the text is taken as it is.</summary>
    public void Add(params ReadOnlySpan<string> cells)
    {
        var row = new List<Text>(cells.Length);
        foreach (string cell in cells)
        {
            row.Add(new Text(SafeText.Of(cell)));
        }
        _table.AddRow(row);
    }

    /// <summary>Draws it; each line ends with LF.</summary>
    public string Render(bool isColored)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isColored ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = isColored ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = WidthWhenRedirected;
        console.Write(_table);
        var lines = new System.Text.StringBuilder();
        foreach (ReadOnlySpan<char> line in text.ToString().AsSpan().EnumerateLines())
        {
            ReadOnlySpan<char> trimmed = line.TrimEnd();
            if (!trimmed.IsEmpty)
            {
                lines.Append(trimmed).Append('\n');
            }
        }
        return lines.ToString();
    }
}
