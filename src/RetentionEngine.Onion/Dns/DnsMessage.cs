using System.Buffers.Binary;
using System.Text;

namespace RetentionEngine.Onion.Dns;

/// <summary>A record of the kinds that are asked for.</summary>
/// <param name="Ttl">Seconds.</param>
/// <param name="Target">SRV: the host, without a final dot, "" for the root. TXT: the text.</param>
internal sealed record DnsRecord(
    ushort Type, uint Ttl, ushort Priority, ushort Weight, ushort Port, string Target);

/// <summary>What a resolver replied.</summary>
/// <param name="Code">0 no error, 2 server failure, 3 no such name, 5 refused.</param>
/// <param name="IsAuthentic">The AD bit: whoever set it has checked the signatures.</param>
/// <param name="NegativeTtl">Of the SOA in the authority section, seconds; null without one.
/// </param>
internal sealed record DnsReply(
    int Code, bool IsAuthentic, IReadOnlyList<DnsRecord> Answers, uint? NegativeTtl);

/// <summary>The part of DNS's wire format (RFC 1035 §4, RFC 2782) that discovery needs.</summary>
/// <remarks>
/// A reply comes from strangers. Every read is checked against the end; a compression pointer may
/// only point before the place where its name began, so reading ends; names, records and texts
/// are bounded. What is odd in any way is no reply: that defers mail, and nothing else.
/// </remarks>
internal static class DnsMessage
{
    public const ushort Soa = 6;
    public const ushort Txt = 16;
    public const ushort Srv = 33;
    public const int Refused = 5;
    public const int NoSuchName = 3;

    /// <summary>Longest message taken, in bytes: a signed SRV answer has less than 2 KiB.</summary>
    public const int LengthMax = 16 * 1024;

    private const ushort Cname = 5;
    private const ushort Internet = 1;
    private const int HeaderBytes = 12;
    private const int NameMax = 255;
    private const int RecordsMax = 128;
    private const int AliasesMax = 8;
    private const int TextMax = 1024;

