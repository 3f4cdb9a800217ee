using System.IO.Hashing;
using System.Text;
using LogGen;
using RetentionEngine.Tests.Tool;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>A log that is given again adds exactly what is new in it, whatever became of the file.</summary>
public sealed class ReimportTests : IDisposable
{
    private const int Lines = 3000;

    private static readonly byte[] s_log = MakeLog(11);
    private static readonly List<string> s_records = RecordsOf(s_log);

    private readonly FacadeStore _store = MakeStore();

    public static TheoryData<string> Packers => SourceTests.Packers;

    public void Dispose() => _store.Dispose();

    [Fact]
    public void TheSameFileAndACopyAddNothing()
    {
        string path = Write("mail.log", s_log);
        Assert.InRange(_store.Import(path).Lines, Lines, Lines + 100);
        AssertAddsNothing(path);
        _store.Reopen();
        AssertAddsNothing(path);
        AssertAddsNothing(Write("copy.log", s_log));
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
    }

    [Fact]
    public void ARotatedLogAddsItsNewPartOnly()
    {
        string path = Write("mail.log", s_log[..LineEnd(s_log, 0.6)]);
        _store.Import(path);
        File.Move(path, path + ".1");
        Write("mail.log", s_log[LineEnd(s_log, 0.6)..]);
        _store.Reopen();
        _store.Import(path, path + ".1");
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
        File.Move(path + ".1", path + ".2");
        File.Move(path, path + ".1");
        Write("mail.log", []);
        AssertAddsNothing(path, path + ".1", path + ".2");
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void APackedLogAddsNothing(string packer)
    {
        AssumeProgram(packer);
        string path = Write("mail.log", s_log);
        _store.Import(path);
        File.Delete(path);
        AssertAddsNothing(Write("mail.log.1." + packer, SourceTests.Pack(packer, s_log)));
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void ALogThatGrewAndWasPackedAddsItsRest(string packer)
    {
        AssumeProgram(packer);
        // Cut within a line, as a reader sees a log that is just being written.
        _store.Import(Write("mail.log", s_log[..((s_log.Length / 2) + 17)]));
        _store.Reopen();
        _store.Import(Write("mail.log.1." + packer, SourceTests.Pack(packer, s_log)));
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
    }

    [Theory]
    [InlineData(100)]
    [InlineData(40_000)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(200_000)]
    public void ALogThatGrowsIsReadOnWhereverItWasCut(int cut)
    {
        string path = Write("mail.log", s_log[..cut]);
        _store.Import(path);
        _store.Reopen();
        Write("mail.log", s_log[..(cut + 1000)]);
        _store.Import(path);
        _store.Reopen();
        Write("mail.log", s_log);
        _store.Import(path);
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
        AssertAddsNothing(path);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(10_000)]
    [InlineData(65_536)]
    [InlineData(70_000)]
    [InlineData(300_000)]
    public void AShorterCopyAddsNothing(int length)
    {
        _store.Import(Write("mail.log", s_log));
        AssertAddsNothing(Write("older-copy.log", s_log[..LineEnd(s_log, length)]));
        AssertAddsNothing(Write("older-copy.gz", SourceTests.Gzip(s_log[..LineEnd(s_log, length)])));
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
    }

    [Theory]
    [InlineData(70_000, false)]
    [InlineData(70_000, true)]
    [InlineData(700, false)]
    [InlineData(700, true)]
    public void LogsWithTheSameHeadAreToldApart(int headBytes, bool isShorterLast)
    {
        byte[] head = Noise(headBytes);
        byte[] first = [.. head, .. Refusals("a", 400)];
        byte[] other = Refusals("b", 900);
        byte[] second = [.. head, .. other[..LineEnd(other, 0.3)]];
        byte[][] logs = isShorterLast ? [first, second] : [second, first];
        _store.Import(Write("a.log", logs[0]));
        _store.Import(Write("b.log", logs[1]));
        _store.Reopen();
        AssertAddsNothing(Write("a.log", logs[0]), Write("b.log", logs[1]));

        // The one that was shorter grows beyond the other: still the same log.
        byte[] grown = [.. head, .. other];
        _store.Import(Write("b.log.1", grown));
        AssertAddsNothing(Write("a.log", logs[0]), Write("b.log", logs[1]), Write("b.log.2", grown));
        Assert.Equal(RecordsOf(Refusals("a", 400), other), _store.RecordsWithoutSeed());
    }

    [Fact]
    public void ATruncatedLogIsANewOne()
    {
        int cut = LineEnd(s_log, 0.5);
        string path = Write("mail.log", s_log[..cut]);
        _store.Import(path);
        _store.Reopen();
        // As logrotate's copytruncate does: the copy has a new name, the file goes on from nothing.
        Write("mail.log.1", s_log[..cut]);
        Write("mail.log", s_log[cut..]);
        _store.Import(path, path + ".1");
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
        AssertAddsNothing(path, path + ".1");
    }

    [Fact]
    public void ALineThatIsBeingWrittenIsReadWhenItIsWhole()
    {
        int end = LineEnd(s_log, 0.5);
        int start = s_log.AsSpan(0, end - 1).LastIndexOf((byte)'\n') + 1;
        for (int cut = start; cut <= end; cut += 7)
        {
            using FacadeStore store = MakeStore();
            string path = store.Write("mail.log", s_log.AsSpan(0, cut));
            store.Import(path);
            store.Write("mail.log", s_log);
            store.Import(path);
            Assert.Equal(s_records, store.RecordsWithoutSeed());
        }
    }

    [Fact]
    public void ALastLineWithoutEndIsReadOnceItWillNotGrow()
    {
        // The last line of a log is a refusal: one more record.
        byte[] log =
        [
            .. s_log,
            .. Refusals("x", 1)[..^1],
        ];
        string path = Write("mail.log", log);
        _store.Import(path);
        Assert.Equal(s_records.Count, _store.RecordsWithoutSeed().Count);
        File.SetLastWriteTimeUtc(path, Now.AddMinutes(-5).UtcDateTime);
        Assert.Equal(1, _store.Import(path).Lines);
        Assert.Equal(s_records.Count + 1, _store.RecordsWithoutSeed().Count);
        AssertAddsNothing(path);
        AssertAddsNothing(Write("mail.log.gz", SourceTests.Gzip([.. log, (byte)'\n'])));
    }

    [Fact]
    public void ALineTooLongForALogChangesNothingAroundIt()
    {
        int cut = LineEnd(s_log, 0.5);
        byte[] garbage = new byte[3 << 20];
        Array.Fill(garbage, (byte)'x');
        byte[] log = [.. s_log[..cut], .. garbage, (byte)'\n', .. s_log[cut..]];
        string path = Write("mail.log", log);
        Assert.Equal(1, _store.Import(path).OverlongLines);
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
        _store.Reopen();
        AssertAddsNothing(path);
        AssertAddsNothing(Write("mail.log.gz", SourceTests.Gzip(log)));
        _store.Import(Write("mail.log.1", [.. log, .. Noise(500)]));
        Assert.Equal(s_records, _store.RecordsWithoutSeed());
    }

    private static DateTimeOffset Now { get; } = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    private static FacadeStore MakeStore() => new(FacadeStore.LongPolicy, new FakeTime(Now));

    private string Write(string name, byte[] bytes)
    {
        string path = _store.Write(name, bytes);
        File.SetLastWriteTimeUtc(path, Now.UtcDateTime);
        return path;
    }

    private void AssertAddsNothing(params string[] paths)
    {
        // Not even a small commit.
        List<string> before = FilesOfStore();
        ImportReport report = _store.Import(paths);
        Assert.Equal(before, FilesOfStore());
        Assert.Equal(0, report.Lines);
        Assert.Equal(0, report.Records.Values.Sum());
    }

    /// <summary>Every file of the store but its lock, which is held, with the hash of its bytes.</summary>
    private List<string> FilesOfStore()
    {
        _ = _store.Store;
        return [.. Directory.EnumerateFiles(_store.Path, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) is not "lock")
            .Order(StringComparer.Ordinal)
            .Select(path => $"{path} {XxHash3.HashToUInt64(File.ReadAllBytes(path)):x}")];
    }

    private static void AssumeProgram(string packer) => Assert.SkipWhen(
        packer is "xz" or "bzip2" && !File.Exists("/usr/bin/" + packer) && !File.Exists("/bin/" + packer),
        $"{packer} is not here");

    private static int LineEnd(byte[] log, double part) => LineEnd(log, (int)(log.Length * part));

    private static int LineEnd(byte[] log, int least) =>
        least + log.AsSpan(least).IndexOf((byte)'\n') + 1;

    private static byte[] MakeLog(ulong seed)
    {
        var log = new MemoryStream();
        Generator.Run(
            new Options { Seed = seed, Lines = Lines, IsRfc3339 = true }, _ => log, truthStream: null);
        return log.ToArray();
    }

    /// <summary>Refused attempts: one record a line, whatever is read before and after.</summary>
    private static byte[] Refusals(string name, int count)
    {
        var text = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            text.Append("2026-11-02T10:00:00.000000+01:00 mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT ")
                .Append("from unknown[192.0.2.1]: 554 5.7.1 <x@example.org>: Relay access denied; ")
                .Append("from=<a@example.net> to=<")
                .Append(System.Globalization.CultureInfo.InvariantCulture, $"{name}{i}")
                .Append("@example.org> proto=ESMTP helo=<h.example.net>\n");
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Lines that no record needs.</summary>
    private static byte[] Noise(int bytes)
    {
        var text = new StringBuilder();
        for (int i = 0; text.Length < bytes; i++)
        {
            text.Append("2026-11-01T00:00:00.000001+01:00 mx1 postfix/anvil[9]: statistics: max cache size ")
                .Append(System.Globalization.CultureInfo.InvariantCulture, $"{i}\n");
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static List<string> RecordsOf(params byte[][] logs)
    {
        using FacadeStore store = MakeStore();
        foreach (byte[] log in logs)
        {
            string path = store.Write("whole.log", log);
            File.SetLastWriteTimeUtc(path, Now.UtcDateTime);
            store.Import(path);
        }
        return store.RecordsWithoutSeed();
    }
}
