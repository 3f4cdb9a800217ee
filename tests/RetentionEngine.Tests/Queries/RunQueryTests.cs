using System.Net;
using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Events;
using RetentionEngine.Messages;
using RetentionEngine.Queries;
using RetentionEngine.Records;
using RetentionEngine.Tests.Blocks;
using Xunit;

namespace RetentionEngine.Tests.Queries;

public sealed class RunQueryTests
{
    private const long Seed = 99;

    [Theory]
    [InlineData(11, false)]
    [InlineData(12, true)]
    public void FindsWhatAScanFinds(int seed, bool shortIds)
    {
        RecordBatch batch = BatchMaker.Plausible(seed, 9_000, hours: 1, mailboxes: 500, shortIds);
        var random = new Random(seed);
        batch.Rows[500].MessageIdHash = Tracker.MessageIdHash("id@example.org"u8, Seed);
        string?[] keys = KeysOf(batch.Strings);
        List<RunReader> readers = BatchMaker.Encode(batch).ConvertAll(run => run.Open());
        Assert.Contains(readers, reader => reader.GroupCount > 2);
        int found = 0;
        for (int i = 0; i < 200; i++)
        {
            found += AssertSame(batch, readers, keys, AnyQuery(batch, random), $"seed {seed}, query {i}");
        }
        Assert.True(found > 1000, $"only {found} rows were ever found");
    }

