using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Dns;

/// <summary>Findings by domain, each asked for once however many wait for it.</summary>
internal sealed class FindingCache(
    Func<string, CancellationToken, Task<Finding>> find, Metrics metrics, TimeProvider time)
{
    public const int EntriesMax = 10_000;

    /// <summary>Queries on the way at once: they cost Tor circuits.</summary>
    public const int FlightsMax = 64;

    // A chain of signatures takes half a dozen queries, each on a circuit of its own.
    private static readonly TimeSpan s_flightTime = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Lock _lock = new();
    private int _flights;

    /// <summary>The finding for a domain, if it is there within a time.</summary>
    /// <param name="wait">Counted from when the question was first asked, so that of many who ask
    /// about one slow domain only the first waits.</param>
    /// <returns>Null if it takes longer; it is then asked for all the same.</returns>
    public async ValueTask<Finding?> GetAsync(string domain, TimeSpan wait)
    {
        Entry? entry;
        lock (_lock)
        {
            if (_entries.TryGetValue(domain, out entry) && entry.IsOver(time))
            {
                _entries.Remove(domain);
                entry = null;
            }
            if (entry == null)
            {
                if (_flights >= FlightsMax)
                {
                    return null;
                }
                MakeRoom();
                entry = new Entry(time.GetTimestamp());
                _entries.Add(domain, entry);
                _flights++;
                _ = FlyAsync(domain, entry);
            }
        }
        if (entry.Landing.Task.IsCompleted)
        {
            return await entry.Landing.Task;
        }
        TimeSpan left = wait - time.GetElapsedTime(entry.Start);
        if (left <= TimeSpan.Zero)
        {
            return null;
        }
        try
        {
            return await entry.Landing.Task.WaitAsync(left, time);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private async Task FlyAsync(string domain, Entry entry)
    {
        metrics.Discoveries.Increment();
        Finding finding;
        try
        {
            using var end = new CancellationTokenSource(s_flightTime, time);
            // Not on the thread that holds the lock.
            await Task.Yield();
            finding = await find(domain, end.Token).WaitAsync(s_flightTime, time);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            finding = Finding.Failure("DNS: no answer in time");
        }
        if (finding.Kind == FindingKind.Failed)
        {
            metrics.DiscoveryFailures.Increment();
        }
        lock (_lock)
        {
            _flights--;
        }
        entry.Landed = time.GetTimestamp();
        entry.Landing.SetResult(finding);
    }

    private void MakeRoom()
    {
        if (_entries.Count < EntriesMax)
        {
            return;
        }
        foreach ((string domain, Entry entry) in _entries.ToArray())
        {
            // First those that no longer hold; if that is not enough, any that nobody waits for.
            if (entry.IsOver(time))
            {
                _entries.Remove(domain);
            }
        }
        foreach ((string domain, Entry entry) in _entries.ToArray())
        {
            if (_entries.Count <= EntriesMax * 9 / 10)
            {
                return;
            }
            if (entry.Landing.Task.IsCompleted)
            {
                _entries.Remove(domain);
            }
        }
    }

    private sealed class Entry(long start)
    {
        public long Start => start;

        public long Landed { get; set; }

        public TaskCompletionSource<Finding> Landing { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsOver(TimeProvider time) => Landing.Task.IsCompletedSuccessfully
            && time.GetElapsedTime(Landed) >= Landing.Task.Result.Lifetime;
    }
}
