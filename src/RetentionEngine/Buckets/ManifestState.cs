using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

/// <summary>What one commit changes, as one entry of the manifest.</summary>
internal sealed class CommitEntry
{
    public required long TimeUnixMicros { get; init; }

    /// <summary>Generation that the block store must have reached.</summary>
    public required long Generation { get; init; }

    /// <summary>Which of the two snapshot files, how long its envelope is, and its hash.</summary>
    public required int InFlightIndex { get; init; }

    public required int InFlightLength { get; init; }

    public required ulong InFlightHash { get; init; }

    public required long InFlightCount { get; init; }

    public required long OpenSessions { get; init; }
}

/// <summary>A preservation hold as the manifest knows it.</summary>
/// <param name="Number">From 1; never given twice.</param>
/// <param name="UntilUnixMicros">Its key is destroyed then.</param>
/// <param name="Envelope">What it holds and why, under its own key.</param>
internal sealed record HoldEntry(int Number, long UntilUnixMicros, byte[] Envelope)
{
    /// <summary>A hold's key stands in the ring under a bucket that no record can have.</summary>
    public static BucketId KeyNameOf(int number) => new(RecordClass.Sent, number, 0);

    public static bool IsKeyName(in BucketId name) => name.LengthHours == 0;
}

/// <summary>The keys of the spool's parts.</summary>
internal static class SpoolKeys
{
    /// <summary>A part's key stands in the ring under a bucket that no record can have.</summary>
    /// <param name="part">Number of the part.</param>
    public static BucketId NameOf(int part) => new(RecordClass.Sent, part, -1);

    public static bool IsKeyName(in BucketId name) => name.LengthHours == -1;
}

/// <summary>The manifest's entries, added up.</summary>
internal sealed partial class ManifestState
{
    private const byte PolicyType = 1;
    private const byte CommitType = 2;
    private const byte DropType = 3;
    private const byte RunsType = 4;
    private const byte HoldType = 5;
    private const byte HoldEndType = 6;

    /// <summary>Hours whose buckets were destroyed, per class, as ascending disjoint spans.</summary>
    private readonly List<(long Start, long End)>[] _destroyed = [[], [], [], []];
    private readonly List<RetentionPolicy> _policies = [];

    public IReadOnlyList<RetentionPolicy> Policies => _policies;

    /// <summary>Committed runs by number.</summary>
    public SortedDictionary<int, RunInfo> Runs { get; } = [];

    /// <summary>Holds by number. A run of a hold that is not here was never finished.</summary>
    public SortedDictionary<int, HoldEntry> Holds { get; } = [];

    /// <summary>Number of the last hold there ever was.</summary>
    public int LastHold { get; private set; }

    public List<SourceState> Sources { get; } = [];

    public int NextRun { get; private set; } = 1;

    public CommitEntry? LastCommit { get; private set; }

    /// <summary>Generation that the block store must have reached.</summary>
    public long Generation { get; private set; }

    /// <summary>Which block store is the store's; a repair makes the next one.</summary>
    public int BlocksNumber { get; private set; }

    /// <summary>Whether every hour of a bucket belongs to buckets that were destroyed.</summary>
    public bool IsDestroyed(in BucketId bucket)
    {
        long start = bucket.StartHour;
        long end = start + bucket.LengthHours;
        foreach ((long spanStart, long spanEnd) in _destroyed[(int)bucket.Class])
        {
            if (spanStart <= start && end <= spanEnd)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Adds an entry up.</summary>
    /// <exception cref="InvalidDataException">It is whole, but makes no sense.</exception>
    /// <exception cref="EndOfStreamException">It is whole, but too short.</exception>
    public void Apply(byte[] payload)
    {
        using var reader = new BinaryReader(new MemoryStream(payload));
        switch (reader.ReadByte())
        {
            case PolicyType:
                ApplyPolicy(reader);
                break;
            case CommitType:
                ApplyCommit(reader);
                break;
            case DropType:
                ApplyDrop(reader);
                break;
            case RunsType:
                Generation = reader.ReadInt64();
                BlocksNumber = reader.ReadInt32();
                ApplyRuns(reader, withHolds: true);
                break;
            case HoldType:
                var hold = new HoldEntry(
                    reader.ReadInt32(), reader.ReadInt64(), reader.ReadBytes(reader.ReadInt32()));
                Holds[hold.Number] = hold;
                LastHold = Math.Max(LastHold, hold.Number);
                break;
            case HoldEndType:
                ApplyHoldEnd(reader);
                break;
            default:
                throw new InvalidDataException();
        }
    }

    public void AddPolicy(RetentionPolicy policy) => _policies.Add(policy);

    private RunInfo ReadRun(BinaryReader reader)
    {
        var bucket = new BucketId(
            (RecordClass)reader.ReadByte(), reader.ReadInt32(), reader.ReadInt32());
        int run = reader.ReadInt32();
        int rows = reader.ReadInt32();
        long first = reader.ReadInt64();
        long last = reader.ReadInt64();
        int version = reader.ReadInt32();
        long sizeBytes = reader.ReadInt64();
        ulong hash = reader.ReadUInt64();
        int[] counts = new int[reader.ReadByte()];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = reader.ReadInt32();
        }
        if (version < 1 || version > _policies.Count || bucket.Class > RecordClass.Rejected)
        {
            throw new InvalidDataException();
        }
        ClassPolicy policy = _policies[version - 1][bucket.Class];
        return new RunInfo
        {
            Bucket = bucket,
            Run = run,
            Rows = rows,
            FirstUnixMicros = first,
            LastUnixMicros = last,
            PolicyVersion = version,
            Period = policy.Period,
            Basis = policy.Basis,
            SizeBytes = sizeBytes,
            Hash = hash,
            BlockCounts = counts,
        };
    }

    private void ApplyPolicy(BinaryReader reader)
    {
        var classes = new ClassPolicy[4];
        for (int c = 0; c < classes.Length; c++)
        {
            classes[c] = new ClassPolicy(TimeSpan.FromTicks(reader.ReadInt64()), reader.ReadString());
        }
        var domains = new List<string>();
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            domains.Add(reader.ReadString());
        }
        (string zone, Dictionary<string, string> hosts) = PolicyText.Zones(reader.ReadString());
        _policies.Add(new RetentionPolicy
        {
            Sent = classes[0],
            Received = classes[1],
            Access = classes[2],
            Rejected = classes[3],
            LocalDomains = domains,
            TimeZone = zone,
            HostTimeZones = hosts,
        });
    }

