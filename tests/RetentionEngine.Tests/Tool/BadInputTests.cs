using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Xunit;

namespace RetentionEngine.Tests.Tool;

/// <summary>Whatever is given to it, the tool says one clear sentence and keeps what it has.</summary>
public sealed class BadInputTests : IDisposable
{
    private const int Kept = 10;

    private readonly string _directory = Directory.CreateTempSubdirectory("retention-bad").FullName;

    public BadInputTests()
    {
        Write("kept.log", StoreCommandTests.Mails(Kept));
        Assert.Equal(0, Run("import", "kept.log", "-q").ExitCode);
    }

    public void Dispose()
    {
        // Whatever happened: what was committed is there, whole.
        try
        {
            ToolProcess.Result query = Run("query", "--domain", "example.net", "--json");
            Assert.Equal(0, query.ExitCode);
            Assert.InRange(Records(query), Kept, long.MaxValue);
            Assert.Equal(0, Run("verify").ExitCode);
        }
        finally
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Fact]
    public void BinaryGarbageIsNoLog()
    {
        byte[] garbage = new byte[300_000];
        new Random(1).NextBytes(garbage);
        AssertSentence(Import("garbage.bin", garbage), 65, "failed", "'garbage.bin' is not a log");
        AssertSentence(Import("nul.bin", new byte[100_000]), 65, "failed", "'nul.bin' is not a log");
        AssertSentence(
            Import("letter.txt", "Dear anna@example.org,\nhow are you?\n"u8.ToArray()),
            65, "failed", "'letter.txt' is not a log");
        ToolProcess.Result some = Run("import", "garbage.bin", Write("more.log", Mails(30)), "--json");
        Assert.Equal(0, some.ExitCode);
        ToolProcess.Result empty = Import("empty.log", []);
        Assert.Equal(0, empty.ExitCode);
    }

    [Fact]
    public void ALineOf100MegabytesIsLeftOut()
    {
        byte[] log = Mails(20);
        using (FileStream file = File.Create(Path.Combine(_directory, "long.log")))
        {
            int half = log.Length / 2;
            half += log.AsSpan(half).IndexOf((byte)'\n') + 1;
            file.Write(log.AsSpan(0, half));
            byte[] piece = new byte[1_000_000];
            Array.Fill(piece, (byte)'u');
            for (int i = 0; i < 100; i++)
            {
                file.Write(piece);
            }
            file.WriteByte((byte)'\n');
            file.Write(log.AsSpan(half));
        }
        ToolProcess.Result import = Run("import", "long.log");
        AssertSentence(import, 0, "overlong", "1 line longer than 64 kB left out");
        Assert.Matches("(?m)^records +20:", import.Output);
        Assert.Equal(65, Run("import", "long.log", "--strict", "--store", "other").ExitCode);
        Assert.Equal(0, Lines(Run("import", "long.log", "--json")));
    }

