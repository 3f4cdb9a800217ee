using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Tidy;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>The daemon as its service manager sees it.</summary>
public sealed class DaemonTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task It_tells_its_manager_and_keeps_what_it_was_sent()
    {
        using Socket manager = Manager();
        int port = FreePort();
        string config = Configure(port);
        using var daemon = new DaemonProcess(
            ["serve", "--config", config, "--set", "log_format=json"],
            ("NOTIFY_SOCKET", _directory["notify"]), ("WATCHDOG_USEC", "1000000"));
        await UntilToldAsync(manager, "READY=1");
        await UntilToldAsync(manager, "WATCHDOG=1");
        using (Socket socket = Connect(port))
        {
            Assert.True(await ListenerFixture.FinishAsync(socket, Logins("a", 50)));
        }
        int second = FreePort();
        Configure(second);
        daemon.Signal("HUP");
        string told = await UntilToldAsync(manager, "RELOADING=1");
        Assert.Matches("^RELOADING=1\nMONOTONIC_USEC=[0-9]+$", told);
        await UntilToldAsync(manager, "READY=1");
        using (Socket socket = Connect(second))
        {
            Assert.True(await ListenerFixture.FinishAsync(socket, Logins("b", 50)));
        }
        File.AppendAllText(config, "[stoer]\n");
        daemon.Signal("HUP");
        await daemon.UntilLoggedAsync("the old one stays");
        using Socket late = Connect(second);
        await late.SendAsync(Logins("c", 50));
        daemon.Signal("TERM");
        await UntilToldAsync(manager, "STOPPING=1");
        Assert.True(await ListenerFixture.EndAsync(late));
        late.Dispose();
        Assert.Equal(0, daemon.Wait());
        Assert.Contains("\"what\":\"stoer is not a setting", daemon.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("@", daemon.Log, StringComparison.Ordinal);
        Assert.Equal(
            Names("a", 50).Concat(Names("b", 50)).Concat(Names("c", 50)),
            Mailboxes(_directory["store"]));
    }

    [Fact]
    public void A_wrong_configuration_does_not_start()
    {
        File.WriteAllText(_directory["c.toml"], "[stoer]\n[http]\nlisten = \"0.0.0.0:80\"\n");
        foreach (string[] command in (string[][])[["serve"], ["config", "check"]])
        {
            using var daemon = new DaemonProcess([.. command, "--config", _directory["c.toml"]]);
            Assert.Equal(78, daemon.Wait());
            Assert.Contains("c.toml:1: stoer is not a setting", daemon.Log, StringComparison.Ordinal);
            Assert.Contains("c.toml:3: http.listen must be", daemon.Log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_wrong_command_line_is_64()
    {
        foreach (string[] arguments in (string[][])[["srve"], [], ["serve", "--what"]])
        {
            using var daemon = new DaemonProcess(arguments);
            Assert.Equal(64, daemon.Wait());
            Assert.Contains("Try 'retentiond --help'", daemon.Log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_shipped_configuration_is_right()
    {
        string path = Path.Combine(Repository.Root, "tools", "retentiond", "retentiond.toml");
        using var daemon = new DaemonProcess(["config", "check", "--config", path]);
        Assert.Equal(0, daemon.Wait());
        Assert.StartsWith("ok\n", daemon.Log, StringComparison.Ordinal);
        // What it shows as a comment must be right as well.
        string whole = File.ReadAllText(path)
            .Replace("\n#[[", "\n[[", StringComparison.Ordinal)
            .Replace("\n#", "\n", StringComparison.Ordinal);
        whole = string.Join('\n', whole.Split('\n').Where(static l => l.Length == 0 || l[0] == '['
            || l.Contains(" = ", StringComparison.Ordinal))).Replace(
                "rejected = \"7d\"\n", "", StringComparison.Ordinal);
        Settings settings = Parse(whole);
        Assert.Single(settings.Syslogs);
        Assert.Single(settings.Journals);
        Assert.Single(settings.Fifos);
        Assert.Equal(TimeSpan.FromDays(30), settings.Policy.Rejected.Period);
    }

    [Fact]
    public void The_configurations_of_the_document_are_right()
    {
        string[] blocks = OperatingDocument.Blocks(Repository.Root, "toml");
        Assert.Equal(3, blocks.Length);
        Assert.Equal(["/var/log/mail.log"], Parse(blocks[0]).Files);
        Assert.Equal(
            ["--unit=postfix*.service", "--unit=dovecot.service"],
            Parse(blocks[1]).Journals[0].Arguments());
        Assert.Equal(["mx1.example.org"], Parse(blocks[2]).Syslogs[0].ClientNames);
    }

    private static Settings Parse(string text) => SettingsFile.Parse(
        text, "document", new Dictionary<string, string>(), new Dictionary<string, string>());

    internal static IEnumerable<string> Names(string stem, int count) =>
        Enumerable.Range(0, count).Select(i => $"{stem}{i:d4}@example.org");

    /// <summary>Who logged in, by the store.</summary>
    internal static IEnumerable<string?> Mailboxes(string store)
    {
        var options = new RetentionOptions { OpenBlocks = FasterBlockStore.Open };
        using RetentionStore open = RetentionStore.Open(store, options, readOnly: true);
        return [.. open.Query(new RetentionQuery { Kinds = [RecordKind.Access] })
            .Select(static r => r.Sasl ?? r.Recipient).Order(StringComparer.Ordinal)];
    }

    private static byte[] Logins(string stem, int count)
    {
        var text = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            string time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'");
            text.Append($"<22>1 {time} mx1 dovecot - - - imap-login: Login: ")
                .Append($"user=<{stem}{i:d4}@example.org>, method=PLAIN, rip=192.0.2.5, ")
                .Append($"lip=192.0.2.1, mpid=123, TLS, session=<{stem}{i:d4}>\n");
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private string Configure(int port)
    {
        string path = _directory["c.toml"];
        File.WriteAllText(path, $"""
            [store]
            path = "{_directory["store"]}"
            local_domains = ["example.org"]
            [[syslog]]
            protocol = "tcp"
            address = "127.0.0.1"
            port = {port}

            """);
        return path;
    }

    private Socket Manager()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_directory["notify"]));
        return socket;
    }

    private static async Task<string> UntilToldAsync(Socket manager, string begin)
    {
        byte[] buffer = new byte[4096];
        using var hang = new CancellationTokenSource(DaemonProcess.HangTimeout);
        while (true)
        {
            int length = await manager.ReceiveAsync(buffer, SocketFlags.None, hang.Token);
            string told = Encoding.UTF8.GetString(buffer, 0, length);
            if (told.StartsWith(begin, StringComparison.Ordinal))
            {
                return told;
            }
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }
}
