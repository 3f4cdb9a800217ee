using System.Runtime.CompilerServices;

namespace RetentionEngine.Bench.Macro;

/// <summary>What reading the same bytes costs at least.</summary>
internal static class Floors
{
    /// <summary>The yardstick: a fresh search for every line end.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long IndexOfLoop(ReadOnlySpan<byte> bytes)
    {
        long lines = 0;
        while (true)
        {
            int end = bytes.IndexOf((byte)'\n');
            if (end < 0)
            {
                return lines;
            }
            lines++;
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>One pass of vectors that counts line ends.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long CountLines(ReadOnlySpan<byte> bytes) => bytes.Count((byte)'\n');
}
