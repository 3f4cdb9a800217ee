using System.Text;

namespace RetentionEngine.Tests.Differential;

/// <summary>Makes hostile lines out of the corpus: flips, cuts, insertions, swapped fields.</summary>
internal static class Mutator
{
    private static readonly string[] s_insertions =
    [
        ">, ", "> ", ">", "<", " (", ")", ", ", " ", ": ", "; ", "]", "[", "]: ", "]:25", "[192.0.2.66]",
        "status=", ", status=sent (", ", status=bounced", "from=<", "; from=<", "to=<", "> to=<", ", to=<",
        ", orig_to=<", ">, orig_to=<", ">, relay=", ", relay=none", ", delay=1", ", dsn=5.1.1", "dsn=",
        "queued as ", "queued as 7A1F03E29)", "forwarded as 7A1F03E29)", "removed", "proto=ESMTP",
        "> proto=", " helo=<x>", "NOQUEUE", "reject: ", "client=", ", sasl_username=", ", sasl_sender=",
        ", orig_queue_id=", ", orig_client=", "message-id=<", ", size=1", ", nrcpt=1 (queue active)",
        "user=<", ">, rip=", ", rip=192.0.2.66", ", session=<", ", TLS", ", mpid=7", ", ip=[", ", port=[",
        ", time=1", "::ffff:", "\0", "\"", "\\", "@", "\u00FF", "\r", "#012", "  ", "-", "0", "z", "7A1F03E29",
    ];

    /// <summary>A log of mutated lines; the same seed gives the same log.</summary>
    public static byte[] Mutate(string[] files, int seed, int lineCount)
    {
        var random = new Random(seed);
        string[] lines = [.. files.SelectMany(f => Encoding.Latin1.GetString(File.ReadAllBytes(f))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries))];
        var log = new StringBuilder();
        for (int i = 0; i < lineCount; i++)
        {
            string line = lines[random.Next(lines.Length)];
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                line = Mutate(line, lines, random);
            }
            log.Append(line.Replace('\n', ' ')).Append('\n');
        }
        return Encoding.Latin1.GetBytes(log.ToString());
    }

    private static string Mutate(string line, string[] lines, Random random)
    {
        // Half of the changes hit the message: the prefix is short and would shield it.
        int start = random.Next(2) == 0 ? Math.Max(0, line.IndexOf("]: ", StringComparison.Ordinal)) : 0;
        int at = random.Next(start, line.Length + 1);
        int length = Math.Min(random.Next(1, 12), line.Length - at);
        switch (random.Next(7))
        {
            case 0:
                return at == line.Length
                    ? line : line[..at] + (char)(line[at] ^ (1 << random.Next(8))) + line[(at + 1)..];
            case 1:
                return line.Remove(at, length);
            case 2:
                return line.Insert(at, line.Substring(at, length));
            case 3:
                string other = lines[random.Next(lines.Length)];
                return line[..at] + other[random.Next(other.Length)..];
            case 4:
                return SwapFields(line, random);
            default:
                return line.Insert(at, s_insertions[random.Next(s_insertions.Length)]);
        }
    }

    private static string SwapFields(string line, Random random)
    {
        string[] fields = line.Split(", ");
        int a = random.Next(fields.Length);
        int b = random.Next(fields.Length);
        (fields[a], fields[b]) = (fields[b], fields[a]);
        return string.Join(", ", fields);
    }
}
