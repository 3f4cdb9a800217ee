using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

internal sealed partial class BucketStore
{
    private const int HoldAssociatedLength = 20;

    /// <summary>The holds in force, by number.</summary>
    /// <exception cref="RetentionException">StoreDamaged.</exception>
    public IReadOnlyList<PreservationHold> Holds =>
        [.. _manifest.State.Holds.Values.Where(h => _keys.Find(HoldEntry.KeyNameOf(h.Number)) != null)
            .Select(ReadHold)];

    /// <summary>All lines of the journal.</summary>
    /// <exception cref="RetentionException">InputOutput.</exception>
    public JournalReport ReadJournal()
    {
        List<JournalEntry> entries = Journal.Read(_path, _manifest.StoreId, out long damaged);
        return new JournalReport(entries, damaged);
    }

    /// <summary>Makes the key of a hold; what is added for it counts once <see cref="PutHold"/> returns.</summary>
    /// <returns>Its number.</returns>
    public int BeginHold()
    {
        Debug.Assert(!_readOnly, "A store that is open for reading was written to.");
        int number = _manifest.State.LastHold + 1;
        _keys.FindOrCreate(HoldEntry.KeyNameOf(number));
        return number;
    }

    /// <summary>Makes runs durable that were added for a hold, or that take the place of others.</summary>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public void CommitRuns()
    {
        if (_added.Count == 0 && _removed.Count == 0)
        {
            return;
        }
        DropReplaced();
        Flush(null);
        AppendRuns(_manifest.State.BlocksNumber);
        _toDrop.AddRange(_removed);
        _added.Clear();
        _removed.Clear();
        Publish();
    }

    private void AppendRuns(int blocksNumber) =>
        _manifest.Append(ManifestState.RunsPayload(
            _blocks.Generation, blocksNumber, _added, _removed, _nextRun));

    /// <summary>Finishes a new hold, or changes one: recorded, then durable.</summary>
    /// <exception cref="RetentionException">DiskFull, InputOutput.</exception>
    public void PutHold(PreservationHold hold)
    {
        _keys.Sync();
        BlockCipher cipher = _keys.Find(HoldEntry.KeyNameOf(hold.Number))!;
        byte[] plain = HoldText(hold);
        byte[] envelope = new byte[plain.Length + BlockCipher.Overhead];
        cipher.Encrypt(plain, HoldAssociated(hold.Number), envelope);
        JournalEvent happened = _manifest.State.Holds.ContainsKey(hold.Number)
            ? JournalEvent.HoldExtended : JournalEvent.HoldAdded;
        Journal.Append(_path, _manifest.StoreId, [EntryOf(hold, happened, null)]);
        _manifest.Append(ManifestState.HoldPayload(
            new HoldEntry(hold.Number, UnixMicros(hold.Until), envelope)));
        Publish();
    }

    /// <summary>Destroys a hold's key at once.</summary>
    /// <returns>False when there is no such hold.</returns>
    /// <exception cref="RetentionException">InputOutput, DiskFull: open the store anew.</exception>
    public bool ReleaseHold(int number)
    {
        if (!_manifest.State.Holds.ContainsKey(number))
        {
            return false;
        }
        Destroy([HoldEntry.KeyNameOf(number)]);
        return true;
    }

    private void Destroy(List<BucketId> names)
    {
        // Who held what can only be told as long as the key is there.
        Dictionary<int, PreservationHold> holds = HoldsOf(names);
        _keys.Destroy(names);
        FinishExpiry(names, holds);
    }

    private Dictionary<int, PreservationHold> HoldsOf(IEnumerable<BucketId> names)
    {
        var wanted = names.Where(n => HoldEntry.IsKeyName(n)).Select(n => n.StartHour).ToHashSet();
        return wanted.Count == 0
            ? [] : Holds.Where(h => wanted.Contains(h.Number)).ToDictionary(h => h.Number);
    }

