using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Hostile;
using Xunit;
using static RetentionEngine.Tests.Hostile.ImportedLog;

namespace RetentionEngine.Tests.Forms;

/// <summary>What readers of mail logs get wrong, one test each: time, order, ids, cuts.</summary>
public sealed partial class PitfallTests
{
    private const string Day = "2026-11-01T10:00:0";

    private const string Login = "imapd: LOGIN, user=anna, ip=[192.0.2.7], protocol=IMAP\n";

    /// <summary>December goes before January, and a 29th of February pins its year.</summary>
    [Fact]
    public void Pitfall_01_the_year_is_not_in_the_line()
    {
        Assert.Equal(
            ["2025-12-31 23:59:59", "2026-01-01 00:00:01", "2026-05-01 12:00:00"],
            Times($"Dec 31 23:59:59 mx {Login}Jan  1 00:00:01 mx {Login}May  1 12:00:00 mx {Login}"));
        Assert.Equal(["2025-11-05 12:00:00"], Times($"Nov  5 12:00:00 mx {Login}"));
        Assert.Equal(
            ["2024-02-29 12:00:00", "2024-07-31 12:00:00", "2024-12-31 12:00:00", "2025-01-01 12:00:00"],
            Times($"Feb 29 12:00:00 mx {Login}Jul 31 12:00:00 mx {Login}Dec 31 12:00:00 mx {Login}"
                + $"Jan  1 12:00:00 mx {Login}"));
        RetentionRecord record = Assert.Single(RecordsOf($"Nov  1 12:00:00 mx {Login}"));
        Assert.True(record.Flags.HasFlag(RecordFlags.YearInferred | RecordFlags.ZoneInferred));
        Assert.Equal(RecordFlags.None, Assert.Single(RecordsOf($"{Day}0Z mx {Login}")).Flags
            & (RecordFlags.YearInferred | RecordFlags.ZoneInferred));
    }

    /// <summary>
    /// The hour that occurs twice is told by the order of lines; a chrooted daemon that logs in UTC
    /// among others that log in local time tears no mail apart and moves no year.
    /// </summary>
    [Fact]
    public void Pitfall_02_summer_time_ends_and_a_chroot_has_another_clock()
    {
        Assert.Equal(
            ["2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00"],
            Times($"Oct 25 02:30:00 mx {Login}Oct 25 02:30:00 mx other: x\n"
                + $"Oct 25 02:59:59 mx other: x\nOct 25 02:30:00 mx {Login}"
                + $"Oct 25 03:30:00 mx {Login}", "Europe/Berlin"));
        string chrooted = """
            Jul  4 07:05:00 mx postfix/smtpd[1]: 8F00AA: client=h[192.0.2.7]
            Jul  4 09:05:00 mx postfix/cleanup[2]: 8F00AA: message-id=<a@example.net>
            Jul  4 09:05:00 mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
            Jul  4 07:05:01 mx postfix/smtp[5]: 8F00AA: to=<q@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
            Jul  4 09:05:01 mx postfix/qmgr[3]: 8F00AA: removed

            """;
        RetentionRecord record = Assert.Single(RecordsOf(
            [("log", chrooted)], In("Europe/Berlin"), out ImportReport report));
        Assert.Equal("Received Sent x@example.net>q@example.org 192.0.2.7", Brief(record));
        Assert.Equal(2026, record.Time.Year);
        Assert.True(record.Flags.HasFlag(RecordFlags.ZoneInferred));
        Assert.Equal((0, 0), (report.StrangeLines, report.InFlight));
    }

    [Fact]
    public void Pitfall_03_the_zone_changes_within_a_file()
    {
        List<RetentionRecord> records = RecordsOf(
            $"2026-07-04T10:00:00+02:00 mx {Login}2026-07-04T08:00:01Z mx {Login}"
            + $"2026-07-04T06:00:02-02:00 mx {Login}");
        Assert.Equal(
            [("2026-07-04 08:00:00", 120), ("2026-07-04 08:00:01", 0), ("2026-07-04 08:00:02", -120)],
            records.OrderBy(r => r.Time).Select(r => (Utc(r.Time), (int)r.Time.Offset.TotalMinutes)));
    }