    [Fact]
    public void RunsOfNulsAreCountedAndTheRestIsRead()
    {
        byte[] log = Mails(20);
        int half = log.Length / 2;
        half += log.AsSpan(half).IndexOf((byte)'\n') + 1;
        // As a file system leaves it after a power failure: the line behind the gap is whole.
        byte[] gap = [.. log[..half], .. new byte[5000], (byte)'\n', .. log[half..]];
        ToolProcess.Result import = Import("gap.log", gap);
        AssertSentence(
            import, 0, "strange", "1 line: no known stamp, host and program at the beginning");
        Assert.Contains("gap.log:", import.Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^records +20:", import.Output);
    }

    [Fact]
    public void LinesMayEndWithCrLf()
    {
        string text = Encoding.ASCII.GetString(Mails(20));
        ToolProcess.Result import = Import(
            "dos.log", Encoding.ASCII.GetBytes(text.Replace("\n", "\r\n", StringComparison.Ordinal)));
        Assert.Equal(0, import.ExitCode);
        Assert.Matches("(?m)^records +20:", import.Output);
        Assert.Contains(" 0 not understood", import.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public void DamagedArchivesAreReadUpToTheDamage(string packer)
    {
        byte[] log = Mails(3000);
        byte[] packed = SourceTests.Pack(packer, log);
        AssertSentence(
            Import("cut", packed[..(packed.Length * 9 / 10)]), -1, "failed", "'cut' is cut off");
        AssertSentence(
            Import("garbage", [.. packed, .. "garbage"u8]), -1, "failed", "has other bytes behind");

        // The whole one adds what the damage hid, and nothing twice.
        Assert.Equal(0, Import("whole", packed).ExitCode);
        ToolProcess.Result query = Run("query", "--json", "--fields", "recipient");
        Assert.Equal(Kept + 3000, Records(query));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public void AFlippedBitInAnArchiveIsNoticed(string packer)
    {
        byte[] log = Mails(3000);
        byte[] packed = SourceTests.Pack(packer, log);
        byte[] damaged = [.. packed];
        damaged[packed.Length / 2] ^= 0x55;
        ToolProcess.Result import = Import("damaged", damaged);
        AssertSentence(import, -1, "failed", "'damaged' is cut off, damaged");
        AssertSentence(import, -1, "failed", "a sound copy of it counts as another log");
        int half = log.Length / 2;
        half += log.AsSpan(half).IndexOf((byte)'\n') + 1;
        byte[] first = SourceTests.Pack(packer, log[..half]);
        first[^20] ^= 0x55;
        AssertSentence(
            Import("member", [.. first, .. SourceTests.Pack(packer, log[half..])]),
            -1, "failed", "'member' is cut off, damaged");
    }

    [Fact]
    public void AFileOfAnotherUserIsNamed()
    {
        string[] nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        Assert.SkipUnless(
            Environment.UserName is "root" && File.Exists("/usr/bin/setpriv")
                && Start("/usr/bin/setpriv", [.. nobody, "dotnet", ToolProcess.Path, "--version"])
                    .ExitCode == 0,
            "privileges can't be dropped here");
        Write("secret.log", Mails(5));
        Directory.CreateDirectory(Path.Combine(_directory, "theirs"));
        ChangeMode("400", "secret.log");
        ChangeMode("777", ".", "theirs");
        string[] import = [.. nobody, "dotnet", ToolProcess.Path, "import", "--store", "theirs/store"];
        ToolProcess.Result alone = Start("/usr/bin/setpriv", [.. import, "secret.log"]);
        Assert.Equal(66, alone.ExitCode);
        Assert.Equal("retention: 'secret.log' may not be read by this user.\n", alone.Error);
        ChangeMode("444", "kept.log");
        ToolProcess.Result both = Start("/usr/bin/setpriv", [.. import, "secret.log", "kept.log"]);
        AssertSentence(both, 3, "failed", "'secret.log' may not be read by this user.");
        ToolProcess.Result store = Start(
            "/usr/bin/setpriv", [.. nobody, "dotnet", ToolProcess.Path, "stats", "--store", "store"]);
        Assert.Equal(77, store.ExitCode);
        Assert.Single(store.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void ADirectoryWithoutLogsIsNamed()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "papers"));
        Write("papers/letter.txt", "Dear anna@example.org\n"u8.ToArray());
        Write("papers/picture.png", new byte[4000]);
        ToolProcess.Result import = Run("import", "papers");
        Assert.Equal(66, import.ExitCode);
        Assert.Equal(
            "retention: 'papers' holds no logs: none of its 2 files looks like one.\n", import.Error);
        Assert.Empty(import.Output);
    }

    [Fact]
    public async Task ASecondImportOnTheSameStoreIsRefused()
    {
        using Process first = ToolProcess.Start(_directory, ["import", "-", "-q", "--store", "other"]);
        Task<string> output = first.StandardOutput.ReadToEndAsync();
        Task<string> error = first.StandardError.ReadToEndAsync();
        first.StandardInput.BaseStream.Write(Mails(7));
        first.StandardInput.BaseStream.Flush();
        Write("more.log", Mails(3));
        while (Run("stats", "--store", "other").ExitCode != 0)
        {
            Assert.False(first.HasExited);
        }
        ToolProcess.Result second = Run("import", "more.log", "--store", "other");
        Assert.Equal(75, second.ExitCode);
        Assert.Matches("^retention: Another process writes to the store '.*'[.]\n$", second.Error);
        Assert.Empty(second.Output);
        Assert.Equal(75, Run("expire", "--store", "other").ExitCode);
        Assert.Equal(0, Run("stats", "--store", "other").ExitCode);
        first.StandardInput.Close();
        ToolProcess.Wait(first);
        Assert.True(first.ExitCode == 0, await error + await output);
        Assert.Equal(0, Run("import", "more.log", "--store", "other").ExitCode);
    }

    [Fact]
    public void AFullDiskKeepsWhatWasCommitted()
    {
        string small = Path.Combine(_directory, "small");
        Directory.CreateDirectory(small);
        Assert.SkipUnless(
            Environment.UserName is "root" && File.Exists("/usr/bin/mount")
                && Start("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=3m", "none", small]).ExitCode == 0,
            "nothing can be mounted here");
        try
        {
            string[] store = ["--store", "small/store", "--key", "small.key"];
            Assert.Equal(0, Run(["import", "kept.log", "-q", .. store]).ExitCode);
            const int Left = 300_000;
            string filler = Path.Combine(small, "filler");
            File.WriteAllBytes(filler, new byte[new DriveInfo(small).AvailableFreeSpace - Left]);
            Write("large.log", Mails(60_000));
            ToolProcess.Result full = Run(["import", "large.log", .. store]);
            Assert.Equal(74, full.ExitCode);
            Assert.Matches("^retention: [^\n]*(full|room|space)[^\n]*\n$", full.Error);
            Assert.Equal(Kept, Records(Run(["query", "--json", "--fields", "time", .. store])));
            Assert.Equal(0, Run(["verify", .. store]).ExitCode);
            File.Delete(filler);
            Assert.Equal(
                0, Start("/usr/bin/mount", ["-o", "remount,size=100m", small]).ExitCode);
            Assert.Equal(0, Run(["import", "large.log", .. store]).ExitCode);
            Assert.Equal(
                Kept + 60_000, Records(Run(["query", "--json", "--fields", "time", .. store])));
        }
        finally
        {
            Assert.Equal(0, Start("/usr/bin/umount", [small]).ExitCode);
        }
    }

    [Fact]
    public void AStoreOfAnotherVersionOrWithDamageIsNotTouched()
    {
        string manifest = Path.Combine(_directory, "store", "manifest");
        byte[] right = File.ReadAllBytes(manifest);
        byte[] other = [.. right];
        other[8]++;
        File.WriteAllBytes(manifest, other);
        foreach (string command in (string[])["import kept.log", "query", "stats", "expire", "verify"])
        {
            ToolProcess.Result result = Run(command.Split(' '));
            Assert.Equal(65, result.ExitCode);
            Assert.Matches("^retention: [^\n]*has format 2; this program knows format 1[^\n]*\n$", result.Error);
            Assert.Empty(result.Output);
        }
        Assert.Equal(other, File.ReadAllBytes(manifest));
        File.WriteAllBytes(manifest, right);

        string blocks = Path.Combine(_directory, "store", "blocks", "sent.log.0");
        byte[] log = File.ReadAllBytes(blocks);
        byte[] flipped = [.. log];
        int first = log.AsSpan().IndexOfAnyExcept((byte)0);
        int last = log.AsSpan().LastIndexOfAnyExcept((byte)0);
        flipped[(first + last) / 2] ^= 4;
        File.WriteAllBytes(blocks, flipped);
        ToolProcess.Result verify = Run("verify");
        // What keeps the store from being opened is an error of every command.
        Assert.Contains(verify.ExitCode, (int[])[1, 65]);
        Assert.Contains("damaged", verify.Output + verify.Error, StringComparison.Ordinal);
        ToolProcess.Result query = Run("query");
        Assert.Equal(65, query.ExitCode);
        Assert.Matches("^retention: [^\n]*damaged[^\n]*\n$", query.Error);
        AssertSaysNoContent(query.Error + verify.Output);
        File.WriteAllBytes(blocks, log);
    }

    [Theory]
    [InlineData("import kept.log --timezone Nowhere/Town", 64, "--timezone 'Nowhere/Town'")]
    [InlineData("import kept.log --progress loud", 64, "'loud'")]
    [InlineData("query --tz Nowhere", 64, "--tz 'Nowhere'")]
    [InlineData("query --from 31.12.2026", 64, "--from '31.12.2026' is not a time")]
    [InlineData("policy set --timezone Nowhere", 64, "'Nowhere'")]
    [InlineData("policy set --retain sent=10m", 78, "whole hours")]
    [InlineData("policy set --retain all=8d", 78, "basis")]
    [InlineData("erase", 64, "'erase' is not a command")]
    [InlineData("query --key missing.key", 77, "missing.key")]
    public void MistakesAreOneSentence(string line, int exitCode, string sentence)
    {
        ToolProcess.Result result = Run(line.Split(' '));
        Assert.Equal(exitCode, result.ExitCode);
        string first = result.Error.Split('\n')[0];
        Assert.StartsWith("retention: ", first, StringComparison.Ordinal);
        Assert.Contains(sentence, first, StringComparison.Ordinal);
        Assert.Empty(result.Output);
        Assert.InRange(result.Error.TrimEnd().Split('\n').Length, 1, 2);
    }

    /// <summary>Other mails than those of the fixture: other times, so other queue ids and hosts.</summary>
    private static byte[] Mails(int count) => Encoding.ASCII.GetBytes(
        Encoding.ASCII.GetString(StoreCommandTests.Mails(count))
            .Replace(" mx1 ", " mx2 ", StringComparison.Ordinal));

    private static long Records(ToolProcess.Result query) =>
        StoreCommandTests.Summary(query).GetProperty("records").GetInt64();

    private static long Lines(ToolProcess.Result import) =>
        StoreCommandTests.Summary(import).GetProperty("lines").GetInt64();

    /// <param name="result">Of an import.</param>
    /// <param name="exitCode">-1: 3 or 65, as some of the source was read or nothing.</param>
    /// <param name="row">Title of the row that says it.</param>
    /// <param name="sentence">What it says.</param>
    private static void AssertSentence(
        ToolProcess.Result result, int exitCode, string row, string sentence)
    {
        if (exitCode < 0)
        {
            Assert.Contains(result.ExitCode, (int[])[3, 65]);
        }
        else
        {
            Assert.Equal(exitCode, result.ExitCode);
        }
        string line = Assert.Single(
            result.Output.Split('\n'), l => l.StartsWith(row + " ", StringComparison.Ordinal));
        Assert.Contains(sentence, line, StringComparison.Ordinal);
        AssertSaysNoContent(result.Output + result.Error);
    }

    private static void AssertSaysNoContent(string text)
    {
        Assert.DoesNotContain("@example", text, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"postfix/\w+\[\d", text);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
    }

    private string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(Path.Combine(_directory, name), bytes);
        return name;
    }

    private ToolProcess.Result Import(string name, byte[] bytes) => Run("import", Write(name, bytes));

    private ToolProcess.Result Run(params string[] args) => ToolProcess.Run(_directory, args);

    private void ChangeMode(string mode, params string[] names) =>
        Assert.Equal(0, Start("/usr/bin/chmod", [mode, .. names]).ExitCode);

    private ToolProcess.Result Start(string program, string[] args)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _directory,
        };
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        ToolProcess.Wait(process);
        return new ToolProcess.Result(process.ExitCode, output, error.Result);
    }
}
