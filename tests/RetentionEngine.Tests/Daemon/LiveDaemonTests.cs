using System.Diagnostics;
using System.Globalization;
using System.Text;
using RetentionEngine.Tests.Buckets;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>The daemon as its administrator sees it.</summary>
public sealed class LiveDaemonTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task AQuerySeesAtOnceWhatTheDaemonWasSent()
    {
        await using var daemon = new LiveDaemon(_directory);
        await daemon.StartAsync();
        Assert.True(await daemon.SendAsync("<22>" + Login(1)));
        File.AppendAllText(daemon.LogPath, Login(2));
        (int code, string output) = await RunAsync(
            "query", "--store", daemon.StorePath, "--format", "ndjson");
        Assert.Equal(0, code);
        Assert.Contains("u1@example.org", output, StringComparison.Ordinal);
        Assert.Contains("u2@example.org", output, StringComparison.Ordinal);
        Assert.Equal(200, await daemon.HealthAsync("/readyz"));
        Assert.Equal(2, await daemon.MetricAsync("retentiond_lines_total"));
        (code, output) = await RunAsync("top", "--store", daemon.StorePath, "--count", "1");
        Assert.Equal(0, code);
        Assert.Contains("retentiond running", output, StringComparison.Ordinal);
        Assert.Contains(daemon.LogPath, output, StringComparison.Ordinal);
        Assert.Equal(0, await daemon.StopAsync());
        (code, _) = await RunAsync("top", "--store", daemon.StorePath, "--count", "1");
        Assert.NotEqual(0, code);
    }

    [Fact]
    public async Task OnAFullDiskItTakesNothingInAndGoesOnByItself()
    {
        Assert.True(Environment.IsPrivilegedProcess, "a small disk can only be mounted by root");
        Directory.CreateDirectory(_directory["store-disk"]);
        await ShellAsync("mount", "-t", "tmpfs", "-o", "size=80m", "none", _directory["store-disk"]);
        try
        {
            await using var daemon = new LiveDaemon(
                _directory, storePath: _directory["store-disk/store"], diskReserve: "4MiB");
            await daemon.StartAsync();
            Assert.True(await daemon.SendAsync("<22>" + Login(0)));
            Fill(_directory["store-disk/filler"]);
            int sent = 1;
            Task<bool>[] waiting = [.. Enumerable.Range(0, 40).Select(_ => daemon.SendAsync(
                string.Concat(Enumerable.Range(0, 2000).Select(_ => "<22>" + Login(sent++)))))];
            await UntilAsync(async () => await daemon.HealthAsync("/readyz") == 503);
            Assert.Equal(200, await daemon.HealthAsync("/healthz"));
            await Task.Delay(2000, TestContext.Current.CancellationToken);
            Assert.Contains("disk", daemon.Said, StringComparison.Ordinal);
            File.Delete(_directory["store-disk/filler"]);
            Assert.All(await Task.WhenAll(waiting), Assert.True);
            await UntilAsync(async () => await daemon.HealthAsync("/readyz") == 200);
            Assert.Equal(0, await daemon.StopAsync());
            using RetentionStore store = RetentionStore.Open(
                daemon.StorePath, StoreFixture.Options, readOnly: true);
            string[] users = [.. store.Query(new RetentionQuery()).Select(r => r.Recipient!)];
            Assert.Equal(sent, users.Length);
            Assert.Equal(sent, users.Distinct(StringComparer.Ordinal).Count());
        }
        finally
        {
            await ShellAsync("umount", "-l", _directory["store-disk"]);
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), "it did not come about");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Takes all room but some that a commit or two can have.</summary>
    private static void Fill(string path)
    {
        using FileStream file = File.Create(path);
        byte[] block = new byte[64 * 1024];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    private static async Task ShellAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    private async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        ToolProcess.Result result =
            await Task.Run(() => ToolProcess.Run(_directory.Path, arguments));
        return (result.ExitCode, result.Output + result.Error);
    }

    private static string Login(int number)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture,
            $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.ffffffK} mx1 dovecot: imap-login: Login:"
            + $" user=<u{number}@example.org>, method=PLAIN, rip=192.0.2.{number % 250},"
            + $" lip=203.0.113.1, mpid={1 + number}, TLS, session=<s{number}>\n");
        return line.ToString();
    }
}
