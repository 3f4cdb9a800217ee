using System.Globalization;
using System.Text;
using LogGen;
using RetentionEngine.Bench.Comparison;

namespace RetentionEngine.Bench.Macro;

/// <summary>A store of a week in 170 hourly buckets, up to now, and what to look for in it.</summary>
/// <remarks>
/// The command line goes by the real clock, so the log is made to end now. Beside loggen's mix it
/// holds a newsletter: one message-id, sent again at even distances, as often as a query should hit.
/// </remarks>
internal sealed class QueryInput : IDisposable
{
    /// <summary>Buckets in the store.</summary>
    public const int BucketCount = 170;

    /// <summary>Mails with the same message-id.</summary>
    public const int NewsletterMails = 700;

    /// <summary>The newsletter's message-id.</summary>
    public const string MessageId = "digest.4711@lists.example.org";

    /// <summary>Who sends it.</summary>
    private const string Newsletter = "digest@lists.example.org";

    /// <summary>Looked for and not there.</summary>
    public const string Absent = "nobody.at.all@example.org";

    /// <summary>A mailbox is wanted that has about so many records.</summary>
    private const int MailboxHits = 700;

    // Buckets stay hourly for periods that round to 168 hours; the oldest records must still live.
    private const int PeriodHours = 175;

    private QueryInput(string store, DateTimeOffset now)
    {
        StorePath = store;
        Now = now;
        Sqlite = new SqliteStore(SqlitePath);
    }

    public string StorePath { get; }

    /// <summary>The same records, those in flight left out.</summary>
    public SqliteStore Sqlite { get; }

    /// <summary>What the store keeps of <see cref="MessageId"/>.</summary>
    public ulong Fingerprint { get; private set; }

    /// <summary>The clock of the store: the real one when it was made.</summary>
    public DateTimeOffset Now { get; }

    public ImportOutcome Import { get; private set; } = new();

    /// <summary>The mailbox whose number of records is nearest to 700.</summary>
    public string Mailbox { get; private set; } = "";

    /// <summary>The mailbox with the most records.</summary>
    public string HotMailbox { get; private set; } = "";

    /// <summary>A client address with about as many records.</summary>
    public string Ip { get; private set; } = "";

    public static QueryInput Make(string folder, long bytes)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        long hour = now.ToUnixTimeSeconds() / 3600;
        DateTimeOffset start = DateTimeOffset.FromUnixTimeSeconds((hour - BucketCount) * 3600);
        LogInput log = LogInput.Make(folder, new Options
        {
            Bytes = bytes,
            IsRfc3339 = true,
            Start = start,
            RateBytesPerDay = bytes * 24 / BucketCount,
        });
        string newsletter = Path.Combine(folder, "newsletter.log");
        File.WriteAllText(newsletter, NewsletterLog(start));
        var input = new QueryInput(Path.Combine(folder, "query-store"), now);
        input.Import = ImportWorker.Start(
            input.StorePath, now, TimeSpan.FromHours(PeriodHours), log.Path, newsletter);
        log.Delete();
        File.Delete(newsletter);
        input.Choose();
        return input;
    }

    public RetentionStore Open(TimeProvider? clock = null, bool readOnly = true) =>
        RetentionStore.Open(
            StorePath, StoreSetup.Options(clock ?? new SetClock(Now)), readOnly);

    public void Dispose()
    {
        Sqlite.Dispose();
        File.Delete(SqlitePath);
        StoreSetup.Delete(StorePath);
    }

    private string SqlitePath => StorePath + ".sqlite";

    /// <summary>Four lines for each mail, on a host of its own.</summary>
    private static string NewsletterLog(DateTimeOffset start)
    {
        var log = new StringBuilder();
        for (int i = 0; i < NewsletterMails; i++)
        {
            string time = start.AddSeconds(60 + (BucketCount * 3600.0 * i / NewsletterMails))
                .ToString("yyyy-MM-ddTHH:mm:ss.ffffffK", CultureInfo.InvariantCulture);
            string id = $"{0xA0000 + i:X}5";
            string[] lines =
            [
                $"cleanup[811]: {id}: message-id=<{MessageId}>",
                $"qmgr[812]: {id}: from=<{Newsletter}>, size=4711, nrcpt=1 (queue active)",
                $"smtp[813]: {id}: to=<reader{i % 50}@example.net>, relay=mx.example.net[192.0.2.25]:25"
                    + ", delay=0.5, delays=0.1/0/0.2/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
                $"qmgr[812]: {id}: removed",
            ];
            foreach (string line in lines)
            {
                log.Append(CultureInfo.InvariantCulture, $"{time} lists postfix/{line}\n");
            }
        }
        return log.ToString();
    }

    private void Choose()
    {
        var mailboxes = new Dictionary<string, int>(StringComparer.Ordinal);
        var addresses = new Dictionary<string, int>(StringComparer.Ordinal);
        using RetentionStore store = Open();
        foreach (RetentionRecord[] chunk in store.Query(new RetentionQuery()).Chunk(10_000))
        {
            foreach (RetentionRecord record in chunk)
            {
                bool isOwnSender = record.Kind is RecordKind.Sent or RecordKind.Relayed;
                string? mailbox = isOwnSender ? record.Sender : record.Recipient;
                Count(mailboxes, mailbox is Newsletter ? null : mailbox);
                Count(addresses, record.Ip?.ToString());
            }
            Sqlite.Insert(Array.FindAll(chunk, r => (r.Flags & RecordFlags.InFlight) == 0));
        }
        Sqlite.Finish();
        Fingerprint = store.Query(new RetentionQuery { MessageId = MessageId })
            .First().MessageIdFingerprint!.Value;
        HotMailbox = mailboxes.MaxBy(m => m.Value).Key;
        Mailbox = mailboxes.MinBy(m => Math.Abs(m.Value - MailboxHits)).Key;
        Ip = addresses.MinBy(a => Math.Abs(a.Value - MailboxHits)).Key;
    }

    private static void Count(Dictionary<string, int> counts, string? key)
    {
        if (!string.IsNullOrEmpty(key))
        {
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
    }
}