    [Fact]
    public void FindsWhatAScanFindsInAnyRows()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            RecordBatch batch = BatchMaker.Extreme(seed, seed % 10 == 9 ? 4000 : 200);
            var random = new Random(seed);
            string?[] keys = KeysOf(batch.Strings);
            List<RunReader> readers = BatchMaker.Encode(batch).ConvertAll(run => run.Open());
            for (int i = 0; i < 20; i++)
            {
                AssertSame(batch, readers, keys, AnyQuery(batch, random), $"seed {seed}, query {i}");
            }
        }
    }

    [Theory]
    [InlineData("BOB@Example.Org.")]
    [InlineData("\"bob\"@example.org")]
    [InlineData("bob@example.org")]
    public void FindsEverySpelling(string spelling)
    {
        var batch = new RecordBatch(1);
        string[] spellings = ["bob@example.org", "Bob@example.org", "bob@EXAMPLE.org.", "\"bob\"@example.org"];
        foreach (string text in spellings.Append("bobby@example.org").Append("bob@example.net").Append("bob"))
        {
            ref RecordRow row = ref batch.Add();
            row.Kind = RecordKind.Received;
            row.TimeUnixMicros = BatchMaker.Start;
            row.Recipient = BatchMaker.Intern(batch.Strings, text);
        }
        var rows = new List<RecordRow>();
        new RunQuery(new RetentionQuery { Mailbox = spelling }, Seed)
            .Run(BatchMaker.Encode(batch)[0].Open(), rows);
        Assert.Equal(spellings.Length, rows.Count);
    }

    [Fact]
    public void RecordsShowWhatRowsHold()
    {
        RecordBatch batch = BatchMaker.Plausible(5, 300, 1, 50);
        RunReader reader = BatchMaker.Encode(batch)[0].Open();
        var rows = new RecordRow[RunFormat.GroupRows];
        int count = reader.ReadGroup(0, rows);
        var policy = new ClassPolicy(TimeSpan.FromDays(30), "contract");
        var maker = new RecordMaker();
        var buffer = new byte[StringTable.LengthMax];
        for (int i = 0; i < count; i++)
        {
            RetentionRecord record = maker.Make(in rows[i], reader, policy);
            string Text(uint id) => Encoding.UTF8.GetString(buffer, 0, reader.ReadText(id, buffer));
            Assert.Equal(Text(rows[i].Sender), record.Sender);
            Assert.Equal(Text(rows[i].Recipient), record.Recipient);
            Assert.Equal(rows[i].OrigTo == 0 ? null : Text(rows[i].OrigTo), record.OrigTo);
            Assert.Equal(Text(rows[i].Relay), record.Relay);
            Assert.Equal(Text(rows[i].Host), record.Host);
            Assert.Equal(rows[i].Via == 0 ? [] : Text(rows[i].Via).Split(' '), record.Via);
            Assert.Equal(rows[i].QueueId.IsNone ? null : BatchMaker.Text(rows[i].QueueId), record.QueueId);
            Assert.Equal("2.0.0", record.Dsn);
            Assert.Equal(TimeSpan.FromHours(2), record.Time.Offset);
            Assert.Equal(rows[i].TimeUnixMicros * 10, (record.Time - DateTimeOffset.UnixEpoch).Ticks);
            Assert.Equal(record.Time.AddDays(30), record.Expires);
            Assert.Equal("contract", record.Basis);
            Assert.Equal(rows[i].SizeBytes, record.SizeBytes);
            Assert.Null(record.Uid);
        }
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0xff, 0x62 }, "a\\xFFb")]
    [InlineData(new byte[] { 0xc3, 0xbc, 0xc3 }, "\u00fc\\xC3")]
    public void BytesThatAreNotUtf8AreShownInHexadecimal(byte[] bytes, string text) =>
        Assert.Equal(text, RecordMaker.TextOf(bytes));

    private static int AssertSame(
        RecordBatch batch, List<RunReader> readers, string?[] keys, RetentionQuery query, string label)
    {
        var compiled = new RunQuery(query, Seed);
        var expected = new List<string>();
        for (int i = 0; i < batch.Count; i++)
        {
            bool holds = Holds(query, in batch.Rows[i], batch.Strings, keys);
            Assert.True(holds == compiled.Matches(in batch.Rows[i], batch.Strings), $"{label}: row {i}, {query}");
            if (holds)
            {
                expected.Add(BatchMaker.Show(batch, i));
            }
        }
        var found = new List<string>();
        var rows = new List<RecordRow>();
        foreach (RunReader reader in readers)
        {
            rows.Clear();
            compiled.Run(reader, rows);
            for (int i = 0; i < rows.Count; i++)
            {
                found.Add(BatchMaker.Show(reader, rows[i]));
                Assert.True(i == 0 || rows[i].TimeUnixMicros >= rows[i - 1].TimeUnixMicros);
            }
        }
        expected.Sort(StringComparer.Ordinal);
        found.Sort(StringComparer.Ordinal);
        Assert.True(expected.SequenceEqual(found, StringComparer.Ordinal), $"{label}: {expected.Count} != {found.Count}, {query}");
        return found.Count;
    }

    // The same meaning written plainly, with strings.
    private static bool Holds(
        RetentionQuery query, in RecordRow row, StringTable texts, string?[] keys)
    {
        string?[] roles = [keys[row.Sender], keys[row.Recipient], keys[row.OrigTo]];
        string? sasl = keys[row.Sasl];
        bool Names(string? address)
        {
            string? key = address is null ? null : KeyOf(Encoding.UTF8.GetBytes(address));
            return key is null || roles.Contains(key, StringComparer.Ordinal) || string.Equals(sasl, key, StringComparison.Ordinal);
        }
        var ip = new ClientIp(row.IpHi, row.IpLo);
        var ids = new List<string>();
        if (!row.QueueId.IsNone)
        {
            ids.Add(BatchMaker.Text(row.QueueId));
        }
        ids.AddRange(Encoding.Latin1.GetString(texts[row.Via]).Split(' '));
        long ticks = row.TimeUnixMicros * 10;
        return Names(query.Mailbox) && Names(query.Party)
            && (query.Domain is null || roles.Any(
                r => r is not null && r.EndsWith("@" + query.Domain, StringComparison.Ordinal)))
            && (query.Network is not { } network || (!ip.IsNone && network.Contains(ip.ToIPAddress()!)))
            && (query.MessageId is null
                || row.MessageIdHash == Tracker.MessageIdHash(Encoding.UTF8.GetBytes(query.MessageId), Seed))
            && (query.QueueId is null || ids.Contains(query.QueueId, StringComparer.Ordinal))
            && (query.Host is null || texts[row.Host].SequenceEqual(Encoding.UTF8.GetBytes(query.Host)))
            && (query.Kinds is null || query.Kinds.Contains(row.Kind))
            && (query.Statuses is null or { Count: 0 } || query.Statuses.Contains(row.Status))
            && (query.From is not { } from || (from - DateTimeOffset.UnixEpoch).Ticks <= ticks)
            && (query.To is not { } to || (to - DateTimeOffset.UnixEpoch).Ticks > ticks);
    }

    private static string?[] KeysOf(StringTable texts)
    {
        var keys = new string?[texts.Count];
        for (uint id = 2; id < keys.Length; id++)
        {
            keys[id] = KeyOf(texts[id]);
        }
        return keys;
    }

    private static string KeyOf(ReadOnlySpan<byte> address)
    {
        var key = new byte[AddressKey.LengthMax(address.Length)];
        return Encoding.Latin1.GetString(key, 0, AddressKey.Write(address, key));
    }

    private static RetentionQuery AnyQuery(RecordBatch batch, Random random)
    {
        RecordRow row = batch.Rows[random.Next(batch.Count)];
        string? Text(uint id) =>
            id > 1 && System.Text.Unicode.Utf8.IsValid(batch.Strings[id])
                ? Encoding.UTF8.GetString(batch.Strings[id]) : "absent@example.org";
        uint[] roles = [row.Sender, row.Recipient, row.OrigTo, row.Sasl];
        var query = new RetentionQuery();
        for (int conditions = random.Next(1, 3); conditions > 0; conditions--)
        {
            string? text = Text(roles[random.Next(4)]);
            query = random.Next(10) switch
            {
                0 => query with { Mailbox = text },
                1 => query with { Mailbox = text!.ToUpperInvariant() },
                2 => query with { Party = text },
                3 => query with { Domain = KeyOf(Encoding.UTF8.GetBytes(text!)).Split('@')[^1] },
                4 => query with { Network = AnyNetwork(row, random) },
                5 => query with { MessageId = random.Next(2) == 0 ? "id@example.org" : "none" },
                6 => query with { QueueId = AnyId(BatchMaker.Text(row.QueueId)) },
                7 => query with
                {
                    QueueId = AnyId(Encoding.Latin1.GetString(batch.Strings[row.Via]).Split(' ')[0]),
                },
                8 => query with { Host = Text(row.Host), Kinds = [row.Kind], Statuses = (int)row.Status < 32 ? [row.Status] : [] },
                _ => query with
                {
                    From = DateTimeOffset.UnixEpoch.AddTicks(row.TimeUnixMicros * 10),
                    To = DateTimeOffset.UnixEpoch.AddTicks(row.TimeUnixMicros * 10).AddSeconds(random.Next(60)),
                },
            };
        }
        return query;
    }

    private static string AnyId(string text) =>
        QueueId.TryParse(Encoding.Latin1.GetBytes(text), out _) ? text : "1A2B3C4D5E";

    private static IPNetwork AnyNetwork(RecordRow row, Random random)
    {
        IPAddress address = new ClientIp(row.IpHi, row.IpLo).ToIPAddress() ?? IPAddress.Parse("192.0.2.1");
        byte[] bytes = address.GetAddressBytes();
        int prefix = random.Next(3) == 0 ? bytes.Length * 8 : random.Next((bytes.Length * 8) + 1);
        for (int i = prefix; i < bytes.Length * 8; i++)
        {
            bytes[i >> 3] &= (byte)~(0x80 >> (i & 7));
        }
        return new IPNetwork(new IPAddress(bytes), prefix);
    }
}
