using System.Globalization;
using System.Text;

namespace RetentionEngine.Daemon.Reporting;

/// <summary>The status in the text format that Prometheus reads (version 0.0.4).</summary>
internal sealed class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();

    private MetricsText()
    {
    }

    public static string Of(Status status)
    {
        var text = new MetricsText();
        text.AddPump(status.Pump);
        text.AddStore(status.Store);
        text.AddSources([.. status.Sources]);
        text.AddListeners([.. status.Listeners]);
        text.Counter("reloads_total", "Configurations taken anew.", status.Reloads);
        text.Counter("reloads_refused_total", "Configurations refused.", status.ReloadsRefused);
        return text._text.ToString();
    }

    private void AddPump(PumpStatus pump)
    {
        Counter("lines_total", "Lines read.", pump.Lines);
        Counter("line_bytes_total", "Bytes of the lines read.", pump.Bytes);
        Counter("records_total", "Records made.", pump.Records);
        AddCounts("records_by_kind_total", "Records made, by kind.", "kind", pump.RecordsByKind);
        AddCounts("records_by_status_total", "Records made, by fate.", "status",
            pump.RecordsByStatus);
        AddCounts("records_by_host_total", "Records made, by the host that wrote the log.", "host",
            pump.RecordsByHost);
        Counter("unknown_shapes_total", "Lines that no form fits.", pump.UnknownShapes);
        Counter("gaps_total", "Places where a source had lost lines.", pump.Gaps);
        Counter("commits_total", "Commits of the store.", pump.Commits);
        Gauge("last_commit_timestamp_seconds", "Time of the last commit; 0 before the first.",
            pump.LastCommitUnixSeconds);
        Gauge("in_flight", "Mails in the queue and sessions that are open.", pump.InFlight);
        Gauge("spool_bytes", "Bytes that wait in the spool.", pump.SpoolBytes);
        Gauge("pump_still_seconds", "Time since the pump last moved.", pump.Still.TotalSeconds);
        Head("state", "gauge", "1 for the state that the pump is in.");
        foreach (PumpState state in Enum.GetValues<PumpState>())
        {
            Sample("state", state == pump.State ? 1 : 0, ("state", Snake(state.ToString())));
        }
    }

    private void AddCounts(
        string name, string help, string label, IReadOnlyDictionary<string, long> counts)
    {
        if (counts.Count == 0)
        {
            return;
        }
        Head(name, "counter", help);
        foreach ((string key, long count) in counts
            .OrderBy(static c => c.Key, StringComparer.Ordinal))
        {
            Sample(name, count, (label, key));
        }
    }

    private void AddStore(StoreStatus store)
    {
        Gauge("store_buckets", "Buckets with records.", store.Buckets);
        Gauge("store_records", "Records kept.", store.Records);
        Gauge("store_bytes", "Bytes of the store on disk.", store.SizeBytes);
        Counter("store_buckets_expired_total", "Buckets whose keys were destroyed.", store.Expired);
        Gauge("store_next_expiry_timestamp_seconds",
            "When the next key is destroyed; 0 = there is none.", store.NextExpiryUnixSeconds);
        Gauge("store_key_loaded", "Whether the master key is there.",
            store.Key == KeyState.Loaded ? 1 : 0);
        if (store.DiskFreeBytes >= 0)
        {
            Gauge("disk_free_bytes", "Free bytes of the disk of the store.", store.DiskFreeBytes);
        }
    }

    private void AddSources(SourceStatus[] sources)
    {
        AddSources(sources, "source_lines_total", "counter", "Lines read.", static s => s.Lines);
        AddSources(sources, "source_bytes_total", "counter", "Bytes read.", static s => s.Bytes);
        AddSources(sources, "source_behind_bytes", "gauge", "Bytes that are not read yet.",
            static s => s.BytesBehind);
        AddSources(sources, "source_lag_seconds", "gauge",
            "From the time of the last line until it was committed.", static s => s.LagSeconds);
        AddSources(sources, "source_up", "gauge", "Whether it can be read.",
            static s => s.IsUp ? 1 : 0);
    }

    private void AddSources(
        SourceStatus[] sources, string name, string type, string help,
        Func<SourceStatus, double> value)
    {
        if (sources.Length == 0)
        {
            return;
        }
        Head(name, type, help);
        foreach (SourceStatus source in sources)
        {
            Sample(name, value(source),
                ("kind", Snake(source.Kind.ToString())), ("source", source.Name));
        }
    }

    private void AddListeners(ListenerStatus[] all)
    {
        AddListeners(all, "listener_connections", "gauge", "Connections that are open.",
            static l => l.Connections);
        AddListeners(all, "listener_connections_total", "counter", "Connections taken.",
            static l => l.ConnectionsAccepted);
        AddListeners(all, "listener_frames_total", "counter", "Messages that are durable.",
            static l => l.Frames);
        AddListeners(all, "listener_bytes_total", "counter", "Bytes of these messages.",
            static l => l.Bytes);
        AddListeners(all, "listener_dropped_datagrams_total", "counter",
            "Datagrams that the kernel had no room for.", static l => l.Drops);
        if (all.Length == 0)
        {
            return;
        }
        Head("listener_refused_total", "counter", "Connections and messages that were not taken.");
        foreach (ListenerStatus listener in all)
        {
            foreach (RefusalReason reason in Enum.GetValues<RefusalReason>())
            {
                Sample("listener_refused_total", listener.Refused(reason),
                    ("listener", listener.Name), ("reason", Snake(reason.ToString())));
            }
        }
    }

    private void AddListeners(
        ListenerStatus[] all, string name, string type, string help,
        Func<ListenerStatus, double> value)
    {
        if (all.Length == 0)
        {
            return;
        }
        Head(name, type, help);
        foreach (ListenerStatus listener in all)
        {
            Sample(name, value(listener), ("listener", listener.Name),
                ("protocol", Snake(listener.Protocol.ToString())));
        }
    }

    private void Counter(string name, string help, double value) =>
        Single(name, "counter", help, value);

    private void Gauge(string name, string help, double value) =>
        Single(name, "gauge", help, value);

    private void Single(string name, string type, string help, double value)
    {
        Head(name, type, help);
        Sample(name, value);
    }

    private void Head(string name, string type, string help) => _text
        .Append(CultureInfo.InvariantCulture, $"# HELP retentiond_{name} {help}\n")
        .Append(CultureInfo.InvariantCulture, $"# TYPE retentiond_{name} {type}\n");

    private void Sample(
        string name, double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        _text.Append("retentiond_").Append(name);
        for (int i = 0; i < labels.Length; i++)
        {
            _text.Append(i == 0 ? '{' : ',').Append(labels[i].Name).Append("=\"")
                .Append(Escaped(labels[i].Value)).Append('"');
        }
        _text.Append(labels.Length > 0 ? "} " : " ")
            .Append(value.ToString("0.######", CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string Escaped(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);

    /// <summary>disk_full for DiskFull.</summary>
    public static string Snake(string name) => string.Concat(name.Select(static (c, i) =>
        char.IsAsciiLetterUpper(c) ? $"{(i > 0 ? "_" : "")}{char.ToLowerInvariant(c)}" : $"{c}"));
}
