using System.Text;
using System.Text.RegularExpressions;
using LogGen;
using Xunit;

namespace RetentionEngine.Tests;

/// <summary>The log generator: repeatable, of the right mix, and true to itself.</summary>
public sealed partial class LogGenTests
{
    private const ulong Seed = 20_261_101;

    private static readonly Options s_busy = new() { Seed = Seed, Lines = 30_000, IsRfc3339 = true };

    // Few lines a day, so that a small log shows retries over days, expiry, delay warnings.
    private static readonly Options s_slow = s_busy with
    {
        Seed = 3,
        Lines = 100_000,
        RateBytesPerDay = 1_000_000,
    };

    private static readonly (byte[][] Files, string[] Truth) s_busyLog = Generate(s_busy);
    private static readonly (byte[][] Files, string[] Truth) s_slowLog = Generate(s_slow);

    [Fact]
    public void SameSeedGivesSameBytes()
    {
        (byte[][] files, string[] truth) = Generate(s_busy);
        Assert.Equal(s_busyLog.Files[0], files[0]);
        Assert.Equal(s_busyLog.Truth, truth);
        Assert.NotEqual(s_busyLog.Files[0], Generate(s_busy with { Seed = Seed + 1 }).Files[0]);
    }

    [Fact]
    public void CutsLoseNothing()
    {
        (byte[][] files, string[] truth) = Generate(s_busy with { Cuts = 5 });
        Assert.Equal(6, files.Length);
        Assert.All(files, file => Assert.True(file.Length == 0 || file[^1] == (byte)'\n'));
        Assert.Equal(s_busyLog.Files[0], files.SelectMany(file => file).ToArray());
        Assert.Equal(s_busyLog.Truth, truth);
    }

    [Fact]
    public void LineMixIsThatOfABusySite()
    {
        string[] lines = Lines(s_busyLog.Files[0]);
        Assert.InRange(lines.Length, 30_000, 30_100);
        AssertShare(lines, 10, 17, line => line.Contains(", status=") && line.Contains(": to=<"));
        AssertShare(lines, 10, 14, line => line.Contains(": connect from "));
        AssertShare(lines, 10, 14, line => line.Contains(": disconnect from "));
        AssertShare(lines, 7, 11, line => line.EndsWith("(queue active)", StringComparison.Ordinal));
        AssertShare(lines, 7, 10, line => line.Contains(": message-id=<"));
        AssertShare(lines, 7, 10, line => line.EndsWith(": removed", StringComparison.Ordinal));
        AssertShare(lines, 6, 10, line => line.Contains(": client="));
        AssertShare(lines, 2, 5, line => line.Contains("reject: "));
        AssertShare(lines, 4, 8, line => Login().IsMatch(line));
        Assert.InRange(s_busyLog.Files[0].Length / (double)lines.Length, 145, 185);
    }

    /// <summary>What no record needs is what its program or its form tells at once.</summary>
    [Fact]
    public void NineteenInTwentyLinesOfAPostscreenHeavyMixMakeNoRecord()
    {
        (byte[][] files, string[] truth) = Generate(s_busy with { IsPostscreenHeavy = true });
        string[] lines = Lines(files[0]);
        AssertShare(lines, 40, 70, line => line.Contains("/postscreen["));
        AssertShare(lines, 10, 25, line => line.Contains("/dnsblog["));
        AssertShare(lines, 4, 12, line => line.Contains("/tlsproxy["));
        AssertShare(lines, 3, 6.5, line => Needed().IsMatch(line));
        Assert.Contains("rejected\t", string.Join('\n', truth), StringComparison.Ordinal);
    }

    [Fact]
    public void AnEntryOfTheJournalHoldsTheLine()
    {
        byte[] journal = Generate(s_busy with { Lines = 200, IsJournal = true }).Files[0];
        string[] lines = Lines(Generate(s_busy with { Lines = 200 }).Files[0]);
        string[] entries = Encoding.UTF8.GetString(journal).TrimEnd('\n').Split("\n\n");
        Assert.Equal(lines.Length, entries.Length);
        Assert.All(lines.Zip(entries), pair =>
        {
            Assert.Contains($"\n__REALTIME_TIMESTAMP={Time(pair.First)}\n", pair.Second);
            Assert.EndsWith(
                pair.Second[(pair.Second.LastIndexOf("\nMESSAGE=", StringComparison.Ordinal) + 9)..],
                pair.First);
        });
    }

