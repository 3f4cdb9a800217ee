using System.Globalization;

namespace RetentionEngine.Bench.Reporting;

/// <summary>One named number of a run.</summary>
/// <param name="Name">As in the flat JSON: <c>section.whatUnit</c>.</param>
/// <param name="Value">Its value.</param>
/// <param name="Unit">What it counts, for people.</param>
/// <param name="Meaning">One line, for people.</param>
internal sealed record Figure(string Name, double Value, string Unit, string Meaning);

/// <summary>All that a run has measured so far, printed as it comes.</summary>
internal sealed class Figures
{
    private readonly List<Figure> _all = [];
    private readonly Dictionary<string, double> _values = new(StringComparer.Ordinal);
    private readonly List<string> _notes = [];

    public IReadOnlyList<Figure> All => _all;

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<string> Notes => _notes;

    public void Add(string name, double value, string unit, string meaning)
    {
        var figure = new Figure(name, value, unit, meaning);
        _all.Add(figure);
        _values.Add(name, value);
        Target? target = Targets.Find(name);
        string verdict = target is null ? "" : $"  [{target.Verdict(value)}]";
        Console.WriteLine($"  {name,-34} {Text(value),12} {unit,-14} {meaning}{verdict}");
    }

    public double this[string name] => _values[name];

    public bool Has(string name) => _values.ContainsKey(name);

    public void Note(string note)
    {
        _notes.Add(note);
        Console.WriteLine($"  note: {note}");
    }

    /// <summary>Four significant digits; counts in full.</summary>
    public static string Text(double value)
    {
        if (value == Math.Floor(value) && Math.Abs(value) < 1e15)
        {
            return value.ToString("#,0", CultureInfo.InvariantCulture);
        }
        int digits = Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 6);
        return value.ToString("F" + digits, CultureInfo.InvariantCulture);
    }
}
