using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using RetentionEngine.Tool.Sources;
using Xunit;
using Compression = RetentionEngine.Tool.Sources.Compression;

namespace RetentionEngine.Tests.Tool;

public sealed class SourceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("retention-sources").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    internal static byte[] Log(int lines)
    {
        var text = new StringBuilder();
        for (int i = 0; i < lines; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture,
                $"2026-11-23T10:{i / 60 % 60:00}:{i % 60:00}.{i * 7919 % 1000000:000000}+01:00 mx1 ")
                .Append(System.Globalization.CultureInfo.InvariantCulture,
                $"postfix/qmgr[{i}]: 4XyZ{i * 31:x}: from=<u{i}@example.org>, size={i * 977}\n");
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    internal static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
        {
            gzip.Write(content);
        }
        return packed.ToArray();
    }

    private static byte[] Zstd(byte[] content)
    {
        using var compressor = new ZstdSharp.Compressor(3);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor.Wrap(content).ToArray();
    }

    private static byte[] Pipe(string program, byte[] content)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, "-c")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Task feeder = Task.Run(() =>
        {
            using Stream input = process.StandardInput.BaseStream;
            input.Write(content);
        });
        using var packed = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(packed);
        feeder.Wait();
        process.WaitForExit();
        return packed.ToArray();
    }

    public static TheoryData<string> Packers => ["gzip", "zstd", "xz", "bzip2"];

    internal static byte[] Pack(string packer, byte[] content) => packer switch
    {
        "gzip" => Gzip(content),
        "zstd" => Zstd(content),
        _ => Pipe(packer, content),
    };

    private static (byte[] Content, RetentionException? Error) ReadAll(
        byte[] packed, bool isReopenable = true, int bufferBytes = 1 << 16)
    {
        Compression kind = Decoders.Detect(packed);
        return ReadAll(packed, kind, isReopenable, bufferBytes);
    }

    private static (byte[] Content, RetentionException? Error) ReadAll(
        byte[] packed, Compression kind, bool isReopenable = true, int bufferBytes = 1 << 16)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[bufferBytes];
        try
        {
            using Stream stream = Decoders.Open(
                () => new MemoryStream(packed), kind, "the source", isReopenable);
            int count;
            while ((count = stream.Read(buffer)) > 0)
            {
                content.Write(buffer, 0, count);
            }
            return (content.ToArray(), null);
        }
        catch (RetentionException e)
        {
            return (content.ToArray(), e);
        }
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void PackedContentComesBack(string packer)
    {
        byte[] content = Log(20_000);
        byte[] packed = Pack(packer, content);
        foreach (int bufferBytes in (int[])[1000, 1 << 16, 1 << 20])
        {
            (byte[] read, RetentionException? error) = ReadAll(packed, true, bufferBytes);
            Assert.Null(error);
            Assert.Equal(content, read);
        }
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void EmptyContentComesBack(string packer)
    {
        (byte[] read, RetentionException? error) = ReadAll(Pack(packer, []));
        Assert.Null(error);
        Assert.Empty(read);
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void ConcatenatedPartsAreAllRead(string packer)
    {
        byte[] a = Log(300);
        byte[] b = Log(77);
        byte[] packed = [.. Pack(packer, a), .. Pack(packer, []), .. Pack(packer, b)];
        (byte[] read, RetentionException? error) = ReadAll(packed);
        Assert.Null(error);
        Assert.Equal([.. a, .. b], read);
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void EveryCutIsNoticedAndWhatIsBeforeItIsRead(string packer)
    {
        byte[] content = Log(60);
        byte[] packed = Pack(packer, content);
        Compression kind = Decoders.Detect(packed);
        int before = 0;
        for (int cut = 1; cut < packed.Length; cut++)
        {
            (byte[] read, RetentionException? error) = ReadAll(packed[..cut], kind);
            Assert.True(error is not null, $"cut at {cut} of {packed.Length} was taken for the end");
            Assert.Equal(RetentionError.SourceDamaged, error.Error);
            Assert.True(content.AsSpan().StartsWith(read), $"cut at {cut}: other bytes were read");
            Assert.True(read.Length >= before, $"cut at {cut}: fewer bytes than at {cut - 1}");
            before = read.Length;
        }
        if (packer is "gzip")
        {
            // Without its trailer the content is whole, only not proven to be.
            Assert.Equal(content.Length, ReadAll(packed[..^8], kind).Content.Length);
            Assert.Equal(content.Length, ReadAll(packed[..^1], kind).Content.Length);
        }
    }

    [Theory]
    [MemberData(nameof(Packers))]
    public void NoFlippedBitPassesUnnoticed(string packer)
    {
        byte[] content = Log(40);
        byte[] packed = Pack(packer, content);
        Compression kind = Decoders.Detect(packed);
        for (int i = 0; i < packed.Length; i++)
        {
            byte[] flipped = [.. packed];
            flipped[i] ^= (byte)(1 << (i % 8));
            (byte[] read, RetentionException? error) = ReadAll(flipped, kind);
            if (error is null)
            {
                Assert.True(content.AsSpan().SequenceEqual(read), $"byte {i} changed the content");
            }
            else
            {
                Assert.Equal(RetentionError.SourceDamaged, error.Error);
            }
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public void GarbageBehindTheEndIsReported(string packer)
    {
        byte[] content = Log(100);
        byte[] packed = Pack(packer, content);
        foreach (string garbage in (string[])["x", "garbage", "\u001f", new string('y', 70_000)])
        {
            (byte[] read, RetentionException? error) =
                ReadAll([.. packed, .. Encoding.Latin1.GetBytes(garbage)]);
            Assert.Equal(content[..^(packer is "bzip2" ? 1 : 0)], read);
            Assert.True(
                error is { Error: RetentionError.SourceDamaged },
                $"{garbage.Length} bytes of garbage were not reported");
        }
    }

    [Fact]
    public void DamageFarInsideKeepsEveryByteBeforeIt()
    {
        byte[] content = Log(50_000);
        byte[] packed = Gzip(content);
        (byte[] whole, RetentionException? error) = ReadAll(packed[..(packed.Length / 2)], true, 1 << 20);
        (byte[] small, _) = ReadAll(packed[..(packed.Length / 2)], true, 1);
        Assert.NotNull(error);
        Assert.Equal(small.Length, whole.Length);
        Assert.Equal(error.OffsetBytes, whole.Length);
        (byte[] once, RetentionException? onceError) =
            ReadAll(packed[..(packed.Length / 2)], isReopenable: false, 1 << 20);
        Assert.NotNull(onceError);
        Assert.InRange(once.Length, whole.Length - 4096, whole.Length);
    }

    [Fact]
    public void MagicDecidesNotTheName()
    {
        Assert.Equal(Compression.None, Decoders.Detect("Nov 23 10:00:00 mx1 "u8));
        Assert.Equal(Compression.None, Decoders.Detect([]));
        Assert.Equal(Compression.None, Decoders.Detect("BZh "u8));
        Assert.Equal(Compression.Journal, Decoders.Detect("LPKSHHRH"u8));
        Assert.Equal(Compression.Zstd, Decoders.Detect([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]));
        string path = Path.Combine(_directory, "mail.log");
        byte[] content = Log(10);
        File.WriteAllBytes(path, Gzip(content));
        FoundSources found = SourceFinder.Find([path], DateTimeOffset.UnixEpoch);
        LogSource source = Assert.Single(found.Sources);
        Assert.True(source.IsComplete);
        Assert.Equal(content, Drain(source));
        Assert.Equal(new FileInfo(path).Length, found.Meter.Bytes);
    }

    [Fact]
    public void PlainFilesCanBeSoughtAndAreMetered()
    {
        string path = Path.Combine(_directory, "mail.log");
        byte[] content = Log(10);
        File.WriteAllBytes(path, content);
        FoundSources found = SourceFinder.Find([path, path], DateTimeOffset.UnixEpoch);
        LogSource source = Assert.Single(found.Sources);
        Assert.False(source.IsComplete);
        Assert.Equal(content.Length, source.LengthBytes);
        using Stream stream = source.Open();
        Assert.True(stream.CanSeek);
        stream.Position = 100;
        byte[] rest = new byte[content.Length];
        Assert.Equal(content.Length - 100, stream.Read(rest));
        Assert.Equal(content.Length, found.Meter.Bytes);
    }

    [Fact]
    public void DirectoriesGiveTheirLogsAndSayWhatTheySkip()
    {
        byte[] log = Log(10);
        foreach ((string name, byte[] bytes) in ((string, byte[])[])[
            ("mail.log", log), ("mail.log.1.gz", Gzip(log)), ("syslog", log), ("mail.err", log),
            ("wtmp", new byte[384]), ("system.journal", "LPKSHHRH........"u8.ToArray()),
            ("notes.txt", "no stamps in here\n"u8.ToArray()), ("empty.log", [])])
        {
            File.WriteAllBytes(Path.Combine(_directory, name), bytes);
        }
        Directory.CreateDirectory(Path.Combine(_directory, "deeper"));
        FoundSources found = SourceFinder.Find([_directory], DateTimeOffset.UnixEpoch);
        Assert.Empty(found.Errors);
        Assert.Equal("mail.log mail.log.1.gz", Names(found.Sources.Select(s => s.Name)));
        Assert.Equal(
            "empty.log mail.err notes.txt syslog system.journal wtmp",
            Names(found.Skipped.Select(s => s.Path)));
    }

    [Fact]
    public void WhatCantBeReadIsOneSentenceAndTheRestIsRead()
    {
        string good = Path.Combine(_directory, "mail.log");
        File.WriteAllBytes(good, Log(3));
        string empty = Directory.CreateDirectory(Path.Combine(_directory, "empty")).FullName;
        FoundSources found = SourceFinder.Find(
            [Path.Combine(_directory, "missing"), empty, good], DateTimeOffset.UnixEpoch);
        Assert.Single(found.Sources);
        Assert.Equal(2, found.Errors.Count);
        Assert.All(found.Errors, e => Assert.Equal(RetentionError.SourceUnreadable, e.Error));
        Assert.EndsWith("does not exist.", found.Errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APipeCanBeReadOnceAndItsHeadBefore()
    {
        byte[] content = Log(50_000);
        var head = new PipeHead(new MemoryStream(content), "-", new SourceMeter());
        byte[] first = new byte[100];
        head.Open().ReadExactly(first);
        head.Open().ReadExactly(first);
        Assert.Equal(content[..100], first);
        using var copy = new MemoryStream();
        head.Open().CopyTo(copy);
        Assert.Equal(content, copy.ToArray());
        Assert.Throws<RetentionException>(head.Open);
    }

    [Fact]
    public void XzIsReadByTheProgramWhereThereIsNoLibrary()
    {
        byte[] content = Log(5000);
        byte[] packed = Pipe("xz", content);
        using (var copy = new MemoryStream())
        {
            using Stream stream = XzProcessStream.Start(new MemoryStream(packed), "x");
            stream.CopyTo(copy);
            Assert.Equal(content, copy.ToArray());
        }
        using Stream cut = XzProcessStream.Start(new MemoryStream(packed[..^20]), "x");
        RetentionException e = Assert.Throws<RetentionException>(() => cut.CopyTo(Stream.Null));
        Assert.Equal(RetentionError.SourceDamaged, e.Error);
    }

    private static string Names(IEnumerable<string> paths) => string.Join(
        ' ', paths.Select(static p => Path.GetFileName(p)).Order(StringComparer.Ordinal));

    private static byte[] Drain(LogSource source)
    {
        using var copy = new MemoryStream();
        using Stream stream = source.Open();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
