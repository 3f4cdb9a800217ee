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

/// <summary>The manifest's entries, added up.</summary>
internal sealed class ManifestState
{
    private const byte PolicyType = 1;
    private const byte CommitType = 2;
    private const byte DropType = 3;

    /// <summary>Hours whose buckets were destroyed, per class, as ascending disjoint spans.</summary>
    private readonly List<(long Start, long End)>[] _destroyed = [[], [], [], []];
    private readonly List<RetentionPolicy> _policies = [];

    public IReadOnlyList<RetentionPolicy> Policies => _policies;

    /// <summary>Committed runs by number.</summary>
    public SortedDictionary<int, RunInfo> Runs { get; } = [];

    public List<SourceState> Sources { get; } = [];

    public int NextRun { get; private set; } = 1;

    public CommitEntry? LastCommit { get; private set; }

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

    public static byte[] PolicyPayload(RetentionPolicy policy) =>
        Payload(PolicyType, writer =>
        {
            for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
            {
                writer.Write(policy[c].Period.Ticks);
                writer.Write(policy[c].Basis);
            }
            writer.Write(policy.LocalDomains.Count);
            foreach (string domain in policy.LocalDomains)
            {
                writer.Write(domain);
            }
            writer.Write(policy.TimeZone);
        });

    /// <summary>An entry for a commit; only sources that differ are written.</summary>
    public byte[] CommitPayload(
        CommitEntry commit,
        IReadOnlyList<RunInfo> added,
        IReadOnlyList<RunInfo> removed,
        IReadOnlyList<SourceState> sources,
        int nextRun) =>
        Payload(CommitType, writer =>
        {
            writer.Write(commit.TimeUnixMicros);
            writer.Write(commit.Generation);
            writer.Write((byte)commit.InFlightIndex);
            writer.Write(commit.InFlightLength);
            writer.Write(commit.InFlightHash);
            writer.Write(commit.InFlightCount);
            writer.Write(commit.OpenSessions);
            writer.Write(nextRun);
            writer.Write(added.Count);
            foreach (RunInfo run in added)
            {
                WriteRun(writer, run);
            }
            writer.Write(removed.Count);
            foreach (RunInfo run in removed)
            {
                writer.Write(run.Run);
            }
            WriteSources(writer, sources);
        });

    public static byte[] DropPayload(IReadOnlyList<BucketId> buckets) =>
        Payload(DropType, writer =>
        {
            writer.Write(buckets.Count);
            foreach (BucketId bucket in buckets)
            {
                writer.Write((byte)bucket.Class);
                writer.Write((long)bucket.StartHour);
                writer.Write((long)bucket.StartHour + bucket.LengthHours);
            }
        });

    /// <summary>The entries that make a state like this one from nothing.</summary>
    public IEnumerable<byte[]> Payloads()
    {
        foreach (RetentionPolicy policy in _policies)
        {
            yield return PolicyPayload(policy);
        }
        yield return Payload(DropType, writer =>
        {
            writer.Write(_destroyed.Sum(d => d.Count));
            for (int c = 0; c < _destroyed.Length; c++)
            {
                foreach ((long start, long end) in _destroyed[c])
                {
                    writer.Write((byte)c);
                    writer.Write(start);
                    writer.Write(end);
                }
            }
        });
        if (LastCommit != null)
        {
            var empty = new ManifestState();
            yield return empty.CommitPayload(LastCommit, [.. Runs.Values], [], Sources, NextRun);
        }
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
            default:
                throw new InvalidDataException();
        }
    }

    public void AddPolicy(RetentionPolicy policy) => _policies.Add(policy);

    private static byte[] Payload(byte type, Action<BinaryWriter> write)
    {
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(type);
        write(writer);
        writer.Flush();
        return bytes.ToArray();
    }

    private static void WriteRun(BinaryWriter writer, RunInfo run)
    {
        writer.Write((byte)run.Bucket.Class);
        writer.Write(run.Bucket.StartHour);
        writer.Write(run.Bucket.LengthHours);
        writer.Write(run.Run);
        writer.Write(run.Rows);
        writer.Write(run.FirstUnixMicros);
        writer.Write(run.LastUnixMicros);
        writer.Write(run.PolicyVersion);
        writer.Write(run.SizeBytes);
        writer.Write(run.Hash);
        writer.Write((byte)run.BlockCounts.Length);
        foreach (int count in run.BlockCounts)
        {
            writer.Write(count);
        }
    }

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

    private void WriteSources(BinaryWriter writer, IReadOnlyList<SourceState> sources)
    {
        writer.Write(sources.Count);
        int changed = 0;
        for (int i = 0; i < sources.Count; i++)
        {
            changed += i >= Sources.Count || Sources[i] != sources[i] ? 1 : 0;
        }
        writer.Write(changed);
        for (int i = 0; i < sources.Count; i++)
        {
            if (i < Sources.Count && Sources[i] == sources[i])
            {
                continue;
            }
            SourceState source = sources[i];
            writer.Write(i);
            writer.Write((ulong)source.HeadHash);
            writer.Write((ulong)(source.HeadHash >> 64));
            writer.Write(source.HeadLength);
            writer.Write(source.PositionBytes);
            writer.Write(source.TailHash);
            writer.Write(source.TailLength);
            writer.Write(source.ClockState);
            writer.Write(source.Lines);
            writer.Write(source.Marks.Values.Length);
            foreach (uint mark in source.Marks.Values)
            {
                writer.Write(mark);
            }
        }
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
        _policies.Add(new RetentionPolicy
        {
            Sent = classes[0],
            Received = classes[1],
            Access = classes[2],
            Rejected = classes[3],
            LocalDomains = domains,
            TimeZone = reader.ReadString(),
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
        NextRun = reader.ReadInt32();
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            RunInfo run = ReadRun(reader);
            Runs[run.Run] = run;
        }
        for (int count = reader.ReadInt32(); count > 0; count--)
        {
            Runs.Remove(reader.ReadInt32());
        }
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
                if ((byte)run.Bucket.Class == recordClass && run.Bucket.StartHour == start
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
