using System.Text;
using RetentionEngine.Blocks;
using RetentionEngine.Events;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Blocks;

/// <summary>Makes batches of rows from a seed, plausible or extreme, and keeps runs readable.</summary>
internal static class BatchMaker
{
    public const long Start = 1_780_000_000_000_000 / 3_600_000_000 * 3_600_000_000;

    private const string Base52 = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

    /// <summary>Rows as a busy host would give them, in <paramref name="hours"/> hours.</summary>
    public static RecordBatch Plausible(int seed, int rows, int hours, int mailboxes, bool shortIds = false)
    {
        var random = new Random(seed);
        var batch = new RecordBatch(seed);
        StringTable texts = batch.Strings;
        while (batch.Count < rows)
        {
            long time = Start + (random.NextInt64(hours * 3_600_000L) * 1000);
            int recipients = random.Next(4) == 0 ? random.Next(1, 5) : 1;
            var kind = (RecordKind)random.Next(6);
            string own = $"user{Skewed(random, mailboxes)}@host{random.Next(3)}.example.org";
            string other = $"name.{Skewed(random, mailboxes * 3)}@d{Skewed(random, 500)}.example.net";
            QueueId id = MakeId(random, time, shortIds);
            ulong messageId = (ulong)random.NextInt64();
            uint v4 = 0xC633_6400u + (uint)Skewed(random, 60_000);
            for (int r = 0; r < recipients && batch.Count < rows; r++)
            {
                ref RecordRow row = ref batch.Add();
                row.Kind = kind;
                row.TimeUnixMicros = time;
                row.FinalTimeUnixMicros = kind == RecordKind.Rejected ? 0 : time + random.Next(50_000_000);
                bool ownSender = RunPlanner.IsOwnSender(kind);
                row.Sender = Intern(texts, ownSender ? own : other);
                row.Recipient = Intern(texts, ownSender ? $"r{r}.{other}" : own);
                row.Sasl = ownSender && random.Next(2) == 0 ? row.Sender : 0;
                row.OrigTo = random.Next(30) == 0 ? Intern(texts, $"alias{random.Next(50)}@example.org") : 0;
                row.Relay = Intern(texts, $"mx{random.Next(40)}.example.net[198.51.100.{random.Next(40)}]:25");
                row.Host = Intern(texts, $"mail{random.Next(2)}");
                row.Via = random.Next(20) == 0
                    ? Intern(texts, Text(MakeId(random, time - 1000, shortIds)) + " 1A2B3C4D5E") : 0;
                row.Retries = random.Next(40) == 0 ? Intern(texts, $"{time} deferred {random.Next()}") : 0;
                row.IpLo = 0xFFFF_0000_0000UL | v4;
                if (random.Next(12) == 0)
                {
                    row.IpHi = 0x2001_0DB8_0000_0000 + (ulong)random.Next(300);
                    row.IpLo = (ulong)random.Next(3);
                }
                row.MessageIdHash = messageId;
                row.QueueId = kind == RecordKind.Access ? default : id;
                row.SizeBytes = 1000 + random.Next(30_000);
                row.Uid = -1;
                row.Attempts = (ushort)(random.Next(20) == 0 ? 3 : 1);
                row.Dsn = DsnCode.Pack(2, 0, 0);
                row.Status = (RecordStatus)random.Next(1, 4);
                row.OffsetMinutes = row.FinalOffsetMinutes = 120;
                row.Agent = DeliveryAgent.Smtp;
            }
        }
        return batch;
    }

    /// <summary>Rows whose every field may take any value it can hold.</summary>
    public static RecordBatch Extreme(int seed, int rows)
    {
        var random = new Random(seed);
        var batch = new RecordBatch(seed);
        var pool = new List<uint> { 0, 1 };
        int texts = random.Next(1, 200);
        for (int i = 0; i < texts; i++)
        {
            pool.Add(batch.Strings.Intern(AnyText(random)));
        }
        for (int i = 0; i < rows; i++)
        {
            ref RecordRow row = ref batch.Add();
            uint Pick() => pool[random.Next(pool.Count)];
            row.Kind = (RecordKind)random.Next(6);
            row.TimeUnixMicros = Start + (random.Next(3) == 0
                ? random.NextInt64(-3_600_000_000_000_000, 3_600_000_000_000_000)
                : random.Next(100) * 1_000_000);
            row.FinalTimeUnixMicros = AnyLong(random);
            row.SizeBytes = AnyLong(random);
            row.MessageIdHash = (ulong)AnyLong(random);
            row.QueueId = random.Next(3) switch
            {
                0 => default,
                1 => Id($"00{random.Next(1000):D3}{random.Next():X10}"),
                _ => MakeId(random, AnyLong(random) & 0x7_FFFF_FFFF_FFFF, random.Next(2) == 0),
            };
            row.IpHi = random.Next(2) == 0 ? 0 : (ulong)AnyLong(random);
            row.IpLo = random.Next(2) == 0 ? 0xFFFF_0000_0000UL | (uint)AnyLong(random) : (ulong)AnyLong(random);
            row.Sender = Pick();
            row.Recipient = Pick();
            row.OrigTo = Pick();
            row.Sasl = Pick();
            row.Relay = Pick();
            row.Via = Pick();
            row.Retries = Pick();
            row.Host = Pick();
            row.Uid = (int)AnyLong(random);
            row.Dsn = (int)AnyLong(random);
            row.Attempts = (ushort)AnyLong(random);
            row.ReplyCode = (short)AnyLong(random);
            row.OffsetMinutes = (short)AnyLong(random);
            row.FinalOffsetMinutes = (short)AnyLong(random);
            row.Flags = (RecordFlags)(ushort)AnyLong(random);
            row.Status = (RecordStatus)random.Next(256);
            row.Protocol = (AccessProtocol)random.Next(256);
            row.Agent = (DeliveryAgent)random.Next(256);
        }
        return batch;
    }