    [Fact]
    public void RateAndStyleAreAsAsked()
    {
        string[] slow = Lines(s_slowLog.Files[0]);
        double days = (Time(slow[^1]) - Time(slow[0])) / 86_400e6;
        Assert.InRange(s_slowLog.Files[0].Length / days, 700_000, 1_400_000);

        var options = s_busy with { Lines = 2_000, IsRfc3339 = false };
        string first = Lines(Generate(options).Files[0])[0];
        Assert.StartsWith("Nov  1 01:00:00 ", first, StringComparison.Ordinal);
    }

    [Fact]
    public void TimesNeverStepBack()
    {
        foreach ((byte[][] files, _) in new[] { s_busyLog, s_slowLog })
        {
            long before = 0;
            foreach (string line in Lines(files[0]))
            {
                Assert.True(Time(line) >= before, $"seeds {Seed}, {s_slow.Seed}");
                before = Time(line);
            }
        }
    }

    // Whatever names a queue id between its first line and its end means the same mail.
    [Fact]
    public void QueueIdsAreUniqueWhileAlive()
    {
        foreach ((byte[][] files, _) in new[] { s_busyLog, s_slowLog })
        {
            var alive = new HashSet<string>(StringComparer.Ordinal);
            int started = 0;
            foreach (string line in Lines(files[0]))
            {
                if (IdOf().Match(line) is not { Success: true } match)
                {
                    continue;
                }
                string key = match.Groups["host"].Value + '/' + match.Groups["instance"].Value
                    + '/' + match.Groups["id"].Value;
                string text = match.Groups["text"].Value;
                if (text.StartsWith("client=", StringComparison.Ordinal)
                    || text.StartsWith("uid=", StringComparison.Ordinal))
                {
                    Assert.True(alive.Add(key), $"seeds {Seed}, {s_slow.Seed}: {key} began twice");
                    started++;
                }
                else if (text.StartsWith("removed", StringComparison.Ordinal)
                    || text.StartsWith("milter-reject", StringComparison.Ordinal))
                {
                    alive.Remove(key);
                }
            }
            Assert.True(started > 1_000);
        }
    }

    // FORMS: seconds in base 52 (six digits), microseconds (four), z, inode.
    [Fact]
    public void LongQueueIdsTellTheirTime()
    {
        const string Digits = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
        int seen = 0;
        foreach (string line in Lines(s_slowLog.Files[0]))
        {
            Match match = IdOf().Match(line);
            string id = match.Groups["id"].Value;
            if (!match.Groups["text"].Value.StartsWith("client=", StringComparison.Ordinal)
                || id.Length < 12 || !id[10..].StartsWith('z'))
            {
                continue;
            }
            long created = id[..6].Aggregate(0L, (sum, digit) => sum * 52 + Digits.IndexOf(digit)) * 1_000_000
                + id[6..10].Aggregate(0L, (sum, digit) => sum * 52 + Digits.IndexOf(digit));
            Assert.InRange(Time(line) - created, 0, 10_000);
            seen++;
        }
        Assert.True(seen > 500);
    }

    // Each line that ends or refuses something has its record.
    [Fact]
    public void TruthCountsWhatTheLogShows()
    {
        foreach ((byte[][] files, string[] truth) in new[] { s_busyLog, s_slowLog })
        {
            string[] lines = Lines(files[0]);
            string[][] rows = [.. truth.Where(row => row[0] != '#').Select(row => row.Split('\t'))];
            Assert.All(rows, row => Assert.Equal(24, row.Length));
            Assert.Equal(
                lines.Count(line => line.Contains("reject: ")), rows.Count(row => row[0] is "rejected"));
            Assert.Equal(lines.Count(line => Login().IsMatch(line)), rows.Count(row => row[0] is "access"));

            // Every status line is an attempt of a record, but for hand-overs inside the host and
            // the attempts before a requeue.
            int attempts = rows.Where(row => row[8] is not "-").Sum(row => int.Parse(row[8]));
            int status = lines.Count(line => line.Contains(", status=") && line.Contains(": to=<"));
            int handed = lines.Count(line =>
                line.Contains("relay=127.0.0.1[127.0.0.1]:10024") || line.Contains("(forwarded as "));
            Assert.InRange(status - handed - attempts, 0, status / 50);
        }
    }

