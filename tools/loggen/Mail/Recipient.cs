using LogGen.Text;

namespace LogGen.Mail;

/// <summary>An enhanced status code (RFC 3463) in one number: class, subject, detail.</summary>
internal readonly record struct DsnText(int Code) : IText
{
    public void WriteTo(ByteWriter writer) =>
        writer.Put($"{Code / 10_000}.{Code / 100 % 100}.{Code % 100}");
}

internal enum Status : byte
{
    None,
    Sent,
    Deferred,
    Bounced,

    /// <summary>Said by the queue manager for all that are deferred.</summary>
    Expired,
}

internal enum Agent : byte
{
    Smtp,
    Lmtp,
    Local,
    Virtual,
    Pipe,
    Error,
    Retry,
}

/// <summary>What is in store for a recipient, known when the mail is made.</summary>
internal enum Fate : byte
{
    Deliver,
    Bounce,
    Forward,
}

/// <summary>Where a mail came from; shared by all hops of one chain.</summary>
internal sealed record Origin(long TimeMicros, Address Sasl, int Uid, Client Client, bool IsFromUs)
{
    public Ip ClientIp => Uid >= 0 ? default : Client.Ip;
}

/// <summary>
/// One recipient in one queue file: what will happen, and what the log has said so far.
/// </summary>
internal sealed class Recipient
{
    public required Address To { get; init; }

    /// <summary>Written as <c>orig_to=</c>, unless none.</summary>
    public Address OrigTo { get; init; }

    /// <summary>As addressed, known from this hop or an earlier one.</summary>
    public Address TrueOrigTo { get; init; }

    /// <summary>
    /// The address the next hop will give to it where this hop does not expand aliases.
    /// </summary>
    public Address Expansion { get; init; }

    public Fate Fate { get; init; }

    /// <summary>Why it fails, as long as it fails.</summary>
    public int Trouble { get; init; }

    /// <summary>Temporary failures still to come.</summary>
    public int FailuresLeft { get; set; }

    public Status Status { get; private set; }

    public int Dsn { get; private set; }

    public int Attempts { get; private set; }

    public long FinalMicros { get; private set; }

    public Relay Relay { get; private set; }

    public bool IsToUs { get; private set; }

    /// <summary>The next hop gives the record.</summary>
    public bool IsHandedOn { get; set; }

    /// <summary>The mail that local(8) has made for it.</summary>
    public Hop? ForwardedTo { get; set; }

    public bool IsPending => Status is Status.None or Status.Deferred;

    /// <summary>A status line has been written.</summary>
    public void Log(Status status, int dsn, Relay relay, Agent agent, long now)
    {
        Status = status;
        Dsn = dsn;
        Relay = relay;
        Attempts++;
        FinalMicros = now;
        IsToUs = To.IsLocal || agent is Agent.Lmtp or Agent.Local or Agent.Virtual or Agent.Pipe;
    }

    public void Expire(long now)
    {
        Status = Status.Expired;
        FinalMicros = now;
    }

    /// <summary>The same recipient in the queue file of the next hop.</summary>
    public Recipient Continue(Address to, Address shownOrigTo, Address trueOrigTo) => new()
    {
        To = to,
        OrigTo = shownOrigTo,
        TrueOrigTo = trueOrigTo,
        Fate = Fate,
        Trouble = Trouble,
        FailuresLeft = FailuresLeft,
    };
}
