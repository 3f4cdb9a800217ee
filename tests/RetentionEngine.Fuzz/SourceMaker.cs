using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace RetentionEngine.Fuzz;

/// <summary>Wraps lines in each of the forms that a source may have, and damages them.</summary>
internal static class SourceMaker
{
    private const string Stamp = "2025-07-04T07:05:01.1Z";

    private static readonly Func<string, byte[]>[] s_forms =
    [
        line => Bytes(line + "\n"),
        line => Bytes(line + "\r\n"),
        line => Bytes($"{{\"__REALTIME_TIMESTAMP\":\"1751612701123456\",\"_HOSTNAME\":\"mx1\","
            + $"\"SYSLOG_IDENTIFIER\":{Json(Tag(line))},\"_PID\":\"811\",\"MESSAGE\":{Json(Text(line))}}}\n"),
        line => Bytes($"{{\"MESSAGE\":[{string.Join(',', Bytes(Text(line)).Select(b => (int)b))}],"
            + $"\"SYSLOG_IDENTIFIER\":{Json(Tag(line))},\"__REALTIME_TIMESTAMP\":\"1751612701123456\"}}\n"),
        line => Bytes("__CURSOR=x\n__REALTIME_TIMESTAMP=1751612701123456\n_HOSTNAME=mx1\n"
            + $"SYSLOG_IDENTIFIER={Tag(line)}\n_PID=811\nMESSAGE={Text(line)}\n\n"),
        Binary,
        line => Bytes($"{{\"log\":{Json(line + "\n")},\"stream\":\"stdout\",\"time\":\"{Stamp}\"}}\n"),
        line => Bytes($"{{\"log\":{Json(Half(line, 0))},\"stream\":\"stdout\",\"time\":\"{Stamp}\"}}\n"
            + $"{{\"log\":{Json(Half(line, 1) + "\n")},\"stream\":\"stdout\",\"time\":\"{Stamp}\"}}\n"),
        line => Bytes($"{Stamp} stdout F {line}\n"),
        line => Bytes($"{Stamp} stdout P {Half(line, 0)}\n{Stamp} stdout F {Half(line, 1)}\n"),
        line => Bytes($"postfix_1  | {line}\n"),
        line => Bytes($"\"{line.Replace("\"", "\"\"", StringComparison.Ordinal)}\",,,\n"),
        line => Bytes($"{line},,,,\n"),
    ];

    /// <summary>A source of a few lines in one form, in half of the cases damaged.</summary>
    /// <param name="lines">To choose from; Latin-1, so that every byte survives.</param>
    /// <param name="random">Decides everything.</param>
    public static byte[] Make(string[] lines, Random random)
    {
        Func<string, byte[]> form = s_forms[random.Next(s_forms.Length)];
        var source = new MemoryStream();
        for (int count = random.Next(1, 8); count > 0; count--)
        {
            source.Write(form(lines[random.Next(lines.Length)]));
        }
        byte[] bytes = source.ToArray();
        for (int count = random.Next(2) * random.Next(1, 6); count > 0; count--)
        {
            bytes[random.Next(bytes.Length)] = random.Next(3) == 0
                ? (byte)random.Next(256) : bytes[random.Next(bytes.Length)];
        }
        return random.Next(8) == 0 ? bytes[..random.Next(1, bytes.Length + 1)] : bytes;
    }

    private static byte[] Binary(string line)
    {
        byte[] text = Bytes(Text(line) + "\n");
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. Bytes("__REALTIME_TIMESTAMP=1751612701123456\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER="
            + Tag(line) + "\nMESSAGE\n"), .. length, .. text, (byte)'\n', (byte)'\n'];
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static string Json(string text) => JsonSerializer.Serialize(text);

    private static string Half(string line, int index) =>
        index == 0 ? line[..(line.Length / 2)] : line[(line.Length / 2)..];

    private static string Tag(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string tag = Array.Find(words, w => w.EndsWith(':')) ?? "postfix/smtpd:";
        return tag.Split('[')[0].TrimEnd(':');
    }

    private static string Text(string line)
    {
        int colon = line.IndexOf("]: ", StringComparison.Ordinal);
        return colon < 0 ? line : line[(colon + 3)..];
    }
}
