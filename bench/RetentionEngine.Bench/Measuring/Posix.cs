using System.Runtime.InteropServices;

namespace RetentionEngine.Bench.Measuring;

/// <summary>CPU time of this thread and of children, and the page cache's advice call.</summary>
/// <remarks>Linux on 64 bits; elsewhere CPU time falls back to wall time.</remarks>
internal static partial class Posix
{
    private const int ThreadCpuClock = 3;
    private const int RusageSelf = 0;
    private const int RusageChildren = -1;
    private const int AdviseDontNeed = 4;
    private const double NanosPerMilli = 1e6;

    /// <summary>CPU time of the calling thread, ms.</summary>
    public static double ThreadCpuMs()
    {
        if (!OperatingSystem.IsLinux())
        {
            return Environment.TickCount64;
        }
        _ = clock_gettime(ThreadCpuClock, out Timespec time);
        return (time.Seconds * 1000.0) + (time.Nanos / NanosPerMilli);
    }

    /// <summary>User and system time of all children that have ended, ms.</summary>
    public static double ChildrenCpuMs() => CpuMs(RusageChildren);

    /// <summary>User and system time of this process, all its threads, ms.</summary>
    public static double ProcessCpuMs() => CpuMs(RusageSelf);

    /// <summary>Asks the kernel to forget the cached pages of a file that is on disk already.</summary>
    public static bool DropCache(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }
        using var handle = File.OpenHandle(path);
        return posix_fadvise(handle.DangerousGetHandle().ToInt32(), 0, 0, AdviseDontNeed) == 0;
    }

    private static double CpuMs(int who)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Environment.TickCount64;
        }
        _ = getrusage(who, out Rusage usage);
        return ((usage.UserSeconds + usage.SystemSeconds) * 1000.0)
            + ((usage.UserMicros + usage.SystemMicros) / 1000.0);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanos;
    }

    // struct rusage: two timevals, then fourteen longs that are not needed here.
    [StructLayout(LayoutKind.Sequential, Size = 144)]
    private struct Rusage
    {
        public long UserSeconds;
        public long UserMicros;
        public long SystemSeconds;
        public long SystemMicros;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Timespec time);

    [LibraryImport("libc")]
    private static partial int getrusage(int who, out Rusage usage);

    [LibraryImport("libc")]
    private static partial int posix_fadvise(int file, long offset, long length, int advice);
}
