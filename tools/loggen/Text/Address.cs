namespace LogGen.Text;

internal enum AddressKind : byte
{
    None,

    /// <summary>The null sender.</summary>
    Null,

    /// <summary>Index: a mailbox of ours.</summary>
    Mailbox,

    /// <summary>Index: a mailbox of ours, written without its domain.</summary>
    BareMailbox,

    /// <summary>Index: a mailbox of ours; Detail: which plus-detail.</summary>
    Plus,

    /// <summary>Index: a role address of ours, expanded to a mailbox.</summary>
    Alias,

    /// <summary>Index: a name that no mailbox has.</summary>
    Unknown,

    /// <summary>Index: somebody elsewhere.</summary>
    Peer,

    /// <summary>Index: peer whose domain sends; Detail: mailbox the mail went to.</summary>
    Verp,

    /// <summary>Index: peer rewritten by the forwarder; Detail: its hash.</summary>
    Srs,

    /// <summary>Index: peer; local part with a space, in quotes.</summary>
    Quoted,

    /// <summary>Index: Unix account; Detail: host.</summary>
    System,

    /// <summary>Index: Unix account, bare.</summary>
    BareSystem,

    /// <summary>Sender of a notice to the postmaster; Detail: host.</summary>
    DoubleBounce,

    /// <summary>The always_bcc mailbox.</summary>
    Archive,
}

/// <summary>
/// An address by number; equal values have equal texts and different values different ones.
/// </summary>
internal readonly record struct Address(AddressKind Kind, int Index = 0, int Detail = 0) : IText
{
    private const int TailDomainCount = 60_000;

    public static readonly Address Null = new(AddressKind.Null);

    public static readonly string[] Accounts = ["root", "www-data", "list", "backup", "monitor"];

    private static readonly string[] s_details = ["shop", "news", "bank", "github", "lists",
        "spam"];

    public bool IsNone => Kind == AddressKind.None;

    /// <summary>Whether its domain is one of ours.</summary>
    public bool IsLocal => Kind is AddressKind.Mailbox or AddressKind.Plus or AddressKind.Alias
        or AddressKind.Unknown or AddressKind.Archive;

    /// <summary>Domain of a peer: large providers hold a bit more than half of them.</summary>
    public int Domain
    {
        get
        {
            ulong hash = Rng.Mix((ulong)Index * 2 + 1);
            double unit = (hash >> 40) * (1.0 / (1 << 24));
            return hash % 100 < 55
                ? (int)(unit * unit * Names.ProviderCount)
                : Names.ProviderCount + (int)Math.Pow(TailDomainCount, unit) - 1;
        }
    }

    public void WriteTo(ByteWriter writer)
    {
        switch (Kind)
        {
            case AddressKind.Mailbox:
                WritePerson(writer, Index);
                WriteLocalDomain(writer);
                break;
            case AddressKind.BareMailbox:
                WritePerson(writer, Index);
                break;
            case AddressKind.Plus:
                WritePerson(writer, Index);
                writer.Put($"+{s_details[Detail % s_details.Length]}");
                WriteLocalDomain(writer);
                break;
            case AddressKind.Alias:
                writer.Put(Names.Role[Index % Names.Role.Length]);
                if (Index >= Names.Role.Length)
                {
                    writer.Put($"-{Index / Names.Role.Length}");
                }
                WriteLocalDomain(writer);
                break;
            case AddressKind.Unknown:
                writer.Put($"{Names.Last[Index % Names.Last.Length]}"
                    + $"{Names.First[Index % Names.First.Length]}.{Index}");
                WriteLocalDomain(writer);
                break;
            case AddressKind.System:
                writer.Put($"{Accounts[Index]}@");
                Topology.WriteHostName(writer, Detail);
                break;
            case AddressKind.BareSystem:
                writer.Put(Accounts[Index]);
                break;
            case AddressKind.DoubleBounce:
                writer.Put("double-bounce@"u8);
                Topology.WriteHostName(writer, Detail);
                break;
            case AddressKind.Archive:
                writer.Put("archive@example.org"u8);
                break;
            case AddressKind.None or AddressKind.Null:
                break;
            default:
                WriteForeign(writer);
                break;
        }
    }

    private void WriteForeign(ByteWriter writer)
    {
        switch (Kind)
        {
            case AddressKind.Verp:
                writer.Put($"bounce-{Index % 9973}-");
                WritePerson(writer, Detail);
                writer.Put("=example.org@news."u8);
                break;
            case AddressKind.Srs:
                writer.Put("SRS0="u8);
                writer.Scrambled(Rng.Mix(Index, Detail), 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"u8);
                writer.Put("="u8);
                writer.Scrambled((ulong)Detail, 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"u8);
                writer.Put("="u8);
                Names.WriteDomain(writer, Domain);
                writer.Put("="u8);
                WritePerson(writer, Index);
                writer.Put("@fwd."u8);
                break;
            case AddressKind.Quoted:
                writer.Put("\""u8);
                writer.Put(Names.First[Index % Names.First.Length]);
                writer.Put($" {Names.Last[Index % Names.Last.Length]} {Index}\"@");
                break;
            default:
                WritePerson(writer, Index);
                writer.Put("@"u8);
                break;
        }
        Names.WriteDomain(writer, Domain);
    }

    // Three habits of naming; the number at the end keeps texts distinct within each.
    private static void WritePerson(ByteWriter writer, int index)
    {
        byte[] first = Names.First[index % Names.First.Length];
        byte[] last = Names.Last[index / Names.First.Length % Names.Last.Length];
        int round = index / (Names.First.Length * Names.Last.Length);
        switch (Rng.Mix((ulong)index) & 7)
        {
            case 0 or 1:
                writer.Put(first);
                writer.Put(index);
                break;
            case 2:
                writer.Put(first[0]);
                writer.Put(last);
                writer.Put(index);
                break;
            default:
                writer.Put(first);
                writer.Put("."u8);
                writer.Put(last);
                if (round > 0)
                {
                    writer.Put(round);
                }
                break;
        }
    }

    private void WriteLocalDomain(ByteWriter writer)
    {
        ulong hash = Rng.Mix((ulong)Index + 0xD0) & 15;
        int domain = hash switch { < 8 => 0, < 12 => 1, 12 => 2, 13 => 3, _ => 4 };
        writer.Put("@"u8);
        writer.Put(Names.LocalDomain[domain]);
    }
}
