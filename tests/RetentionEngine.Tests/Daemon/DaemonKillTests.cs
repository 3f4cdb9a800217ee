using System.Globalization;
using System.Text;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>A daemon that is killed at any moment while lines keep coming from all sides.</summary>
/// <remarks><c>RETENTION_KILL_ROUNDS</c> sets how many times.</remarks>
public sealed class DaemonKillTests : IDisposable
{
    private static readonly int s_rounds = int.Parse(
        Environment.GetEnvironmentVariable("RETENTION_KILL_ROUNDS") ?? "4", CultureInfo.InvariantCulture);

    private const int RotationsMax = 40;

    private readonly TestDirectory _directory = new();
    private readonly HashSet<string> _sure = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unsure = new(StringComparer.Ordinal);
    private int _number;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task EveryLineThatWasAcknowledgedIsInTheStoreOnce()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var daemon = new LiveDaemon(_directory);
        await daemon.StartAsync();
        using var stop = new CancellationTokenSource();
        Task files = WriteFilesAsync(daemon.LogPath, seed, stop.Token);
        Task[] senders = [.. Enumerable.Range(1, 3).Select(n => SendAsync(daemon, seed + n, stop.Token))];
        for (int round = 0; round < s_rounds; round++)
        {
            await Task.Delay(random.Next(1, 1500), TestContext.Current.CancellationToken);
            await daemon.KillAsync();
            await daemon.StartAsync();
        }
        await Task.Delay(500, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Task.WhenAll([files, .. senders]);
        Assert.Equal(0, await daemon.StopAsync());
        Check(daemon, seed);
    }

    private void Check(LiveDaemon daemon, int seed)
    {
        using RetentionStore store = RetentionStore.Open(
            daemon.StorePath, StoreFixture.Options, readOnly: true);
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (RetentionRecord record in store.Query(new RetentionQuery()))
        {
            counts[record.Recipient!] = counts.GetValueOrDefault(record.Recipient!) + 1;
        }
        Assert.True(_sure.Count > 100, "hardly anything was sent");
        string[] lost = [.. _sure.Where(user => !counts.ContainsKey(user)).Order()];
        string[] doubled = [.. counts.Where(c => c.Value > 1).Select(c => c.Key).Order()];
        string[] invented = [.. counts.Keys.Where(u => !_sure.Contains(u) && !_unsure.Contains(u))];
        Assert.True(
            lost.Length + doubled.Length + invented.Length == 0,
            $"seed {seed}: of {_sure.Count} lines {lost.Length} lost ({string.Join(' ', lost.Take(5))}),"
            + $" {doubled.Length} doubled ({string.Join(' ', doubled.Take(5))}),"
            + $" {invented.Length} invented\n{daemon.Said}");
    }

    /// <summary>A log that is written and rotated, whoever reads it.</summary>
    private async Task WriteFilesAsync(string path, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        while (!stop.IsCancellationRequested)
        {
            (string text, string[] users) = Lines("f", random.Next(1, 40), prefix: "");
            // In two pieces: a reader may come in the middle of a line.
            int split = random.Next(text.Length);
            File.AppendAllText(path, text[..split]);
            await Task.Delay(random.Next(20), CancellationToken.None);
            File.AppendAllText(path, text[split..]);
            lock (_sure)
            {
                _sure.UnionWith(users);
            }
            // Nothing is thrown away that the daemon may not have seen yet.
            if (random.Next(30) == 0 && !File.Exists($"{path}.{RotationsMax}"))
            {
                for (int n = RotationsMax - 1; n > 0; n--)
                {
                    if (File.Exists($"{path}.{n}"))
                    {
                        File.Move($"{path}.{n}", $"{path}.{n + 1}");
                    }
                }
                File.Move(path, path + ".1");
            }
        }
    }

    private async Task SendAsync(LiveDaemon daemon, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        while (!stop.IsCancellationRequested)
        {
            (string text, string[] users) = Lines("t", random.Next(1, 400), prefix: "<22>");
            bool isSure = await daemon.SendAsync(text);
            lock (_sure)
            {
                (isSure ? _sure : _unsure).UnionWith(users);
            }
            await Task.Delay(isSure ? random.Next(10) : 100, CancellationToken.None);
        }
    }

    private (string Text, string[] Users) Lines(string way, int count, string prefix)
    {
        var text = new StringBuilder();
        string[] users = new string[count];
        for (int i = 0; i < count; i++)
        {
            int number = Interlocked.Increment(ref _number);
            users[i] = $"{way}{number}@example.org";
            text.Append(CultureInfo.InvariantCulture,
                $"{prefix}{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.ffffffK} mx1 dovecot: imap-login:"
                + $" Login: user=<{users[i]}>, method=PLAIN, rip=192.0.2.{number % 250},"
                + $" lip=203.0.113.1, mpid={number}, TLS, session=<{way}{number}>\n");
        }
        return (text.ToString(), users);
    }
}
