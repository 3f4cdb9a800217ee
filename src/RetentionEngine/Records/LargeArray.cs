using System.Runtime.InteropServices;

namespace RetentionEngine.Records;

/// <summary>Arrays that grow to many megabytes and are filled from the front.</summary>
/// <remarks>
/// They grow in few steps and are not cleared: a page that is never used costs nothing. On Linux
/// the kernel is asked for pages of two megabytes, without which a tenth of an import goes into
/// page faults and table lookups miss the TLB (madvise(2), MADV_HUGEPAGE).
/// </remarks>
internal static partial class LargeArray
{
    private const int HugeBytesMin = 4 << 20;
    private const int PageBytes = 4096;
    private const int MadviseHugePage = 14;

    private static bool s_isHugeRefused = !OperatingSystem.IsLinux();

    /// <summary>Moves to an array eight times as long; what lies behind the used part is undefined.</summary>
    public static void Grow<T>(ref T[] array, int used)
        where T : unmanaged
    {
        T[] grown = GC.AllocateUninitializedArray<T>(checked(array.Length * 8));
        AdviseHuge(grown);
        array.AsSpan(0, used).CopyTo(grown);
        array = grown;
    }

    /// <summary>A long array of zeros.</summary>
    public static T[] Zeros<T>(int length)
        where T : unmanaged
    {
        T[] array = GC.AllocateUninitializedArray<T>(length);
        AdviseHuge(array);
        Array.Clear(array);
        return array;
    }

    private static unsafe void AdviseHuge<T>(T[] array)
        where T : unmanaged
    {
        long bytes = (long)array.Length * sizeof(T);
        if (bytes < HugeBytesMin || s_isHugeRefused)
        {
            return;
        }
        fixed (T* first = array)
        {
            nint start = ((nint)first + PageBytes - 1) & ~(PageBytes - 1);
            nint end = (nint)((byte*)first + bytes) & ~(PageBytes - 1);
            try
            {
                // It is only advice: where it fails, pages stay small.
                s_isHugeRefused = Madvise(start, end - start, MadviseHugePage) != 0;
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
            {
                s_isHugeRefused = true;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Madvise(nint address, nint length, int advice);
}