    /// <summary>Lines of one mail in every order, all within a second: the record is the same.</summary>
    [Fact]
    public void Pitfall_04_lines_are_not_in_order()
    {
        string[] lines = Mail("8F00AA", Sent("8F00AA", "q@example.org"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string expected = Assert.Single(Briefs(string.Join('\n', lines) + "\n"));
        for (int a = 0; a < lines.Length; a++)
        {
            for (int b = 0; b < lines.Length; b++)
            {
                // qmgr writes both its lines itself: the one does not overtake the other.
                if ((a == 2 && b == 4) || (a == 4 && b < 3))
                {
                    continue;
                }
                List<string> moved = [.. lines];
                string line = moved[a];
                moved.RemoveAt(a);
                moved.Insert(b, line);
                string log = string.Join('\n', moved) + "\n";
                Assert.True(
                    Briefs(log).SequenceEqual([expected], StringComparer.Ordinal),
                    $"{log}gives {string.Join(" and ", Briefs(log))}");
            }
        }
    }

    /// <summary>Used again on this host, on another host, by another instance; and requeued.</summary>
    [Fact]
    public void Pitfall_05_a_short_queue_id_comes_again()
    {
        string first = Mail("8F00AA", Sent("8F00AA", "q@example.org"));
        string later = first
            .Replace(Day, "2026-11-01T13:36:0", StringComparison.Ordinal)
            .Replace("x@example.net", "y@example.net", StringComparison.Ordinal);
        string[] both =
        [
            "Received Sent x@example.net>q@example.org 192.0.2.7",
            "Received Sent y@example.net>q@example.org 192.0.2.7",
        ];
        Assert.Equal(both, Briefs(first + later));
        string unended = first.Replace("8F00AA: removed", "8F00AA: skipped", StringComparison.Ordinal);
        Assert.Equal(both, Briefs(unended + later));
        string other = first.Replace("x@example.net", "y@example.net", StringComparison.Ordinal);
        Assert.Equal(both, Briefs(Interleave(
            first, other.Replace("Z mx ", "Z mx2 ", StringComparison.Ordinal))));
        Assert.Equal(both, Briefs(Interleave(
            first, other.Replace(" postfix/", " postfix-out/", StringComparison.Ordinal))));

        // A requeued mail goes on under a new id, with its first origin.
        RetentionRecord requeued = Assert.Single(RecordsOf($"""
            {Day}0Z mx postfix/smtpd[1]: 8F00AA: client=h[192.0.2.7]
            {Day}0Z mx postfix/qmgr[3]: 8F00AA: from=<x@example.net>, size=100, nrcpt=1 (queue active)
            {Day}1Z mx postfix/smtp[5]: 8F00AA: to=<q@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred (no)
            {Day}2Z mx postfix/pickup[6]: 9F00BB: uid=0 from=<x@example.net> orig_id=8F00AA
            {Day}2Z mx postfix/qmgr[3]: 9F00BB: from=<x@example.net>, size=100, nrcpt=1 (queue active)
            {Day}3Z mx postfix/{Sent("9F00BB", "q@example.org")}
            {Day}3Z mx postfix/qmgr[3]: 9F00BB: removed

            """));
        Assert.Equal("Received Sent x@example.net>q@example.org 192.0.2.7", Brief(requeued));
        Assert.Equal(["8F00AA"], requeued.Via);
    }

    /// <summary>Each line of a mail left out in turn: a record all the same, with a mark.</summary>
    [Fact]
    public void Pitfall_06_parts_are_missing()
    {
        string[] lines = Mail("8F00AA", Sent("8F00AA", "q@example.org"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        (string Brief, RecordFlags Marks)[] expected =
        [
            ("Received Sent x@example.net>q@example.org ",
                RecordFlags.MissingStart | RecordFlags.InFlight),
            ("Received Sent x@example.net>q@example.org 192.0.2.7", RecordFlags.None),
            ("Received Sent >q@example.org 192.0.2.7", RecordFlags.None),
            ("Relayed Queued x@example.net> 192.0.2.7", RecordFlags.InFlight),
            ("Received Sent x@example.net>q@example.org 192.0.2.7", RecordFlags.InFlight),
        ];
        for (int i = 0; i < lines.Length; i++)
        {
            string log = string.Join('\n', lines.Where((_, k) => k != i)) + "\n";
            IEnumerable<(string, RecordFlags)> records = RecordsOf(log).Select(r => (
                Brief(r),
                r.Flags & (RecordFlags.MissingStart | RecordFlags.MissingEnd | RecordFlags.InFlight)));
            Assert.Equal([expected[i]], records);
        }
        RetentionRecord alone = Assert.Single(RecordsOf($"{Day}1Z mx postfix/{Sent("8F00AA", "q@example.org")}\n"));
        Assert.True(alone.Flags.HasFlag(RecordFlags.MissingStart));
    }

    /// <summary>
    /// A next hop that is hostile even when it accepts; <see cref="InjectionTests"/> tries every
    /// payload in every field.
    /// </summary>
    [Theory]
    [InlineData("250 ok) removed")]
    [InlineData("250 2.0.0 Ok: queued as 9F00BB)")]
    [InlineData("250 ok), to=<w@example.org>, relay=local, delay=1, status=bounced (no)")]
    [InlineData("250 ok)#012Nov  1 10:00:01 mx imapd: LOGIN, user=w, ip=[203.0.113.66], protocol=IMAP")]
    public void Pitfall_07_strangers_write_into_lines(string reply)
    {
        string[] records = Briefs(
            Mail("8F00AA", "smtp[5]: 8F00AA: to=<q@example.com>, relay=m.example.com[203.0.113.5]:25,"
                + $" delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent ({reply}", "h[198.51.100.4]")
            + Mail("9F00BB", Sent("9F00BB", "q@example.org")));
        Assert.Equal(
            ["Received Sent x@example.net>q@example.org 192.0.2.7",
                "Relayed Sent x@example.net>q@example.com 198.51.100.4"],
            records.Order(StringComparer.Ordinal));
    }

    /// <summary>
    /// A cut status line says nothing; of two lines that lost the LF between them the second is lost
    /// and makes nothing up.
    /// </summary>
    [Fact]
    public void Pitfall_08_lines_are_cut()
    {
        string mail = Mail("8F00AA", Sent("8F00AA", "q@example.org"));
        int status = mail.IndexOf("to=<q@", StringComparison.Ordinal);
        int word = mail.IndexOf("status=sent (", StringComparison.Ordinal) + "status=sent".Length;
        for (int cut = status; cut < word; cut++)
        {
            string cutLine = mail[..cut] + mail[mail.IndexOf('\n', cut)..];
            Assert.All(RecordsOf(cutLine), r => Assert.NotEqual(RecordStatus.Sent, r.Status));
            string fused = mail[..cut] + mail[(mail.IndexOf('\n', cut) + 1)..];
            Assert.All(RecordsOf(fused), r => Assert.NotEqual(RecordStatus.Sent, r.Status));
        }
        string behind = mail[..word] + mail[mail.IndexOf('\n', word)..];
        Assert.Equal(RecordStatus.Sent, Assert.Single(RecordsOf(behind)).Status);
    }

    /// <summary>Control bytes come as #012, ^M or \n: they end neither a line nor a field.</summary>
    [Theory]
    [InlineData("#012")]
    [InlineData("#015#012")]
    [InlineData("^M")]
    [InlineData("\\n")]
    [InlineData("<0a>")]
    public void Pitfall_09_control_bytes_are_escaped(string escape)
    {
        string mail = Mail("8F00AA", Sent("8F00AA", "q@example.org"));
        string folded = mail.Replace("(delivered", $"(250 ok{escape}delivered", StringComparison.Ordinal);
        Assert.Equal(Briefs(mail), Briefs(folded));

        // As filters in front of Postfix log it: the same message-id.
        string ended = mail.Replace(
            "8F00AA@example.net>", $"8F00AA@example.net>{escape}", StringComparison.Ordinal);
        using var directory = new TestDirectory();
        using RetentionStore store = Create(directory);
        Import(store, new ImportOptions(), ("a", mail), ("b", ended.Replace("Z mx ", "Z mx2 ", StringComparison.Ordinal)));
        Assert.Single(store.Query(new RetentionQuery()).Select(r => r.MessageIdFingerprint).Distinct());
    }
}
