using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

internal sealed partial class ManifestState
{
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
            writer.Write(PolicyText.ZonesOf(policy));
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
            WriteRuns(writer, nextRun, added, removed);
            WriteSources(writer, sources);
        });

    /// <summary>An entry for runs that take the place of others, or that a hold copies.</summary>
    /// <param name="generation">That the block store must have reached.</param>
    /// <param name="blocksNumber">Which of the block stores holds all blocks from now on.</param>
    /// <param name="added">Runs that come in.</param>
    /// <param name="removed">Runs that go.</param>
    /// <param name="nextRun">Number of the next run.</param>
    public static byte[] RunsPayload(
        long generation,
        int blocksNumber,
        IReadOnlyList<RunInfo> added,
        IReadOnlyList<RunInfo> removed,
        int nextRun) =>
        Payload(RunsType, writer =>
        {
            writer.Write(generation);
            writer.Write(blocksNumber);
            WriteRuns(writer, nextRun, added, removed);
            foreach (RunInfo run in added)
            {
                writer.Write(run.Hold);
            }
        });

    public static byte[] HoldPayload(HoldEntry hold) =>
        Payload(HoldType, writer =>
        {
            writer.Write(hold.Number);
            writer.Write(hold.UntilUnixMicros);
            writer.Write(hold.Envelope.Length);
            writer.Write(hold.Envelope);
        });

    public static byte[] HoldEndPayload(IReadOnlyList<int> numbers) =>
        Payload(HoldEndType, writer =>
        {
            writer.Write(numbers.Count);
            foreach (int number in numbers)
            {
                writer.Write(number);
            }
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
            yield return empty.CommitPayload(LastCommit, RunsOf(0), [], Sources, NextRun);
        }
        RunInfo[] held = [.. Runs.Values.Where(run => run.Hold != 0)];
        if (held.Length > 0 || BlocksNumber > 0 || Generation != LastCommit?.Generation)
        {
            yield return RunsPayload(Generation, BlocksNumber, held, [], NextRun);
        }
        if (LastHold > 0)
        {
            yield return HoldEndPayload([LastHold]);
        }
        foreach (HoldEntry hold in Holds.Values)
        {
            yield return HoldPayload(hold);
        }
    }

    private static byte[] Payload(byte type, Action<BinaryWriter> write)
    {
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(type);
        write(writer);
        writer.Flush();
        return bytes.ToArray();
    }

    private RunInfo[] RunsOf(int hold) => [.. Runs.Values.Where(run => run.Hold == hold)];

    private static void WriteRuns(
        BinaryWriter writer,
        int nextRun,
        IReadOnlyList<RunInfo> added,
        IReadOnlyList<RunInfo> removed)
    {
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
}
