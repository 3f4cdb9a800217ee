namespace LogGen.Text;

/// <summary>
/// The Message-ID header of one mail, in the manner of the program that wrote it.
/// </summary>
/// <remarks>A negative domain is the complement of a host of ours.</remarks>
internal readonly record struct MessageId(MessageIdStyle Style, ulong Seed, long UnixMicros,
    int Domain)
    : IText
{
    private static ReadOnlySpan<byte> Alphanumeric =>
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8;

    /// <summary>Writes the text that stands between the angle brackets.</summary>
    public void WriteTo(ByteWriter writer)
    {
        ulong more = Rng.Mix(Seed);
        switch (Style)
        {
            case MessageIdStyle.None:
                return;
            case MessageIdStyle.UuidUpper:
                WriteUuid(writer, Seed, more, upper: true);
                break;
            case MessageIdStyle.UuidLower:
                WriteUuid(writer, Seed, more, upper: false);
                break;
            case MessageIdStyle.Webmail:
                writer.Put("CA"u8);
                writer.Scrambled(Seed, 1, "ABDEFGHJKM"u8);
                writer.Put("+"u8);
                writer.Scrambled(more, 47, Alphanumeric);
                writer.Put("@mail."u8);
                Names.WriteDomain(writer, Domain % Names.ProviderCount);
                return;
            case MessageIdStyle.Exchange:
                WriteExchange(writer, more);
                return;
            case MessageIdStyle.Java:
                writer.Put($"{(long)(Seed % 2_000_000_000)}.{(long)(more % 99_999)}."
                    + $"{UnixMicros / 1000}@");
                break;
            case MessageIdStyle.Postfix:
                WriteDate(writer);
                long inode = (long)(Seed & 0xFFFFF) + 65_536;
                writer.Put($".{new QueueId(IsLong: false, UnixMicros, inode)}@");
                break;
            case MessageIdStyle.Roundcube:
                writer.Hex(Seed, 16, upper: false);
                writer.Hex(more, 16, upper: false);
                writer.Put("@"u8);
                break;
            default:
                writer.Hex(Seed & 0xFFFFFF, 6, upper: false);
                writer.Put("$"u8);
                writer.Hex(more & 0xFFFFFFFF, 8, upper: false);
                writer.Put("$"u8);
                writer.Hex(more >> 32, 8, upper: false);
                writer.Put("@"u8);
                break;
        }
        WriteSite(writer);
    }

    private void WriteSite(ByteWriter writer)
    {
        if (Domain < 0)
        {
            Topology.WriteHostName(writer, ~Domain);
        }
        else
        {
            Names.WriteDomain(writer, Domain);
        }
    }

    private static void WriteUuid(ByteWriter writer, ulong high, ulong low, bool upper)
    {
        writer.Hex(high >> 32, 8, upper);
        writer.Put("-"u8);
        writer.Hex(high >> 16 & 0xFFFF, 4, upper);
        writer.Put("-4"u8);
        writer.Hex(high & 0xFFF, 3, upper);
        writer.Put("-"u8);
        writer.Hex(0x8000 | (low >> 48 & 0x3FFF), 4, upper);
        writer.Put("-"u8);
        writer.Hex(low & 0xFFFF_FFFF_FFFF, 12, upper);
        writer.Put("@"u8);
    }

    private void WriteExchange(ByteWriter writer, ulong more)
    {
        ReadOnlySpan<byte> upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"u8;
        long site = (long)(Seed % 9);
        writer.Put($"AM{site}PR0{site}MB{(long)(Seed >> 8 & 4095) + 1000}");
        writer.Scrambled(more, 32, upper);
        writer.Put($"@AM{site}PR0{site}MB{(long)(Seed >> 8 & 4095) + 1000}.eurprd0{site}.prod.");
        Names.WriteDomain(writer, Domain % Names.ProviderCount);
    }

    private void WriteDate(ByteWriter writer)
    {
        DateTime time = DateTime.UnixEpoch.AddMicroseconds(UnixMicros);
        writer.Padded(time.Year, 4);
        writer.Padded(time.Month, 2);
        writer.Padded(time.Day, 2);
        writer.Padded(time.Hour, 2);
        writer.Padded(time.Minute, 2);
        writer.Padded(time.Second, 2);
    }
}

internal enum MessageIdStyle : byte
{
    /// <summary>The mail has none: <c>message-id=&lt;&gt;</c>.</summary>
    None,
    UuidUpper,
    UuidLower,
    Webmail,
    Exchange,
    Java,
    Postfix,
    Roundcube,
    Outlook,
}
