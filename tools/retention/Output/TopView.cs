using System.Globalization;
using System.Text;
using System.Text.Json;

namespace RetentionEngine.Tool.Output;

/// <summary>One look at the daemon's metrics, with rates since the look before.</summary>
/// <param name="Values">By name and labels as the daemon writes them, its prefix left out.</param>
/// <param name="Rates">Of all counters, per second; empty at the first look.</param>
internal sealed record TopReading(
    IReadOnlyDictionary<string, double> Values, IReadOnlyDictionary<string, double> Rates)
{
    public double this[string name] => Values.GetValueOrDefault(name);

    public double Rate(string name) => Rates.GetValueOrDefault(name);

    /// <summary>The labels with which a metric is there, most first.</summary>
    public IEnumerable<string> Labelled(string name) => Values
        .Where(v => v.Key.StartsWith(name + "{", StringComparison.Ordinal))
        .OrderByDescending(v => Rate(v.Key)).ThenByDescending(v => v.Value).Select(v => v.Key);

    public void Write(Utf8JsonWriter json)
    {
        foreach ((string name, double value) in Values)
        {
            json.WriteNumber(name, value);
        }
        json.WriteStartObject("perSecond");
        foreach ((string name, double rate) in Rates)
        {
            json.WriteNumber(name, Math.Round(rate, 3));
        }
        json.WriteEndObject();
    }
}

/// <summary>Draws what <c>retention top</c> shows.</summary>
internal sealed class TopView(TimeProvider clock, bool isColored)
{
    private const string Prefix = "retentiond_";
    private const int HostsShown = 10;

    private Dictionary<string, double> _last = new(StringComparer.Ordinal);
    private long _lastTime;

    /// <summary>Reads metrics and compares them with those before.</summary>
    public TopReading Take(string metrics)
    {
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (string line in metrics.Split('\n'))
        {
            int space = line.LastIndexOf(' ');
            if (line.StartsWith(Prefix, StringComparison.Ordinal) && space > 0
                && double.TryParse(
                    line.AsSpan(space + 1), NumberStyles.Float, CultureInfo.InvariantCulture,
                    out double value))
            {
                values[line[Prefix.Length..space]] = value;
            }
        }
        var rates = new Dictionary<string, double>(StringComparer.Ordinal);
        double seconds = clock.GetElapsedTime(_lastTime).TotalSeconds;
        foreach ((string name, double before) in _last)
        {
            if (name.Contains("_total", StringComparison.Ordinal)
                && values.TryGetValue(name, out double now))
            {
                rates[name] = Math.Max(0, now - before) / seconds;
            }
        }
        (_last, _lastTime) = (values, clock.GetTimestamp());
        return new TopReading(values, rates);
    }

    public string Text(TopReading reading)
    {
        var text = new StringBuilder();
        AddHead(text, reading);
        AddCounts(text, reading, "records_by_kind_total", "CLASS", int.MaxValue);
        AddCounts(text, reading, "records_by_status_total", "FATE", int.MaxValue);
        AddCounts(text, reading, "records_by_host_total", "HOST", HostsShown);
        AddSources(text, reading);
        AddListeners(text, reading);
        return text.ToString();
    }