    /// <summary>All runs of a batch, each as its blocks.</summary>
    public static List<MadeRun> Encode(RecordBatch batch, RetentionPolicy? policy = null)
    {
        var plan = new RunPlanner(1);
        plan.Plan(batch, policy ?? new RetentionPolicy());
        var encoder = new RunEncoder(1);
        var output = new SealedRun();
        var runs = new List<MadeRun>();
        for (int i = 0; i < plan.RunCount; i++)
        {
            encoder.Encode(plan, i, output);
            var blocks = new Dictionary<(BlockKind, int), byte[]>();
            for (int b = 0; b < output.BlockCount; b++)
            {
                byte[] bytes = output.Block(b, out BlockKind kind, out int number).ToArray();
                blocks.Add((kind, number), bytes);
            }
            runs.Add(new MadeRun(output.Bucket, plan.Rows(i).ToArray(), blocks));
        }
        return runs;
    }

    /// <summary>Everything a row says, texts in hexadecimal, for comparing.</summary>
    public static string Show(RecordRow row, Func<uint, byte[]?> text)
    {
        string T(uint id) => text(id) is { } bytes ? Convert.ToHexString(bytes) + "." : "-";
        return string.Join(
            ' ', row.Kind, row.TimeUnixMicros, row.FinalTimeUnixMicros, row.SizeBytes, row.MessageIdHash,
            row.QueueId, row.IpHi, row.IpLo, T(row.Sender), T(row.Recipient), T(row.OrigTo), T(row.Sasl),
            T(row.Relay), T(row.Via), T(row.Retries), T(row.Host), row.Uid, row.Dsn, row.Attempts,
            row.ReplyCode, row.OffsetMinutes, row.FinalOffsetMinutes, (int)row.Flags, (int)row.Status,
            (int)row.Protocol, (int)row.Agent);
    }

    public static string Show(RecordBatch batch, int index) =>
        Show(batch.Rows[index], id => id == 0 ? null : batch.Strings[id].ToArray());

    public static string Show(RunReader reader, RecordRow row)
    {
        var buffer = new byte[StringTable.LengthMax];
        return Show(row, id => id == 0 ? null : buffer[..reader.ReadText(id, buffer)]);
    }

    public static uint Intern(StringTable texts, string text) => texts.Intern(Encoding.UTF8.GetBytes(text));

    public static QueueId Id(string text)
    {
        Assert.True(QueueId.TryParse(Encoding.ASCII.GetBytes(text), out QueueId id), text);
        return id;
    }

    public static string Text(QueueId id)
    {
        var text = new byte[QueueId.TextLengthMax];
        return Encoding.ASCII.GetString(text, 0, id.Format(text));
    }

    private static QueueId MakeId(Random random, long timeUnixMicros, bool isShort)
    {
        long micros = timeUnixMicros - random.Next(2000);
        int inode = 1_000_000 + random.Next(200_000);
        return Id(isShort
            ? $"{((micros % 1_000_000) + 1_000_000) % 1_000_000:X5}{inode:X}"
            : Digits(micros / 1_000_000, 52, 6) + Digits(Math.Abs(micros % 1_000_000), 52, 4) + "z"
                + Digits(inode, 51, 1));
    }

    private static string Digits(long value, int radix, int atLeast)
    {
        string text = "";
        for (; value > 0 || text.Length < atLeast; value /= radix)
        {
            text = Base52[(int)(value % radix)] + text;
        }
        return text;
    }

    private static int Skewed(Random random, int count) =>
        (int)(count * Math.Pow(random.NextDouble(), 2.5));

    private static long AnyLong(Random random) => random.Next(5) switch
    {
        0 => 0,
        1 => random.Next(-2, 3),
        2 => random.Next(2) == 0 ? long.MinValue : long.MaxValue,
        3 => random.Next(1000) * 1_000_000L,
        _ => random.NextInt64(long.MinValue, long.MaxValue),
    };

    private static byte[] AnyText(Random random)
    {
        string[] made =
        [
            "Bob@Example.ORG", "bob@example.org", "bob@example.org.", "\"bob\"@example.org", "@", "a@", "@b",
            "x@b\u00fccher.example", "x@xn--bcher-kva.example", "\"a@b\"@example.net", "a@b@example.net", "root",
            "mx.example.net[192.0.2.1]:25", "customer-00000001@example.com", "customer-00000002@example.com",
        ];
        switch (random.Next(4))
        {
            case 0:
                return Encoding.UTF8.GetBytes(made[random.Next(made.Length)]);
            case 1:
                return Encoding.ASCII.GetBytes($"customer-{random.Next(300):D12}@example.com");
            default:
                var bytes = new byte[random.Next(1, random.Next(20) == 0 ? StringTable.LengthMax : 40)];
                random.NextBytes(bytes);
                if (random.Next(2) == 0)
                {
                    bytes[random.Next(bytes.Length)] = (byte)'@';
                }
                return bytes;
        }
    }
}

/// <summary>One encoded run.</summary>
internal sealed record MadeRun(
    BucketId Bucket, int[] Rows, Dictionary<(BlockKind Kind, int Number), byte[]> Blocks)
{
    public RunReader Open() => new((kind, number) => Blocks[(kind, number)]);
}
