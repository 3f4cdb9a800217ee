namespace RetentionEngine.Bench.Measuring;

/// <summary>The binaries that tools/retention/publish.sh makes.</summary>
internal static class PublishedTool
{
    /// <summary>What a published binary may be compiled by, the quickest last.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["r2r", "aot"];

    /// <summary>Path of a published binary; null when there is none of that kind.</summary>
    public static string? Find(string kind)
    {
        string path = Path.GetFullPath(
            Path.Combine("artifacts", "publish", "retention", kind, "retention"));
        return File.Exists(path) ? path : null;
    }
}
