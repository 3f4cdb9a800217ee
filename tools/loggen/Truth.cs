using LogGen.Mail;
using LogGen.Text;

namespace LogGen;

/// <summary>Marks of a record, in the order in which they are printed.</summary>
[Flags]
internal enum Marks
{
    None = 0,
    MissingStart = 1,
    MissingEnd = 2,
    DirectionGuessed = 4,
    YearInferred = 8,
    ZoneInferred = 16,
    InFlight = 32,
    Notification = 64,
    Forwarded = 128,
    Filtered = 256,
    Requeued = 512,
    JoinAmbiguous = 1024,
    LocalSubmission = 2048,
    Tls = 4096,
}

/// <summary>The true records, one a line, in the columns of <see cref="Columns"/>.</summary>
internal sealed class Truth : IDisposable
{
    public const string Columns =
        "kind\ttime\tfinal\toffset\tfinal_offset\tstatus\tdsn\treply\tattempts\tretries_count"
        + "\tsender\trecipient\torig_to\tsasl\tuid\tip\trelay\tsize\tmessage_id\tqueue_id"
        + "\tvia\thost\tprotocol\tflags";

    private const int FlushBytes = 1 << 19;
    private const int RetriesMax = 15;

    private static readonly string[] s_markNames =
    [
        "missing_start", "missing_end", "direction_guessed", "year_inferred", "zone_inferred",
        "in_flight", "notification", "forwarded", "filtered", "requeued", "join_ambiguous",
        "local_submission", "tls",
    ];

    private readonly ByteWriter _buffer = new();
    private readonly Stream? _stream;
    private readonly Stamps _stamps;

    /// <param name="stream">Receives the records; null: none are wanted.</param>
    /// <param name="stamps">Tells how much of a time the log shows.</param>
    /// <param name="zone">Printed in the head.</param>
    public Truth(Stream? stream, Stamps stamps, string zone)
    {
        _stream = stream;
        _stamps = stamps;
        _buffer.Put($"# local-domains: {string.Join(' ', Names.LocalDomains)}\n# zone: {zone}\n# "
            + $"columns: ");
        _buffer.Put(Columns);
        _buffer.Put("\n"u8);
    }

    public long RecordCount { get; private set; }

    private Marks TimeMarks => _stamps.IsExact ? Marks.None
        : Marks.YearInferred | Marks.ZoneInferred;

    /// <summary>
    /// One recipient of a mail, or with <paramref name="recipient"/> null the mail as a whole.
    /// </summary>
    public void Mail(Hop hop, Recipient? recipient, string status, long finalMicros, Marks marks)
    {
        Origin origin = hop.Origin;
        string kind = Direction(origin.IsFromUs, recipient is { } && recipient.IsToUs);
        Begin(kind, origin.TimeMicros, finalMicros, status);
        Dsn(recipient?.Dsn ?? 0);
        int attempts = recipient?.Attempts ?? 0;
        _buffer.Put($"-\t{attempts}\t{Math.Clamp(attempts - 1, 0, RetriesMax)}\t");
        Text(hop.LoggedSender);
        Text(recipient?.To ?? default);
        Text(recipient?.TrueOrigTo ?? default);
        Text(origin.Sasl);
        Number(origin.Uid);
        Ip(origin.ClientIp);
        if (recipient is null)
        {
            _buffer.Put("-"u8);
        }
        else
        {
            recipient.Relay.WriteTo(_buffer);
        }
        _buffer.Put("\t"u8);
        Number(hop.IsQueued ? hop.SizeBytes : -1);
        if (hop.LoggedMessageId.Style == MessageIdStyle.None)
        {
            _buffer.Put("-"u8);
        }
        else
        {
            hop.LoggedMessageId.WriteTo(_buffer);
        }
        _buffer.Put($"\t{hop.Id}\t");
        for (int i = 0; i < hop.Via.Length; i++)
        {
            _buffer.Put(i > 0 ? " "u8 : ""u8);
            hop.Via[i].WriteTo(_buffer);
        }
        _buffer.Put(hop.Via.Length == 0 ? "-\t"u8 : "\t"u8);
        _buffer.Put($"{hop.Node.TruthName}\t-\t");
        End(marks | hop.Marks | (origin.Uid >= 0 ? Marks.LocalSubmission : Marks.None));
    }

