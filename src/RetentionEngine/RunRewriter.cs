using System.Runtime.InteropServices;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Queries;
using RetentionEngine.Records;

namespace RetentionEngine;

/// <summary>Makes runs of rows that lie in runs already: for merging, for holds, for repair.</summary>
/// <remarks>
/// Rows keep everything, the policy under which they were sealed included. Memory is bounded by one
/// batch. Not thread-safe; belongs to the thread that writes the store.
/// </remarks>
internal sealed class RunRewriter(BucketStore store)
{
    /// <summary>A bucket whose small runs are as many as this is worth merging.</summary>
    internal const int MergeRunsMin = 4;

    private readonly RecordBatch _batch = new(store.Seed);
    private readonly RunPlanner _planner = new(store.Seed);
    private readonly RunEncoder _encoder = new(store.Seed);
    private readonly SealedRun _run = new();
    private HashSet<int> _seen = [];
    private readonly byte[] _text = new byte[StringTable.LengthMax];

    /// <summary>Rows of a merged run; bounds the memory that merging takes.</summary>
    internal const int MergeRowsMax = RecordBatch.RowsMax / 2;

    /// <summary>A bucket that still grows is merged when it has so many.</summary>
    internal const int MergeRunsGrowing = 32;

    /// <summary>Merges the small runs of quiet buckets, and of others where they are many.</summary>
    /// <returns>How many runs went.</returns>
    /// <remarks>
    /// A bucket is quiet when records of its class lie behind its end. Rows that two sources told
    /// are kept once. A run that can't be read is left alone.
    /// </remarks>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public static int Merge(BucketStore store)
    {
        List<RunInfo[]> groups = MergeGroups(store);
        if (groups.Count == 0)
        {
            return 0;
        }
        var rewriter = new RunRewriter(store);
        int merged = groups.Sum(runs => rewriter.MergeRuns(runs) ? runs.Length - 1 : 0);
        store.CommitRuns();
        return merged;
    }

    /// <summary>Compares rows of the batch by their places in it.</summary>
    private sealed class RowComparer(RecordBatch batch) : IEqualityComparer<int>
    {
        public bool Equals(int x, int y) => RowBytes.Comparer.Equals(batch.Rows[x], batch.Rows[y]);

        public int GetHashCode(int row) => RowBytes.Comparer.GetHashCode(batch.Rows[row]);
    }

    private static List<RunInfo[]> MergeGroups(BucketStore store)
    {
        var groups = new List<RunInfo[]>();
        long[] latest = new long[(int)RecordClass.Rejected + 1];
        foreach (RunInfo run in store.Runs)
        {
            ref long last = ref latest[(int)run.Bucket.Class];
            last = Math.Max(last, run.LastUnixMicros);
        }
        foreach (IGrouping<(BucketId Bucket, int PolicyVersion), RunInfo> bucket in store.Runs
            .Where(run => run.Hold == 0).GroupBy(run => (run.Bucket, run.PolicyVersion)))
        {
            BucketId id = bucket.Key.Bucket;
            bool isQuiet = id.EndUnixMicros <= latest[(int)id.Class];
            groups.AddRange(Groups(bucket, isQuiet ? MergeRunsMin : MergeRunsGrowing));
        }
        return groups;
    }

    /// <summary>Copies the records of a query under the key of a new hold.</summary>
    /// <param name="hold">The hold, yet without a number.</param>
    /// <param name="nowUnixMicros">Records that are past their period by then are not copied.</param>
    /// <returns>The hold, with its number and the count of its records.</returns>
    /// <exception cref="RetentionException">StoreDamaged, DiskFull, InputOutput.</exception>
    public PreservationHold Hold(PreservationHold hold, long nowUnixMicros)
    {
        var query = new RunQuery(
            new RetentionQuery { Mailbox = hold.Mailbox, From = hold.From, To = hold.To }, store.Seed);
        hold = hold with { Number = store.BeginHold(), Records = 0 };
        var readers = new RunReaders(store);
        var rows = new List<RecordRow>();
        long count = 0;
        foreach (RunInfo run in store.Runs.Where(r => r.Hold == 0 && query.MayHold(r)).ToArray())
        {
            _batch.Clear();
            readers.Read(run, (_, reader) =>
            {
                rows.Clear();
                query.Run(reader, rows);
                long first = nowUnixMicros - (store.PolicyOf(run).Period.Ticks / 10);
                foreach (ref readonly RecordRow row in CollectionsMarshal.AsSpan(rows))
                {
                    if (row.TimeUnixMicros > first)
                    {
                        Copy(in row, reader);
                    }
                }
            });
            count += _batch.Count;
            Seal(run, hold.Number);
        }
        store.CommitRuns();
        store.PutHold(hold);
        return hold with { Records = count };
    }

    /// <summary>Puts what can still be read of damaged runs in their place.</summary>
    /// <returns>The report, with how many records could not be read.</returns>
    /// <exception cref="RetentionException">DiskFull, InputOutput: open the store anew.</exception>
    public VerifyReport Repair(VerifyReport report)
    {
        var repaired = new List<(RunInfo Run, int RowsLost)>();
        if (report.AreBlocksDamaged)
        {
            store.BeginRebuild();
            foreach (RunInfo run in store.Runs)
            {
                if (report.DamagedRuns.Contains(run))
                {
                    repaired.Add((run, Repair(run)));
                }
                else
                {
                    store.Copy(run);
                }
            }
        }
        store.EndRepair(repaired);
        return report with
        {
            RunsRepaired = repaired.Count,
            RecordsLost = repaired.Sum(r => (long)r.RowsLost),
        };
    }

