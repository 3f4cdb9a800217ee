using System.Globalization;
using System.Text;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>A log without years and zones gives the same times wherever its reading was cut.</summary>
public sealed class ClockResumeTests
{
    // The hour from 02:00 occurs twice on 2026-10-25; lines may come a little late.
    private static readonly string[] s_autumn =
    [
        "Oct 25 01:40:00", "Oct 25 02:00:00", "Oct 25 02:31:00", "Oct 25 02:30:58", "Oct 25 02:59:59",
        "Oct 25 02:00:01", "Oct 25 02:20:00", "Oct 25 02:19:59", "Oct 25 02:59:00", "Oct 25 03:00:00",
        "Oct 25 02:59:59", "Oct 25 03:10:00",
    ];

    private static readonly string[] s_newYear =
    [
        "Dec 30 10:00:00", "Dec 31 23:59:58", "Jan  1 00:00:01", "Dec 31 23:59:59", "Jan  1 00:00:02",
        "Jan  2 08:00:00", "Feb 28 12:00:00", "Mar  1 12:00:00",
    ];

    public static TheoryData<string> Logs => ["autumn", "autumn of one host", "new year"];

    /// <summary>The zone is that of all hosts, or that of the one which wrote these logs.</summary>
    private static RetentionPolicy PolicyOf(string log) => log is "autumn of one host"
        ? FacadeStore.LongPolicy with
        {
            TimeZone = "UTC",
            HostTimeZones = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
            {
                ["MX1"] = "Europe/Berlin",
            },
        }
        : FacadeStore.LongPolicy;

    [Theory]
    [MemberData(nameof(Logs))]
    public void AFileThatIsReadInTwoPieces(string log)
    {
        string[] stamps = Stamps(log, out FakeTime time);
        List<string> whole = Records(PolicyOf(log), time, store => store.Import(Write(store, "mail.log", stamps, 0)));
        Assert.Equal(stamps.Length, whole.Count);
        for (int cut = 1; cut < stamps.Length; cut++)
        {
            List<string> pieces = Records(PolicyOf(log), time, store =>
            {
                store.Import(Write(store, "mail.log", stamps[..cut], 0));
                store.Reopen();
                store.Import(Write(store, "mail.log", stamps, 0));
            });
            AssertEqual(whole, pieces, log, cut);
        }
    }

    [Theory]
    [MemberData(nameof(Logs))]
    public void TwoFilesOneAfterTheOther(string log)
    {
        string[] stamps = Stamps(log, out FakeTime time);
        List<string> whole = Records(PolicyOf(log), time, store => store.Import(Write(store, "mail.log", stamps, 0)));
        for (int cut = 1; cut < stamps.Length; cut++)
        {
            List<string> pieces = Records(PolicyOf(log), time, store =>
            {
                store.Import(Write(store, "mail.log.1", stamps[..cut], 0));
                store.Reopen();
                store.Import(Write(store, "mail.log", stamps[cut..], cut));
            });
            AssertEqual(whole, pieces, log, cut);
            pieces = Records(PolicyOf(log), time, store => store.Import(
                Write(store, "mail.log.1", stamps[..cut], 0),
                Write(store, "mail.log", stamps[cut..], cut)));
            AssertEqual(whole, pieces, log, cut);
        }
    }

    [Fact]
    public void AnotherLogOfThatNightBeginsInTheFirstHour()
    {
        Stamps("autumn", out FakeTime time);
        List<string> records = Records(FacadeStore.LongPolicy, time, store =>
        {
            store.Import(Write(store, "a.log", s_autumn, 0));
            store.Import(Write(store, "b.log", ["Oct 25 02:10:00", "Oct 25 02:50:00"], 90));
        });
        Assert.Contains(records, r => r.Contains("u90@", StringComparison.Ordinal)
            && r.Contains("\t120\t", StringComparison.Ordinal));
    }

    private static string[] Stamps(string log, out FakeTime time)
    {
        time = new FakeTime(log.StartsWith("autumn", StringComparison.Ordinal)
            ? new DateTimeOffset(2026, 11, 25, 0, 0, 0, TimeSpan.Zero)
            : new DateTimeOffset(2027, 3, 20, 0, 0, 0, TimeSpan.Zero));
        return log is "new year" ? s_newYear : s_autumn;
    }

    private static void AssertEqual(List<string> whole, List<string> pieces, string log, int cut)
    {
        if (!whole.SequenceEqual(pieces, StringComparer.Ordinal))
        {
            Assert.Fail($"{log}, cut behind line {cut}\n{string.Join('\n', whole.Except(pieces, StringComparer.Ordinal))}\n"
                + $"became\n{string.Join('\n', pieces.Except(whole, StringComparer.Ordinal))}");
        }
    }

    private static List<string> Records(
        RetentionPolicy policy, FakeTime time, Action<FacadeStore> import)
    {
        using var store = new FacadeStore(policy, time, inMemory: true);
        import(store);
        return store.Records();
    }

    /// <summary>One refusal a line: every line is a record with its time.</summary>
    private static string Write(FacadeStore store, string name, string[] stamps, int firstNumber)
    {
        var text = new StringBuilder();
        for (int i = 0; i < stamps.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{stamps[i]} mx1 postfix/smtpd[7]: NOQUEUE: ")
                .Append("reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <x@example.org>: Relay access ")
                .Append("denied; from=<a@example.net> to=<u")
                .Append(CultureInfo.InvariantCulture, $"{firstNumber + i}@example.org> proto=ESMTP ")
                .Append("helo=<h.example.net>\n");
        }
        string path = store.Write(name, Encoding.ASCII.GetBytes(text.ToString()));
        File.SetLastWriteTimeUtc(path, store.Options.TimeProvider.GetUtcNow().UtcDateTime);
        return path;
    }
}
