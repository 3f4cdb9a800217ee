using Microsoft.Win32.SafeHandles;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Reads lines from a named pipe into the spool.</summary>
/// <remarks>
/// It is opened for writing too: so it does not end when a writer goes. A pipe has no memory: what
/// was taken out of it and is not durable yet is lost with the process, at most one read.
/// </remarks>
internal sealed class FifoReader(
    string path, SpoolGate spool, SourceStatus status, TimeProvider clock, Log log)
{
    private const int BufferBytes = 64 * 1024;
    private const int LineMaxBytes = 64 * 1024;
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(stop);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                log.Warning(
                    "named pipe can't be read", ("path", path), ("code", e.HResult & 0xffff));
            }
            status.IsUp = false;
            await Task.Delay(s_retry, clock, stop)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(CancellationToken stop)
    {
        using SafeFileHandle handle = File.OpenHandle(
            path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        await using var pipe = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        status.IsUp = true;
        byte[] buffer = new byte[BufferBytes + LineMaxBytes];
        int held = 0;
        while (!stop.IsCancellationRequested)
        {
            int read = await pipe.ReadAsync(buffer.AsMemory(held), stop);
            held += read;
            int end = buffer.AsSpan(0, held).LastIndexOf((byte)'\n') + 1;
            if (end == 0 && held == buffer.Length)
            {
                // No log line is so long: what there is of it is one.
                buffer[^1] = (byte)'\n';
                end = held;
            }
            if (end > 0)
            {
                await spool.AppendAsync(buffer.AsMemory(0, end), default, stop);
                status.Bytes += end;
                status.Lines += buffer.AsSpan(0, end).Count((byte)'\n');
                buffer.AsSpan(end, held - end).CopyTo(buffer);
                held -= end;
            }
        }
    }
}
