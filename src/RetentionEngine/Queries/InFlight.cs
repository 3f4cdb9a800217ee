using System.Buffers;
using RetentionEngine.Buckets;
using RetentionEngine.Events;
using RetentionEngine.Messages;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>What a store's last commit holds in flight, without importing anything.</summary>
internal static class InFlight
{
    /// <summary>The tracker as of the last commit, with a batch of its own.</summary>
    public static Tracker Load(BucketStore store, out RecordBatch batch)
    {
        batch = new RecordBatch(store.Seed);
        var tracker = new Tracker(
            new HostTable(), new LocalDomains(store.Policy.LocalDomains), batch, store.Seed);
        tracker.Load(store.InFlight.Span);
        return tracker;
    }

    /// <summary>Commits a snapshot without what is past its period, if there is anything.</summary>
    public static void Purge(BucketStore store, long nowUnixMicros)
    {
        Tracker tracker = Load(store, out _);
        if (tracker.Purge(nowUnixMicros, store.Policy) == 0)
        {
            return;
        }
        var snapshot = new ArrayBufferWriter<byte>();
        tracker.Save(snapshot);
        store.Commit(
            store.Sources, snapshot.WrittenSpan, tracker.MailsInFlight, tracker.SessionsOpen);
    }
}