    private void ApplyCommit(BinaryReader reader)
    {
        LastCommit = new CommitEntry
        {
            TimeUnixMicros = reader.ReadInt64(),
            Generation = reader.ReadInt64(),
            InFlightIndex = reader.ReadByte(),
            InFlightLength = reader.ReadInt32(),
            InFlightHash = reader.ReadUInt64(),
            InFlightCount = reader.ReadInt64(),
            OpenSessions = reader.ReadInt64(),
        };
        Generation = LastCommit.Generation;
        ApplyRuns(reader, withHolds: false);
        int sources = reader.ReadInt32();
        if (sources < Sources.Count)
        {
            Sources.RemoveRange(sources, Sources.Count - sources);
        }
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            int index = reader.ReadInt32();
            ulong low = reader.ReadUInt64();
            var source = new SourceState(
                new UInt128(reader.ReadUInt64(), low),
                reader.ReadInt32(),
                reader.ReadInt64(),
                reader.ReadUInt64(),
                reader.ReadInt32(),
                reader.ReadInt64(),
                reader.ReadInt64(),
                ReadMarks(reader));
            if (index == Sources.Count)
            {
                Sources.Add(source);
            }
            else if (index >= 0 && index < Sources.Count)
            {
                Sources[index] = source;
            }
            else
            {
                throw new InvalidDataException();
            }
        }
    }

    private void ApplyRuns(BinaryReader reader, bool withHolds)
    {
        NextRun = reader.ReadInt32();
        var added = new List<RunInfo>();
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            added.Add(ReadRun(reader));
        }
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            Runs.Remove(reader.ReadInt32());
        }
        foreach (RunInfo run in added)
        {
            int hold = withHolds ? reader.ReadInt32() : 0;
            Runs[run.Run] = hold == 0 ? run : run with { Hold = hold };
            LastHold = Math.Max(LastHold, hold);
        }
    }

    private void ApplyHoldEnd(BinaryReader reader)
    {
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            int number = reader.ReadInt32();
            Holds.Remove(number);
            LastHold = Math.Max(LastHold, number);
            foreach (RunInfo run in RunsOf(number))
            {
                Runs.Remove(run.Run);
            }
        }
    }

    private static SourceMarks ReadMarks(BinaryReader reader)
    {
        int count = reader.ReadInt32();
        if (count is < 0 or > SourceMarks.CountMax)
        {
            throw new InvalidDataException();
        }
        uint[] marks = new uint[count];
        for (int i = 0; i < count; i++)
        {
            marks[i] = reader.ReadUInt32();
        }
        return new SourceMarks(marks);
    }

    private void ApplyDrop(BinaryReader reader)
    {
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            byte recordClass = reader.ReadByte();
            long start = reader.ReadInt64();
            long end = reader.ReadInt64();
            if (recordClass >= _destroyed.Length)
            {
                throw new InvalidDataException();
            }
            AddSpan(_destroyed[recordClass], start, end);
            foreach (RunInfo run in Runs.Values.ToArray())
            {
                if (run.Hold == 0
                    && (byte)run.Bucket.Class == recordClass && run.Bucket.StartHour == start
                    && run.Bucket.StartHour + (long)run.Bucket.LengthHours == end)
                {
                    Runs.Remove(run.Run);
                }
            }
        }
    }

    private static void AddSpan(List<(long Start, long End)> spans, long start, long end)
    {
        int at = 0;
        while (at < spans.Count && spans[at].End < start)
        {
            at++;
        }
        while (at < spans.Count && spans[at].Start <= end)
        {
            start = Math.Min(start, spans[at].Start);
            end = Math.Max(end, spans[at].End);
            spans.RemoveAt(at);
        }
        spans.Insert(at, (start, end));
    }
}
