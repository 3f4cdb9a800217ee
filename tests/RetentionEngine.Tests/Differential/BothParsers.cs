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
    /// <remarks>
    /// Of a damaged line the one may take what the other finds too damaged: that is counted and
    /// must be rare. Two events of one line must always be equal.
    /// </remarks>
    /// <param name="log">The log.</param>
    /// <param name="what">Where the log comes from: file, seed.</param>
    /// <param name="eventRoom">Events a call may return; small numbers try the seams.</param>
    public static void AssertAgree(byte[] log, string what, int eventRoom = 256, double oneSidedMax = 0, double unequalMax = 0,
        bool isEachLineFirst = false)
    {
        Dictionary<int, string> fast = Fast(log, eventRoom, isEachLineFirst);
        var shown = new List<string>();
        string previous = "";
        int count = 0;
        int lines = 0;
        int oneSided = 0;
        int offset = 0;
        foreach (var (line, outcome, e) in Corpus.Parse(log, isEachLineFirst))
        {
            string slowText = outcome == SlowOutcome.Event ? EventText.Of(e) : "(none)";
            string fastText = fast.GetValueOrDefault(offset, "(none)");
            bool isOneSided = (outcome == SlowOutcome.Event) != fast.ContainsKey(offset);
            oneSided += isOneSided ? 1 : 0;
            lines++;
            if (isOneSided && Environment.GetEnvironmentVariable("SHOW_ONE_SIDED") is "2")
            {
                Console.WriteLine($"ONE {line}\n  slow {slowText}\n  fast {fastText}");
            }
            if (!string.Equals(slowText, fastText, StringComparison.Ordinal)
                && (!isOneSided || oneSidedMax == 0))
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
        if (Environment.GetEnvironmentVariable("SHOW_ONE_SIDED") is "1")
        {
            Console.WriteLine($"{what}: {oneSided} of {lines} lines one-sided, {count} unequal");
        }
        if (oneSided > lines * oneSidedMax)
        {
            Assert.Fail($"{oneSided} of {lines} lines one-sided in {what}\n{string.Join('\n', shown)}");
        }
        if (count > lines * unequalMax)
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
