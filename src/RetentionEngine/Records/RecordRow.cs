using System.Runtime.InteropServices;
using RetentionEngine.Events;

namespace RetentionEngine.Records;

/// <summary>A record on its way to the store: fixed width, texts as ids of a StringTable.</summary>
/// <remarks>
/// Text id 0 is "absent"; id 1 is the empty text (the null sender). 128 bytes, so that a batch is
/// one array and sorting moves indexes only.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct RecordRow
{
    /// <summary>Accepted, logged in, refused: the earliest time. UTC microseconds since 1970.</summary>
    public long TimeUnixMicros;

    /// <summary>Last status line, logout; 0 when there is none.</summary>
    public long FinalTimeUnixMicros;

    /// <summary>Message size in bytes; -1 when not known.</summary>
    public long SizeBytes;

    /// <summary>Fingerprint of the message-id (keyed by the store's seed); 0 when none.</summary>
    public ulong MessageIdHash;

    /// <summary>Id under which the last hop delivered; default when none.</summary>
    public QueueId QueueId;

    /// <summary>Client address, IPv6 or IPv4-mapped, network order in two big-endian halves; 0 = none.</summary>
    public ulong IpHi;
    public ulong IpLo;

    /// <summary>Envelope sender; Access: absent.</summary>
    public uint Sender;

    /// <summary>Envelope recipient; Access: the mailbox.</summary>
    public uint Recipient;

    /// <summary>Recipient as addressed, when rewritten.</summary>
    public uint OrigTo;

    /// <summary>SASL user name.</summary>
    public uint Sasl;

    /// <summary>Next hop as logged, e.g. <c>mx.example.net[198.51.100.8]:25</c>; <c>local</c>.</summary>
    public uint Relay;

    /// <summary>Earlier queue ids of the same mail on this host, first to last, separated by a space.</summary>
    public uint Via;

    /// <summary>Attempts before the last, as text; see RetryList.</summary>
    public uint Retries;

    /// <summary>Host that logged it; with <c>/instance</c> behind it for a named Postfix instance.</summary>
    public uint Host;

    /// <summary>Submitting uid; -1 when none.</summary>
    public int Uid;

    /// <summary>Last enhanced status code, <see cref="DsnCode"/>; 0 when none.</summary>
    public int Dsn;

    public ushort Attempts;

    /// <summary>SMTP reply of a reject; 0 when none.</summary>
    public short ReplyCode;

    /// <summary>Zone in force at the source at each of the two times, minutes east of UTC.</summary>
    public short OffsetMinutes;
    public short FinalOffsetMinutes;

    public RecordFlags Flags;
    public RecordKind Kind;
    public RecordStatus Status;
    public AccessProtocol Protocol;
    public DeliveryAgent Agent;
}
