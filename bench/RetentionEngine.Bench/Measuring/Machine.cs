using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace RetentionEngine.Bench.Measuring;

/// <summary>What a result must say about where it was measured.</summary>
internal static class Machine
{
    public static string Cpu { get; } =
        FieldOf("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The CPU as a folder name.</summary>
    public static string CpuFolder
    {
        get
        {
            var name = new StringBuilder();
            foreach (char c in Cpu.ToLowerInvariant())
            {
                if (char.IsAsciiLetterOrDigit(c))
                {
                    name.Append(c);
                }
                else if (name.Length > 0 && name[^1] != '-')
                {
                    name.Append('-');
                }
            }
            string family = FieldOf("/proc/cpuinfo", "cpu family") ?? "0";
            string model = FieldOf("/proc/cpuinfo", "model") ?? "0";
            return $"{name.ToString().Trim('-')}-family{family}-model{model}";
        }
    }

    public static string Memory => FieldOf("/proc/meminfo", "MemTotal") ?? "unknown";

    public static string Kernel => RuntimeInformation.OSDescription;

    public static string Runtime => RuntimeInformation.FrameworkDescription;

    /// <summary>Load averages of 1, 5 and 15 minutes.</summary>
    public static string Load => File.Exists("/proc/loadavg")
        ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3])
        : "unknown";

    /// <summary>The vectors that the runtime may use.</summary>
    public static string Vectors =>
        System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? "512 bits"
        : System.Runtime.Intrinsics.Vector256.IsHardwareAccelerated ? "256 bits"
        : System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated ? "128 bits" : "none";

    /// <summary>Peak resident memory of this process, MiB.</summary>
    public static double PeakMiB()
    {
        string? peak = FieldOf("/proc/self/status", "VmHWM");
        return peak is null
            ? Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0
            : long.Parse(peak.Split(' ')[0], CultureInfo.InvariantCulture) / 1024.0;
    }

    /// <summary>Highest resident memory of another process so far; 0 when it has ended.</summary>
    public static double PeakMiB(int process)
    {
        try
        {
            return FieldOf($"/proc/{process}/status", "VmHWM") is { } peak
                ? long.Parse(peak.Split(' ')[0], CultureInfo.InvariantCulture) / 1024.0
                : 0;
        }
        catch (IOException)
        {
            // It ended while its state was being read.
            return 0;
        }
    }

    /// <summary>The commit that is measured, with <c>-dirty</c> behind it if files differ.</summary>
    public static string Commit()
    {
        string? commit = ChildProcess.TryOutput("git", "rev-parse", "--short=10", "HEAD")?.Trim();
        if (commit is null)
        {
            return "unknown";
        }
        string? changes = ChildProcess.TryOutput("git", "status", "--porcelain", "-uno");
        return string.IsNullOrWhiteSpace(changes) ? commit : commit + "-dirty";
    }

    private static string? FieldOf(string path, string name)
    {
        if (!File.Exists(path))
        {
            return null;
        }
        foreach (string line in File.ReadLines(path))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && string.Equals(line[..colon].Trim(), name, StringComparison.Ordinal))
            {
                return line[(colon + 1)..].Trim();
            }
        }
        return null;
    }
}
