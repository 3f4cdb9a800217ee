using System.IO.Compression;
using System.Text;
using RetentionEngine.Daemon.Pumping;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>A log that is written, rotated and packed while it is read: every line counts once.</summary>
public sealed class PumpTests : IDisposable
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UtcNow;

    private readonly TestDirectory _directory = new();
    private int _written;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("rename")]
    [InlineData("rename, writer late")]
    [InlineData("rename and pack")]
    [InlineData("copy and truncate")]
    public void EveryLineIsReadOnceThroughRotations(string way)
    {
        const int Rounds = 12;
        string log = _directory["mail.log"];
        var random = new Random(7);
        using RetentionStore store = Create();
        RetentionPump pump = store.OpenPump(new ImportOptions());
        var follower = new FileFollower([log]);
        for (int round = 0; round < Rounds; round++)
        {
            for (int piece = 0; piece < 4; piece++)
            {
                Write(log, random.Next(1, 30));
                if (random.Next(3) > 0)
                {
                    Read(pump, follower);
                }
                if (random.Next(4) == 0)
                {
                    pump.Commit();
                }
                if (random.Next(6) == 0)
                {
                    // A process that died: what was not committed is read again.
                    pump.Dispose();
                    pump = store.OpenPump(new ImportOptions());
                    follower.Dispose();
                    follower = new FileFollower([log]);
                }
            }
            Rotate(log, way, () => Read(pump, follower));
        }
        Read(pump, follower);
        pump.Commit();
        pump.Dispose();
        follower.Dispose();
        Assert.Equal(_written, store.Query(new RetentionQuery()).Count());
    }

    [Fact]
    public void ALineIsReadWhenItsEndIsThere()
    {
        string log = _directory["mail.log"];
        using RetentionStore store = Create();
        using RetentionPump pump = store.OpenPump(new ImportOptions());
        using var follower = new FileFollower([log]);
        string line = Line(0);
        for (int split = 0; split < line.Length; split++)
        {
            File.AppendAllText(log, line[..split]);
            Read(pump, follower);
            File.AppendAllText(log, line[split..]);
            Read(pump, follower);
            line = Line(split + 1);
        }
        pump.Commit();
        Assert.Equal(line.Length, store.Query(new RetentionQuery()).Count());
    }

    [Fact]
    public void NothingIsOpenedThatHasNotChanged()
    {
        string log = _directory["mail.log"];
        using RetentionStore store = Create();
        using RetentionPump pump = store.OpenPump(new ImportOptions());
        using var follower = new FileFollower([log]);
        Write(log, 10);
        File.WriteAllText(_directory["mail.logs"], Line(1));
        Assert.Equal([log], follower.Changed(s_now).Select(s => s.Name));
        Read(pump, follower);
        Assert.Empty(follower.Changed(s_now));
        Write(log, 1);
        Assert.Single(follower.Changed(s_now));
    }

    private static void Read(RetentionPump pump, FileFollower follower)
    {
        List<LogSource> found = follower.Changed(
            DateTimeOffset.UtcNow.AddMinutes(1), path => Assert.Fail(path));
        ImportReport report = pump.Read(found, TestContext.Current.CancellationToken);
        Assert.All(report.Sources, source => Assert.Null(source.Error));
        follower.Done();
    }

    private void Rotate(string log, string way, Action read)
    {
        for (int n = 20; n > 0; n--)
        {
            foreach (string suffix in new[] { "", ".gz" })
            {
                if (File.Exists($"{log}.{n}{suffix}"))
                {
                    File.Move($"{log}.{n}{suffix}", $"{log}.{n + 1}{suffix}");
                }
            }
        }
        switch (way)
        {
            case "copy and truncate":
                File.Copy(log, log + ".1");
                File.WriteAllText(log, "");
                break;
            case "rename, writer late":
                File.Move(log, log + ".1");
                read();
                Write(log + ".1", 5);
                break;
            case "rename and pack":
                File.Move(log, log + ".1");
                using (FileStream from = File.OpenRead(log + ".1"))
                using (var to = new GZipStream(File.Create(log + ".1.gz"), CompressionLevel.Fastest))
                {
                    from.CopyTo(to);
                }
                File.Delete(log + ".1");
                break;
            default:
                File.Move(log, log + ".1");
                break;
        }
    }

    private void Write(string path, int lines)
    {
        var text = new StringBuilder();
        for (int i = 0; i < lines; i++)
        {
            text.Append(Line(_written++));
        }
        File.AppendAllText(path, text.ToString());
    }

    /// <summary>A line that is a record by itself.</summary>
    private static string Line(int number) =>
        $"{s_now.AddSeconds(-3600 + number):yyyy-MM-ddTHH:mm:ss.ffffffK} mx1 dovecot: imap-login: Login:"
        + $" user=<u{number}@example.org>, method=PLAIN, rip=192.0.2.{number % 250}, lip=203.0.113.1,"
        + $" mpid={1000 + number}, TLS, session=<s{number}>\n";

    private RetentionStore Create() => RetentionStore.Create(
        _directory["store"],
        new RetentionPolicy { LocalDomains = ["example.org"] },
        StoreFixture.Options);
}
