using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Queries;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>What one line says, field by field, for people.</summary>
internal sealed class LineFields
{
    private readonly List<ExplainedField> _fields = [];

    public IReadOnlyList<ExplainedField> All => _fields;

    /// <summary>Adds what stands in front of the message.</summary>
    /// <param name="line">The line without CR and LF, with <see cref="BlockReader.PaddingBytes"/> behind it.</param>
    /// <param name="end">Its length.</param>
    /// <param name="zones">Zones of stamps that name none.</param>
    /// <param name="time">What the tokenizer's clock made of the stamp.</param>
    /// <returns>Why no record needs the line, if it does not; null when it opens like no log line.</returns>
    public string? AddPrefix(
        ReadOnlySpan<byte> line,
        int end,
        HostZones zones,
        (long UnixMicros, short OffsetMinutes, RecordFlags Flags) time)
    {
        ref byte at = ref MemoryMarshal.GetReference(line);
        var prefix = new LinePrefix();
        prefix.Begin(zones.Zone, time.UnixMicros, yearOfFirstLine: 2000);
        LineOutcome outcome = prefix.Read(ref at, 0, end);
        if (outcome == LineOutcome.NoPrefix)
        {
            return null;
        }
        Add("prefix", FormOf(line[..end], time.Flags));
        if (outcome != LineOutcome.Event)
        {
            AddTime(zones.Zone, time);
            return "no program stands behind its stamp";
        }
        ReadOnlySpan<byte> pair = prefix.Pair(ref at, out int hostLength);
        AddTime(zones.Of(pair[..hostLength]), time);
        LogTag tag = new HeaderTable(new HostTable()).Find(pair, hostLength).Tag;
        Add("host", pair[..hostLength]);
        ReadOnlySpan<byte> program = pair[(hostLength + 1)..];
        Add("program", program);
        if (prefix.PidStart > 0)
        {
            Add("pid", line[prefix.PidStart..prefix.PidEnd]);
        }
        if (tag.InstanceLength > 0)
        {
            Add("instance", program[..tag.InstanceLength]);
        }
        if (tag.Program == LogProgram.None)
        {
            return "no record needs lines of this program";
        }
        Add("grammar", GrammarOf(tag.Program));
        if (tag.Program < LogProgram.Dovecot && QueueIdScan.ReadHead(
            ref Unsafe.Add(ref at, prefix.MessageStart), end - prefix.MessageStart, -1, out QueueId id) > 0)
        {
            AddId("queue_id", id);
        }
        return "no record needs this kind of line of its program";
    }

    /// <summary>Adds what the message says.</summary>
    /// <param name="e">The event of the line.</param>
    /// <param name="block">What it points into.</param>
    public void AddEvent(in LogEvent e, ReadOnlySpan<byte> block)
    {
        if (_fields.TrueForAll(static field => field.Name is not "queue_id"))
        {
            AddId("queue_id", e.QueueId);
        }
        Add("event", WordOf(e.Kind));
        switch (e.Kind)
        {
            case EventKind.Client:
                Add("ip", e.Ip, block);
                Add("orig_ip", e.OrigIp, block);
                Add("sasl", e.Sasl, block);
                AddId("orig_queue_id", e.OrigQueueId);
                break;
            case EventKind.Pickup:
                Add("uid", e.Number);
                Add("sender", e.Sender, block);
                AddId("orig_queue_id", e.OrigQueueId);
                break;
            case EventKind.MessageId:
                Add("message_id", e.MessageId, block);
                break;
            case EventKind.QueueActive:
                Add("sender", e.Sender, block);
                AddSize(e.Number);
                Add("nrcpt", e.Count);
                break;
            case EventKind.Expired:
                Add("sender", e.Sender, block);
                break;
            case EventKind.Delivery:
                AddDelivery(in e, block);
                break;
            case EventKind.Removed:
                Add("removal", Word(e.Removal));
                break;
            case EventKind.Notification:
                AddId("notification_queue_id", e.OrigQueueId);
                break;
            case EventKind.Reject:
                AddReject(in e, block);
                break;
            case EventKind.Fate:
                Add("user", e.User, block);
                Add("session", e.Session, block);
                Add("message_id", e.MessageId, block);
                Add("status", Word(e.Status));
                break;
            case EventKind.Handed:
                AddId("queued_as", e.OrigQueueId);
                break;
            case EventKind.Login or EventKind.Logout:
                AddAccess(in e, block);
                break;
            case EventKind.WebLogin:
                Add("user", e.User, block);
                Add("ip", e.Ip, block);
                break;
        }
        if (e.Repeats > 0)
        {
            Add("repeated", e.Repeats);
        }
    }

    private void AddDelivery(in LogEvent e, ReadOnlySpan<byte> block)
    {
        Add("recipient", e.Recipient, block);
        Add("orig_to", e.OrigTo, block);
        Add("agent", Word(e.Agent));
        Add("relay", e.Relay, block);
        AddDsn(e.Dsn);
        Add("status", Word(e.Status));
        Add("session", e.BoxSession, block);
        AddSize(e.Number);
        AddId(e.Edge == QueueEdge.ForwardedAs ? "forwarded_as" : "queued_as", e.OrigQueueId);
    }

    private void AddSize(long bytes)
    {
        if (bytes > 0)
        {
            Add("size", bytes);
        }
    }

