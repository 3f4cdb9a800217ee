namespace RetentionEngine.Onion.Service;

/// <summary>Files of the state directory: they name correspondents, so only we read them.</summary>
internal static class StateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static FileStream Create(string path) => Open(path, FileMode.CreateNew);

    public static FileStream Append(string path) => Open(path, FileMode.Append);

    /// <summary>Puts a file in the place of another in one step.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string fresh = path + ".new";
        File.Delete(fresh);
        using (FileStream file = Create(fresh))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(fresh, path, overwrite: true);
    }

    private static FileStream Open(string path, FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }
        return new FileStream(path, options);
    }
}
