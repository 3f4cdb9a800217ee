using System.Text;
using System.Text.RegularExpressions;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Tests.Hostile;
using RetentionEngine.Tests.Tidy;
using Xunit;

namespace RetentionEngine.Tests.Forms;

/// <summary>docs/FORMS.md and the parser say the same.</summary>
public sealed partial class FormsDocumentTests
{
    private static readonly string s_document = Repository.Read("docs/FORMS.md");

    /// <summary>Every tag of the table is read by whom the table says, and the table has them all.</summary>
    [Fact]
    public void Tags()
    {
        var headers = new HeaderTable(new HostTable());
        List<string> documented = [];
        HashSet<LogProgram> programs = [];
        foreach (string row in Rows("## Tags"))
        {
            string[] cells = row.Split('|', StringSplitOptions.TrimEntries);
            var program = Enum.Parse<LogProgram>(
                cells[1].Replace(" ", "", StringComparison.Ordinal), ignoreCase: true);
            programs.Add(program);
            foreach (Match tag in Quoted().Matches(cells[2]))
            {
                documented.Add(tag.Groups[1].Value.TrimEnd(':'));
                LineHeader header = headers.Find(Encoding.ASCII.GetBytes("mx1 " + documented[^1]), 3);
                Assert.True(header.Tag.Program == program, $"{documented[^1]} is {header.Tag.Program}");
            }
        }
        Assert.Equal(Enum.GetValues<LogProgram>().Order(), programs.Order());
        string[] services = [.. documented.Select(tag => tag[(tag.LastIndexOf('/') + 1)..])];
        Repository.AssertNone(Recognised().Where(word => !services.Contains(word, StringComparer.Ordinal)));
    }

    /// <summary>Every example of what stands before a message is a prefix that is read.</summary>
    [Fact]
    public void Prefixes()
    {
        const string Message = "7A1F03E21: to=<b@example.org>, relay=local, delay=1, dsn=2.0.0, status=sent (x)";
        List<string> examples = [];
        foreach (string row in Rows("## What stands before the message"))
        {
            foreach (Match example in Quoted().Matches(row.Split('|')[2]))
            {
                examples.Add(example.Groups[1].Value);
                string line = Whole(examples[^1], Message);
                ImportedLog.RecordsOf(line + "\n", out ImportReport report);
                Assert.True(report.Events == 1, $"{examples[^1]} as {line}");
            }
        }
        Assert.True(examples.Count >= 12, string.Join('\n', examples));
    }

    [Fact]
    public void Numbers()
    {
        Assert.Equal(BlockReader.BeforeBytesMax / 1024, Number(@"no more\s+than (\d+) KiB"));
        Assert.Equal(Tokenizer.RepeatsMax, Number(@"N is at most ([\d,]+)"));
        Assert.Equal(Tokenizer.GapsMax, Number(@"The first ([\d,]+) gaps"));
        Assert.Equal(ShapeTable.CountMax, Number(@"At most (\d+) shapes"));
        Assert.Equal(BlockReader.LineMaxBytes / 1024, Number(@"longer than (\d+) KiB is counted"));
    }

    /// <summary>Completes an example: <c>…</c> stands for what is the same everywhere.</summary>
    private static string Whole(string example, string message)
    {
        const string Stamp = "Jul  4 09:05:01 ";
        bool isHead = char.IsAsciiLetterLower(example[0]) && !example.StartsWith("dovecot", StringComparison.Ordinal);
        string line = isHead || example.StartsWith("<mail", StringComparison.Ordinal)
            ? Stamp + example
            : example.StartsWith('…') ? Stamp + "mx1 postfix/local[811]" + example[1..] : example;
        if (example.Contains("imap-login", StringComparison.Ordinal))
        {
            return line.Replace(
                "…", "Login: user=<b>, rip=192.0.2.7, lip=192.0.2.1, session=<x>", StringComparison.Ordinal);
        }
        line = line.Replace("smtpd", "local", StringComparison.Ordinal);
        return line switch
        {
            _ when line.EndsWith("postfix/…", StringComparison.Ordinal) => line[..^1] + "local[811]: " + message,
            _ when line.EndsWith("- …", StringComparison.Ordinal)
                || line.EndsWith(": …", StringComparison.Ordinal)
                || line.EndsWith("] …", StringComparison.Ordinal) => line[..^1] + message,
            _ when line.EndsWith("Jul  4 …", StringComparison.Ordinal) =>
                line[..^1] + "09:05:01 mx1 postfix/local[811]: " + message,
            _ when line.EndsWith(" …", StringComparison.Ordinal) =>
                line[..^1] + "postfix/local[811]: " + message,
            _ => line + " postfix/local[811]: " + message,
        };
    }

    /// <summary>The words by which the formats recognise their tags.</summary>
    private static IEnumerable<string> Recognised()
    {
        foreach (string path in Repository.Under("src/RetentionEngine/Events/Formats", ".cs"))
        {
            foreach (Match function in Recogniser().Matches(Repository.Read(path)))
            {
                foreach (Match word in Literal().Matches(function.Value))
                {
                    // "courier-" alone is taken off, "postfix" is an instance.
                    if (word.Groups[1].Value is not "courier-" and not "postfix")
                    {
                        yield return word.Groups[1].Value;
                    }
                }
            }
        }
    }

    private static string[] Rows(string heading)
    {
        int start = s_document.IndexOf(heading + "\n", StringComparison.Ordinal);
        int end = s_document.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        string[] rows = [.. s_document[start..end].Split('\n').Where(l => l.StartsWith('|'))];
        return rows[2..];
    }

    private static int Number(string pattern)
    {
        Match m = Regex.Match(s_document, pattern, RegexOptions.None, TimeSpan.FromSeconds(5));
        Assert.True(m.Success, pattern);
        return int.Parse(
            m.Groups[1].Value.Replace(",", "", StringComparison.Ordinal),
            System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    // From its name to the blank line behind it.
    [GeneratedRegex(@" (?:TryRecognise|Process|IsQuiet)\(ReadOnlySpan<byte> (?:.+\n)+(?:\n        .*\n(?:.+\n)+)*")]
    private static partial Regex Recogniser();

    [GeneratedRegex(@"(?:SequenceEqual|StartsWith)\(""([^""]+)""u8\)")]
    private static partial Regex Literal();
}
