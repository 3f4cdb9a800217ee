using System.Runtime.InteropServices;
using System.Security.Cryptography;
using RetentionEngine.Blocks;
using RetentionEngine.Buckets;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Format;

/// <summary>
/// The files of a store, byte for byte. Who changes one of these raises the version in the same
/// commit, adds a golden value, and keeps reading the old bytes.
/// </summary>
public sealed class StoreFormatTests
{
    private static readonly Guid s_store = new("00112233-4455-6677-8899-aabbccddeeff");

    private static readonly BucketId s_bucket = new(RecordClass.Access, 0x0001_0203, 0x18);

    private static readonly RunInfo s_run = new RunInfo
    {
        Bucket = s_bucket,
        Run = 2,
        Rows = 3,
        FirstUnixMicros = 4,
        LastUnixMicros = 5,
        PolicyVersion = 1,
        Period = TimeSpan.FromHours(1),
        Basis = "b",
        BlockCounts = [1, 0],
        SizeBytes = 6,
        Hash = 7,
    };

    [Fact]
    public void Entry_log()
    {
        using var directory = new TestDirectory();
        string path = directory["log"];
        using (var log = EntryLog.Create(path, 0x52544E4D414E4900, s_store, [[1, 2, 3]]))
        {
            log.Append([4]);
        }
        Assert.Equal(
            "52544E4D414E4900" + "01000000" + "00000000" + "33221100554477668899AABBCCDDEEFF"
            + "@HEAD" + "7000000000000000" + "@SYNC" + "0000000000000000"
            + "52544E45" + "03000000" + "0102030000000000" + "@ONE"
            + "52544E45" + "01000000" + "0400000000000000" + "@TWO",
            Masked(File.ReadAllBytes(path), ("@HEAD", 32), ("@SYNC", 48), ("@ONE", 80), ("@TWO", 104)));
    }

    [Fact]
    public void Hashes_of_the_entry_log()
    {
        using var directory = new TestDirectory();
        string path = directory["log"];
        EntryLog.Create(path, 0x52544E4D414E4900, s_store, [[1, 2, 3]]).Dispose();
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal("198A715CF230BFFB", Convert.ToHexString(bytes.AsSpan(32, 8)));
        Assert.Equal("36B3BA4625B36021", Convert.ToHexString(bytes.AsSpan(48, 8)));
        Assert.Equal("0A6A99D5A74A7740", Convert.ToHexString(bytes.AsSpan(80, 8)));
    }

