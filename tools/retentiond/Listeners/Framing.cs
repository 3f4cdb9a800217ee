namespace RetentionEngine.Daemon.Listeners;

/// <summary>What stands at the head of some bytes of a syslog stream.</summary>
internal enum FrameKind
{
    /// <summary>A whole frame.</summary>
    Whole,

    /// <summary>The beginning of a frame, or nothing.</summary>
    NeedsMore,

    /// <summary>A frame, or the beginning of one, that is longer than allowed.</summary>
    TooLong,

    /// <summary>A counted frame whose stream ended within it.</summary>
    Incomplete,
}

/// <summary>Splits a syslog stream into frames (RFC 6587, RFC 5425).</summary>
/// <remarks>
/// Frame by frame: digits, the first none of them a zero, and a space behind them are the count of
/// bytes of the frame that follows; anything else is a frame that ends with a line feed.
/// </remarks>
internal static class Framing
{
    // Nine digits are more than any frame may have, and fit an int.
    private const int DigitsMax = 9;

    /// <summary>Bytes that a count and its space take at most.</summary>
    public const int PrefixMax = DigitsMax + 1;

    /// <summary>Finds the first frame.</summary>
    /// <param name="input">Bytes from the beginning of a frame.</param>
    /// <param name="frameMax">Bytes that a frame may have, without count and line feed.</param>
    /// <param name="isEnd">Whether the stream ends behind <paramref name="input"/>.</param>
    /// <param name="frame">The frame without count and line feed, if it is whole.</param>
    /// <param name="consumed">Bytes that it takes up with both; 0 if it is not whole.</param>
    /// <remarks>Never throws, never allocates. Once an input is too long it stays so.</remarks>
    public static FrameKind Next(
        ReadOnlySpan<byte> input, int frameMax, bool isEnd,
        out ReadOnlySpan<byte> frame, out int consumed)
    {
        frame = default;
        consumed = 0;
        if (input.IsEmpty)
        {
            return FrameKind.NeedsMore;
        }
        if (input[0] is >= (byte)'1' and <= (byte)'9')
        {
            int digits = input[..Math.Min(input.Length, PrefixMax)]
                .IndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (digits < 0 && input.Length >= PrefixMax)
            {
                return FrameKind.TooLong;
            }
            if (digits < 0 && !isEnd)
            {
                return FrameKind.NeedsMore;
            }
            if (digits > 0 && input[digits] == ' ')
            {
                return Counted(input, digits, frameMax, isEnd, out frame, out consumed);
            }
        }
        ReadOnlySpan<byte> window = input[..Math.Min(input.Length, frameMax + 1)];
        int end = window.IndexOf((byte)'\n');
        if (end < 0 && window.Length > frameMax)
        {
            return FrameKind.TooLong;
        }
        if (end < 0 && !isEnd)
        {
            return FrameKind.NeedsMore;
        }
        frame = end < 0 ? input : input[..end];
        consumed = end < 0 ? input.Length : end + 1;
        return FrameKind.Whole;
    }

    private static FrameKind Counted(
        ReadOnlySpan<byte> input, int digits, int frameMax, bool isEnd,
        out ReadOnlySpan<byte> frame, out int consumed)
    {
        int count = 0;
        foreach (byte digit in input[..digits])
        {
            count = (count * 10) + (digit - '0');
        }
        frame = default;
        consumed = 0;
        if (count > frameMax)
        {
            return FrameKind.TooLong;
        }
        if (input.Length - digits - 1 < count)
        {
            return isEnd ? FrameKind.Incomplete : FrameKind.NeedsMore;
        }
        frame = input.Slice(digits + 1, count);
        consumed = digits + 1 + count;
        return FrameKind.Whole;
    }
}
