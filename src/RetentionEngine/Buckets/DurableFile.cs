using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RetentionEngine.Buckets;

/// <summary>Files whose writes are durable when the call says so, with errors that name them.</summary>
internal static partial class DurableFile
{
    private const int Enospc = 28;
    private const int Edquot = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Sees all changes of files before they are made; for tests of failing devices.</summary>
    internal static FileObserver? Observer { get; set; }

    /// <summary>Opens a file for positional reads and writes; other processes may do the same.</summary>
    /// <exception cref="RetentionException">InputOutput or DiskFull.</exception>
    public static SafeFileHandle Open(string path, FileMode mode, FileAccess access)
    {
        try
        {
            if (mode is not FileMode.Open && Observer is not null && !File.Exists(path))
            {
                Report(new FileChange(FileChangeKind.Create, path));
            }
            else if (mode is FileMode.Create)
            {
                Report(new FileChange(FileChangeKind.SetLength, path));
            }
            return File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    /// <summary>Creates a file that only its owner may read.</summary>
    public static SafeFileHandle CreatePrivate(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                return Open(path, FileMode.CreateNew, FileAccess.ReadWrite);
            }
            Report(new FileChange(FileChangeKind.Create, path));
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.ReadWrite | FileShare.Delete,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (new FileStream(path, options))
            {
            }
            return Open(path, FileMode.Open, FileAccess.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset, string path)
    {
        try
        {
            int failsBehind = Observer?.Invoke(
                new FileChange(FileChangeKind.Write, path, offset, bytes)) ?? -1;
            RandomAccess.Write(file, failsBehind < 0 ? bytes : bytes[..failsBehind], offset);
            if (failsBehind >= 0)
            {
                throw new IOException("the device failed", Enospc);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    /// <summary>Reads until the target is full or the file ends.</summary>
    /// <returns>Count of bytes read.</returns>
    public static int Read(SafeFileHandle file, Span<byte> target, long offset, string path)
    {
        int length = 0;
        try
        {
            while (length < target.Length)
            {
                int count = RandomAccess.Read(file, target[length..], offset + length);
                if (count == 0)
                {
                    break;
                }
                length += count;
            }
            return length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    public static byte[] ReadAll(SafeFileHandle file, string path)
    {
        byte[] bytes = new byte[RandomAccess.GetLength(file)];
        int length = Read(file, bytes, 0, path);
        return length == bytes.Length ? bytes : bytes[..length];
    }

    /// <summary>Cuts a file off, or lengthens it by zeros.</summary>
    public static void SetLength(SafeFileHandle file, long length, string path) =>
        Make(
            new FileChange(FileChangeKind.SetLength, path, length),
            () => RandomAccess.SetLength(file, length));

    /// <summary>Removes a file, if it is there.</summary>
    public static void Delete(string path) =>
        Make(new FileChange(FileChangeKind.Delete, path), () => File.Delete(path));

    /// <summary>Removes a directory with all that is in it.</summary>
    public static void DeleteDirectory(string path) =>
        Make(
            new FileChange(FileChangeKind.DeleteDirectory, path),
            () => Directory.Delete(path, recursive: true));

    /// <summary>Makes a directory that only its owner may enter.</summary>
    public static void CreateDirectory(string path) =>
        Make(
            new FileChange(FileChangeKind.CreateDirectory, path),
            () =>
            {
                if (OperatingSystem.IsWindows())
                {
                    Directory.CreateDirectory(path);
                    return;
                }
                Directory.CreateDirectory(
                    path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            });

    /// <summary>Returns when the bytes, and the length, are on the medium.</summary>
    public static void Flush(SafeFileHandle file, string path)
    {
        Make(new FileChange(FileChangeKind.Sync, path), null);
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }
        // .NET has only fsync, which also writes the time stamps: a journal commit we do not need.
        bool added = false;
        try
        {
            file.DangerousAddRef(ref added);
            if (FDataSync((int)file.DangerousGetHandle()) != 0)
            {
                throw Failure(new IOException("fdatasync failed", Marshal.GetLastPInvokeError()), path);
            }
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>Makes the creation, renaming and removal of files in a directory durable.</summary>
    public static void FlushDirectory(string path)
    {
        Make(new FileChange(FileChangeKind.SyncDirectory, path), null);
        // Windows has no such call; its journal orders directory changes by itself.
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        int file = OpenDirectory(path, 0);
        int result = file < 0 ? file : FSync(file);
        int error = Marshal.GetLastPInvokeError();
        if (file >= 0)
        {
            _ = Close(file);
        }
        if (result != 0)
        {
            throw Failure(new IOException("fsync of the directory failed", error), path);
        }
    }

    /// <summary>Behind the name of a file while <see cref="Replace"/> writes its successor.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Replaces a file as a whole: after a crash it is the old or the new one.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = path + TemporarySuffix;
        using (SafeFileHandle file = Open(temporary, FileMode.Create, FileAccess.ReadWrite))
        {
            Write(file, bytes, 0, temporary);
            Flush(file, temporary);
        }
        Rename(temporary, path);
    }

    public static void Rename(string source, string target)
    {
        Make(
            new FileChange(FileChangeKind.Rename, source, target: target),
            () => File.Move(source, target, overwrite: true));
        FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
    }

    public static RetentionException Failure(Exception cause, string path) =>
        cause.HResult is Enospc or Edquot or WindowsDiskFull or WindowsHandleDiskFull
            ? new RetentionException(
                RetentionError.DiskFull,
                $"No room left on the device of '{path}'; nothing committed is lost.",
                path,
                inner: cause)
            : new RetentionException(
                RetentionError.InputOutput, $"'{path}': {cause.Message}", path, inner: cause);

    /// <summary>Reports a change and makes it; errors name the file, or its new name.</summary>
    private static void Make(in FileChange change, Action? action)
    {
        try
        {
            Report(in change);
            action?.Invoke();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, change.Target ?? change.Path);
        }
    }

    private static void Report(in FileChange change)
    {
        if (Observer is { } observer && observer(in change) >= 0)
        {
            throw new IOException("the device failed", Enospc);
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(int file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int file);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDirectory(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
