using System.Diagnostics;
using System.Globalization;
using System.Text;
using RetentionEngine.Daemon.Pumping;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Debian's logrotate under a log that is being followed, in the ways people use it.</summary>
public sealed class LogrotateTests : IDisposable
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UtcNow;

    private readonly TestDirectory _directory = new();
    private int _written;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("create")]
    [InlineData("nocreate\ncompress")]
    [InlineData("create\ncompress\ndelaycompress")]
    [InlineData("copytruncate")]
    public void EveryLineIsReadOnce(string way)
    {
        string log = _directory["mail.log"];
        File.WriteAllText(
            _directory["logrotate.conf"], $"{log} {{\nrotate 20\nmissingok\nsize 1\n{way}\n}}\n");
        using RetentionStore store = RetentionStore.Create(
            _directory["store"], new RetentionPolicy(), StoreFixture.Options);
        using RetentionPump pump = store.OpenPump(new ImportOptions());
        using var follower = new FileFollower([log]);
        var random = new Random(3);
        for (int round = 0; round < 8; round++)
        {
            Write(log, random.Next(1, 40));
            // Now and then a rotation, or two, come before anybody has looked.
            if (random.Next(2) == 0)
            {
                Read(pump, follower);
            }
            Write(log, random.Next(1, 40));
            Rotate();
            if (random.Next(2) == 0)
            {
                Read(pump, follower);
                pump.Commit();
            }
        }
        Read(pump, follower);
        pump.Commit();
        string[] users = [.. store.Query(new RetentionQuery()).Select(r => r.Recipient!)];
        Assert.Equal(_written, users.Length);
        Assert.Equal(_written, users.Distinct(StringComparer.Ordinal).Count());
    }

    private static void Read(RetentionPump pump, FileFollower follower)
    {
        List<LogSource> found = follower.Changed(
            DateTimeOffset.UtcNow.AddMinutes(1), path => Assert.Fail(path));
        ImportReport report = pump.Read(found, TestContext.Current.CancellationToken);
        Assert.All(report.Sources, source => Assert.Null(source.Error));
        follower.Done();
    }

    private void Rotate()
    {
        var start = new ProcessStartInfo("/usr/sbin/logrotate")
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["--force", "--state", _directory["state"], _directory["logrotate.conf"]])
        {
            start.ArgumentList.Add(argument);
        }
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }

    private void Write(string path, int lines)
    {
        var text = new StringBuilder();
        for (int i = 0; i < lines; i++)
        {
            int number = _written++;
            text.Append(CultureInfo.InvariantCulture,
                $"{s_now.AddSeconds(number - 3600):yyyy-MM-ddTHH:mm:ss.ffffffK} mx1 dovecot: imap-login:"
                + $" Login: user=<u{number}>, method=PLAIN, rip=192.0.2.{number % 250}, lip=203.0.113.1,"
                + $" mpid={number + 1}, TLS, session=<s{number}>\n");
        }
        File.AppendAllText(path, text.ToString());
    }
}
