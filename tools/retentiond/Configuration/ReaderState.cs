namespace RetentionEngine.Daemon.Configuration;

/// <summary>What all readers of one configuration share: mistakes, and what goes before the file.
/// </summary>
/// <param name="file">Name of the file, for errors.</param>
/// <param name="environment">Variables that begin with <see cref="VariablePrefix"/>.</param>
/// <param name="flags">Names of settings ("store.path") and their values.</param>
internal sealed class ReaderState(
    string file,
    IReadOnlyDictionary<string, string> environment,
    IReadOnlyDictionary<string, string> flags)
{
    public const string VariablePrefix = "RETENTIOND_";

    private readonly HashSet<string> _usedVariables = new(StringComparer.Ordinal);
    private readonly HashSet<string> _usedFlags = new(StringComparer.Ordinal);

    public List<ConfigError> Errors { get; } = [];

    /// <summary>RETENTIOND_STORE_PATH for store.path.</summary>
    public static string VariableOf(string name) =>
        VariablePrefix + name.Replace('.', '_').ToUpperInvariant();

    public void Add(int line, string message) => Errors.Add(new ConfigError(file, line, message));

    /// <summary>Notes that a value is wrong, at the place it comes from.</summary>
    public void AddValue(string name, int line, string what)
    {
        if (flags.ContainsKey(name))
        {
            Errors.Add(new ConfigError("command line", 0, $"{name} {what}"));
        }
        else if (environment.ContainsKey(VariableOf(name)))
        {
            Errors.Add(new ConfigError("environment", 0, $"{VariableOf(name)} {what}"));
        }
        else
        {
            Add(line, $"{name} {what}");
        }
    }

    public bool IsOverridden(string name) => Overriding(name) is not null;

    /// <summary>What goes before the file's value; null = nothing.</summary>
    public string? Overriding(string name)
    {
        if (flags.TryGetValue(name, out string? flag))
        {
            _usedFlags.Add(name);
            return flag;
        }
        if (environment.TryGetValue(VariableOf(name), out string? variable))
        {
            _usedVariables.Add(VariableOf(name));
            return variable;
        }
        return null;
    }

    /// <summary>Notes overriding values that no reader asked for.</summary>
    public void Finish()
    {
        foreach (string name in flags.Keys.Where(n => !_usedFlags.Contains(n)))
        {
            Errors.Add(new ConfigError("command line", 0, $"{name} is not a single setting"));
        }
        foreach (string name in environment.Keys
            .Where(n => !_usedVariables.Contains(n) && !HasFlag(n)))
        {
            Errors.Add(new ConfigError("environment", 0, $"{name} is not a setting"));
        }
    }

    private bool HasFlag(string variable) =>
        _usedFlags.Any(f => string.Equals(VariableOf(f), variable, StringComparison.Ordinal));
}
