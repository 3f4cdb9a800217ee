namespace RetentionEngine.Buckets;

/// <summary>A creation that a crash cut off: its manifest, the last of its files, is not there.</summary>
internal sealed partial class BucketStore
{
    /// <summary>Holds the id of the store that is being made; goes when its manifest is there.</summary>
    private const string UnfinishedName = "unfinished";

    private const int StoreIdLength = 16;

    private const string HalfManifestName = ManifestName + DurableFile.TemporarySuffix;

    private static readonly string[] s_firstNames =
        [LockName, BlocksName, KeysName, UnfinishedName, HalfManifestName];

    /// <summary>Removes what such a creation left, and nothing that anything else may have made.</summary>
    private static void RemoveUnfinished(string path, RetentionOptions options)
    {
        string unfinished = Path.Combine(path, UnfinishedName);
        if (!Directory.Exists(path) || File.Exists(Path.Combine(path, ManifestName))
            || Directory.EnumerateFileSystemEntries(path)
                .Any(entry => !s_firstNames.Contains(Path.GetFileName(entry), StringComparer.Ordinal)))
        {
            return;
        }
        using FileStream fileLock = TakeLock(path);
        byte[] id = File.Exists(unfinished) ? File.ReadAllBytes(unfinished) : [];
        string masterPath = MasterKeyPath(path, options);
        if (id.Length == StoreIdLength && File.Exists(masterPath)
            && MasterKey.IsOf(File.ReadAllBytes(masterPath), id))
        {
            DurableFile.Delete(masterPath);
        }
        DurableFile.Delete(Path.Combine(path, HalfManifestName));
        DurableFile.Delete(Path.Combine(path, KeysName));
        if (Directory.Exists(Path.Combine(path, BlocksName)))
        {
            DurableFile.DeleteDirectory(Path.Combine(path, BlocksName));
        }
        DurableFile.Delete(unfinished);
        DurableFile.Delete(Path.Combine(path, LockName));
    }
}
