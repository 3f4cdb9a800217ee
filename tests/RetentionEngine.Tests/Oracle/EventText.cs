using System.Globalization;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;

namespace RetentionEngine.Tests.Oracle;

/// <summary>
/// The one text form of an event: its kind, then <c>key=value</c> of what is present, in fixed
/// order, separated by tabs. Both parsers' events are written so and compared as text.
/// </summary>
internal static class EventText
{
    public static string Of(SlowEvent e)
    {
        var text = new Writer(e.Kind);
        text.Add("time", e.TimeUnixMicros);
        text.Add("offset", e.OffsetMinutes);
        text.Add("year", e.YearInferred ? "inferred" : null);
        text.Add("zone", e.ZoneInferred ? "inferred" : null);
        text.Add("host", e.Host);
        text.Add("instance", e.Instance.Length == 0 ? null : e.Instance);
        text.Add("id", e.QueueId);
        text.Add("orig_id", e.OrigQueueId);
        text.Add("number", UsesNumber(e.Kind, e.Number) ? e.Number : null);
        text.Add("count", e.Kind == EventKind.QueueActive ? e.Count : null);
        text.Add("dsn", e.Dsn);
        text.Add("port", e.Port is null or 0 ? null : e.Port);
        text.Add("reply", e.ReplyCode is null or 0 ? null : e.ReplyCode);
        AddEnums(ref text, e.Status, e.Agent, e.Edge, e.Removal, e.Protocol);
        text.Add("repeats", e.Repeats == 0 ? null : e.Repeats);
        text.Add("ends", e.EndsMessage ? "1" : null);
        text.Add("tls", e.Tls ? "1" : null);
        text.Add("follows_login", e.FollowsLogin ? "1" : null);
        text.Add("ip", e.Ip);
        text.Add("orig_ip", e.OrigIp);
        text.Add("sasl", e.Sasl);
        text.Add("sender", e.Sender);
        text.Add("recipient", e.Recipient);
        text.Add("orig_to", e.OrigTo);
        text.Add("relay", e.Relay);
        text.Add("message_id", e.MessageId);
        text.Add("box_session", e.BoxSession);
        text.Add("user", e.User);
        text.Add("session", e.Session);
        return text.ToString();
    }

    public static string Of(in LogEvent e, ReadOnlySpan<byte> block, HostTable hosts)
    {
        EventKind kind = e.Kind;
        bool isAccess = kind is EventKind.Login or EventKind.Logout;
        bool hasSender = kind is EventKind.Pickup or EventKind.QueueActive or EventKind.Expired
            or EventKind.Reject;
        bool hasUser = isAccess || kind is EventKind.Fate or EventKind.WebLogin;
        bool isDelivery = kind == EventKind.Delivery;
        string instance = Encoding.Latin1.GetString(hosts.Instance(e.Host));
        var text = new Writer(kind);
        text.Add("time", e.TimeUnixMicros);
        text.Add("offset", e.OffsetMinutes);
        text.Add("year", e.TimeFlags.HasFlag(RecordFlags.YearInferred) ? "inferred" : null);
        text.Add("zone", e.TimeFlags.HasFlag(RecordFlags.ZoneInferred) ? "inferred" : null);
        text.Add("host", Encoding.Latin1.GetString(hosts.Host(e.Host)));
        text.Add("instance", instance.Length == 0 ? null : instance);
        text.Add("id", RecordText.QueueIdOf(e.QueueId));
        text.Add("orig_id", RecordText.QueueIdOf(e.OrigQueueId));
        text.Add("number", UsesNumber(kind, e.Number) ? e.Number : null);
        text.Add("count", kind == EventKind.QueueActive ? e.Count : null);
        text.Add("dsn", RecordText.DsnOf(e.Dsn));
        text.Add("port", e.Port == 0 ? null : e.Port);
        text.Add("reply", e.ReplyCode == 0 ? null : e.ReplyCode);
        AddEnums(ref text, e.Status, e.Agent, e.Edge, e.Removal, e.Protocol);
        text.Add("repeats", e.Repeats == 0 ? null : e.Repeats);
        text.Add("ends", e.EndsMessage != 0 ? "1" : null);
        text.Add("tls", e.Tls != 0 ? "1" : null);
        text.Add("follows_login", e.FollowsLogin != 0 ? "1" : null);
        text.Add("ip", isAccess
            || kind is EventKind.Client or EventKind.Reject or EventKind.WebLogin
            ? Text(e.Ip, block) : null);
        text.Add("orig_ip", kind == EventKind.Client ? Text(e.OrigIp, block) : null);
        text.Add("sasl", kind == EventKind.Client ? Text(e.Sasl, block) : null);
        text.Add("sender", hasSender ? Text(e.Sender, block) : null);
        text.Add("recipient", isDelivery || kind == EventKind.Reject
            ? Text(e.Recipient, block) : null);
        text.Add("orig_to", isDelivery ? Text(e.OrigTo, block) : null);
        text.Add("relay", isDelivery ? Text(e.Relay, block) : null);
        text.Add("message_id", kind is EventKind.MessageId or EventKind.Fate
            ? Text(e.MessageId, block) : null);
        text.Add("box_session", isDelivery ? Text(e.BoxSession, block) : null);
        text.Add("user", hasUser ? Text(e.User, block) : null);
        text.Add("session", hasUser ? Text(e.Session, block) : null);
        return text.ToString();
    }

    private static bool UsesNumber(EventKind kind, long? number) =>
        (kind == EventKind.Delivery && number is > 0) || kind is EventKind.Pickup or EventKind.QueueActive or EventKind.Logout;

    private static string? Text(Slice slice, ReadOnlySpan<byte> block) =>
        slice.IsPresent ? Encoding.Latin1.GetString(slice.Of(block)) : null;

    private static void AddEnums(
        ref Writer text, RecordStatus status, DeliveryAgent agent, QueueEdge edge, Removal removal,
        AccessProtocol protocol)
    {
        text.Add("status", status == RecordStatus.None ? null : status.ToString());
        text.Add("agent", agent == DeliveryAgent.None ? null : agent.ToString());
        text.Add("edge", edge == QueueEdge.None ? null : edge.ToString());
        text.Add("removal", removal == Removal.None ? null : removal.ToString());
        text.Add("protocol", protocol == AccessProtocol.None ? null : protocol.ToString());
    }

    private readonly struct Writer(EventKind kind)
    {
        private readonly StringBuilder _text = new(kind.ToString());

        public void Add(string key, string? value)
        {
            if (value is not null)
            {
                _text.Append('\t').Append(key).Append('=').Append(RecordText.Escape(value));
            }
        }

        public void Add(string key, long? value) =>
            Add(key, value?.ToString(CultureInfo.InvariantCulture));

        public override string ToString() => _text.ToString();
    }
}