    /// <summary>A session; <paramref name="logoutMicros"/> 0 when it has not ended.</summary>
    public void Access(
        Node node, string protocol, long loginMicros, long logoutMicros, Address mailbox, Ip ip,
            Marks marks)
    {
        Begin("access", loginMicros, logoutMicros, logoutMicros == 0 ? "login" : "session");
        _buffer.Put("-\t-\t-\t-\t-\t"u8);
        Text(mailbox);
        _buffer.Put("-\t-\t-\t"u8);
        Ip(ip);
        _buffer.Put($"-\t-\t-\t-\t-\t{node.LogName}\t{protocol}\t");
        End(marks);
    }

    /// <summary>
    /// A refused attempt; <paramref name="dsn"/> and <paramref name="reply"/> 0 when absent.
    /// </summary>
    public void Rejected(
        Node node, long now, int dsn, int reply, Address sender, Address recipient, Ip ip,
            QueueId id)
    {
        Begin("rejected", now, 0, "rejected");
        Dsn(dsn);
        Number(reply == 0 ? -1 : reply);
        _buffer.Put("-\t-\t"u8);
        Text(sender);
        Text(recipient);
        _buffer.Put("-\t-\t-\t"u8);
        Ip(ip);
        _buffer.Put("-\t-\t-\t"u8);
        if (id.IsNone)
        {
            _buffer.Put("-"u8);
        }
        else
        {
            id.WriteTo(_buffer);
        }
        _buffer.Put($"\t-\t{node.TruthName}\t-\t");
        End(Marks.None);
    }

    public void Dispose()
    {
        Flush();
        _stream?.Dispose();
    }

    private static string Direction(bool fromUs, bool toUs) =>
        fromUs ? (toUs ? "internal" : "sent") : (toUs ? "received" : "relayed");

    private void Begin(string kind, long timeMicros, long finalMicros, string status)
    {
        bool hasFinal = finalMicros != 0;
        _buffer.Put($"{kind}\t{_stamps.AsLogged(timeMicros)}\t");
        Number(hasFinal ? _stamps.AsLogged(finalMicros) : -1);
        _buffer.Put($"{_stamps.LoggedOffsetMinutes(timeMicros)}\t");
        if (hasFinal)
        {
            _buffer.Put($"{_stamps.LoggedOffsetMinutes(finalMicros)}\t{status}\t");
        }
        else
        {
            _buffer.Put($"-\t{status}\t");
        }
    }

    private void End(Marks marks)
    {
        marks |= TimeMarks;
        bool any = false;
        for (int bit = 0; bit < s_markNames.Length; bit++)
        {
            if (((int)marks & (1 << bit)) != 0)
            {
                _buffer.Put(any ? "," : "");
                _buffer.Put(s_markNames[bit]);
                any = true;
            }
        }
        _buffer.Put(any ? "\n"u8 : "-\n"u8);
        RecordCount++;
        if (_buffer.Length >= FlushBytes)
        {
            Flush();
        }
    }

    private void Flush()
    {
        _stream?.Write(_buffer.Written);
        _buffer.Clear();
    }

    private void Text(Address address)
    {
        if (address.Kind == AddressKind.Null)
        {
            _buffer.Put("\"\""u8);
        }
        else if (address.IsNone)
        {
            _buffer.Put("-"u8);
        }
        else
        {
            address.WriteTo(_buffer);
        }
        _buffer.Put("\t"u8);
    }

    private void Number(long value)
    {
        if (value < 0)
        {
            _buffer.Put("-\t"u8);
        }
        else
        {
            _buffer.Put($"{value}\t");
        }
    }

    private void Ip(Ip ip)
    {
        if (ip.IsNone)
        {
            _buffer.Put("-\t"u8);
        }
        else
        {
            _buffer.Put($"{ip}\t");
        }
    }

    private void Dsn(int dsn)
    {
        if (dsn == 0)
        {
            _buffer.Put("-\t"u8);
        }
        else
        {
            _buffer.Put($"{new DsnText(dsn)}\t");
        }
    }
}
