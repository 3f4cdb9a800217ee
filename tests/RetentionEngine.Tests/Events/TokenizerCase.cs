using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;

namespace RetentionEngine.Tests.Events;

/// <summary>Runs lines through a tokenizer and writes events as text: only what is set.</summary>
internal static class TokenizerCase
{
    public static readonly long Latest =
        DateTimeOffset.Parse("2025-12-01T00:00:00Z", CultureInfo.InvariantCulture)
            .ToUnixTimeMilliseconds() * 1000;

    /// <summary>Copies a log to a place with padding of hostile content.</summary>
    public static byte[] Pad(ReadOnlySpan<byte> log)
    {
        var padded = new byte[log.Length + BlockReader.PaddingBytes];
        log.CopyTo(padded);
        for (int i = log.Length; i < padded.Length; i++)
        {
            padded[i] = (byte)("> proto=x\n], "[i % 13]);
        }
        return padded;
    }

    public static string[] Read(string log, out Tokenizer tokenizer, out HostTable hosts) =>
        Read(Encoding.Latin1.GetBytes(log), TimeZoneInfo.Utc, out tokenizer, out hosts);

    public static string[] Read(
        byte[] log, TimeZoneInfo zone, out Tokenizer tokenizer, out HostTable hosts)
    {
        hosts = new HostTable();
        tokenizer = new Tokenizer(hosts);
        tokenizer.Begin(zone, Latest);
        var events = new LogEvent[7];
        var found = new List<string>();
        byte[] padded = Pad(log);
        ReadOnlySpan<byte> block = padded.AsSpan(0, log.Length);
        for (int at = 0; at < block.Length;)
        {
            int next = tokenizer.Read(block, at, events, out int count);
            Xunit.Assert.True(next > at);
            for (int i = 0; i < count; i++)
            {
                found.Add(Text(block, events[i], hosts));
            }
            at = next;
        }
        return [.. found];
    }

    /// <summary>One event as <c>Kind key=value …</c>, without time.</summary>
    public static string Text(ReadOnlySpan<byte> block, in LogEvent e, HostTable hosts)
    {
        var text = new StringBuilder();
        text.Append(e.Kind);
        if (!hosts.Host(e.Host).SequenceEqual("mx1"u8) || !hosts.Instance(e.Host).IsEmpty)
        {
            Add(text, "host", Encoding.Latin1.GetString(hosts.Host(e.Host)));
            Add(text, "instance", Encoding.Latin1.GetString(hosts.Instance(e.Host)));
        }
        Add(text, "id", Text(e.QueueId));
        Add(text, "orig", Text(e.OrigQueueId));
        Add(text, "edge", e.Edge == QueueEdge.None ? "" : e.Edge.ToString());
        Add(text, "removal", e.Removal == Removal.None ? "" : e.Removal.ToString());
        Add(text, "agent", e.Agent == DeliveryAgent.None ? "" : e.Agent.ToString());
        Add(text, "status", e.Status == RecordStatus.None ? "" : e.Status.ToString());
        Add(text, "protocol", e.Protocol == AccessProtocol.None ? "" : e.Protocol.ToString());
        (int a, int b, int c) = DsnCode.Unpack(e.Dsn);
        Add(text, "dsn", e.Dsn == 0 ? "" : $"{a}.{b}.{c}");
        Add(text, "reply", Number(e.ReplyCode));
        Add(text, "ends", Number(e.EndsMessage));
        Add(text, "tls", Number(e.Tls));
        Add(text, "port", Number(e.Port));
        Add(text, "count", Number(e.Count));
        Add(text, "number", Number(e.Number));
        switch (e.Kind)
        {
            case EventKind.Client:
                Add(text, "ip", block, e.Ip);
                Add(text, "origip", block, e.OrigIp);
                Add(text, "sasl", block, e.Sasl);
                break;
            case EventKind.Login or EventKind.Logout:
                Add(text, "ip", block, e.Ip);
                Add(text, "user", block, e.User);
                Add(text, "session", block, e.Session);
                break;
            case EventKind.Reject:
                Add(text, "ip", block, e.Ip);
                Add(text, "from", block, e.Sender);
                Add(text, "to", block, e.Recipient);
                break;
            case EventKind.MessageId:
                Add(text, "mid", block, e.MessageId);
                break;
            case EventKind.Delivery:
                Add(text, "to", block, e.Recipient);
                Add(text, "origto", block, e.OrigTo);
                Add(text, "relay", block, e.Relay);
                Add(text, "box", block, e.BoxSession);
                break;
            case EventKind.Fate:
                Add(text, "user", block, e.User);
                Add(text, "session", block, e.Session);
                Add(text, "mid", block, e.MessageId);
                break;
            default:
                Add(text, "from", block, e.Sender);
                break;
        }
        return text.ToString();
    }

    private static string Text(QueueId id)
    {
        var bytes = new byte[QueueId.TextLengthMax];
        return Encoding.ASCII.GetString(bytes, 0, id.Format(bytes));
    }

    private static string Number(long value) =>
        value == 0 ? "" : value.ToString(CultureInfo.InvariantCulture);

    private static void Add(StringBuilder text, string key, ReadOnlySpan<byte> block, Slice value)
    {
        if (value.IsPresent)
        {
            text.Append(' ').Append(key).Append("=[")
                .Append(Encoding.Latin1.GetString(value.Of(block))).Append(']');
        }
    }

    private static void Add(StringBuilder text, string key, string value)
    {
        if (value.Length > 0)
        {
            text.Append(' ').Append(key).Append('=').Append(value);
        }
    }
}
