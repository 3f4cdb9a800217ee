using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>A real retentiond over a folder of its own, that can be killed and started again.</summary>
internal sealed class LiveDaemon : IAsyncDisposable
{
    private readonly StringBuilder _said = new();
    private Process? _process;

    public LiveDaemon(
        TestDirectory directory, string more = "", string? storePath = null, string diskReserve = "0")
    {
        (Port, HttpPort) = (FreePort(), FreePort());
        StorePath = storePath ?? directory["store"];
        LogPath = directory["log/mail.log"];
        ConfigPath = directory["retentiond.toml"];
        Directory.CreateDirectory(directory["log"]);
        File.WriteAllText(ConfigPath, $"""
            [store]
            path = "{StorePath}"
            local_domains = ["example.org"]

            [spool]
            disk_reserve = "{diskReserve}"

            [[file]]
            path = "{LogPath}"

            [[syslog]]
            name = "in"
            protocol = "tcp"
            address = "127.0.0.1"
            port = {Port}

            [http]
            listen = "127.0.0.1:{HttpPort}"

            {more}
            """);
    }

    /// <summary>A folder whose programs go before those of the system; null = none.</summary>
    public string? Programs { get; init; }

    public string StorePath { get; }

    public string LogPath { get; }

    public string ConfigPath { get; }

    public int Port { get; }

    public int HttpPort { get; }

    /// <summary>Starts it; returns when it is ready.</summary>
    public async Task StartAsync()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "retentiond.dll");
        var start = new ProcessStartInfo(Environment.ProcessPath is { } self
            && Path.GetFileNameWithoutExtension(self) is "dotnet" ? self : "dotnet")
        {
            ArgumentList = { path, "serve", "--config", ConfigPath },
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        if (Programs is not null)
        {
            start.Environment["PATH"] = $"{Programs}:{start.Environment["PATH"]}";
        }
        _process = Process.Start(start)!;
        var ready = new TaskCompletionSource();
        _process.ErrorDataReceived += (_, e) =>
        {
            lock (_said)
            {
                _said.AppendLine(e.Data);
            }
            if (e.Data is null || e.Data.Contains("msg=ready", StringComparison.Ordinal))
            {
                ready.TrySetResult();
            }
        };
        _process.BeginErrorReadLine();
        await ready.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.False(_process.HasExited, Said);
    }

    /// <summary>What it said on standard error, all starts together.</summary>
    public string Said
    {
        get
        {
            lock (_said)
            {
                return _said.ToString();
            }
        }
    }

    public int Id => _process!.Id;

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Asks it to end, and returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (Process kill = Process.Start("kill", ["-TERM", $"{_process!.Id}"]))
        {
            await kill.WaitForExitAsync();
        }
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        int code = _process.ExitCode;
        _process.Dispose();
        _process = null;
        return code;
    }

    /// <summary>Sends lines over one connection and waits for the daemon's end of it.</summary>
    /// <returns>Whether it confirmed that all of them are durable.</returns>
    public async Task<bool> SendAsync(string lines)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.UTF8.GetBytes(lines));
            client.Client.Shutdown(SocketShutdown.Send);
            return await stream.ReadAsync(new byte[1]) == 0;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    /// <summary>The value of a metric; 0 when it is not there.</summary>
    public Task<double> MetricAsync(string name) => SumAsync(name + " ");

    /// <summary>The sum of all metrics whose line begins so.</summary>
    public async Task<double> SumAsync(string begin)
    {
        using var client = new HttpClient();
        string text = await client.GetStringAsync(new Uri($"http://127.0.0.1:{HttpPort}/metrics"));
        return text.Split('\n').Where(line => line.StartsWith(begin, StringComparison.Ordinal))
            .Sum(line => double.Parse(
                line.AsSpan(line.LastIndexOf(' ') + 1), System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>The status code of a health check.</summary>
    public async Task<int> HealthAsync(string path)
    {
        using var client = new HttpClient();
        using HttpResponseMessage answer =
            await client.GetAsync(new Uri($"http://127.0.0.1:{HttpPort}{path}"));
        return (int)answer.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