    /// <summary>The journal's lines for keys that were destroyed just now, or before a crash.</summary>
    private List<JournalEntry> Destroyed(
        HashSet<BucketId> names, Dictionary<int, PreservationHold> holds)
    {
        var entries = new List<JournalEntry>();
        foreach ((BucketId name, string key) in _keys.Destroyed)
        {
            if (!names.Contains(name))
            {
                continue;
            }
            if (HoldEntry.IsKeyName(name))
            {
                if (_manifest.State.Holds.TryGetValue(name.StartHour, out HoldEntry? hold))
                {
                    PreservationHold known =
                        holds.GetValueOrDefault(hold.Number) ?? FromJournal(hold);
                    entries.Add(EntryOf(
                        known,
                        known.Until <= _time.GetUtcNow()
                            ? JournalEvent.HoldEnded : JournalEvent.HoldReleased,
                        key));
                }
                continue;
            }
            RunInfo[] runs = [.. _runs.Where(r => r.KeyName == name)];
            if (runs.Length > 0)
            {
                entries.Add(EntryOf(name, JournalEvent.Expired, runs, key));
            }
        }
        return entries;
    }

    /// <summary>What is known of a hold whose key was destroyed before a crash.</summary>
    private PreservationHold FromJournal(HoldEntry hold) => new()
    {
        Number = hold.Number,
        Reference = ReadJournal().Entries.LastOrDefault(e => e.Hold == hold.Number)?.Reference ?? "",
        Mailbox = "",
        Until = Instant(hold.UntilUnixMicros),
    };

    private JournalEntry EntryOf(
        BucketId bucket, JournalEvent happened, RunInfo[] runs, string? key) => new()
        {
            Time = _time.GetUtcNow(),
            Event = happened,
            Bucket = bucket,
            Records = runs.Sum(r => (long)r.Rows),
            Runs = runs.Length,
            SizeBytes = runs.Sum(r => r.SizeBytes),
            Key = key,
        };

    private JournalEntry EntryOf(PreservationHold hold, JournalEvent happened, string? key)
    {
        RunInfo[] runs = [.. _manifest.State.Runs.Values.Where(r => r.Hold == hold.Number)];
        return new JournalEntry
        {
            Time = _time.GetUtcNow(),
            Event = happened,
            Hold = hold.Number,
            Reference = hold.Reference,
            Until = hold.Until,
            Records = runs.Sum(r => (long)r.Rows),
            Runs = runs.Length,
            SizeBytes = runs.Sum(r => r.SizeBytes),
            Key = key,
        };
    }

    private PreservationHold ReadHold(HoldEntry entry)
    {
        byte[] bytes = [.. entry.Envelope];
        int length = _keys.Find(HoldEntry.KeyNameOf(entry.Number))
            ?.Decrypt(bytes, HoldAssociated(entry.Number)) ?? -1;
        if (length < 0)
        {
            string path = Path.Combine(_path, ManifestName);
            throw new RetentionException(
                RetentionError.StoreDamaged,
                $"Hold {entry.Number} in the store's file '{path}' is damaged.",
                path);
        }
        using var reader = new BinaryReader(new MemoryStream(bytes, 0, length));
        return new PreservationHold
        {
            Number = entry.Number,
            Until = Instant(entry.UntilUnixMicros),
            Reference = reader.ReadString(),
            Mailbox = reader.ReadString(),
            From = InstantOrNone(reader.ReadInt64()),
            To = InstantOrNone(reader.ReadInt64()),
            Records = _manifest.State.Runs.Values.Where(r => r.Hold == entry.Number)
                .Sum(r => (long)r.Rows),
        };
    }

    private static byte[] HoldText(PreservationHold hold)
    {
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(hold.Reference);
        writer.Write(hold.Mailbox);
        writer.Write(hold.From is { } from ? UnixMicros(from) : long.MinValue);
        writer.Write(hold.To is { } to ? UnixMicros(to) : long.MinValue);
        writer.Flush();
        return bytes.ToArray();
    }

    private static DateTimeOffset? InstantOrNone(long unixMicros) =>
        unixMicros == long.MinValue ? null : Instant(unixMicros);

    private byte[] HoldAssociated(int number)
    {
        byte[] associated = new byte[HoldAssociatedLength];
        _manifest.StoreId.TryWriteBytes(associated);
        BinaryPrimitives.WriteInt32LittleEndian(associated.AsSpan(16), number);
        return associated;
    }
}
