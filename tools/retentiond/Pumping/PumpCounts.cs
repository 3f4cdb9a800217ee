using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Brings what the pump and the store report into the daemon's status.</summary>
internal sealed class PumpCounts(Status status)
{
    // What earlier pumps of this process counted.
    private ImportReport? _last;
    private long _lines;
    private long _records;
    private long _bytes;
    private long _strange;
    private long _gaps;
    private Dictionary<string, long> _kinds = [];
    private Dictionary<string, long> _statuses = [];
    private Dictionary<string, long> _hosts = [];

    /// <summary>A new pump counts from 0.</summary>
    public void Begin()
    {
        if (_last is { } last)
        {
            _lines += last.Lines;
            _records += Sum(last);
            _bytes += last.BytesRead;
            _strange += last.StrangeLines;
            _gaps += last.GapLines;
            _kinds = Sums(_kinds, last.Records);
            _statuses = Sums(_statuses, last.RecordsByStatus);
            _hosts = Sums(_hosts, last.RecordsByHost);
        }
        _last = null;
    }

    /// <summary>Adds a turn.</summary>
    /// <returns>Bytes of lines that it read.</returns>
    public long Add(ImportReport report, IReadOnlyList<string> paths)
    {
        long read = report.BytesRead - (_last?.BytesRead ?? 0);
        _last = report;
        PumpStatus pump = status.Pump;
        pump.Lines = _lines + report.Lines;
        TakeRecords(report);
        pump.Bytes = _bytes + report.BytesRead;
        pump.UnknownShapes = _strange + report.StrangeLines;
        pump.Gaps = _gaps + report.GapLines;
        pump.InFlight = report.InFlight + report.OpenSessions;
        foreach (SourceReport source in report.Sources)
        {
            string? path = paths.FirstOrDefault(
                p => source.Name.StartsWith(p, StringComparison.Ordinal));
            SourceStatus to = path is null
                ? status.Source(SourceKind.Spool, "spool") : status.Source(SourceKind.File, path);
            to.Lines += source.Lines;
            to.Bytes += source.Bytes - source.AlreadyKnownBytes;
            to.IsUp = source.Error is null;
        }
        return read;
    }

    /// <summary>Notes a commit.</summary>
    /// <param name="lag">Since the first line that it brought was read.</param>
    /// <param name="now">When.</param>
    /// <param name="report">What the pump says behind it.</param>
    public void Committed(TimeSpan lag, DateTimeOffset now, ImportReport report)
    {
        status.Pump.Commits++;
        status.Pump.LastCommitUnixSeconds = (now - DateTimeOffset.UnixEpoch).TotalSeconds;
        foreach (SourceStatus source in status.Sources)
        {
            source.LagSeconds = lag.TotalSeconds;
        }
        if (_last is not null)
        {
            // Records are counted where they are sealed.
            _last = report;
            TakeRecords(report);
        }
    }

    private void TakeRecords(ImportReport report)
    {
        PumpStatus pump = status.Pump;
        pump.Records = _records + Sum(report);
        pump.RecordsByKind = Sums(_kinds, report.Records);
        pump.RecordsByStatus = Sums(_statuses, report.RecordsByStatus);
        pump.RecordsByHost = Sums(_hosts, report.RecordsByHost);
    }

    private static Dictionary<string, long> Sums<TKey>(
        Dictionary<string, long> before, IReadOnlyDictionary<TKey, long> counts)
        where TKey : notnull
    {
        var sums = new Dictionary<string, long>(before, StringComparer.Ordinal);
        foreach ((TKey key, long count) in counts)
        {
            string name = key as string ?? MetricsText.Snake(key.ToString()!);
            sums[name] = sums.GetValueOrDefault(name) + count;
        }
        return sums;
    }

    public void Take(StoreStats stats)
    {
        StoreStatus store = status.Store;
        store.Buckets = stats.Classes.Sum(static c => (long)c.Buckets);
        store.Records = stats.Classes.Sum(static c => c.Records);
        store.SizeBytes = stats.SizeBytes;
        DateTimeOffset? next = stats.Classes.Min(static c => c.NextExpiry);
        store.NextExpiryUnixSeconds =
            next is null ? 0 : (next.Value - DateTimeOffset.UnixEpoch).TotalSeconds;
    }

    public void TakeFiles(FileFollower files)
    {
        foreach ((string path, bool isThere) in files.Presence())
        {
            SourceStatus source = status.Source(SourceKind.File, path);
            source.IsUp = isThere;
            source.BytesBehind = files.BytesBehind(path);
        }
    }

    private static long Sum(ImportReport report) => report.Records.Values.Sum();
}
