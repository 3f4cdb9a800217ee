using System.Net;
using System.Text.RegularExpressions;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Metrics, health and the daemon's own log.</summary>
public sealed partial class ReportingTests
{
    [Fact]
    public void Metrics_are_in_the_format_that_Prometheus_reads()
    {
        Status status = Filled();
        string text = MetricsText.Of(status);
        var typed = new Dictionary<string, string>();
        var samples = new HashSet<string>();
        foreach (string line in text.TrimEnd('\n').Split('\n'))
        {
            Match type = TypeLine().Match(line);
            if (type.Success)
            {
                Assert.True(typed.TryAdd(type.Groups[1].Value, type.Groups[2].Value), line);
            }
            else if (!HelpLine().IsMatch(line))
            {
                Match sample = SampleLine().Match(line);
                Assert.True(sample.Success, line);
                string name = sample.Groups[1].Value;
                Assert.True(typed.ContainsKey(name), line);
                Assert.Equal(
                    typed[name] is "counter", name.EndsWith("_total", StringComparison.Ordinal));
                Assert.True(samples.Add(line[..line.LastIndexOf(' ')]), line);
            }
        }
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        foreach (string line in (string[])
            [
                "retentiond_lines_total 12345678901",
                "retentiond_state{state=\"disk_full\"} 1",
                "retentiond_state{state=\"running\"} 0",
                "retentiond_store_next_expiry_timestamp_seconds 1764072000.5",
                "retentiond_source_lag_seconds{kind=\"file\",source=\"/var/log/a\\\"b\\\\c\"} 0.25",
                "retentiond_listener_frames_total{listener=\"in\",protocol=\"tls\"} 3",
                "retentiond_listener_refused_total{listener=\"in\",reason=\"frame_too_long\"} 1",
            ])
        {
            Assert.Contains(line, text.Split('\n'));
        }
    }

    [Fact]
    public async Task Health_and_readiness_tell_one_word()
    {
        var status = new Status(TimeProvider.System);
        await using HealthServer server = await HealthServer.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0), status, TimeSpan.FromHours(1));
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
        Assert.Equal((200, "ok\n"), await GetAsync(client, "/healthz"));
        foreach ((PumpState state, int code, string word) in ((PumpState, int, string)[])
            [
                (PumpState.Starting, 503, "starting\n"), (PumpState.Running, 200, "ok\n"),
                (PumpState.DiskFull, 503, "disk-full\n"),
                (PumpState.StoreError, 503, "store-error\n"),
                (PumpState.Stopping, 503, "stopping\n"),
            ])
        {
            status.Pump.State = state;
            Assert.Equal((code, word), await GetAsync(client, "/readyz"));
        }
        Assert.Equal(404, (await GetAsync(client, "/")).Code);
        using HttpResponseMessage post = await client.PostAsync("/metrics", null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        (int metricsCode, string metrics) = await GetAsync(client, "/metrics");
        Assert.Equal(200, metricsCode);
        Assert.Contains("retentiond_state{state=\"stopping\"} 1\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pump_that_stands_still_is_not_well()
    {
        var status = new Status(TimeProvider.System);
        status.Pump.State = PumpState.Running;
        await using HealthServer server = await HealthServer.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0), status, TimeSpan.Zero);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
        Assert.Equal((503, "stuck\n"), await GetAsync(client, "/healthz"));
        Assert.Equal((503, "stuck\n"), await GetAsync(client, "/readyz"));
    }

    [Fact]
    public async Task Health_is_for_this_machine_only() =>
        await Assert.ThrowsAsync<ArgumentException>(() => HealthServer.StartAsync(
            new IPEndPoint(IPAddress.Any, 0), new Status(TimeProvider.System), TimeSpan.Zero));

    [Fact]
    public void The_log_has_one_line_an_event()
    {
        using var text = new StringWriter();
        var log = new Log(text, hasPriority: true);
        log.Info("two words", ("count", 3), ("path", "/a b\n\"c\""), ("empty", null));
        log.Debug("not shown");
        log.IsJson = true;
        log.Error("bad", ("count", 3L), ("path", "/a\n"));
        Assert.Equal(
            "<6>level=info msg=\"two words\" count=3 path=\"/a b\\n\\\"c\\\"\" empty=\"\"\n"
            + "<3>{\"level\":\"error\",\"msg\":\"bad\",\"count\":3,\"path\":\"/a\\n\"}\n",
            text.ToString());
    }

    private static Status Filled()
    {
        var status = new Status(TimeProvider.System);
        status.Pump.Lines = 12_345_678_901;
        status.Pump.State = PumpState.DiskFull;
        status.Store.NextExpiryUnixSeconds = 1_764_072_000.5;
        status.Store.DiskFreeBytes = 1L << 40;
        status.Source(SourceKind.File, "/var/log/a\"b\\c").LagSeconds = 0.25;
        status.Source(SourceKind.Journal, "system").IsUp = true;
        ListenerStatus listener = status.Listener("in", SyslogProtocol.Tls);
        listener.Took(3, 100);
        listener.Refuse(RefusalReason.FrameTooLong);
        status.Listener("out", SyslogProtocol.Udp).Dropped(4);
        return status;
    }

    private static async Task<(int Code, string Text)> GetAsync(HttpClient client, string path)
    {
        using HttpResponseMessage response = await client.GetAsync(path);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    [GeneratedRegex("^# TYPE ([a-z_]+) (counter|gauge)$")]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^# HELP [a-z_]+ \S.*\.$")]
    private static partial Regex HelpLine();

    [GeneratedRegex(@"^([a-z_]+)(?:\{[a-z]+=""(?:[^""\\]|\\.)*""(?:,[a-z]+=""(?:[^""\\]|\\.)*"")*\})? -?[0-9.]+$")]
    private static partial Regex SampleLine();
}
