using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace LogGen.Text;

/// <summary>Something that can be written as bytes into a line.</summary>
internal interface IText
{
    void WriteTo(ByteWriter writer);
}

/// <summary>A growing buffer of bytes; interpolated strings go into it without a string.</summary>
internal sealed class ByteWriter
{
    // No single piece of text is longer than this, so one check a piece is enough.
    private const int PieceBytesMax = 4096;

    private byte[] _bytes = new byte[1 << 16];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Put(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Free());
        Length += text.Length;
    }

    public void Put(byte value)
    {
        Free()[0] = value;
        Length++;
    }

    public void Put(string ascii)
    {
        Ascii.FromUtf16(ascii, Free(), out int written);
        Length += written;
    }

    public void Put(long value)
    {
        Utf8Formatter.TryFormat(value, Free(), out int written);
        Length += written;
    }

    /// <summary>Decimal with leading zeros.</summary>
    public void Padded(long value, int digits)
    {
        Span<byte> target = Free()[..digits];
        for (int i = digits - 1; i >= 0; i--)
        {
            target[i] = (byte)('0' + value % 10);
            value /= 10;
        }
        Length += digits;
    }

    /// <summary>Hexadecimal, at least <paramref name="digits"/> digits.</summary>
    public void Hex(ulong value, int digits, bool upper)
    {
        int significantBits = 64 - System.Numerics.BitOperations.LeadingZeroCount(value | 1);
        int needed = Math.Max(digits, (significantBits + 3) / 4);
        ReadOnlySpan<byte> alphabet = upper ? "0123456789ABCDEF"u8 : "0123456789abcdef"u8;
        Span<byte> target = Free()[..needed];
        for (int i = needed - 1; i >= 0; i--)
        {
            target[i] = alphabet[(int)(value & 15)];
            value >>= 4;
        }
        Length += needed;
    }

    /// <summary>Characters of an alphabet of a power of two, taken from the low bits.</summary>
    public void Scrambled(ulong bits, int count, ReadOnlySpan<byte> alphabet)
    {
        for (int i = 0; i < count; i++)
        {
            Put(alphabet[(int)(bits % (ulong)alphabet.Length)]);
            bits = i % 9 == 8 ? Rng.Mix(bits) : bits / (ulong)alphabet.Length;
        }
    }

    [SuppressMessage("Performance", "CA1822", Justification = "The text went to this writer "
        + "already.")]
    public void Put([InterpolatedStringHandlerArgument("")] ref TextHandler text) => _ = text;

    private Span<byte> Free()
    {
        if (_bytes.Length - Length < PieceBytesMax)
        {
            Array.Resize(ref _bytes, _bytes.Length * 2);
        }
        return _bytes.AsSpan(Length);
    }
}

/// <summary>
/// Writes the parts of an interpolated string straight into a <see cref="ByteWriter"/>.
/// </summary>
[InterpolatedStringHandler]
internal readonly ref struct TextHandler
{
    private readonly ByteWriter _writer;

    public TextHandler(int literalLength, int formattedCount, ByteWriter writer)
    {
        _ = literalLength + formattedCount;
        _writer = writer;
    }

    public void AppendLiteral(string text) => _writer.Put(text);

    public void AppendFormatted(long value) => _writer.Put(value);

    public void AppendFormatted(string text) => _writer.Put(text);

    public void AppendFormatted(ReadOnlySpan<byte> text) => _writer.Put(text);

    public void AppendFormatted<T>(T value)
        where T : struct, IText => value.WriteTo(_writer);
}
