namespace RetentionEngine.Tests.Buckets;

/// <summary>A directory that is gone when the test is over.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("retention-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Copies a directory as it is now, open files included.</summary>
    public static void Copy(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string directory in Directory.EnumerateDirectories(source))
        {
            Copy(directory, System.IO.Path.Combine(target, System.IO.Path.GetFileName(directory)));
        }
        foreach (string file in Directory.EnumerateFiles(source))
        {
            using var from = new FileStream(
                file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var to = File.Create(System.IO.Path.Combine(target, System.IO.Path.GetFileName(file)));
            from.CopyTo(to);
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
