using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>Marks of a hop that its lines have set so far.</summary>
[Flags]
internal enum HopMarks : ushort
{
    None = 0,

    /// <summary>A <c>client=</c> or <c>uid=</c> line was seen.</summary>
    Started = 1,

    /// <summary>A qmgr <c>from=</c> line was seen: the mail is, or was, in the queue.</summary>
    Queued = 2,

    /// <summary>Its last line was seen.</summary>
    Ended = 4,

    /// <summary>Its key belongs to a newer incarnation, or it was closed: it can't be looked up.</summary>
    Detached = 8,

    /// <summary>The mail system made it (bounce, delay notice, report).</summary>
    Notification = 16,

    /// <summary>Its parent handed it to a filter that handed it back.</summary>
    Filtered = 32,

    /// <summary>Its parent's alias or .forward made it.</summary>
    Forwarded = 64,

    /// <summary>postsuper put its parent back under this id.</summary>
    Requeued = 128,

    /// <summary>Its records are written; it lives on only for its children.</summary>
    Written = 256,

    /// <summary>It was closed without a last line.</summary>
    Idle = 512,

    /// <summary>It was continued under a new id: what is still deferred gives no record.</summary>
    Continued = 1024,

    /// <summary>It is in the list of hops that wait for a link or for late lines.</summary>
    Waiting = 2048,

    /// <summary>It tries addresses (verify) and is no mail.</summary>
    Probe = 4096,

    /// <summary>What Dovecot did with it, for one of its recipients, is or was not known yet.</summary>
    Unsettled = 8192,

    /// <summary>Courier is done with its first round of attempts: all recipients are known.</summary>
    Tried = 16384,

    LinkedToParent = Filtered | Forwarded | Requeued,
}

/// <summary>One incarnation of a queue id. Texts are ids in the current batch's table.</summary>
internal struct Hop
{
    public QueueId Id;
    public int Host;

    /// <summary>Index of the parent hop, -1 for none.</summary>
    public int Parent;

    /// <summary>Hops that have this one as their parent and are not written yet.</summary>
    public int Children;

    /// <summary>Head of the list of hops whose client line named this one, -1 for none.</summary>
    public int FirstChildId;

    /// <summary>Head of the list of recipients, -1 for none; appended at <see cref="LastRecipient"/>.</summary>
    public int FirstRecipient;
    public int LastRecipient;
    public int RecipientCount;

    /// <summary>Earliest line, last line, start line (0 = none), end line (0 = none).</summary>
    public long FirstUnixMicros;
    public long LastUnixMicros;
    public long StartUnixMicros;
    public long EndUnixMicros;

    /// <summary>The latest instant at which an edge from this hop may still find its other end.</summary>
    public long EdgeUntilUnixMicros;

    /// <summary>The line that linked it to its parent.</summary>
    public long LinkedUnixMicros;

    public long SizeBytes;
    public ulong MessageIdHash;
    public ClientIp Ip;
    public ClientIp OrigIp;
    public uint Sender;
    public uint PickupSender;
    public uint Sasl;

    /// <summary>Ids before this one that are not hops of the table: text, 0 = none.</summary>
    public uint Via;
    public int Uid;
    public int Nrcpt;
    public short StartOffsetMinutes;
    public short FirstOffsetMinutes;
    public short LastOffsetMinutes;
    public HopMarks Marks;
    public RecordFlags TimeFlags;
    public Removal Removal;

    public readonly bool Has(HopMarks mark) => (Marks & mark) != 0;
}

/// <summary>A recipient of a hop and the last thing known of it.</summary>
internal struct Recipient
{
    public QueueId Edge;
    public long LastUnixMicros;

    /// <summary>
    /// Under which a later line tells what Dovecot did: by its session id, and by message-id and
    /// mailbox. 0 = none.
    /// </summary>
    public ulong SessionKey;
    public ulong BoxKey;

    /// <summary>The hop it belongs to.</summary>
    public int Hop;

    /// <summary>Next recipient of the hop, -1 at the end.</summary>
    public int Next;

    /// <summary>Head and tail of the list of attempts before the last, -1 for none.</summary>
    public int FirstRetry;
    public int LastRetry;
    public uint To;
    public uint OrigTo;
    public uint Relay;
    public int Dsn;
    public ushort Attempts;
    public ushort RetryCount;
    public short OffsetMinutes;
    public RecordStatus Status;
    public DeliveryAgent Agent;
    public QueueEdge EdgeKind;

    /// <summary>What Dovecot said that it did with the mail.</summary>
    public Fates Fates;

    /// <summary>Handed on to a hop that writes the record.</summary>
    public bool Handed;
}

/// <summary>What Dovecot's LMTP or LDA did with a mail for one mailbox: all that its lines say.</summary>
[Flags]
internal enum Fates : byte
{
    None = 0,
    Discarded = 1,
    Rejected = 2,
    Redirected = 4,

    /// <summary>It is in the mailbox, whatever else was done.</summary>
    Stored = 8,
}

/// <summary>An attempt that was not the last.</summary>
internal struct Retry
{
    public long TimeUnixMicros;
    public int Next;
    public uint Relay;
    public int Dsn;
    public RecordStatus Status;
}

/// <summary>A hop that named another as its origin; it may be written and gone already.</summary>
internal struct ChildId
{
    public QueueId Id;
    public int Next;
}

/// <summary>A growing array with a free list: indexes stay valid, nothing is allocated per item.</summary>
internal sealed class Pool<T>
    where T : struct
{
    private T[] _items = new T[1024];
    private int[] _free = new int[1024];
    private int _freeCount;

    /// <summary>Items ever used: indexes below it are valid or free.</summary>
    public int Used { get; private set; }

    public int Live => Used - _freeCount;

    /// <summary>An item whose index came from <see cref="Add"/>: it is not checked again.</summary>
    public ref T this[int index] =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_items), index);

    /// <summary>Index of an item that is all zeros.</summary>
    public int Add()
    {
        if (_freeCount > 0)
        {
            return _free[--_freeCount];
        }
        if (Used == _items.Length)
        {
            Array.Resize(ref _items, Used * 2);
        }
        return Used++;
    }

    /// <summary>Has an item fetched that is about to be used.</summary>
    public unsafe void Prefetch(int index)
    {
        if (Sse.IsSupported)
        {
            byte* item = (byte*)Unsafe.AsPointer(ref this[index]);
            for (int at = 0; at < Unsafe.SizeOf<T>(); at += 64)
            {
                Sse.Prefetch0(item + at);
            }
        }
    }

    public void Remove(int index)
    {
        if (_freeCount == _free.Length)
        {
            Array.Resize(ref _free, _freeCount * 2);
        }
        _items[index] = default;
        _free[_freeCount++] = index;
    }
}
