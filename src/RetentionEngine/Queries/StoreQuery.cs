using System.Runtime.InteropServices;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>Runs queries over all runs of a store and what is in flight, ordered by time.</summary>
/// <remarks>
/// Buckets are opened in the order of their beginnings. A record found in one may be yielded once
/// no bucket that is still closed can hold an earlier one: so what waits is what overlapping
/// buckets hold, and the first record comes out after the first bucket.
/// </remarks>
internal sealed class StoreQuery(BucketStore store, RunReaders readers, TimeProvider clock)
{
    /// <summary>A trace follows at most this many queue ids.</summary>
    private const int TraceIdsMax = 256;

    public IEnumerable<RetentionRecord> Run(RetentionQuery query)
    {
        var compiled = new RunQuery(query, store.Seed);
        var maker = new RecordMaker();
        var waiting = new PriorityQueue<RetentionRecord, (long Time, long Order)>();
        var sameTime = new List<RetentionRecord>();
        long order = 0;
        DateTimeOffset? until = UntilOf(query.Hold);
        foreach (RetentionRecord record in query.Hold is null ? InFlightRecords(compiled, maker) : [])
        {
            waiting.Enqueue(record, (record.Time.UnixMicros(), order++));
        }
        var rows = new List<RecordRow>();
        var records = new List<RetentionRecord>();
        Action<RunInfo, RunReader> collect = (run, reader) =>
        {
            rows.Clear();
            compiled.Run(reader, rows);
            if (rows.Count == 0)
            {
                return;
            }
            ClassPolicy policy = store.PolicyOf(run);
            foreach (ref readonly RecordRow row in CollectionsMarshal.AsSpan(rows))
            {
                RetentionRecord record = maker.Make(in row, reader, policy);
                records.Add(until is null ? record : record with { Expires = until.Value });
            }
        };
        foreach (RunInfo run in readers.RunsByTime)
        {
            if (run.Hold != query.Hold.GetValueOrDefault() || !compiled.MayHold(run))
            {
                continue;
            }
            if (waiting.Count > 0)
            {
                foreach (RetentionRecord record in Before(run.FirstUnixMicros, waiting, sameTime))
                {
                    yield return record;
                }
            }
            records.Clear();
            readers.Read(run, collect);
            foreach (RetentionRecord record in records)
            {
                waiting.Enqueue(record, (record.Time.UnixMicros(), order++));
            }
        }
        foreach (RetentionRecord record in Before(long.MaxValue, waiting, sameTime))
        {
            yield return record;
        }
    }

    /// <summary>All records of the mails that a key names: through every hop and notification.</summary>
    public IReadOnlyList<RetentionRecord> Trace(string key)
    {
        string trimmed = key.Trim();
        List<RetentionRecord> found = [.. Run(FirstQuery(trimmed))];
        if (found.Count == 0 && !trimmed.StartsWith('<'))
        {
            found = [.. Run(new RetentionQuery { MessageId = trimmed })];
        }
        if (trimmed.Contains('@') && !trimmed.StartsWith('<') && found.Any(r => r.QueueId is null
            || r.Recipient is not null))
        {
            // An address: its records are the answer; following every mail of it would be all mail.
            return found;
        }
        Follow(found);
        found.Sort((x, y) => x.Time.CompareTo(y.Time));
        return found;
    }

    private static RetentionQuery FirstQuery(string key)
    {
        if (key.StartsWith('<'))
        {
            return new RetentionQuery { MessageId = key };
        }
        return key.Contains('@')
            ? new RetentionQuery { Mailbox = key }
            : new RetentionQuery { QueueId = key };
    }

    private void Follow(List<RetentionRecord> found)
    {
        var asked = new HashSet<(string? Host, string Id)>();
        var known = found.Select(Identity).ToHashSet();
        for (int i = 0; i < found.Count; i++)
        {
            RetentionRecord record = found[i];
            foreach (string id in record.Via.Append(record.QueueId ?? ""))
            {
                if (id.Length == 0 || asked.Count >= TraceIdsMax || !asked.Add((record.Host, id)))
                {
                    continue;
                }
                var query = new RetentionQuery { QueueId = id, Host = record.Host };
                foreach (RetentionRecord other in Run(query))
                {
                    if (known.Add(Identity(other)))
                    {
                        found.Add(other);
                    }
                }
            }
        }
    }

    /// <summary>What tells two records apart; their lists are compared by reference.</summary>
    private static (RecordKind, string?, string?, string?, string?, long) Identity(
        RetentionRecord record) => (
        record.Kind,
        record.Host,
        record.QueueId,
        record.Recipient,
        record.OrigTo,
        record.Time.UnixMicros());

    private IEnumerable<RetentionRecord> Before(
        long timeUnixMicros,
        PriorityQueue<RetentionRecord, (long Time, long Order)> waiting,
        List<RetentionRecord> sameTime)
    {
        while (waiting.TryPeek(out _, out (long Time, long Order) first)
            && first.Time < timeUnixMicros)
        {
            RetentionRecord record = waiting.Dequeue();
            if (record.Expires > clock.GetUtcNow() && !IsRepeated(record, sameTime))
            {
                yield return record;
            }
        }
    }

    /// <summary>Whether a record was yielded already: two sources may have told the same.</summary>
    /// <param name="record">The record.</param>
    /// <param name="sameTime">Those yielded with the time of the last one.</param>
    private static bool IsRepeated(RetentionRecord record, List<RetentionRecord> sameTime)
    {
        if (sameTime.Count > 0 && sameTime[0].Time.UtcTicks != record.Time.UtcTicks)
        {
            sameTime.Clear();
        }
        if (!RowBytes.IsUnique(record.QueueId is not null, record.Time.UnixMicros()))
        {
            return false;
        }
        if (sameTime.Exists(other => IsSame(record, other)))
        {
            return true;
        }
        sameTime.Add(record);
        return false;
    }

    /// <summary>Whether two records tell the same; by themselves they compare lists by reference.</summary>
    internal static bool IsSame(RetentionRecord record, RetentionRecord other) =>
        record.Retries.SequenceEqual(other.Retries)
        && record.Via.SequenceEqual(other.Via, StringComparer.Ordinal)
        && record == other with { Retries = record.Retries, Via = record.Via };

    private DateTimeOffset? UntilOf(int? hold) => hold is null
        ? null
        : store.Holds.FirstOrDefault(h => h.Number == hold)?.Until ?? DateTimeOffset.MinValue;

    private IEnumerable<RetentionRecord> InFlightRecords(RunQuery compiled, RecordMaker maker)
    {
        RecordBatch batch = readers.InFlight;
        for (int i = 0; i < batch.Count; i++)
        {
            RecordRow row = batch.Rows[i];
            if (compiled.Matches(in row, batch.Strings))
            {
                yield return maker.Make(in row, batch.Strings, store.Policy[row.Kind.Class()]);
            }
        }
    }
}
