using System.Text;
using RetentionEngine.Events;
using Xunit;

namespace RetentionEngine.Tests.Events;

public sealed class GoldenLinesTests
{
    private static readonly string[] s_prefixes =
    [
        "Jul  4 09:05:01 mx1 ", "2025-07-04T09:05:01.123456+02:00 mx1 ",
    ];

    [Fact]
    public void EveryFormGivesItsEvent()
    {
        var wrong = new StringBuilder();
        foreach (string prefix in s_prefixes)
        {
            foreach ((string line, string expected) in GoldenLines.Cases())
            {
                string actual = One(prefix + line);
                if (!Same(actual, expected))
                {
                    wrong.Append(line).Append("\n want ").Append(expected)
                        .Append("\n got  ").Append(actual).Append('\n');
                }
            }
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    [Fact]
    public void SyslogProtocolGivesTheSameEvents()
    {
        var wrong = new StringBuilder();
        foreach ((string line, string expected) in GoldenLines.Cases())
        {
            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon < 0)
            {
                continue;
            }
            string tag = line[..colon].TrimEnd(']');
            string[] parts = tag.Contains('[', StringComparison.Ordinal)
                ? tag.Split('[') : [tag, "-"];
            foreach (string data in new[] { "- ", "[a@1 b=\"]\\\"\"][c] ", "- \uFEFF" })
            {
                string prefix = $"<22>1 2025-07-04T09:05:01.1Z mx1 {parts[0]} {parts[1]} - {data}";
                string log = prefix + line[(colon + 2)..];
                string actual = One(Encoding.UTF8.GetBytes(log));
                if (!Same(actual, expected))
                {
                    wrong.Append(log).Append("\n want ").Append(expected)
                        .Append("\n got  ").Append(actual).Append('\n');
                }
            }
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    /// <summary>
    /// A cut line gives the whole line's event or none. Only where a value ends with the line
    /// can nobody see the cut: those values are compared as beginnings.
    /// </summary>
    [Fact]
    public void ACutLineGivesNoWrongEvent()
    {
        var wrong = new StringBuilder();
        foreach ((string line, string expected) in GoldenLines.Cases())
        {
            string whole = s_prefixes[0] + line;
            for (int length = 0; length < whole.Length && !Same(expected, "!"); length++)
            {
                string actual = One(whole[..length]);
                if (actual is "-" or "!" || Same(actual, expected) || IsBeginning(expected, actual)
                    || IsForgedTail(line, whole[..length]))
                {
                    continue;
                }
                wrong.Append(whole.AsSpan(0, length)).Append("\n got ").Append(actual)
                    .Append("\n of  ").Append(expected).Append('\n');
            }
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    /// <summary>A cut right behind a quoted tail can't be told from an honest line.</summary>
    private static bool IsForgedTail(string line, string cut) =>
        (line.Split("(queue active)").Length > 2 && cut.EndsWith(')'))
        || line.Split("; from=<").Length > 2
        && (cut.EndsWith('>') || cut.EndsWith("proto=ESMTP", StringComparison.Ordinal)
            || (line.Contains("cleanup", StringComparison.Ordinal)
                && cut.Contains("helo=<z> from ", StringComparison.Ordinal)
                && !cut.Contains("real", StringComparison.Ordinal)));

    private static bool IsBeginning(string expected, string actual)
    {
        string kind = actual.Split(' ')[0];
        if (!Same(kind, expected.Split(" ")[0]))
        {
            return false;
        }
        string[] open = kind switch
        {
            "Client" => ["sasl", "origip", "orig", "ip"],
            "MessageId" => ["mid"],
            "Notification" => ["orig"],
            "Pickup" => ["orig"],
            "Delivery" => ["orig", "edge", "box"],
            "Reject" => ["dsn"],
            "Login" => ["port", "tls", "session", "ip", "protocol"],
            "Logout" => ["number", "port"],
            _ => [],
        };
        Dictionary<string, string> want = Fields(expected);
        Dictionary<string, string> have = Fields(actual);
        foreach ((string key, string value) in want)
        {
            bool isOpen = open.Contains(key, StringComparer.Ordinal);
            string found = have.GetValueOrDefault(key, "");
            if (!Same(found, value)
                && !(isOpen && (found.Length == 0 || Starts(value, found) || Starts("[811]", found))))
            {
                return false;
            }
        }
        return have.Keys.All(
            k => want.ContainsKey(k) || open.Contains(k, StringComparer.Ordinal));
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);

    private static bool Starts(string value, string found) =>
        Same(found, "-1") || value.TrimEnd(']').StartsWith(found.TrimEnd(']'), StringComparison.Ordinal)
        || value.StartsWith("[<" + found[1..].TrimEnd(']'), StringComparison.Ordinal);

    private static Dictionary<string, string> Fields(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string part in System.Text.RegularExpressions.Regex.Split(
            text, " (?=[a-z]+=)", System.Text.RegularExpressions.RegexOptions.None,
            TimeSpan.FromSeconds(5)))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                fields[part[..equals]] = part[(equals + 1)..];
            }
        }
        return fields;
    }

    private static string One(string log) => One(Encoding.Latin1.GetBytes(log));

    private static string One(byte[] log)
    {
        string[] events = TokenizerCase.Read(log, TimeZoneInfo.Utc, out Tokenizer tokenizer, out _);
        Assert.True(events.Length <= 1);
        Assert.Equal(log.Length == 0 ? 0 : 1, tokenizer.Lines);
        return events.Length == 1 ? events[0] : tokenizer.Strange > 0 ? "!" : "-";
    }
}
