using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace RetentionEngine.Buckets;

/// <summary>What was destroyed, held or given up: lines only ever added, each chained to the last.</summary>
/// <remarks>
/// One JSON object a line; its last member <c>chain</c> is the SHA-256 of the chain before and of
/// the line up to it, so that no line can be altered or taken out of the middle unseen. Holds
/// counts, times and names of buckets; never an address.
/// </remarks>
internal static class Journal
{
    public const string FileName = "journal";

    private const int ChainLength = 32;
    private const int TailLength = 1 << 20;

    // How a line ends: the chain, in hexadecimal digits.
    private static ReadOnlySpan<byte> ChainStart => ",\"chain\":\""u8;

    private static ReadOnlySpan<byte> LineEnd => "\"}\n"u8;

    private static int EndLength => ChainStart.Length + (2 * ChainLength) + LineEnd.Length;

    /// <summary>
    /// Adds lines, durably. A destruction whose key the last lines name already is left out: a crash
    /// may have come between the line and what it tells of.
    /// </summary>
    /// <remarks>A line that a crash tore is cut off; what is damaged stays, for whoever reads it.</remarks>
    /// <exception cref="RetentionException">InputOutput, DiskFull.</exception>
    public static void Append(string storePath, Guid storeId, IReadOnlyList<JournalEntry> entries)
    {
        string path = Path.Combine(storePath, FileName);
        bool isNew = !File.Exists(path);
        using SafeFileHandle file = DurableFile.Open(
            path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        long length = RandomAccess.GetLength(file);
        byte[] tail = new byte[Math.Min(length, TailLength)];
        int count = DurableFile.Read(file, tail, length - tail.Length, path);
        ReadOnlySpan<byte> known = tail.AsSpan(0, LengthOfWhole(tail.AsSpan(0, count)));
        long end = length - tail.Length + known.Length;
        if (end < length)
        {
            DurableFile.SetLength(file, end, path);
        }
        byte[] chain = known.IsEmpty ? FirstChain(storeId) : ChainOf(known);
        foreach (JournalEntry entry in entries)
        {
            if (entry.Key is not null
                && known.IndexOf(Encoding.ASCII.GetBytes($"\"key\":\"{entry.Key}\"")) >= 0)
            {
                continue;
            }
            // One by one: of several the disk might keep the later ones only.
            var line = new ArrayBufferWriter<byte>();
            chain = Write(entry, chain, line);
            DurableFile.Write(file, line.WrittenSpan, end, path);
            DurableFile.Flush(file, path);
            end += line.WrittenCount;
        }
        if (isNew)
        {
            DurableFile.FlushDirectory(storePath);
        }
    }

    /// <summary>Length up to the end of the last line that is whole; a crash tore what follows.</summary>
    private static int LengthOfWhole(ReadOnlySpan<byte> tail)
    {
        int end = tail.LastIndexOf((byte)'\n') + 1;
        while (end > 0)
        {
            int start = tail[..(end - 1)].LastIndexOf((byte)'\n') + 1;
            if (Parse(tail[start..end]) is not null)
            {
                return end;
            }
            end = start;
        }
        return 0;
    }

    /// <summary>Reads all lines, oldest first.</summary>
    /// <param name="storePath">The store.</param>
    /// <param name="storeId">Its id, from which the chain begins.</param>
    /// <param name="damagedOffset">Offset of the first line that does not fit; -1 when all do.</param>
    /// <exception cref="RetentionException">InputOutput.</exception>
    public static List<JournalEntry> Read(string storePath, Guid storeId, out long damagedOffset)
    {
        string path = Path.Combine(storePath, FileName);
        var entries = new List<JournalEntry>();
        damagedOffset = -1;
        if (!File.Exists(path))
        {
            return entries;
        }
        byte[] bytes;
        using (SafeFileHandle file = DurableFile.Open(path, FileMode.Open, FileAccess.Read))
        {
            bytes = DurableFile.ReadAll(file, path);
        }
        byte[] chain = FirstChain(storeId);
        int whole = LengthOfWhole(bytes);
        for (int at = 0; at < whole;)
        {
            int length = bytes.AsSpan(at).IndexOf((byte)'\n') + 1;
            ReadOnlySpan<byte> line = bytes.AsSpan(at, length);
            Take(line, entries, ref chain, at, ref damagedOffset);
            at += length;
        }
        return entries;
    }

    private static void Take(
        ReadOnlySpan<byte> line,
        List<JournalEntry> entries,
        ref byte[] chain,
        int offset,
        ref long damagedOffset)
    {
        JournalEntry? entry = Parse(line);
        bool fits = entry is not null
            && ChainOf(line).AsSpan().SequenceEqual(NextChain(chain, line[..^EndLength]));
        if (!fits && damagedOffset < 0)
        {
            damagedOffset = offset;
        }
        if (entry is not null)
        {
            entries.Add(entry);
            chain = ChainOf(line);
        }
    }

    private static byte[] FirstChain(Guid storeId) => SHA256.HashData(storeId.ToByteArray());

    private static byte[] NextChain(ReadOnlySpan<byte> chain, ReadOnlySpan<byte> line)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(chain);
        hash.AppendData(line);
        return hash.GetHashAndReset();
    }

