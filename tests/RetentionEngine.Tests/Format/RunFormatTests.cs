using RetentionEngine.Blocks;
using RetentionEngine.Events;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Format;

/// <summary>The parts of a run, byte for byte.</summary>
public sealed class RunFormatTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(127, "7F")]
    [InlineData(128, "8001")]
    [InlineData(300, "AC02")]
    public void Varint(int value, string hex) => Assert.Equal(hex, Hex(s => s.Varint(value)));

    [Theory]
    [InlineData(0, "00")]
    [InlineData(-1, "01")]
    [InlineData(1, "02")]
    [InlineData(-65, "8101")]
    public void Zigzag(long value, string hex) => Assert.Equal(hex, Hex(s => s.Zigzag(value)));

    [Fact]
    public void Bits() =>
        // 1, 2, 3, 4 of three bits: 100 011 010 001 read from the left end of the last byte.
        Assert.Equal("D108", Hex(s => BitPack.Write([1, 2, 3, 4], 3, s)));

    [Fact]
    public void Column_of_equal_numbers() =>
        Assert.Equal("000E", Hex(s => PackedColumn.Write([7, 7, 7], s, new ulong[3])));

    [Fact]
    public void Column_of_differences() =>
        Assert.Equal("0213" + "E4", Hex(s => PackedColumn.Write([-10, -9, -8, -7], s, new ulong[4])));

    [Fact]
    public void Column_with_a_patch()
    {
        long[] values = new long[64];
        values[5] = 1 << 20;
        Assert.Equal(
            "80" + "00" + "01" + "15" + "05" + "000010",
            Hex(s => PackedColumn.Write(values, s, new ulong[64])));
    }

    [Fact]
    public void Ascending_list() =>
        Assert.Equal("03" + "02" + "01" + "68" + "8B", Hex(s => EliasFano.Write([3, 5, 9, 20], s, new ulong[4])));

    [Fact]
    public void Earlier_attempts()
    {
        byte[] bytes = new byte[RetryList.BytesMax];
        int length = RetryList.Append(
            bytes, 300, RecordStatus.Deferred, DsnCode.Pack(4, 4, 1), "mx"u8);
        Assert.Equal("D804" + "02" + "81A08002" + "02" + "6D78", Convert.ToHexString(bytes[..length]));
    }

    [Fact]
    public void A_run_in_one_block()
    {
        var batch = new RecordBatch(1);
        ref RecordRow row = ref batch.Add();
        row.Kind = RecordKind.Received;
        row.Status = RecordStatus.Sent;
        row.TimeUnixMicros = 3_600_000_000_000 + 5_000_000;
        row.FinalTimeUnixMicros = row.TimeUnixMicros + 2_000_000;
        row.Sender = batch.Strings.Intern("ann@b.example"u8);
        row.Recipient = batch.Strings.Intern("dan@b.example"u8);
        row.Host = batch.Strings.Intern("mx"u8);
        row.SizeBytes = 1154;
        row.Attempts = 1;
        row.Uid = -1;
        row.Dsn = DsnCode.Pack(2, 0, 0);
        Assert.True(QueueId.TryParse("DEDF9FC443A"u8, out row.QueueId));
        row.MessageIdHash = 0x0102;
        row.IpLo = 0xFFFF_C000_020FUL;
        var planner = new RunPlanner(1);
        planner.Plan(batch, new RetentionPolicy());
        var run = new SealedRun();
        new RunEncoder(1).Encode(planner, 0, run);
        Assert.Equal(1, run.BlockCount);
        Assert.Equal(
            "01010101D00F0101" // versions, class, bucket, rows
            + "C096B102000400" // times, own mailboxes
            + "0102020000000080808002020A00000104" // the tuple
            + "01000000" // relays, inode bases
            + "030103026D78" // texts and their page
            + "0101" // addresses
            + "2C1C08" // sizes of the parts
            + "1404000101" // units, own mailboxes
            + "000A00840400F2B76F00F490E20F" // time, ids
            + "00000084120002000000000000" // SASL, size, address, via
            + "000600000004000000000000" // of the row
            + "0400000A0404B00112006D78622E6578616D706C6540616E6E64616E" // letters of the texts
            + "8F8480800C000101", // the address
            Convert.ToHexString(run.Block(0, out BlockKind kind, out int number)));
        Assert.Equal((BlockKind.Header, 0), (kind, number));
    }

    private static string Hex(Action<ByteSink> write)
    {
        var sink = new ByteSink();
        write(sink);
        return Convert.ToHexString(sink.Written);
    }
}
