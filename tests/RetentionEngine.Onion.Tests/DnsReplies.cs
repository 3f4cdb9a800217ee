using System.Text;
using RetentionEngine.Onion.Dns;

namespace RetentionEngine.Onion.Tests;

/// <summary>Writes replies as a resolver would; shares nothing with the reader.</summary>
internal static class DnsReplies
{
    public static byte[] Srv(
        ushort id, string name, bool isAuthentic,
        params (int Priority, int Weight, int Port, string Target)[] records)
    {
        List<byte> bytes = Head(id, name, 33, isAuthentic, 0, records.Length, 0);
        foreach ((int priority, int weight, int port, string target) in records)
        {
            byte[] host = Name(target);
            bytes.AddRange([0xC0, 12, 0, 33, 0, 1, 0, 0, 1, 44]);
            Two(bytes, 6 + host.Length);
            Two(bytes, priority);
            Two(bytes, weight);
            Two(bytes, port);
            bytes.AddRange(host);
        }
        return [.. bytes];
    }

    public static byte[] Txt(ushort id, string name, bool isAuthentic, params string[] texts)
    {
        List<byte> bytes = Head(id, name, 16, isAuthentic, 0, texts.Length, 0);
        foreach (string text in texts)
        {
            bytes.AddRange([0xC0, 12, 0, 16, 0, 1, 0, 0, 1, 44]);
            Two(bytes, 1 + text.Length);
            bytes.Add((byte)text.Length);
            bytes.AddRange(Encoding.ASCII.GetBytes(text));
        }
        return [.. bytes];
    }

    /// <summary>No record: NXDOMAIN, SERVFAIL or NODATA, by its code.</summary>
    public static byte[] Empty(ushort id, string name, ushort type, bool isAuthentic, int code) =>
        [.. Head(id, name, type, isAuthentic, code, 0, 0)];

    /// <summary>What a query asks for.</summary>
    public static (ushort Id, string Name, ushort Type) Question(byte[] query)
    {
        string name = DnsMessage.QueryName(query)!;
        return ((ushort)((query[0] << 8) | query[1]), name,
            (ushort)((query[^4] << 8) | query[^3]));
    }

    private static List<byte> Head(
        ushort id, string name, ushort type, bool isAuthentic, int code, int answers, int authority)
    {
        var bytes = new List<byte>();
        Two(bytes, id);
        bytes.AddRange([0x81, (byte)(0x80 | (isAuthentic ? 0x20 : 0) | code), 0, 1]);
        Two(bytes, answers);
        Two(bytes, authority);
        Two(bytes, 0);
        bytes.AddRange(Name(name));
        Two(bytes, type);
        Two(bytes, 1);
        return bytes;
    }

    private static byte[] Name(string name)
    {
        var bytes = new List<byte>();
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.ASCII.GetBytes(label));
        }
        return [.. bytes, 0];
    }

    private static void Two(List<byte> bytes, int value) =>
        bytes.AddRange([(byte)(value >> 8), (byte)value]);
}
