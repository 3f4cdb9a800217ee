using System.Diagnostics;
using RetentionEngine.Bench.Measuring;

namespace RetentionEngine.Bench.Comparison;

/// <summary>Sizes of a log's first bytes after a compressor.</summary>
internal static class Compressors
{
    /// <summary>Size after <c>program level</c>; the program reads the file and writes to a pipe.</summary>
    /// <param name="program">gzip or zstd.</param>
    /// <param name="level">E.g. <c>-6</c>.</param>
    /// <param name="path">The log.</param>
    /// <param name="bytes">Only so many of its first bytes.</param>
    /// <returns>Compressed bytes, and CPU in ms.</returns>
    public static (long Bytes, double CpuMs) Size(
        string program, string level, string path, long bytes)
    {
        double cpu = Posix.ChildrenCpuMs();
        ProcessStartInfo start = ChildProcess.Describe(program, [level, "-c"]);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        Task<long> counted = Task.Run(() => Count(process.StandardOutput.BaseStream));
        using (Stream input = process.StandardInput.BaseStream)
        {
            Feed(path, bytes, input);
        }
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
        }
        return (counted.Result, Posix.ChildrenCpuMs() - cpu);
    }

    private static void Feed(string path, long bytes, Stream target)
    {
        using FileStream file = File.OpenRead(path);
        byte[] buffer = new byte[1 << 20];
        while (bytes > 0)
        {
            int read = file.Read(buffer, 0, (int)Math.Min(buffer.Length, bytes));
            if (read == 0)
            {
                return;
            }
            target.Write(buffer, 0, read);
            bytes -= read;
        }
    }

    private static long Count(Stream stream)
    {
        byte[] buffer = new byte[1 << 16];
        long sum = 0;
        while (stream.Read(buffer) is > 0 and int read)
        {
            sum += read;
        }
        return sum;
    }
}
