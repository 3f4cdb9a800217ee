using System.Globalization;
using System.Text.RegularExpressions;

namespace RetentionEngine.Tests.Oracle;

/// <summary>Puts a repeated line in the place of the line that says so.</summary>
internal static class SlowRepeats
{
    private static readonly Regex s_line = SlowParser.Pattern(
        @"^(?<stamp>(?:<\d{1,3}>)?(?:[A-Z][a-z][a-z] (?: \d|\d\d|\d) \d\d:\d\d:\d\d|\d{4}-[^ ]+)) "
        + "(?<host>[^ ]+) (?<rest>.*)$");

    private static readonly Regex s_last = SlowParser.Pattern(
        "^last message repeated (?<n>\\d{1,9}) times?$");

    private static readonly Regex s_quoted = SlowParser.Pattern(
        @"^message repeated (?<n>\d{1,9}) times: \[ (?<text>.+)\]$");

    /// <summary>What stands in <c>message repeated N times: [ text]</c>; a count of -1 for other texts.</summary>
    public static (int Count, string Text) Quoted(string text)
    {
        Match m = s_quoted.Match(text);
        return m.Success ? (Count(m), m.Groups["text"].Value) : (-1, "");
    }

    private static int Count(Match m) =>
        Math.Min(int.Parse(m.Groups["n"].Value, CultureInfo.InvariantCulture), 1_000);

    /// <param name="line">A line.</param>
    /// <param name="lastOfHost">By host: what stood behind it in its last line. Kept up here.</param>
    /// <param name="expanded">The repeated line, with this line's stamp.</param>
    /// <param name="count">How often it was repeated.</param>
    public static bool TryExpand(
        string line, Dictionary<string, string> lastOfHost, out string expanded, out int count)
    {
        expanded = "";
        count = 0;
        Match m = s_line.Match(line);
        if (!m.Success)
        {
            return false;
        }
        string head = $"{m.Groups["stamp"].Value} {m.Groups["host"].Value} ";
        string rest = m.Groups["rest"].Value;
        Match last = s_last.Match(rest);
        if (!last.Success)
        {
            lastOfHost[m.Groups["host"].Value] = rest;
        }
        else if (lastOfHost.TryGetValue(m.Groups["host"].Value, out string? before))
        {
            rest = before;
        }
        if (!last.Success)
        {
            return false;
        }
        count = Count(last);
        expanded = head + rest;
        return true;
    }
}
