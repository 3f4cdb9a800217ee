using System.Globalization;
using System.Text;

namespace RetentionEngine.Onion.Lookup;

/// <summary>How far the head of a buffer could be read.</summary>
internal enum Framing
{
    Complete,
    NeedMore,

    /// <summary>The peer does not speak the protocol: the connection ends.</summary>
    Invalid,
}

/// <summary>One request at the head of a buffer.</summary>
/// <param name="Map">Name of the map, in socketmap; empty in tcp_table.</param>
/// <param name="Key">The key, decoded; null if the request is well framed but makes no sense.
/// </param>
/// <param name="Length">Bytes of the buffer it takes.</param>
internal readonly record struct MapRequest(string Map, string? Key, int Length);

/// <summary>A table protocol of Postfix: how requests are cut and answers written.</summary>
internal interface IMapProtocol
{
    /// <summary>Longest request in bytes, framing included; buffers are of this size.</summary>
    static abstract int RequestMax { get; }

    static abstract Framing Read(ReadOnlySpan<byte> buffer, out MapRequest request);

    /// <summary>Appends an answer; null stands for a request that makes no sense.</summary>
    static abstract void Write(Answer? answer, List<byte> target);
}

/// <summary>
/// socketmap_table(5): netstrings "map key" in, "OK value", "NOTFOUND ", "TEMP why" or "PERM why"
/// out.
/// </summary>
internal readonly struct Socketmap : IMapProtocol
{
    // socketmap_table(5): no reply or request is longer than 100,000 bytes by default in Postfix;
    // addresses are far shorter, so a request of more than 10,000 is no address.
    private const int PayloadMax = 10_000;
    private const int DigitsMax = 5;

    public static int RequestMax => PayloadMax + DigitsMax + 2;

    public static Framing Read(ReadOnlySpan<byte> buffer, out MapRequest request)
    {
        request = default;
        int length = 0;
        int at = 0;
        while (at < buffer.Length && buffer[at] is >= (byte)'0' and <= (byte)'9')
        {
            // A leading zero has no other digit after it.
            if (at == DigitsMax || (at == 1 && buffer[0] == '0'))
            {
                return Framing.Invalid;
            }
            length = (length * 10) + (buffer[at++] - '0');
        }
        if (at == buffer.Length)
        {
            return at > DigitsMax ? Framing.Invalid : Framing.NeedMore;
        }
        if (buffer[at] != ':' || at == 0 || length > PayloadMax)
        {
            return Framing.Invalid;
        }
        int start = at + 1;
        if (buffer.Length < start + length + 1)
        {
            return Framing.NeedMore;
        }
        if (buffer[start + length] != ',')
        {
            return Framing.Invalid;
        }
        ReadOnlySpan<byte> payload = buffer.Slice(start, length);
        int blank = payload.IndexOf((byte)' ');
        string? key = blank < 0 ? null : Keys.Decode(payload[(blank + 1)..]);
        string map = blank < 0 ? "" : Encoding.Latin1.GetString(payload[..blank]);
        request = new MapRequest(map, key, start + length + 1);
        return Framing.Complete;
    }

    public static void Write(Answer? answer, List<byte> target)
    {
        string text = answer switch
        {
            null => "PERM request without a key",
            { Kind: AnswerKind.Found } => "OK " + answer.Text,
            { Kind: AnswerKind.NotFound } => "NOTFOUND ",
            _ => "TEMP " + answer.Text,
        };
        target.AddRange(Encoding.ASCII.GetBytes(FormattableString.Invariant(
            $"{text.Length}:{text},")));
    }
}

/// <summary>tcp_table(5): "get key" lines in, "200 value", "500 why" or "400 why" lines out.
/// </summary>
internal readonly struct TcpTable : IMapProtocol
{
    // tcp_table(5): neither request nor reply may be longer than 4096 bytes, the line end included.
    private const int LineMax = 4096;

    public static int RequestMax => LineMax;

    public static Framing Read(ReadOnlySpan<byte> buffer, out MapRequest request)
    {
        request = default;
        int end = buffer.IndexOf((byte)'\n');
        if (end < 0)
        {
            return buffer.Length >= LineMax ? Framing.Invalid : Framing.NeedMore;
        }
        ReadOnlySpan<byte> line = buffer[..end];
        string? key = line.StartsWith("get "u8) ? Unescape(line[4..]) : null;
        request = new MapRequest("", key, end + 1);
        return Framing.Complete;
    }

    public static void Write(Answer? answer, List<byte> target)
    {
        (string code, string text) = answer switch
        {
            null => ("400", "bad request"),
            { Kind: AnswerKind.Found } => ("200", answer.Text),
            { Kind: AnswerKind.NotFound } => ("500", "not found"),
            _ => ("400", answer.Text),
        };
        target.AddRange(Encoding.ASCII.GetBytes(code));
        target.Add((byte)' ');
        foreach (byte value in Encoding.ASCII.GetBytes(text))
        {
            if (value is > 32 and < 127 and not (byte)'%')
            {
                target.Add(value);
                continue;
            }
            target.AddRange(Encoding.ASCII.GetBytes(FormattableString.Invariant($"%{value:X2}")));
        }
        target.Add((byte)'\n');
    }

    private static string? Unescape(ReadOnlySpan<byte> text)
    {
        Span<byte> bytes = stackalloc byte[LineMax];
        int count = 0;
        for (int at = 0; at < text.Length; at++)
        {
            byte value = text[at];
            if (value == '%')
            {
                if (at + 2 >= text.Length
                    || !char.IsAsciiHexDigit((char)text[at + 1])
                    || !char.IsAsciiHexDigit((char)text[at + 2]))
                {
                    return null;
                }
                value = byte.Parse(
                    text.Slice(at + 1, 2), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture);
                at += 2;
            }
            bytes[count++] = value;
        }
        return Keys.Decode(bytes[..count]);
    }
}

/// <summary>Bytes of a key into text.</summary>
internal static class Keys
{
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The text; null for what is no address: empty, no UTF-8, with controls.</summary>
    public static string? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return null;
        }
        try
        {
            string text = s_utf8.GetString(bytes);
            foreach (char c in text)
            {
                if (char.IsControl(c))
                {
                    return null;
                }
            }
            return text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
