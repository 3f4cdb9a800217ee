using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace RetentionEngine.Tool.Sources;

/// <summary>Unpacks xz with the system's liblzma, or with the xz program where it has none.</summary>
/// <remarks>
/// LZMA_CONCATENATED follows all streams of the file and their padding; at the end of the input
/// LZMA_FINISH makes a truncated one an error. liblzma gives every byte before the damage.
/// </remarks>
internal sealed unsafe partial class XzStream : Stream
{
    // xz -9 needs 65 MiB; more comes only from files made to exhaust us.
    private const ulong MemoryMaxBytes = 512UL << 20;
    private const int InputBufferBytes = 64 << 10;

    private const uint Concatenated = 0x08;
    private const int ActionRun = 0;
    private const int ActionFinish = 3;
    private const int Ok = 0;
    private const int StreamEnd = 1;
    private const int MemoryLimitReached = 6;

    private readonly Stream _packed;
    private readonly string _name;
    private readonly byte* _input;
    private readonly LzmaStream* _lzma;
    private long _deliveredBytes;
    private int _status;
    private int _action;
    private bool _isDisposed;

    private XzStream(Stream packed, string name)
    {
        _packed = packed;
        _name = name;
        _lzma = (LzmaStream*)NativeMemory.AllocZeroed((nuint)sizeof(LzmaStream));
        try
        {
            _status = StreamDecoder(_lzma, MemoryMaxBytes, Concatenated);
        }
        catch (DllNotFoundException)
        {
            NativeMemory.Free(_lzma);
            throw;
        }
        _input = (byte*)NativeMemory.Alloc(InputBufferBytes);
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _deliveredBytes;
        set => throw new NotSupportedException();
    }

    /// <summary>Opens the unpacked bytes.</summary>
    /// <param name="packed">Packed bytes from the beginning; disposed with the result.</param>
    /// <param name="name">Path for error messages.</param>
    public static Stream Open(Stream packed, string name)
    {
        try
        {
            return new XzStream(packed, name);
        }
        catch (DllNotFoundException)
        {
            return XzProcessStream.Start(packed, name);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (buffer.IsEmpty || _status == StreamEnd)
        {
            return 0;
        }
        fixed (byte* output = buffer)
        {
            _lzma->NextOut = output;
            _lzma->AvailOut = (nuint)buffer.Length;
            while (_status == Ok && _lzma->AvailOut > 0)
            {
                if (_lzma->AvailIn == 0 && _action == ActionRun)
                {
                    int read = _packed.Read(new Span<byte>(_input, InputBufferBytes));
                    _lzma->NextIn = _input;
                    _lzma->AvailIn = (nuint)read;
                    _action = read == 0 ? ActionFinish : ActionRun;
                }
                _status = Code(_lzma, _action);
            }
            int count = buffer.Length - (int)_lzma->AvailOut;
            _deliveredBytes += count;
            if (count == 0 && _status != StreamEnd)
            {
                throw Damaged();
            }
            return count;
        }
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
        if (!_isDisposed)
        {
            _isDisposed = true;
            End(_lzma);
            NativeMemory.Free(_input);
            NativeMemory.Free(_lzma);
            if (disposing)
            {
                _packed.Dispose();
            }
        }
        base.Dispose(disposing);
    }

    private RetentionException Damaged() => PackedSource.Damaged(
        _name,
        _deliveredBytes,
        _status == MemoryLimitReached
            ? $"needs more than {MemoryMaxBytes >> 20} MiB to unpack"
            : "is cut off, damaged, or has other bytes behind its packed end");

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_stream_decoder")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int StreamDecoder(LzmaStream* stream, ulong memoryMaxBytes, uint flags);

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_code")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Code(LzmaStream* stream, int action);

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_end")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void End(LzmaStream* stream);

    /// <summary>lzma_stream of lzma/base.h, unchanged since liblzma 5.0.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LzmaStream
    {
        public byte* NextIn;
        public nuint AvailIn;
        public ulong TotalIn;
        public byte* NextOut;
        public nuint AvailOut;
        public ulong TotalOut;
        public void* Allocator;
        public void* Internal;
        public void* Reserved1;
        public void* Reserved2;
        public void* Reserved3;
        public void* Reserved4;
        public ulong SeekPosition;
        public ulong Reserved5;
        public nuint Reserved6;
        public nuint Reserved7;
        public int Reserved8;
        public int Reserved9;
    }
}

/// <summary>Unpacks xz by a pipe through <c>xz -dc</c>.</summary>
internal sealed class XzProcessStream : Stream
{
    private readonly Process _process;
    private readonly Stream _output;
    private readonly Task _feeder;
    private readonly string _name;
    private long _deliveredBytes;

    private XzProcessStream(Process process, Task feeder, string name)
    {
        _process = process;
        _output = process.StandardOutput.BaseStream;
        _feeder = feeder;
        _name = name;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _deliveredBytes;
        set => throw new NotSupportedException();
    }

    public static XzProcessStream Start(Stream packed, string name)
    {
        var start = new ProcessStartInfo("xz", "-dc")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            Process process = Process.Start(start)!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            return new XzProcessStream(process, Task.Run(() => Feed(packed, process)), name);
        }
        catch (Win32Exception e)
        {
            throw new RetentionException(
                RetentionError.SourceUnreadable,
                $"'{name}' is packed with xz, and neither liblzma nor the xz program is here: "
                    + "install xz-utils.",
                name,
                inner: e);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count = _output.Read(buffer);
        _deliveredBytes += count;
        if (count == 0 && !buffer.IsEmpty)
        {
            _feeder.GetAwaiter().GetResult();
            _process.WaitForExit();
            if (_process.ExitCode != 0)
            {
                throw PackedSource.Damaged(
                    _name,
                    _deliveredBytes,
                    "is cut off, damaged, or has other bytes behind its packed end");
            }
        }
        return count;
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
            if (!_process.HasExited)
            {
                _process.Kill();
            }
            _process.Dispose();
        }
        base.Dispose(disposing);
    }

    private static void Feed(Stream packed, Process process)
    {
        try
        {
            using (packed)
            using (Stream input = process.StandardInput.BaseStream)
            {
                packed.CopyTo(input);
            }
        }
        catch (IOException)
        {
            // xz has ended before the input, because of damage: its exit code tells.
        }
    }
}