    /// <summary>The chain at the end of whole lines; something else when the last one is damaged.</summary>
    private static byte[] ChainOf(ReadOnlySpan<byte> lines)
    {
        byte[] chain = new byte[ChainLength];
        ReadOnlySpan<byte> digits = lines[^(LineEnd.Length + (2 * ChainLength))..^LineEnd.Length];
        return Convert.FromHexString(digits, chain, out _, out _) == OperationStatus.Done
            ? chain : SHA256.HashData(lines);
    }

    private static byte[] Write(
        JournalEntry entry, ReadOnlySpan<byte> chain, ArrayBufferWriter<byte> bytes)
    {
        var line = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("time", Text(entry.Time));
            json.WriteString("event", Name(entry.Event));
            if (entry.Bucket is { } bucket)
            {
                json.WriteString("class", bucket.Class.ToString().ToLowerInvariant());
                json.WriteNumber("startHour", bucket.StartHour);
                json.WriteNumber("lengthHours", bucket.LengthHours);
            }
            if (entry.Hold is { } hold)
            {
                json.WriteNumber("hold", hold);
                json.WriteString("reference", entry.Reference);
                json.WriteString("until", Text(entry.Until.GetValueOrDefault()));
            }
            json.WriteNumber("records", entry.Records);
            json.WriteNumber("runs", entry.Runs);
            json.WriteNumber("bytes", entry.SizeBytes);
            if (entry.Key is { } key)
            {
                json.WriteString("key", key);
            }
            json.WriteEndObject();
        }
        ReadOnlySpan<byte> text = line.WrittenSpan[..^1];
        byte[] next = NextChain(chain, text);
        bytes.Write(text);
        bytes.Write(ChainStart);
        bytes.Write(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(next)));
        bytes.Write(LineEnd);
        return next;
    }

    private static JournalEntry? Parse(ReadOnlySpan<byte> line)
    {
        if (line.Length <= EndLength)
        {
            return null;
        }
        try
        {
            using JsonDocument json = JsonDocument.Parse(line[..^1].ToArray());
            JsonElement root = json.RootElement;
            return new JournalEntry
            {
                Time = root.GetProperty("time").GetDateTimeOffset(),
                Event = EventOf(root.GetProperty("event").GetString()!),
                Bucket = root.TryGetProperty("class", out JsonElement name)
                    ? new BucketId(
                        Enum.Parse<RecordClass>(name.GetString()!, true),
                        root.GetProperty("startHour").GetInt32(),
                        root.GetProperty("lengthHours").GetInt32())
                    : null,
                Hold = root.TryGetProperty("hold", out JsonElement hold) ? hold.GetInt32() : null,
                Reference = root.TryGetProperty("reference", out JsonElement reference)
                    ? reference.GetString() : null,
                Until = root.TryGetProperty("until", out JsonElement until)
                    ? until.GetDateTimeOffset() : null,
                Records = root.GetProperty("records").GetInt64(),
                Runs = root.GetProperty("runs").GetInt32(),
                SizeBytes = root.GetProperty("bytes").GetInt64(),
                Key = root.TryGetProperty("key", out JsonElement key) ? key.GetString() : null,
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException
            or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static string Text(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private static string Name(JournalEvent happened) =>
        JsonNamingPolicy.KebabCaseLower.ConvertName(happened.ToString());

    private static JournalEvent EventOf(string name) =>
        Enum.GetValues<JournalEvent>().First(happened => string.Equals(Name(happened), name, StringComparison.Ordinal));
}
