using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Daemon;
using Xunit;

namespace RetentionEngine.Lab;

/// <summary>
/// Debian's rsyslog and syslog-ng send to the daemon over TLS, configured with the words of
/// docs/OPERATING.md; only paths, the address and the port are ours.
/// </summary>
public sealed class SyslogSenderTests : IDisposable
{
    private const int Lines = 2000;
    private const string SyslogNgRoot = "/var/lib/retention-lab/syslog-ng";

    private readonly TestDirectory _directory = new();
    private readonly int _port = FreePort();
    private readonly int _httpPort = FreePort();

    public SyslogSenderTests()
    {
        string tls = Directory.CreateDirectory(_directory["tls"]).FullName;
        using var certificates = new Certificates(tls, "made");
        File.Copy(certificates.Authority, Path.Combine(tls, "ca.pem"));
        Put(certificates.Server("log.example.org"), Path.Combine(tls, "log"));
        Put(certificates.Client("mx1.example.org"), Path.Combine(tls, "mx1"));
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Rsyslog_is_heard_to_the_last_line()
    {
        string config = _directory["rsyslog.conf"];
        await File.WriteAllTextAsync(config, $"""
            global(workDirectory="{_directory.Path}")
            module(load="imuxsock" SysSock.Use="off")
            input(type="imuxsock" Socket="{_directory["log"]}" RateLimit.Interval="0")

            """ + Ours(OperatingDocument.Block(LabRun.Root, "rsyslog"))
                .Replace(
                    "target=\"log.example.org\"", "target=\"127.0.0.1\"",
                    StringComparison.Ordinal)
                .Replace("port=\"6514\"", $"port=\"{_port}\"", StringComparison.Ordinal));
        await HearAsync(() => Start(
            "/usr/sbin/rsyslogd", ["-n", "-f", config, "-i", _directory["sender.pid"]]));
    }

    [Fact]
    public async Task Syslog_ng_is_heard_to_the_last_line()
    {
        string config = _directory["syslog-ng.conf"];
        await File.WriteAllTextAsync(config, $$"""
            @version: 3.38
            source s_src { unix-dgram("{{_directory["log"]}}"); };

            """ + Ours(OperatingDocument.Block(LabRun.Root, "syslog-ng"))
                .Replace(
                    "syslog(\"log.example.org\" port(6514)", $"syslog(\"127.0.0.1\" port({_port})",
                    StringComparison.Ordinal)
                .Replace(
                    "disk-buffer(", $"disk-buffer(dir(\"{_directory.Path}\") ",
                    StringComparison.Ordinal));
        string libraries = $"{SyslogNgRoot}/usr/lib";
        await HearAsync(() => Start(
            $"{SyslogNgRoot}/usr/sbin/syslog-ng",
            [
                "-F", "--no-caps", "-f", config, "-R", _directory["persist"],
                "-p", _directory["sender.pid"], "-c", _directory["control"],
                $"--module-path={libraries}/syslog-ng/3.38",
            ],
            ("LD_LIBRARY_PATH", $"{libraries}/x86_64-linux-gnu:{libraries}/syslog-ng")));
    }

    /// <summary>Runs daemon and sender, and compares what was logged with what is stored.</summary>
    private async Task HearAsync(Func<Process> startSender)
    {
        string config = _directory["retentiond.toml"];
        await File.WriteAllTextAsync(
            config, Ours(OperatingDocument.Block(LabRun.Root, "toml", "client_names"))
                .Replace("address = \"::\"", "address = \"127.0.0.1\"", StringComparison.Ordinal)
                .Replace("port = 6514", $"port = {_port}", StringComparison.Ordinal));
        using var daemon = new DaemonProcess(
            ["serve", "--config", config, "--set", $"store.path={_directory["store"]}",
                "--set", $"http.listen=127.0.0.1:{_httpPort}"]);
        await daemon.UntilLoggedAsync("msg=ready");
        using Process sender = startSender();
        try
        {
            using var log = new Socket(
                AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            await UntilAsync(() => Connects(log), daemon);
            Write(log, 0, Lines / 2);
            daemon.Signal("HUP");
            Write(log, Lines / 2, Lines);
            using var http = new HttpClient();
            await UntilAsync(() => Received(http) >= Lines, daemon);
        }
        finally
        {
            End(sender);
        }
        daemon.Signal("TERM");
        Assert.Equal(0, daemon.Wait());
        Assert.Equal(
            Enumerable.Range(0, Lines).Select(static i => $"u{i:d5}@example.org"),
            Mailboxes());
    }

    private List<string?> Mailboxes()
    {
        var options = new RetentionOptions { OpenBlocks = FasterBlockStore.Open };
        using RetentionStore store = RetentionStore.Open(
            _directory["store"], options, readOnly: true);
        return [.. store.Query(new RetentionQuery { Kinds = [RecordKind.Access] })
            .Select(static r => r.Sasl ?? r.Recipient).Order(StringComparer.Ordinal)];
    }

    /// <summary>Messages that are durable, by the daemon's metrics.</summary>
    private long Received(HttpClient http)
    {
        string text = http.GetStringAsync($"http://127.0.0.1:{_httpPort}/metrics").Result;
        string line = text.Split('\n').Single(static l =>
            l.StartsWith("retentiond_listener_frames_total{", StringComparison.Ordinal));
        return long.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }

    private bool Connects(Socket log)
    {
        try
        {
            log.Connect(new UnixDomainSocketEndPoint(_directory["log"]));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void Write(Socket log, int from, int to)
    {
        string stamp = DateTime.Now.ToString("MMM d HH:mm:ss", CultureInfo.InvariantCulture);
        stamp = stamp[5] == ' ' ? stamp.Insert(4, " ") : stamp;
        for (int i = from; i < to; i++)
        {
            log.Send(Encoding.ASCII.GetBytes(
                $"<22>{stamp} dovecot: imap-login: Login: user=<u{i:d5}@example.org>, "
                + $"method=PLAIN, rip=192.0.2.5, lip=192.0.2.1, mpid=123, TLS, session=<s{i:d5}>"));
        }
    }

    private string Ours(string text) => text.Replace(
        "/etc/retentiond/tls/", _directory["tls"] + "/", StringComparison.Ordinal);

    private static void Put((string Certificate, string Key) made, string stem)
    {
        File.Move(made.Certificate, stem + ".pem");
        File.Move(made.Key, stem + ".key");
    }

    private static Process Start(
        string program, string[] arguments, params (string Name, string Value)[] variables)
    {
        Assert.True(
            File.Exists(program), $"{program} is missing: run tests/lab-packages.sh as root");
        var start = new ProcessStartInfo(program) { UseShellExecute = false };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    private static void End(Process process)
    {
        if (!process.HasExited)
        {
            using Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            kill.WaitForExit();
            if (!process.WaitForExit(TimeSpan.FromSeconds(20)))
            {
                process.Kill();
                process.WaitForExit();
            }
        }
    }

    private static async Task UntilAsync(Func<bool> isSo, DaemonProcess daemon)
    {
        var watch = Stopwatch.StartNew();
        while (!isSo())
        {
            Assert.True(watch.Elapsed < DaemonProcess.HangTimeout, daemon.Log);
            await Task.Delay(50);
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
