using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Differential;

/// <summary>Runs the tokenizer and the slow parser over the same bytes and compares event texts.</summary>
internal static class BothParsers
{
    private const int ShownMax = 60;

    /// <summary>Fails with the lines on which the two disagree.</summary>
    /// <param name="log">The log.</param>
    /// <param name="what">Where the log comes from: file, seed.</param>
    /// <param name="eventRoom">Events a call may return; small numbers try the seams.</param>
    /// <param name="isEachLineFirst">Whether each line is read as if it were a source.</param>
    public static void AssertAgree(
        byte[] log, string what, int eventRoom = 256, bool isEachLineFirst = false)
    {
        Dictionary<int, string> fast = Fast(log, eventRoom, isEachLineFirst);
        var shown = new List<string>();
        string previous = "";
        int count = 0;
        int offset = 0;
        foreach (var (line, outcome, e) in Corpus.Parse(log, isEachLineFirst))
        {
            string slowText = outcome == SlowOutcome.Event ? EventText.Of(e) : "(none)";
            string fastText = fast.GetValueOrDefault(offset, "(none)");

            // What is repeated may be a line whose own head is damaged: it is no source's first.
            bool isApart = isEachLineFirst
                && line.Contains("last message repeated ", StringComparison.Ordinal);
            if (!isApart && !string.Equals(slowText, fastText, StringComparison.Ordinal))
            {
                // Of a series of ever shorter lines the first tells enough.
                bool isNext = previous.StartsWith(line, StringComparison.Ordinal);
                previous = line;
                if ((count++ == 0 || !isNext) && shown.Count < ShownMax)
                {
                    shown.Add($"line {line}\nslow {slowText}\nfast {fastText}");
                }
            }
            offset += line.Length + 1;
        }
        if (count > 0)
        {
            Assert.Fail($"{count} differences in {what}\n{string.Join('\n', shown)}");
        }
    }

    /// <summary>The tokenizer's events by offset of their line.</summary>
    public static Dictionary<int, string> Fast(
        byte[] log, int eventRoom, bool isEachLineFirst = false)
    {
        // What lies behind the block may be read but must not matter: make it look like a log.
        byte[] padded = new byte[log.Length + BlockReader.PaddingBytes];
        log.CopyTo(padded, 0);
        for (int i = log.Length; i < padded.Length; i++)
        {
            padded[i] = (byte)">, status=sent (queued as 7A1F03E21)\n"[(i - log.Length) % 37];
        }
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(Corpus.Zone, Corpus.LatestUnixMicros);
        ReadOnlySpan<byte> block = padded.AsSpan(0, log.Length);
        var events = new LogEvent[eventRoom];
        var texts = new Dictionary<int, string>();
        for (int at = 0; at < block.Length;)
        {
            int end = block.Length;
            if (isEachLineFirst)
            {
                tokenizer.Begin(Corpus.Zone, Corpus.LatestUnixMicros);
                int length = block[at..].IndexOf((byte)'\n');
                end = length < 0 ? end : at + length + 1;
            }
            at = tokenizer.Read(block[..end], at, events, out int count);
            foreach (ref LogEvent e in events.AsSpan(0, count))
            {
                texts.Add(e.LineStart, EventText.Of(e, block, hosts));
            }
        }
        return texts;
    }
}