    /// <summary>Writes a query that wants recursion and a checked answer.</summary>
    /// <param name="name">ASCII, labels of at most 63 letters; "" for the root.</param>
    public static byte[] Query(ushort id, string name, ushort type)
    {
        var bytes = new List<byte>(name.Length + 18);
        bytes.AddRange([(byte)(id >> 8), (byte)id]);
        // RD, and AD: RFC 6840 §5.7 lets a query ask so for the AD bit without all signatures.
        bytes.AddRange([0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 0]);
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.ASCII.GetBytes(label));
        }
        bytes.AddRange([0, (byte)(type >> 8), (byte)type, 0, (byte)Internet]);
        return [.. bytes];
    }

    /// <summary>Reads the name that a query asks for; null if it is no query of one name.</summary>
    public static string? QueryName(ReadOnlySpan<byte> message)
    {
        if (message.Length < HeaderBytes || (message[2] & 0xF8) != 0 || U16(message, 4) != 1)
        {
            return null;
        }
        int at = HeaderBytes;
        return TryName(message, ref at, out string name) && at + 4 <= message.Length ? name : null;
    }

    /// <summary>The reply that refuses a query.</summary>
    public static byte[] Refuse(ReadOnlySpan<byte> query)
    {
        byte[] reply = query[..HeaderBytes].ToArray();
        reply[2] = (byte)(0x80 | (query[2] & 0x01));
        reply[3] = 0x80 | Refused;
        reply.AsSpan(4).Clear();
        return reply;
    }

    /// <summary>Reads the reply to a query of ours.</summary>
    /// <returns>Null if it is not that, or not well formed to its end.</returns>
    public static DnsReply? Read(ReadOnlySpan<byte> message, ushort id, string name, ushort type)
    {
        if (message.Length is < HeaderBytes or > LengthMax
            || U16(message, 0) != id
            || (message[2] & 0xFA) != 0x80
            || U16(message, 4) != 1)
        {
            // Not a reply, another's, cut short (TC), or with another number of questions.
            return null;
        }
        int at = HeaderBytes;
        if (!TryName(message, ref at, out string asked)
            || at + 4 > message.Length
            || !asked.Equals(name, StringComparison.OrdinalIgnoreCase)
            || U16(message, at) != type
            || U16(message, at + 2) != Internet)
        {
            return null;
        }
        at += 4;
        int answers = U16(message, 6);
        int authorities = U16(message, 8);
        int others = U16(message, 10);
        if (answers + authorities + others > RecordsMax)
        {
            return null;
        }
        var found = new List<DnsRecord>();
        uint? negative = null;
        string owner = name;
        int aliases = 0;
        for (int i = 0; i < answers + authorities + others; i++)
        {
            if (!TryHead(message, ref at, out RecordHead head))
            {
                return null;
            }
            if (i < answers)
            {
                if (!TryAnswer(message, head, type, ref owner, ref aliases, found))
                {
                    return null;
                }
            }
            else if (i < answers + authorities && head.Type == Soa && head.Length >= 20)
            {
                // RFC 2308 §5: the lesser of the record's TTL and its MINIMUM, its last field.
                uint minimum = BinaryPrimitives.ReadUInt32BigEndian(
                    message.Slice(head.DataOffset + head.Length - 4, 4));
                negative = Math.Min(minimum, head.Ttl);
            }
            at = head.DataOffset + head.Length;
        }
        return at == message.Length
            ? new DnsReply(message[3] & 0x0F, (message[3] & 0x20) != 0, found, negative)
            : null;
    }

    private readonly record struct RecordHead(
        string Owner, ushort Type, ushort Class, uint Ttl, int DataOffset, int Length);

    private static bool TryHead(ReadOnlySpan<byte> message, ref int at, out RecordHead head)
    {
        head = default;
        if (!TryName(message, ref at, out string owner) || at + 10 > message.Length)
        {
            return false;
        }
        int length = U16(message, at + 8);
        head = new RecordHead(
            owner, U16(message, at), U16(message, at + 2),
            BinaryPrimitives.ReadUInt32BigEndian(message[(at + 4)..]), at + 10, length);
        return at + 10 + length <= message.Length;
    }

    // Servers put an alias before what it stands for, so one pass follows the chain.
    private static bool TryAnswer(
        ReadOnlySpan<byte> message, RecordHead head, ushort type, ref string owner,
        ref int aliases, List<DnsRecord> found)
    {
        if (head.Class != Internet || !head.Owner.Equals(owner, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }
        int at = head.DataOffset;
        int end = head.DataOffset + head.Length;
        if (head.Type == Cname)
        {
            return ++aliases <= AliasesMax && TryName(message, ref at, out owner) && at == end;
        }
        if (head.Type != type)
        {
            return true;
        }
        if (type == Srv)
        {
            if (head.Length < 7)
            {
                return false;
            }
            at += 6;
            if (!TryName(message, ref at, out string host) || at != end)
            {
                return false;
            }
            found.Add(new DnsRecord(
                type, head.Ttl, U16(message, head.DataOffset), U16(message, head.DataOffset + 2),
                U16(message, head.DataOffset + 4), host));
        }
        else if (type == Txt)
        {
            if (!TryText(message[at..end], out string text))
            {
                return false;
            }
            found.Add(new DnsRecord(type, head.Ttl, 0, 0, 0, text));
        }
        return true;
    }

    private static bool TryText(ReadOnlySpan<byte> data, out string text)
    {
        var whole = new StringBuilder();
        text = "";
        while (!data.IsEmpty)
        {
            int length = data[0];
            if (1 + length > data.Length)
            {
                return false;
            }
            if (whole.Length + length <= TextMax)
            {
                whole.Append(Encoding.Latin1.GetString(data.Slice(1, length)));
            }
            data = data[(1 + length)..];
        }
        text = whole.ToString();
        return true;
    }

    private static bool TryName(ReadOnlySpan<byte> message, ref int at, out string name)
    {
        name = "";
        var text = new StringBuilder();
        int from = at;
        int lowest = at;
        bool hasJumped = false;
        int octets = 0;
        while (true)
        {
            if (from >= message.Length)
            {
                return false;
            }
            int length = message[from];
            if ((length & 0xC0) == 0xC0)
            {
                if (from + 2 > message.Length)
                {
                    return false;
                }
                int target = U16(message, from) & 0x3FFF;
                // Strictly backwards each time: it cannot go on for ever.
                if (target >= lowest)
                {
                    return false;
                }
                at = hasJumped ? at : from + 2;
                hasJumped = true;
                lowest = from = target;
                continue;
            }
            octets += length + 1;
            if (length > 63 || octets > NameMax || from + 1 + length > message.Length)
            {
                return false;
            }
            if (length == 0)
            {
                at = hasJumped ? at : from + 1;
                name = text.ToString();
                return true;
            }
            if (!AppendLabel(message.Slice(from + 1, length), text))
            {
                return false;
            }
            from += 1 + length;
        }
    }

    // A dot or a blank inside a label would make two different names look the same.
    private static bool AppendLabel(ReadOnlySpan<byte> label, StringBuilder text)
    {
        if (text.Length > 0)
        {
            text.Append('.');
        }
        foreach (byte value in label)
        {
            if (value is <= 32 or >= 127 or (byte)'.')
            {
                return false;
            }
            text.Append((char)value);
        }
        return true;
    }

    private static ushort U16(ReadOnlySpan<byte> message, int at) =>
        BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
}
