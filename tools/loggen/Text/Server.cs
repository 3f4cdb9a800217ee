namespace LogGen.Text;

/// <summary>A mail server elsewhere: host <c>Which</c> of a domain, receiving or sending.</summary>
internal readonly record struct Server(int Domain, int Which, bool Sends) : IText
{
    // A third of the small domains let one of a few hosting companies carry their mail.
    private const int HosterCount = 40;

    public Ip Ip => Ip.Server(Rng.Mix(Operator * 8L + Which, Sends ? 1 : 2));

    private bool IsHosted => Domain >= Names.ProviderCount && Domain % 3 == 0;

    private int Operator => IsHosted ? 1_000_000 + Domain % HosterCount : Domain;

    public void WriteTo(ByteWriter writer)
    {
        if (IsHosted)
        {
            writer.Put($"{(Sends ? "smtp" : "mx")}{Which}.hosting"
                + $"{Domain % HosterCount}.example.net");
            return;
        }
        writer.Put(Sends ? "out" : "mx");
        writer.Put(Which);
        writer.Put("."u8);
        Names.WriteDomain(writer, Domain);
    }
}

/// <summary>
/// What smtpd calls its client: <c>name[address]</c>, name <c>unknown</c> without a PTR record.
/// </summary>
internal readonly record struct Client(ClientKind Kind, int Index, Server Server, Ip Ip) : IText
{
    public void WriteTo(ByteWriter writer)
    {
        WriteName(writer);
        writer.Put("["u8);
        Ip.WriteTo(writer);
        writer.Put("]"u8);
    }

    public void WriteName(ByteWriter writer)
    {
        switch (Kind)
        {
            case ClientKind.Server:
                Server.WriteTo(writer);
                break;
            case ClientKind.Device:
                writer.Put("dyn-"u8);
                writer.Hex(Ip.Low & 0xFFFFFF, 6, upper: false);
                writer.Put($".{(Index % 3) switch { 0 => "dsl", 1 => "cable", _ => "mobile" }}.");
                Names.WriteDomain(writer, Names.ProviderCount + Index % 20);
                break;
            case ClientKind.Lan:
                writer.Put($"host{(long)(Ip.Low & 0xFFFF)}.lan.example.org");
                break;
            case ClientKind.Loopback:
                writer.Put("localhost"u8);
                break;
            default:
                writer.Put("unknown"u8);
                break;
        }
    }
}

internal enum ClientKind : byte
{
    Unknown,
    Server,
    Device,
    Lan,
    Loopback,
}

internal enum RelayKind : byte
{
    None,
    Local,
    Virtual,
    Pipe,
    LmtpSocket,
    LmtpTcp,
    Filter,
    Mx,
}

/// <summary>The value of <c>relay=</c>.</summary>
internal readonly record struct Relay(RelayKind Kind, int Index = 0, Server Server = default)
    : IText
{
    public void WriteTo(ByteWriter writer)
    {
        switch (Kind)
        {
            case RelayKind.Local:
                writer.Put("local"u8);
                break;
            case RelayKind.Virtual:
                writer.Put("virtual"u8);
                break;
            case RelayKind.Pipe:
                writer.Put("dovecot"u8);
                break;
            case RelayKind.LmtpSocket:
                Topology.WriteHostName(writer, Index);
                writer.Put("[private/dovecot-lmtp]"u8);
                break;
            case RelayKind.LmtpTcp:
                writer.Put($"10.0.3.{Index + 20}[10.0.3.{Index + 20}]:24");
                break;
            case RelayKind.Filter:
                writer.Put("127.0.0.1[127.0.0.1]:10024"u8);
                break;
            case RelayKind.Mx:
                writer.Put($"{Server}[{Server.Ip}]:25");
                break;
            default:
                writer.Put("none"u8);
                break;
        }
    }
}
