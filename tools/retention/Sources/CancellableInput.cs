using System.Runtime.InteropServices;

namespace RetentionEngine.Tool.Sources;

/// <summary>Standard input that ends when the import is cancelled, also while nothing comes.</summary>
internal sealed partial class CancellableInput(CancellationToken cancel) : Stream
{
    private const int Descriptor = 0;
    private const short PollIn = 1;
    private const int WaitMilliseconds = 100;

    private readonly Stream _input = Console.OpenStandardInput();

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (!OperatingSystem.IsWindows())
        {
            var poll = new PollEntry { Descriptor = Descriptor, Wanted = PollIn };
            // Zero means that nothing came in time, less that a signal did; both may be a cancellation.
            while (!cancel.IsCancellationRequested && Poll(ref poll, 1, WaitMilliseconds) <= 0)
            {
            }
        }
        return cancel.IsCancellationRequested ? 0 : _input.Read(buffer);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }
        base.Dispose(disposing);
    }

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
