using System.Globalization;
using System.Text;
using System.Text.Json;
using RetentionEngine.Bench.Measuring;

namespace RetentionEngine.Bench.Reporting;

/// <summary>Writes a run as a page for people and as one flat JSON object.</summary>
internal static class ResultFile
{
    /// <summary>One line of facts about the run.</summary>
    public sealed record Fact(string Name, string Value);

    /// <summary>Writes <c>name: value</c> of every figure.</summary>
    public static void WriteJson(string path, IReadOnlyList<Fact> facts, Figures figures)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        foreach (Fact fact in facts)
        {
            json.WriteString(fact.Name, fact.Value);
        }
        foreach (Figure figure in figures.All)
        {
            json.WriteNumber(figure.Name, Math.Round(figure.Value, 6));
        }
        json.WriteEndObject();
    }

    public static string Page(IReadOnlyList<Fact> facts, Figures figures)
    {
        var page = new StringBuilder("# Measured\n\n| | |\n|---|---|\n");
        foreach (Fact fact in facts)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {fact.Name} | {fact.Value} |\n");
        }
        page.Append("\n## Targets\n\n| figure | measured | target | |\n|---|---:|---|---|\n");
        foreach (Target target in Targets.All.Where(t => figures.Has(t.Name)))
        {
            double value = figures[target.Name];
            page.Append(
                CultureInfo.InvariantCulture,
                $"| `{target.Name}` | {Figures.Text(value)} | {target.Text} | {(
                    target.IsMet(value) ? "met" : "**not met**")} |\n");
        }
        page.Append("\n## All figures\n\n| figure | value | unit | what |\n|---|---:|---|---|\n");
        foreach (Figure figure in figures.All)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"| `{figure.Name}` | {Figures.Text(figure.Value)} | {figure.Unit} | {
                    figure.Meaning} |\n");
        }
        if (figures.Notes.Count > 0)
        {
            page.Append("\n## Notes\n\n");
            foreach (string note in figures.Notes)
            {
                page.Append(CultureInfo.InvariantCulture, $"* {note}\n");
            }
        }
        return page.ToString();
    }
}
