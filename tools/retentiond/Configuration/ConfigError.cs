namespace RetentionEngine.Daemon.Configuration;

/// <summary>One mistake of a configuration.</summary>
/// <param name="Origin">A file, "environment" or "command line".</param>
/// <param name="Line">Line of the file, from 1; 0 = none.</param>
/// <param name="Message">What is wrong, in one sentence.</param>
internal sealed record ConfigError(string Origin, int Line, string Message)
{
    public override string ToString() =>
        Line > 0 ? $"{Origin}:{Line}: {Message}" : $"{Origin}: {Message}";
}

/// <summary>A configuration that can't be used, with all its mistakes.</summary>
internal sealed class ConfigException(IReadOnlyList<ConfigError> errors)
    : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<ConfigError> Errors { get; } = errors;
}