    private void AddReject(in LogEvent e, ReadOnlySpan<byte> block)
    {
        Add("ip", e.Ip, block);
        Add("sender", e.Sender, block);
        Add("recipient", e.Recipient, block);
        if (e.ReplyCode > 0)
        {
            Add("reply", e.ReplyCode);
        }
        AddDsn(e.Dsn);
        Add("ends_message", e.EndsMessage != 0 ? "yes" : "no");
    }

    private void AddAccess(in LogEvent e, ReadOnlySpan<byte> block)
    {
        Add("protocol", Word(e.Protocol));
        Add("user", e.User, block);
        Add("ip", e.Ip, block);
        if (e.Port > 0)
        {
            Add("port", e.Port);
        }
        Add("session", e.Session, block);
        if (e.Kind == EventKind.Login)
        {
            Add("tls", e.Tls != 0 ? "yes" : "no");
        }
        else if (e.Number >= 0)
        {
            Add("seconds", e.Number);
        }
    }

    private void AddTime(
        TimeZoneInfo zone, (long UnixMicros, short OffsetMinutes, RecordFlags Flags) time)
    {
        DateTimeOffset at = RecordMaker.TimeOf(time.UnixMicros, time.OffsetMinutes);
        Add("time", at.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture));
        Add("year", time.Flags.HasFlag(RecordFlags.YearInferred) ? "inferred" : "in the line");
        Add("zone", time.Flags.HasFlag(RecordFlags.ZoneInferred)
            ? $"inferred: {zone.Id}"
            : "in the line");
    }

    private void AddDsn(int dsn)
    {
        if (RecordMaker.DsnText(dsn) is { } text)
        {
            Add("dsn", text);
        }
    }

    private void AddId(string name, QueueId id)
    {
        if (RecordMaker.QueueIdText(id) is { } text)
        {
            Add(name, text);
        }
    }

    private void Add(string name, Slice text, ReadOnlySpan<byte> block)
    {
        if (text.IsPresent)
        {
            Add(name, text.Of(block));
        }
    }

    private void Add(string name, ReadOnlySpan<byte> text) => Add(name, RecordMaker.TextOf(text));

    private void Add(string name, long number) =>
        Add(name, number.ToString(CultureInfo.InvariantCulture));

    private void Add(string name, string value) => _fields.Add(new ExplainedField(name, value));

    private static string Word<TEnum>(TEnum value)
        where TEnum : struct, Enum => value.ToString().ToLowerInvariant();

    private static string WordOf(EventKind kind) => kind switch
    {
        EventKind.Client => "client: mail comes in",
        EventKind.Pickup => "pickup: mail is submitted on this host",
        EventKind.MessageId => "message-id",
        EventKind.QueueActive => "queue: mail is in the queue",
        EventKind.Expired => "queue: mail is given up",
        EventKind.Delivery => "delivery",
        EventKind.Removed => "removed: mail leaves the queue, or a round of attempts is over",
        EventKind.Notification => "notification",
        EventKind.Reject => "refusal",
        EventKind.Login => "login",
        EventKind.Fate => "fate: what Sieve or the mailbox did with a mail",
        EventKind.Logout => "logout: end of a session",
        EventKind.Handed => "handed: a content filter gave the mail back",
        EventKind.WebLogin => "web login: whom sessions of the webmail program serve",
        _ => Word(kind),
    };

    private static string GrammarOf(LogProgram program) => program switch
    {
        < LogProgram.Dovecot => $"Postfix {Word(program)}",
        LogProgram.Dovecot => "Dovecot",
        < LogProgram.CyrusImap => "Courier or UW",
        LogProgram.CourierMta => "Courier's mail server",
        <= LogProgram.CyrusSieve => "Cyrus or UW",
        LogProgram.Amavis => "amavis",
        < LogProgram.Roundcube => "vpopmail",
        LogProgram.Roundcube => "Roundcube",
        LogProgram.Sogo => "SOGo",
        LogProgram.Horde => "Horde",
        _ => "syslog daemons",
    };

    /// <summary>Names the form of what stands before the message, by its first bytes.</summary>
    private static string FormOf(ReadOnlySpan<byte> line, RecordFlags flags)
    {
        var form = new StringBuilder();
        line = line.StartsWith("\uFEFF"u8) ? line[3..] : line;
        if (line.StartsWith("<"u8))
        {
            form.Append("priority, ");
            line = line[(line.IndexOf((byte)'>') + 1)..];
        }
        if (line.StartsWith("dovecot: "u8))
        {
            form.Append("Dovecot's own log, ");
            line = line[9..];
        }
        bool hasYear = !flags.HasFlag(RecordFlags.YearInferred);
        bool hasZone = !flags.HasFlag(RecordFlags.ZoneInferred);
        byte first = line.IsEmpty ? (byte)0 : line[0];
        form.Append(first switch
        {
            >= (byte)'A' and <= (byte)'Z' => hasYear ? "traditional with year" : "traditional",
            _ when line.StartsWith("1 "u8) => "RFC 5424",
            _ when line.Length > 4 && line[4] == ' ' => "traditional behind a year",
            _ when line.Length > 4 && line[4] == '-' => hasZone ? "RFC 3339" : "ISO 8601 without zone",
            _ => "seconds since 1970",
        });
        return form.ToString();
    }
}
