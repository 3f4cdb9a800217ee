using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace RetentionEngine.Blocks;

/// <summary>Has memory fetched that is going to be read, while there is other work to do.</summary>
/// <remarks>Only ever a hint: where the processor has no such instruction, nothing happens.</remarks>
internal static class Ahead
{
    private const int LineBytes = 64;

    /// <summary>Fetches every cache line of an element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Fetch<T>(ref readonly T element)
        where T : unmanaged
    {
        if (!Sse.IsSupported)
        {
            return;
        }
        byte* first = (byte*)Unsafe.AsPointer(ref Unsafe.AsRef(in element));
        for (int offset = 0; offset < sizeof(T); offset += LineBytes)
        {
            Sse.Prefetch0(first + offset);
        }
    }
}
