using System.Globalization;
using System.Text;
using LogGen;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests;

/// <summary>What the tokenizer and the tracker read out of a made-up log is what the generator knows.</summary>
public sealed class LogGenTruthTests
{
    private const long Seed = 7;
    private const int MessageIdColumn = 18;

    [Theory]
    [InlineData(1, 40_000, 1_000_000_000, true)]
    [InlineData(2, 40_000, 20_000_000, true)]
    [InlineData(3, 60_000, 1_000_000, true)]
    [InlineData(4, 40_000, 1_000_000_000, false)]
    [InlineData(5, 60_000, 1_500_000, false)]
    public void RecordsAreTheTrueOnes(int seed, long lines, long rate, bool isRfc3339)
    {
        var options = new Options
        {
            Seed = (ulong)seed,
            Lines = lines,
            RateBytesPerDay = rate,
            IsRfc3339 = isRfc3339,
        };
        AssertTrue(options);
    }

    [Theory]
    [InlineData(6, 60_000, 20_000_000, true, false)]
    [InlineData(7, 40_000, 1_000_000_000, false, true)]
    [InlineData(8, 60_000, 2_000_000, true, true)]
    public void RecordsOfOtherMixesAndFormsAreTheTrueOnes(
        int seed, long lines, long rate, bool isPostscreenHeavy, bool isJournal) => AssertTrue(new Options
        {
            Seed = (ulong)seed,
            Lines = lines,
            RateBytesPerDay = rate,
            IsPostscreenHeavy = isPostscreenHeavy,
            IsJournal = isJournal,
        });

    private static void AssertTrue(Options options)
    {
        var log = new MemoryStream();
        var truth = new MemoryStream();
        Generator.Run(options, _ => log, truth);
        List<string> expected = [];
        foreach (string row in Encoding.UTF8.GetString(truth.ToArray()).TrimEnd('\n').Split('\n'))
        {
            if (row[0] != '#')
            {
                expected.Add(WithMessageIdHash(row));
            }
        }
        expected.Sort(StringComparer.Ordinal);
        List<string> actual = Read(log.ToArray(), options);
        actual.Sort(StringComparer.Ordinal);

        // The rows that differ say more than two lists of thousands.
        string[] missing = [.. expected.Except(actual, StringComparer.Ordinal).Take(5)];
        string[] surplus = [.. actual.Except(expected, StringComparer.Ordinal).Take(5)];
        Assert.True(
            missing.Length + surplus.Length == 0,
            $"seed {options.Seed}\nmissing\n{string.Join('\n', missing)}\nsurplus\n{string.Join('\n', surplus)}");
        Assert.Equal(expected.Count, actual.Count);
    }

    private static string WithMessageIdHash(string row)
    {
        string[] columns = row.Split('\t');
        if (columns[MessageIdColumn] is not "-")
        {
            columns[MessageIdColumn] = Hash(Tracker.MessageIdHash(
                Encoding.UTF8.GetBytes(columns[MessageIdColumn]), Seed));
        }
        return string.Join('\t', columns);
    }

    private static List<string> Read(byte[] log, Options options)
    {
        var hosts = new HostTable();
        var tokenizer = new Tokenizer(hosts);
        var batch = new RecordBatch(Seed);
        var tracker = new Tracker(hosts, new LocalDomains(global::LogGen.Text.Names.LocalDomains), batch, Seed);
        var events = new LogEvent[256];
        long first = options.Start.ToUnixTimeMilliseconds() * 1000;
        tokenizer.Begin(TimeZoneInfo.FindSystemTimeZoneById(options.Zone), first + Tracker.Minute);
        using var reader = new BlockReader(new FormStream(new MemoryStream(log)));
        while (reader.TryRead(out ReadOnlySpan<byte> block))
        {
            int at = 0;
            while (at < block.Length)
            {
                at = tokenizer.Read(block, at, events, out int count);
                tracker.Add(events.AsSpan(0, count), block);
            }
            reader.Advance(block.Length);
        }
        Assert.Equal(0, tokenizer.Strange);
        tracker.Sweep();
        tracker.EmitInFlight();
        var rows = new List<string>(batch.Count);
        foreach (ref readonly RecordRow row in batch.Rows)
        {
            rows.Add(Text(batch, in row));
        }
        return rows;
    }

    private static string Text(RecordBatch batch, ref readonly RecordRow row)
    {
        bool isMail = row.Kind is not (RecordKind.Access or RecordKind.Rejected);
        bool hasFinal = row.FinalTimeUnixMicros != 0;
        Span<byte> id = stackalloc byte[QueueId.TextLengthMax];
        (int @class, int subject, int detail) = DsnCode.Unpack(row.Dsn);
        int retries = row.Retries == 0 ? 0 : RetryList.Decode(batch.Strings[row.Retries], 0, 0).Count;
        string[] columns =
        [
            Lower(row.Kind.ToString()),
            Number(row.TimeUnixMicros),
            hasFinal ? Number(row.FinalTimeUnixMicros) : "-",
            Number(row.OffsetMinutes),
            hasFinal ? Number(row.FinalOffsetMinutes) : "-",
            Lower(row.Status.ToString()),
            row.Dsn == 0 ? "-" : $"{@class}.{subject}.{detail}",
            row.ReplyCode == 0 ? "-" : Number(row.ReplyCode),
            isMail ? Number(row.Attempts) : "-",
            isMail ? Number(retries) : "-",
            Text(batch, row.Sender),
            Text(batch, row.Recipient),
            Text(batch, row.OrigTo),
            Text(batch, row.Sasl),
            row.Uid < 0 ? "-" : Number(row.Uid),
            new ClientIp(row.IpHi, row.IpLo).ToIPAddress()?.ToString() ?? "-",
            Text(batch, row.Relay),
            row.SizeBytes < 0 ? "-" : Number(row.SizeBytes),
            row.MessageIdHash == 0 ? "-" : Hash(row.MessageIdHash),
            row.QueueId.IsNone ? "-" : Encoding.ASCII.GetString(id[..row.QueueId.Format(id)]),
            Text(batch, row.Via),
            Text(batch, row.Host),
            row.Protocol == AccessProtocol.None ? "-" : Lower(row.Protocol.ToString()),
            Flags(row.Flags),
        ];
        return string.Join('\t', columns);
    }

    private static string Flags(RecordFlags flags)
    {
        string[] names =
        [
            "missing_start", "missing_end", "direction_guessed", "year_inferred", "zone_inferred", "in_flight",
            "notification", "forwarded", "filtered", "requeued", "join_ambiguous", "local_submission", "tls",
        ];
        string text = string.Join(',', names.Where((_, bit) => ((int)flags & (1 << bit)) != 0));
        return text.Length == 0 ? "-" : text;
    }

    private static string Text(RecordBatch batch, uint id) => id switch
    {
        0 => "-",
        1 => "\"\"",
        _ => Encoding.UTF8.GetString(batch.Strings[id]),
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Hash(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);

    private static string Lower(string text) => text.ToLowerInvariant();
}
