using System.Runtime.InteropServices;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events;

/// <summary>One line's facts: numbers by value, texts as ranges of the block.</summary>
/// <remarks>
/// Valid only together with the block it was read from. Which fields are set is told by
/// <see cref="Kind"/>; all others hold their default. Two cache lines.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct LogEvent
{
    /// <summary>UTC instant in microseconds since 1970.</summary>
    public long TimeUnixMicros;

    /// <summary>The queue id of the line, default for NOQUEUE and for lines that have none.</summary>
    public QueueId QueueId;

    /// <summary>Pickup: uid. QueueActive: size in bytes. Logout: seconds or -1.</summary>
    public long Number;

    /// <summary>A second queue id: see the kinds.</summary>
    public QueueId OrigQueueId;

    /// <summary>Index into <see cref="HostTable"/>: host and Postfix instance.</summary>
    public int Host;

    /// <summary>Offset of the line's first byte in the block.</summary>
    public int LineStart;

    /// <summary>QueueActive: recipients in the queue file.</summary>
    public int Count;

    /// <summary>Enhanced status code (RFC 3463) packed by <see cref="DsnCode"/>; 0 when absent.</summary>
    public int Dsn;

    /// <summary>How often the same happened again, by a line that says so.</summary>
    public int Repeats;

    /// <summary>Zone in force at the source, minutes east of UTC.</summary>
    public short OffsetMinutes;

    /// <summary>Client port of an access line, 0 when absent.</summary>
    public ushort Port;

    /// <summary>Three-digit SMTP reply of a reject, 0 when absent.</summary>
    public short ReplyCode;

    /// <summary>How year and zone are known: YearInferred, ZoneInferred. No other flags.</summary>
    public RecordFlags TimeFlags;

    public EventKind Kind;

    /// <summary>Fate: what was done. Delivery: the status word. Unknown words are not an event but a strange line.</summary>
    public RecordStatus Status;

    public DeliveryAgent Agent;

    public QueueEdge Edge;

    public Removal Removal;

    public AccessProtocol Protocol;

    /// <summary>Reject: 1 when the message with this queue id ends here.</summary>
    public byte EndsMessage;

    /// <summary>Login: 1 when the line says TLS.</summary>
    public byte Tls;

    /// <summary>Login: 1 when Session is the id of a process that serves one client at a time.</summary>
    public byte OwnsProcess;

    /// <summary>WebLogin: 1 when the program had logged in to the mailbox before it wrote the line.</summary>
    public byte FollowsLogin;

    // Texts. One name per meaning; kinds that never meet share storage.
    private Slice _a;
    private Slice _b;
    private Slice _c;
    private Slice _d;

    /// <summary>All texts but the address and the message-id, whatever their kind calls them.</summary>
    /// <param name="index">0 to 2.</param>
    public readonly Slice TextAt(int index) => index == 0 ? _b : index == 1 ? _c : _d;

    /// <summary>Client, Reject, Login, Logout, WebLogin: the address as written, e.g. <c>::ffff:192.0.2.7</c>.</summary>
    public Slice Ip { readonly get => _a; set => _a = value; }

    /// <summary>Client: <c>orig_client=</c>'s address.</summary>
    public Slice OrigIp { readonly get => _b; set => _b = value; }

    /// <summary>Client: <c>sasl_username=</c>.</summary>
    public Slice Sasl { readonly get => _c; set => _c = value; }

    /// <summary>Pickup, QueueActive, Expired, Reject: envelope sender without angle brackets.</summary>
    public Slice Sender { readonly get => _b; set => _b = value; }

    /// <summary>Delivery, Reject: envelope recipient without angle brackets.</summary>
    public Slice Recipient { readonly get => _c; set => _c = value; }

    /// <summary>Delivery: <c>orig_to=</c> without angle brackets.</summary>
    public Slice OrigTo { readonly get => _b; set => _b = value; }

    /// <summary>Delivery: <c>relay=</c> as written.</summary>
    public Slice Relay { readonly get => _d; set => _d = value; }

    /// <summary>MessageId, Fate: without angle brackets when they enclose the whole value.</summary>
    public Slice MessageId { readonly get => _a; set => _a = value; }

    /// <summary>Delivery by LMTP: Dovecot's session id in the reply.</summary>
    public Slice BoxSession { readonly get => _a; set => _a = value; }

    /// <summary>Login, Logout, Fate, WebLogin: the mailbox as written.</summary>
    public Slice User { readonly get => _b; set => _b = value; }

    /// <summary>Login, Logout, Fate: session id, or a process id where that is the join key.</summary>
    public Slice Session { readonly get => _c; set => _c = value; }
}