    [Fact]
    public void SlowLogShowsTheRarities()
    {
        string text = Encoding.UTF8.GetString(s_slowLog.Files[0]);
        string truth = string.Join('\n', s_slowLog.Truth);
        string[] forms =
        [
            "status=deferred", "status=bounced", "status=expired, returned", "sender delay notification",
            "sender non-delivery notification", ": requeued", "orig_id=", "postsuper", "forwarded as ",
            ", orig_queue_id=", ", orig_client=", "milter-reject", "removed (canceled)", "LOGIN, user=",
            "Logged in: ", "postfix-in/", "submission/smtpd", "smtps/smtpd", "orig_to=<root>", "uid=33",
        ];
        Assert.All(forms, form => Assert.Contains(form, text, StringComparison.Ordinal));
        string[] states =
        [
            "in_flight", "requeued", "forwarded", "filtered", "notification", "local_submission", "expired",
            "\tdeferred\t", "\tbounced\t", "\tdeleted\t", "internal\t", "received\t", "relayed\t", "sent\t",
        ];
        Assert.All(states, state => Assert.Contains(state, truth, StringComparison.Ordinal));

        // Mail between queue and first delivery is rare at the end of a log, unless it is dense.
        string[] dense = Generate(s_busy with { Lines = 5_000, RateBytesPerDay = 100_000_000_000 }).Truth;
        Assert.Contains("\tqueued\t", string.Join('\n', dense), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--lines", "10", "--bytes", "10")]
    [InlineData("--seed", "1")]
    [InlineData("--lines")]
    [InlineData("--lines", "10", "--cut", "2")]
    [InlineData("--lines", "10", "--style", "iso")]
    [InlineData("--lines", "10", "--mix", "other")]
    public void NonsenseIsRefused(params string[] args) =>
        Assert.Throws<FormatException>(() => global::LogGen.Program.Parse(args));

    [Fact]
    public void SizesHaveUnits() =>
        Assert.Equal(20_000_000, global::LogGen.Program.Parse(["--bytes", "20MB"]).Bytes);

    private static (byte[][] Files, string[] Truth) Generate(Options options)
    {
        var files = new List<MemoryStream>();
        var truth = new MemoryStream();
        Generator.Run(
            options,
            number =>
            {
                Assert.Equal(files.Count + 1, number);
                files.Add(new MemoryStream());
                return files[^1];
            },
            truth);
        return (
            [.. files.Select(file => file.ToArray())],
            Encoding.UTF8.GetString(truth.ToArray()).TrimEnd('\n').Split('\n'));
    }

    private static string[] Lines(byte[] file) => Encoding.UTF8.GetString(file).TrimEnd('\n').Split('\n');

    private static long Time(string line)
    {
        int end = line.IndexOf(' ', StringComparison.Ordinal);
        DateTimeOffset time = DateTimeOffset.Parse(
            line.AsSpan(0, end), System.Globalization.CultureInfo.InvariantCulture);
        return (time.UtcTicks - DateTime.UnixEpoch.Ticks) / 10;
    }

    private static void AssertShare(string[] lines, double low, double high, Func<string, bool> isKind) =>
        Assert.InRange(100.0 * lines.Count(isKind) / lines.Length, low, high);

    [GeneratedRegex(
        @"^\S+ (?<host>\S+) (?<instance>postfix[^/]*)/\S+\[\d+\]: (?<id>[0-9A-Za-z]{6,20}): (?<text>.*)$",
        RegexOptions.None,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex IdOf();

    [GeneratedRegex(
        @"(: client=|message-id=|: uid=|\(queue active\)|, status=|: removed|reject: |LOGIN, user=|LOGOUT, user="
        + @"|DISCONNECTED, user=|TIMEOUT, user=|-login: (Login|Logged in): |(imap|pop3)\(|notification: )",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Needed();

    [GeneratedRegex("(LOGIN, user=|-login: (Login|Logged in): )", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Login();
}