    private int Repair(RunInfo run)
    {
        _batch.Clear();
        byte[] block = [];
        try
        {
            var reader = new RunReader((kind, number) =>
            {
                int length = store.ReadBlock(run, kind, number, ref block);
                return block.AsMemory(0, Math.Max(length, 0));
            });
            for (int group = 0; group < reader.GroupCount; group++)
            {
                CopyReadable(reader, group);
            }
        }
        catch (RetentionException e) when (IsDamage(e))
        {
            // Without its header nothing of a run can be read.
        }
        int kept = Math.Min(_batch.Count, run.Rows);
        Seal(run, run.Hold);
        store.Remove(run);
        return run.Rows - kept;
    }

    /// <summary>The small runs of a bucket, in groups that fit into one batch.</summary>
    private static IEnumerable<RunInfo[]> Groups(IEnumerable<RunInfo> bucket, int countMin)
    {
        var group = new List<RunInfo>();
        int rows = 0;
        foreach (RunInfo run in bucket.Where(r => r.Rows <= MergeRowsMax / MergeRunsMin)
            .OrderBy(r => r.Rows))
        {
            if (rows + run.Rows > MergeRowsMax && group.Count > 0)
            {
                yield return [.. group];
                group.Clear();
                rows = 0;
            }
            group.Add(run);
            rows += run.Rows;
        }
        if (group.Count >= countMin)
        {
            yield return [.. group];
        }
    }

    private bool MergeRuns(RunInfo[] runs)
    {
        _batch.Clear();
        _seen = new HashSet<int>(new RowComparer(_batch));
        var readers = new RunReaders(store);
        foreach (RunInfo run in runs)
        {
            int before = _batch.Count;
            try
            {
                readers.Read(run, CopyAll);
            }
            catch (RetentionException e) when (e.Error == RetentionError.StoreDamaged)
            {
                return false;
            }
            if (_batch.Strings.Count > RecordBatch.TextsMax
                || _batch.Strings.BytesUsed > RecordBatch.TextBytesMax)
            {
                return false;
            }
            DropSeen(before);
        }
        Seal(runs[0], hold: 0);
        foreach (RunInfo run in runs)
        {
            store.Remove(run);
        }
        return true;
    }

    private void CopyAll(RunInfo run, RunReader reader)
    {
        RecordRow[] rows = new RecordRow[RunFormat.GroupRows];
        for (int group = 0; group < reader.GroupCount; group++)
        {
            int count = reader.ReadGroup(group, rows);
            for (int i = 0; i < count; i++)
            {
                Copy(in rows[i], reader);
            }
        }
    }

    private void CopyReadable(RunReader reader, int group)
    {
        RecordRow[] rows = new RecordRow[RunFormat.GroupRows];
        int count;
        try
        {
            count = reader.ReadGroup(group, rows);
        }
        catch (RetentionException e) when (IsDamage(e))
        {
            return;
        }
        for (int i = 0; i < count; i++)
        {
            int before = _batch.Count;
            try
            {
                Copy(in rows[i], reader);
            }
            catch (RetentionException e) when (IsDamage(e))
            {
                _batch.Truncate(before);
            }
        }
    }

    private static bool IsDamage(RetentionException e) =>
        e.Error is RetentionError.StoreDamaged or RetentionError.InputOutput;

    private void Copy(in RecordRow source, RunReader reader)
    {
        ref RecordRow row = ref _batch.Add();
        row = source;
        row.Sender = Copy(source.Sender, reader);
        row.Recipient = Copy(source.Recipient, reader);
        row.OrigTo = Copy(source.OrigTo, reader);
        row.Sasl = Copy(source.Sasl, reader);
        row.Relay = Copy(source.Relay, reader);
        row.Via = Copy(source.Via, reader);
        row.Retries = Copy(source.Retries, reader);
        row.Host = Copy(source.Host, reader);
    }

    private uint Copy(uint text, RunReader reader) =>
        text < 2 ? text : _batch.Strings.Intern(_text.AsSpan(0, reader.ReadText(text, _text)));

    /// <summary>Forgets rows of a run that an earlier run told already.</summary>
    private void DropSeen(int from)
    {
        Span<RecordRow> rows = _batch.Rows;
        int kept = from;
        for (int i = from; i < rows.Length; i++)
        {
            rows[kept] = rows[i];
            if (!RowBytes.IsUnique(!rows[i].QueueId.IsNone, rows[i].TimeUnixMicros) || _seen.Add(kept))
            {
                kept++;
            }
        }
        _batch.Truncate(kept);
    }

    private void Seal(RunInfo like, int hold)
    {
        if (_batch.Count == 0)
        {
            return;
        }
        _planner.Plan(_batch, like.Bucket);
        _encoder.Encode(_planner, 0, _run);
        store.Add(_run, like.PolicyVersion, hold);
    }
}
