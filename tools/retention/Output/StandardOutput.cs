using System.Runtime.InteropServices;

namespace RetentionEngine.Tool.Output;

/// <summary>The reader of standard output has gone away: there is nobody left to write for.</summary>
internal sealed class BrokenPipeException : IOException;

/// <summary>Standard output by write(2).</summary>
/// <remarks>
/// <see cref="Console.OpenStandardOutput()"/> swallows EPIPE, so <c>query | head</c> would search
/// the whole store for nobody. A <see cref="FileStream"/> on handle 1 throws, but writes at offsets
/// of its own, so that two commands whose output goes to one file overwrite each other.
/// </remarks>
internal sealed partial class StandardOutput : Stream
{
    private const int Descriptor = 1;
    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const int NoSpace = 28;
    private const int BrokenPipe = 32;
    private const short PollOut = 4;
    private const short PollError = 8;
    private const short PollHangUp = 16;

    private readonly Stream? _console =
        OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : null;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Ends the process as soon as the reader goes away, even while nothing is found.</summary>
    /// <remarks>Only for commands that change nothing.</remarks>
    public static void ExitWhenReaderGoes()
    {
        if (!OperatingSystem.IsLinux() || !Console.IsOutputRedirected)
        {
            return;
        }
        var watcher = new Thread(static () =>
        {
            var poll = new PollEntry { Descriptor = Descriptor };
            // A file never reports an error here; the thread then sleeps until the process ends.
            while (Poll(ref poll, 1, -1) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
            {
            }
            if ((poll.Returned & (PollError | PollHangUp)) != 0)
            {
                Environment.Exit(ExitCode.Done);
            }
        }, 128 << 10)
        {
            IsBackground = true,
        };
        watcher.Start();
    }

    public override void Write(byte[] buffer, int offset, int count) =>
        Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_console is not null)
        {
            _console.Write(buffer);
            return;
        }
        while (!buffer.IsEmpty)
        {
            nint count = WriteTo(Descriptor, ref MemoryMarshal.GetReference(buffer), buffer.Length);
            if (count >= 0)
            {
                buffer = buffer[(int)count..];
                continue;
            }
            int error = Marshal.GetLastPInvokeError();
            switch (error)
            {
                case Interrupted:
                    break;
                case TryAgain:
                    var poll = new PollEntry { Descriptor = Descriptor, Wanted = PollOut };
                    _ = Poll(ref poll, 1, -1);
                    break;
                case BrokenPipe:
                    throw new BrokenPipeException();
                default:
                    throw new RetentionException(
                        error == NoSpace ? RetentionError.DiskFull : RetentionError.InputOutput,
                        $"Writing to standard output failed (error {error}).");
            }
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint WriteTo(int descriptor, ref byte buffer, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(ref PollEntry entry, nuint count, int timeoutMilliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Wanted;
        public short Returned;
    }
}
