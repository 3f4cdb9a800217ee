using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using RetentionEngine.Tests.Oracle;
using Xunit;

namespace RetentionEngine.Tests.Differential;

/// <summary>Every line of the corpus, cut at every byte, from the bytes to the records.</summary>
public sealed class TruncationTests
{
    private const long Seed = 77;
    private const string CorpusHost = " mx1 ";

    // Of the same ids and users as the corpus: what a cut line says falls on something.
    private const string Scene = """
        postfix/smtpd[811]: 7A1F03E21: client=scene.example.net[192.0.2.200]
        postfix/cleanup[811]: 7A1F03E21: message-id=<scene@example.net>
        postfix/qmgr[811]: 7A1F03E21: from=<scene@example.net>, size=100, nrcpt=1 (queue active)
        dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.201, lip=192.0.2.1, session=<scene>
        """;

    private static readonly string[] s_sceneValues = ["192.0.2.200", "192.0.2.201", "anna", "login"];

    private static readonly string[] s_wholeWithin =
    [
        "] x plaintext User logged in ", "sys: 0.004000 user:", "success a:b@", "[192.0.2.66] host=",
        "SESSIONID=< User", "helo=<z> from ", "rip=192.0.2.7, session=<aB3d", "(Logged out): rip=",
    ];

    private static readonly string[] s_columns = RecordText.Columns.Split('\t');

    public static TheoryData<string> Files() => [.. Corpus.Files.Select(f => Path.GetFileName(f))];

    /// <summary>
    /// Of the records that a cut line gives, alone and behind a mail and a login of the same host,
    /// each status, address of a client and recipient is one that the whole line (or the mail and
    /// the login) gives as well; none, and a mail that is still queued, is always allowed. Two
    /// exceptions are left, as nobody can see such a cut: where a recipient or an address is the last
    /// thing in the cut line and the cut lies within it; and lines of the corpus in which a stranger
    /// wrote all that an honest line needs, so that a cut behind it makes one, or which are cut
    /// themselves. Nothing is thrown, and both parsers agree, on all of them.
    /// </summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void NoCutLineClaimsWhatTheWholeDoesNot(string name)
    {
        string[] lines = [.. Encoding.Latin1.GetString(File.ReadAllBytes(Corpus.Files.Single(
            f => Path.GetFileName(f).Equals(name, StringComparison.Ordinal))))
            .Split('\n').Where(line => line.Length > 0)];
        List<string> faults = [];
        foreach (bool hasScene in new[] { false, true })
        {
            for (int i = 0; i < lines.Length; i++)
            {
                Check(lines[i], hasScene, faults);
            }
        }
        Assert.True(faults.Count == 0, $"{faults.Count}\n{string.Join('\n', faults.Take(20))}");
    }

    private static void Check(string line, bool hasScene, List<string> faults)
    {
        // Every cut has a host of its own, so that one reading does for all. The whole line is the
        // last; lines that name no host can't be told apart, but for their order.
        int host = line.IndexOf(CorpusHost, StringComparison.Ordinal);
        int shortest = host < 0 ? line.Length : host + CorpusHost.Length;
        var log = new StringBuilder();
        for (int length = shortest; length <= line.Length; length++)
        {
            string own = string.Create(CultureInfo.InvariantCulture, $" h{length} ");
            foreach (string scene in hasScene ? Scene.ReplaceLineEndings("\n").Split('\n') : [])
            {
                log.Append("Jul  4 09:05:00").Append(own).Append(scene).Append('\n');
            }
            string cut = line[..length];
            log.Append(host < 0 ? cut : cut.Remove(host, CorpusHost.Length).Insert(host, own)).Append('\n');
        }
        byte[] bytes = Encoding.Latin1.GetBytes(log.ToString());
        BothParsers.AssertAgree(bytes, line);
        ILookup<string, string[]> records = Records(bytes).ToLookup(r => r[s_columns.IndexOf("host")].Split('/')[0]);
        if (Array.Exists(s_wholeWithin, part => line.Contains(part, StringComparison.Ordinal)))
        {
            return;
        }
        string[][] whole = [.. records["h" + line.Length.ToString(CultureInfo.InvariantCulture)]];
        for (int length = shortest; length < line.Length; length++)
        {
            foreach (string[] record in records["h" + length.ToString(CultureInfo.InvariantCulture)])
            {
                Check(line, length, record, whole, faults);
            }
        }
    }

    private static void Check(
        string line, int length, string[] record, string[][] whole, List<string> faults)
    {
        string cut = line[..length];
        bool isInAddress = IsOfAddress(line[length - 1]) && IsOfAddress(line[length]);
        foreach (string column in (string[])["status", "ip", "recipient"])
        {
            int c = s_columns.IndexOf(column);
            string value = record[c];
            bool isGiven = value is "-" or "none" or "queued"
                || Array.Exists(whole, r => r[c].Equals(value, StringComparison.Ordinal))
                || s_sceneValues.Contains(value, StringComparer.Ordinal);
            bool isCutOff = column is "ip" ? isInAddress
                : column is "recipient" && cut.EndsWith(value, StringComparison.Ordinal);
            if (!isGiven && !isCutOff)
            {
                faults.Add($"{column} {value} of {cut}");
            }
        }
    }

    private static bool IsOfAddress(char c) => char.IsAsciiHexDigit(c) || c is '.' or ':';

    private static List<string[]> Records(byte[] log)
    {
        byte[] padded = [.. log, .. new byte[BlockReader.PaddingBytes]];
        ReadOnlySpan<byte> block = padded.AsSpan(0, log.Length);
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(Corpus.Zone, Corpus.LatestUnixMicros);
        var batch = new RecordBatch(Seed);
        var tracker = new Tracker(hosts, new LocalDomains(["example.org"]), batch, Seed);
        var events = new LogEvent[256];
        for (int at = 0; at < block.Length;)
        {
            at = tokenizer.Read(block, at, events, out int count);
            tracker.Add(events.AsSpan(0, count), block);
        }
        tracker.Sweep();
        tracker.EmitInFlight();
        List<string[]> records = [];
        foreach (ref RecordRow row in batch.Rows)
        {
            records.Add(RecordText.Of(row, batch.Strings).Split('\t'));
        }
        return records;
    }
}
