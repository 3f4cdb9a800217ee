namespace RetentionEngine.Onion.Service;

/// <summary>A file of ours is wrong. The message names file and line, never what stands there.
/// </summary>
/// <param name="line">From 1; 0 where it is the file as a whole.</param>
internal sealed class ConfigException(string path, int line, string fault)
    : Exception(line > 0
        ? FormattableString.Invariant($"{path}:{line}: {fault}")
        : $"{path}: {fault}");
