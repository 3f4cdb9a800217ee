using System.Globalization;
using System.Text.RegularExpressions;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Tests.Tidy;
using Xunit;

namespace RetentionEngine.Tests.Format;

/// <summary>docs/FORMAT.md and the code say the same numbers.</summary>
public sealed partial class FormatDocumentTests
{
    private static readonly string s_document = Repository.Read("docs/FORMAT.md");

    [Fact]
    public void Versions()
    {
        Assert.Equal(Manifest.FormatVersion, Number(@"format version \*\*(\d+)\*\*"));
        Assert.Equal(RunFormat.Version, Number(@"run version, (\d+)"));
        Assert.Equal(
            RetentionEngine.Records.AddressKey.Version, Number(@"texts are ordered, (\d+)"));
    }

    [Fact]
    public void Sizes()
    {
        Assert.Equal(KeySlot.Length, Number(@"A slot of (\d+) bytes"));
        Assert.Equal(BlockCipher.TagLength, Number(@"tag of (\d+) bytes"));
        Assert.Equal(BlockCipher.NonceLength, Number(@"nonce of (\d+) bytes"));
        Assert.Equal(BlockCipher.Overhead, Number(@"nonce of \d+ bytes; (\d+) bytes more"));
        Assert.Equal(BlockCipher.AssociatedLength, Number(@"Associated data of a block, (\d+) bytes"));
        Assert.Equal(RunFormat.GroupRows, Number(@"row group of ([\d,]+) rows"));
        Assert.Equal(RunAddresses.PageCount, Number(@"address page of ([\d,]+) addresses"));
        Assert.Equal(RunSections.InlineMax, Number(@"take no more than ([\d,]+) bytes together"));
        Assert.Equal(PackedColumn.ChunkLength, Number(@"columns of at most ([\d,]+) values"));
        Assert.Equal(RunFormat.RowsMax, 1 << Number(@"rows, at most 2\^(\d+)"));
        Assert.Equal(InodeBases.SlotsMax, Number(@"inode bases: hosts \(at most (\d+)\)"));
        Assert.Equal(RunTexts.PageTextsMax, Number(@"At most ([\d,]+) texts"));
        Assert.Equal(RunTexts.RestartEvery, Number(@"\(0 at every (\d+)th\)"));
        Assert.Equal(RunPostings.PageCount, Number(@"each once, ([\d,]+) to a page"));
    }

    [Fact]
    public void Kinds_of_blocks()
    {
        IEnumerable<(int, string)> documented = KindRow().Matches(Section("## Runs"))
            .Select(m => (int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture),
                m.Groups[2].Value));
        Assert.Equal(
            [(0, "header"), (1, "row"), (2, "text"), (4, "term"), (5, "address")], documented);
        Assert.Equal(
            [BlockKind.Header, BlockKind.Rows, BlockKind.Texts, BlockKind.Terms, BlockKind.Addresses],
            documented.Select(k => (BlockKind)k.Item1));
        Assert.Equal(Enum.GetValues<BlockKind>().Length, documented.Count());
    }

    [Fact]
    public void States_of_slots()
    {
        string states = Regex.Match(s_document, @"state: ([^|]+) \|").Groups[1].Value;
        Assert.Equal("0 free, 1 bucket, 2 destroyed, 3 snapshot, 4 seed", states);
        Assert.Equal(
            [KeySlotState.Free, KeySlotState.Bucket, KeySlotState.Destroyed,
                KeySlotState.InFlight, KeySlotState.Seed],
            Enumerable.Range(0, 5).Select(n => (KeySlotState)n));
        Assert.Equal(5, Enum.GetValues<KeySlotState>().Length);
    }

    [Theory]
    [InlineData("## Entry log", 64)]
    [InlineData("An entry begins", 8)]
    [InlineData("A slot of 128", 128)]
    public void Fields_follow_each_other(string section, int end)
    {
        int next = 0;
        foreach (Match row in FieldRow().Matches(Section(section)))
        {
            Assert.Equal(next, int.Parse(row.Groups[1].Value, CultureInfo.InvariantCulture));
            if (!int.TryParse(row.Groups[2].Value, CultureInfo.InvariantCulture, out int size))
            {
                break;
            }
            next += size;
        }
        Assert.Equal(end, next);
    }

    [Fact]
    public void Columns_of_a_row_group()
    {
        string[] rows = [.. ColumnRow().Matches(Section("### Row group")).Select(m => m.Value)];
        Assert.Equal((int)MessageColumn.Count, rows.Length);
        Assert.Equal((int)RowColumn.Count, rows.Count(r => !r.EndsWith("| |", StringComparison.Ordinal)));
    }

    private static int Number(string pattern)
    {
        Match match = Regex.Match(s_document.ReplaceLineEndings(" "), pattern);
        Assert.True(match.Success, $"docs/FORMAT.md does not say: {pattern}");
        return int.Parse(
            match.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    /// <summary>From a heading or a sentence to the next heading of its rank or the next table's end.</summary>
    private static string Section(string start)
    {
        int from = s_document.IndexOf(start, StringComparison.Ordinal);
        Assert.True(from >= 0, start);
        int table = s_document.IndexOf("\n|", from, StringComparison.Ordinal);
        int end = s_document.IndexOf("\n\n", table, StringComparison.Ordinal);
        return s_document[table..end];
    }

    [GeneratedRegex(@"\| (\d+) \| (\w+)")]
    private static partial Regex KindRow();

    [GeneratedRegex(@"\n\| (\d+) \| (\w*) \|")]
    private static partial Regex FieldRow();

    [GeneratedRegex(@"\n\| \d+ \|.*")]
    private static partial Regex ColumnRow();
}