    [Fact]
    public void Master_key_file()
    {
        using var directory = new TestDirectory();
        string path = directory["key"];
        MasterKey.Create(path, s_store).Dispose();
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(1536, bytes.Length);
        Assert.Equal(
            "52544E4D4B455900" + "0100000000000000" + "33221100554477668899AABBCCDDEEFF",
            Convert.ToHexString(bytes.AsSpan(0, 32)));
        // Generation 1 stands in the second slot; the first is empty.
        Assert.Equal(new byte[512], bytes[512..1024]);
        Assert.Equal("0100000000000000", Convert.ToHexString(bytes.AsSpan(1024, 8)));
        Assert.NotEqual(new byte[32], bytes[1032..1064]);
        Assert.Equal(new byte[464], bytes[1072..]);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        }
    }

    [Fact]
    public void Keys_file()
    {
        using var directory = new TestDirectory();
        string path = directory["keys"];
        KeyRing ring = KeyRing.Create(path, directory["key"], s_store);
        ring.FindOrCreate(s_bucket);
        ring.Sync();
        ring.Dispose();
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(4096 + 4096 + 4096, bytes.Length);
        Assert.Equal(
            "52544E4B45595300" + "0100000000000000" + "33221100554477668899AABBCCDDEEFF",
            Convert.ToHexString(bytes.AsSpan(0, 32)));
        Assert.Equal(bytes[4096..8192], bytes[8192..]);
        Assert.Equal(new byte[256], bytes[4096..4352]);
        // Slot 2 holds the seed, slot 4 the first bucket.
        Assert.Equal(
            "0400000000000000" + "00000000" + "01000000" + "0100000000000000",
            Convert.ToHexString(bytes.AsSpan(4096 + 256, 24)));
        Assert.Equal(
            "01020000" + "03020100" + "18000000" + "01000000" + "0100000000000000",
            Convert.ToHexString(bytes.AsSpan(4096 + 512, 24)));
        Assert.Equal(new byte[36], bytes[(4096 + 512 + 84)..(4096 + 512 + 120)]);
    }

    [Fact]
    public void Slot_of_a_destroyed_bucket()
    {
        var slot = new KeySlot(4);
        slot.Use(KeySlotState.Bucket, s_bucket, BlockCipher.Random());
        slot.Release(KeySlotState.Destroyed);
        slot.Serial = 7;
        byte[] bytes = new byte[KeySlot.Length];
        slot.Encode(bytes, null!, s_store);
        Assert.Equal(
            "02020000" + "03020100" + "18000000" + "00000000" + "0700000000000000"
            + new string('0', 2 * 96) + "@HASH",
            Masked(bytes, ("@HASH", 120)));
    }

    [Fact]
    public void Envelope_of_a_block()
    {
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        byte[] nonce = [.. Enumerable.Range(0, 12).Select(i => (byte)(100 + i))];
        byte[] associated = Convert.FromHexString(
            "02010000" + "03020100" + "18000000" + "05000000" + "06000000" + "01000000");
        byte[] written = new byte[24];
        BlockCipher.WriteAssociated(new BlockKey(s_bucket, 5, 1, 6), written);
        Assert.Equal(associated, written);

        byte[] envelope = new byte[3 + 16 + 12];
        nonce.CopyTo(envelope, 19);
        using (var aes = new AesGcm(key, 16))
        {
            aes.Encrypt(nonce, "abc"u8, envelope.AsSpan(0, 3), envelope.AsSpan(3, 16), associated);
        }
        using var cipher = new BlockCipher(key);
        Assert.Equal(3, cipher.Decrypt(envelope, associated));
        Assert.Equal("abc"u8, envelope.AsSpan(0, 3));
    }

    [Fact]
    public void Entries_of_the_manifest()
    {
        var state = new ManifestState();
        var policy = new RetentionPolicy
        {
            Sent = new ClassPolicy(TimeSpan.FromHours(1), "b"),
            LocalDomains = ["d"],
        };
        Assert.Equal(
            "01"
            + "0068C461080000000162"
            + "0040E4288005000000"
            + "0040E4288005000000"
            + "0040E4288005000000"
            + "010000000164"
            + "03555443",
            Convert.ToHexString(ManifestState.PolicyPayload(policy)));
        state.AddPolicy(policy);
        Assert.Equal(
            "03"
            + "01000000"
            + "02"
            + "0302010000000000"
            + "1B02010000000000",
            Convert.ToHexString(ManifestState.DropPayload([s_bucket])));
        var commit = new CommitEntry
        {
            TimeUnixMicros = 8,
            Generation = 9,
            InFlightIndex = 1,
            InFlightLength = 10,
            InFlightHash = 11,
            InFlightCount = 12,
            OpenSessions = 13,
        };
        var source = new SourceState(
            new UInt128(15, 14), 16, 17, 18, 19, 20, 21, new SourceMarks([22, 23]));
        Assert.Equal(
            "02"
            + "08000000000000000900000000000000"
            + "010A0000000B00000000000000"
            + "0C000000000000000D00000000000000"
            + "15000000"
            + "01000000"
            + "0203020100180000000200000003000000"
            + "0400000000000000050000000000000001000000"
            + "06000000000000000700000000000000"
            + "020100000000000000"
            + "00000000"
            + "0100000001000000"
            + "000000000E000000000000000F00000000000000"
            + "1000000011000000000000001200000000000000"
            + "1300000014000000000000001500000000000000"
            + "020000001600000017000000",
            Convert.ToHexString(state.CommitPayload(commit, [s_run], [], [source], 21)));
    }

    [Fact]
    public void Entries_of_runs_and_holds()
    {
        RunInfo held = s_run with { Hold = 24 };
        Assert.Equal(
            "04"
            + "1900000000000000" + "1A000000"
            + "1B000000"
            + "01000000"
            + "0203020100180000000200000003000000"
            + "0400000000000000050000000000000001000000"
            + "06000000000000000700000000000000"
            + "020100000000000000"
            + "01000000" + "1C000000"
            + "18000000",
            Convert.ToHexString(ManifestState.RunsPayload(25, 26, [held], [s_run with { Run = 28 }], 27)));
        Assert.Equal(
            "05" + "18000000" + "1D00000000000000" + "02000000" + "1E1F",
            Convert.ToHexString(ManifestState.HoldPayload(new HoldEntry(24, 29, [30, 31]))));
        Assert.Equal(
            "06" + "02000000" + "18000000" + "20000000",
            Convert.ToHexString(ManifestState.HoldEndPayload([24, 32])));
    }

    [Fact]
    public void Key_in_Faster()
    {
        var key = new StoreKey(new BlockKey(s_bucket, 5, 1, 6));
        Assert.Equal(
            "03020100" + "01180000" + "05000000" + "06000000",
            Convert.ToHexString(MemoryMarshal.AsBytes(new ReadOnlySpan<StoreKey>(in key))));
    }

    private static string Masked(byte[] bytes, params (string Name, int Offset)[] hashes)
    {
        string hex = Convert.ToHexString(bytes);
        foreach ((string name, int offset) in hashes.Reverse())
        {
            hex = string.Concat(hex.AsSpan(0, offset * 2), name, hex.AsSpan((offset + 8) * 2));
        }
        return hex;
    }
}