    private void AddHead(StringBuilder text, TopReading reading)
    {
        string state = reading.Labelled("state")
            .Where(key => reading[key] == 1).Select(key => Label(key, "state")).FirstOrDefault("?");
        CultureInfo plain = CultureInfo.InvariantCulture;
        text.Append(plain, $"retentiond {state}  {reading.Rate("lines_total"):N0} lines/s")
            .Append(plain, $"  {Times.ToSize(reading.Rate("line_bytes_total"))}/s")
            .Append(plain, $"  {reading.Rate("records_total"):N0} records/s")
            .Append(plain, $"  {reading["in_flight"]:N0} in flight")
            .Append(plain, $"  {Times.ToSize(reading["spool_bytes"])} in the spool\n")
            .Append(plain, $"store      {reading["store_records"]:N0} records in")
            .Append(plain, $" {Times.ToSize(reading["store_bytes"])}, {reading["store_buckets"]:N0} buckets,")
            .Append(plain, $" next expires {Expiry(reading["store_next_expiry_timestamp_seconds"])},")
            .Append(plain, $" {reading["store_buckets_expired_total"]:N0} expired so far\n")
            .Append(plain, $"lines      {reading["unknown_shapes_total"]:N0} not understood,")
            .Append(plain, $" {reading["gaps_total"]:N0} gaps; disk free")
            .Append(plain, $" {Times.ToSize(reading["disk_free_bytes"])}\n\n");
    }

    private string Expiry(double unixSeconds)
    {
        if (unixSeconds <= 0)
        {
            return "never";
        }
        DateTimeOffset at = DateTimeOffset.UnixEpoch.AddSeconds(unixSeconds);
        TimeSpan left = at - clock.GetUtcNow();
        return left > TimeSpan.Zero ? $"in {Times.ToText(left)}" : "now";
    }

    private void AddCounts(
        StringBuilder text, TopReading reading, string name, string title, int max)
    {
        string[] keys = [.. reading.Labelled(name).Where(key => reading[key] > 0).Take(max)];
        if (keys.Length == 0)
        {
            return;
        }
        var table = new TextTable(title, ">PER SECOND", ">SINCE START");
        foreach (string key in keys)
        {
            int quote = key.IndexOf('"', StringComparison.Ordinal);
            table.Add(
                key[(quote + 1)..key.LastIndexOf('"')],
                Number(reading.Rate(key), "N1"), Number(reading[key], "N0"));
        }
        text.Append(table.Render(isColored)).Append('\n');
    }

    private void AddSources(StringBuilder text, TopReading reading)
    {
        string[] keys = [.. reading.Labelled("source_lines_total")];
        if (keys.Length == 0)
        {
            return;
        }
        var table = new TextTable("SOURCE", ">LINES/S", ">BEHIND", ">LAG", "UP");
        foreach (string key in keys)
        {
            string labels = key["source_lines_total".Length..];
            table.Add(
                Label(key, "source"), Number(reading.Rate(key), "N1"),
                Times.ToSize(reading["source_behind_bytes" + labels]),
                Number(reading["source_lag_seconds" + labels], "0.0") + " s",
                reading["source_up" + labels] == 1 ? "yes" : "no");
        }
        text.Append(table.Render(isColored)).Append('\n');
    }

    private void AddListeners(StringBuilder text, TopReading reading)
    {
        string[] keys = [.. reading.Labelled("listener_frames_total")];
        if (keys.Length == 0)
        {
            return;
        }
        var table = new TextTable("LISTENER", ">LINES/S", ">CONNECTIONS", ">REFUSED", ">DROPPED");
        foreach (string key in keys)
        {
            string labels = key["listener_frames_total".Length..];
            string name = Label(key, "listener");
            double refused = reading.Values
                .Where(v => v.Key.StartsWith(
                    $"listener_refused_total{{listener=\"{name}\"", StringComparison.Ordinal))
                .Sum(v => v.Value);
            table.Add(
                name, Number(reading.Rate(key), "N1"),
                Number(reading["listener_connections" + labels], "N0"), Number(refused, "N0"),
                Number(reading["listener_dropped_datagrams_total" + labels], "N0"));
        }
        text.Append(table.Render(isColored)).Append('\n');
    }

    private static string Number(double value, string format) =>
        value.ToString(format, CultureInfo.InvariantCulture);

    private static string Label(string key, string name)
    {
        string start = name + "=\"";
        int at = key.IndexOf(start, StringComparison.Ordinal);
        return at < 0 ? "?" : key[(at + start.Length)..key.IndexOf('"', at + start.Length)];
    }
}
