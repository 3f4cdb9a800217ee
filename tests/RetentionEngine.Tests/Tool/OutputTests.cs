using System.Net;
using System.Text;
using System.Text.Json;
using RetentionEngine.Tool;
using RetentionEngine.Tool.Commands;
using RetentionEngine.Tool.Output;
using Xunit;

namespace RetentionEngine.Tests.Tool;

public sealed class OutputTests
{
    private static readonly DateTimeOffset s_start =
        new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.FromHours(1)).AddTicks(1_234_560);

    private static RetentionRecord Mail(string recipient) => new()
    {
        Kind = RecordKind.Sent,
        Time = s_start,
        Final = s_start.AddMinutes(16),
        Status = RecordStatus.Sent,
        Dsn = "2.0.0",
        Attempts = 3,
        Retries =
        [
            new DeliveryAttempt(
                s_start.AddSeconds(2), RecordStatus.Deferred, "4.4.1", "mx.example.net[192.0.2.1]:25"),
            new DeliveryAttempt(s_start.AddMinutes(5), RecordStatus.Deferred, null, null),
        ],
        Sender = "anna@example.org",
        Recipient = recipient,
        OrigTo = "all@example.org",
        Sasl = "anna",
        Ip = IPAddress.Parse("2001:db8::7"),
        Relay = "mx.example.net[192.0.2.2]:25",
        SizeBytes = 12_345,
        MessageIdFingerprint = 0x00ab_cdef_0123_4567,
        QueueId = "4XyB",
        Via = ["4XyA"],
        Host = "mx1",
        Flags = RecordFlags.Filtered | RecordFlags.YearInferred,
        Basis = "contract 12, \"abuse\"",
        Expires = s_start.AddDays(7),
    };

    private static RetentionRecord Access() => new()
    {
        Kind = RecordKind.Access,
        Time = new DateTimeOffset(2026, 11, 23, 11, 0, 0, TimeSpan.Zero),
        Final = new DateTimeOffset(2026, 11, 23, 11, 30, 0, TimeSpan.Zero),
        Status = RecordStatus.Session,
        Recipient = "anna@example.org",
        Ip = IPAddress.Parse("192.0.2.9"),
        Protocol = AccessProtocol.Imap,
        Host = "mx1",
        Flags = RecordFlags.Tls,
        Expires = new DateTimeOffset(2026, 11, 30, 11, 0, 0, TimeSpan.Zero),
    };

    private static string Run(Func<Stream, RecordWriter> create, params RetentionRecord[] records)
    {
        using var output = new MemoryStream();
        using RecordWriter writer = create(output);
        foreach (RetentionRecord record in records)
        {
            writer.Write(record);
        }
        writer.Finish();
        Assert.Equal(records.Length, writer.Count);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    [Fact]
    public void JsonHasTheFieldsOfTheContract()
    {
        string line = Run(
            static o => new JsonRecordWriter(o, RecordField.All, isArray: false), Mail("b@example.net"));
        const string Expected = """
            {"kind":"sent","time":"2026-11-23T10:00:00.123456+01:00","final":"2026-11-23T10:16:00.123456+01:00","status":"sent","dsn":"2.0.0","attempts":3,"retries":[{"time":"2026-11-23T10:00:02.123456+01:00","status":"deferred","dsn":"4.4.1","relay":"mx.example.net[192.0.2.1]:25"},{"time":"2026-11-23T10:05:00.123456+01:00","status":"deferred"}],"sender":"anna@example.org","recipient":"b@example.net","orig_to":"all@example.org","sasl":"anna","ip":"2001:db8::7","relay":"mx.example.net[192.0.2.2]:25","size":12345,"message_id":"00abcdef01234567","queue_id":"4XyB","via":["4XyA"],"host":"mx1","flags":["year_inferred","filtered"],"basis":"contract 12, \"abuse\"","expires":"2026-11-30T10:00:00.123456+01:00"}

            """;
        Assert.Equal(Expected.ReplaceLineEndings("\n"), line);
        string access = Run(
            static o => new JsonRecordWriter(o, RecordField.All, isArray: false, "record"), Access());
        Assert.StartsWith(
            """{"schema":1,"type":"record","kind":"access",""", access, StringComparison.Ordinal);
        Assert.Contains("\"protocol\":\"imap\"", access, StringComparison.Ordinal);
        Assert.DoesNotContain("attempts", access, StringComparison.Ordinal);
        Assert.DoesNotContain("basis", access, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void JsonArraysAreWhole(int count)
    {
        var records = new RetentionRecord[count];
        for (int i = 0; i < count; i++)
        {
            records[i] = Mail($"\u0001\"{i}\ud800@example.net");
        }
        string text = Run(static o => new JsonRecordWriter(o, RecordField.All, isArray: true), records);
        using var parsed = JsonDocument.Parse(text);
        Assert.Equal(count, parsed.RootElement.GetArrayLength());
    }

    [Theory]
    [InlineData("b@example.net", "b@example.net")]
    [InlineData("a,b@example.net", "\"a,b@example.net\"")]
    [InlineData("\"a b\"@example.net", "\"\"\"a b\"\"@example.net\"")]
    [InlineData("a\r\nb", "\"a\r\nb\"")]
    [InlineData("=1+1@example.net", "'=1+1@example.net")]
    [InlineData("+49@example.net", "'+49@example.net")]
    [InlineData("-x@example.net", "'-x@example.net")]
    [InlineData("@x", "'@x")]
    [InlineData("=\"x\",1", "\"'=\"\"x\"\",1\"")]
    [InlineData("", "")]
    public void CsvIsQuotedAndHarmless(string recipient, string cell)
    {
        IReadOnlyList<RecordField> fields = RecordField.Parse("kind, recipient,size");
        string text = Run(o => new CsvRecordWriter(o, fields, isRaw: false), Mail(recipient));
        Assert.Equal($"kind,recipient,size\r\nsent,{cell},12345\r\n", text);
        string raw = Run(o => new CsvRecordWriter(o, fields, isRaw: true), Mail(recipient));
        Assert.Equal($"kind,recipient,size\r\nsent,{cell.Replace("'", "", StringComparison.Ordinal)},12345\r\n", raw);
    }

    [Fact]
    public void CsvWithoutRecordsHasItsHeader()
    {
        string text = Run(static o => new CsvRecordWriter(o, RecordField.All, isRaw: false));
        Assert.Equal(string.Join(',', RecordField.Names()) + "\r\n", text);
    }

    [Fact]
    public void UnknownFieldsAreNamed()
    {
        UsageException e = Assert.Throws<UsageException>(() => RecordField.Parse("time,subject"));
        Assert.Contains("'subject'", e.Message, StringComparison.Ordinal);
        Assert.Contains("orig_to", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TablesLineUpAndNothingIsCut()
    {
        RetentionRecord rejected = new()
        {
            Kind = RecordKind.Rejected,
            Time = s_start,
            Status = RecordStatus.Rejected,
            Reply = 554,
            Sender = "",
            Recipient = "evil\u001b[31m\u202e@example.net",
            Expires = s_start,
        };
        string text = Run(
            static o => new TableRecordWriter(o, null, isColored: false),
            Mail("a-very-long-mailbox-name-that-nobody-would-ever-cut@example.net"),
            Access(),
            rejected);
        const string Expected = """
            TIME                               KIND      STATUS        SENDER            RECIPIENT                                         CLIENT       RELAY                         QUEUE ID  MARKS     BASIS
            2026-11-23 10:00:00.123456+01:00?  sent      sent 2.0.0    anna@example.org  a-very-long-mailbox-name-that-nobody-would-ever-cut@example.net  2001:db8::7  mx.example.net[192.0.2.2]:25  4XyB      filtered  contract 12, "abuse"
            2026-11-23 11:00:00+00:00          imap      session                         anna@example.org                                  192.0.2.9                                            tls
            2026-11-23 10:00:00.123456+01:00   rejected  rejected 554  <>                evil\x1b[31m\u202e@example.net

            """;
        Assert.Equal(Expected.ReplaceLineEndings("\n"), text);
        string colored = Run(static o => new TableRecordWriter(o, null, isColored: true), Mail("b"));
        Assert.Contains("\e[32msent 2.0.0\e[0m", colored, StringComparison.Ordinal);
    }

    [Fact]
    public void TracesShowEveryAttempt()
    {
        RetentionRecord queued = Mail("c@example.net") with
        {
            Status = RecordStatus.Deferred,
            Dsn = "4.7.1",
            Attempts = 18,
            Retries = [],
            OrigTo = null,
            Flags = RecordFlags.InFlight,
        };
        RetentionRecord notice = Mail("anna@example.org") with
        {
            Kind = RecordKind.Internal,
            Sender = "",
            Sasl = null,
            Ip = null,
            OrigTo = null,
            Time = s_start.AddMinutes(20),
            Final = s_start.AddMinutes(20),
            Attempts = 1,
            Retries = [],
            MessageIdFingerprint = null,
            SizeBytes = null,
            Via = ["4XyB"],
            QueueId = "4XyC",
            Relay = "local",
            Flags = RecordFlags.Notification,
            Basis = "",
        };
        const string Expected = """
            MAIL  2026-11-23 10:00:00.123456+01:00?  sent  on mx1
              from        anna@example.org  (logged in as anna, client 2001:db8::7)
              queue ids   4XyA → 4XyB
              message     fingerprint 00abcdef01234567, 12.3 kB
              ├─ b@example.net (addressed to all@example.org)  sent  [year_inferred,filtered]
              │     1  2026-11-23 10:00:02.123456+01:00  +2.0 s    deferred 4.4.1 by mx.example.net[192.0.2.1]:25
              │     2  2026-11-23 10:05:00.123456+01:00  +5m00s    deferred by an unknown relay
              │     3  2026-11-23 10:16:00.123456+01:00  +16m00s   sent 2.0.0 by mx.example.net[192.0.2.2]:25
              └─ c@example.net  deferred, still in the queue
                    1-17  earlier attempts, not kept one by one
                   18  2026-11-23 10:16:00.123456+01:00  +16m00s   deferred 4.7.1 by mx.example.net[192.0.2.2]:25
              kept until  2026-11-30 10:00:00.123456+01:00, basis: contract 12, "abuse"

            NOTICE  2026-11-23 10:20:00.123456+01:00  internal  on mx1
              from        <>
              about       4XyB → 4XyC
              message     without message-id
              └─ anna@example.org  sent
                    1  2026-11-23 10:20:00.123456+01:00  +0 ms     sent 2.0.0 by local
              kept until  2026-11-30 10:00:00.123456+01:00

            ACCESS  2026-11-23 11:00:00+00:00  access  on mx1
              mailbox     anna@example.org
              by          imap from 192.0.2.9
              until       2026-11-23 11:30:00+00:00  +30m00s
              status      session  [tls]
              kept until  2026-11-30 11:00:00+00:00

            """;
        Assert.Equal(
            Expected.ReplaceLineEndings("\n"),
            TraceText.Make([notice, Access(), queued, Mail("b@example.net")], isColored: false));
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7/32")]
    [InlineData("192.0.2.7/24", "192.0.2.0/24")]
    [InlineData("2001:db8::7", "2001:db8::7/128")]
    [InlineData("2001:db8::7/33", "2001:db8::/33")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7/32")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    public void NetworksAreMasked(string text, string expected) =>
        Assert.Equal(expected, QueryCommand.Network(text).ToString());

    [Theory]
    [InlineData("192.0.2")]
    [InlineData("192.0.2.7/33")]
    [InlineData("192.0.2.7/")]
    [InlineData("192.0.2.7/-1")]
    [InlineData("mx.example.org")]
    public void OddNetworksAreRefused(string text) =>
        Assert.Throws<UsageException>(() => QueryCommand.Network(text));
}
