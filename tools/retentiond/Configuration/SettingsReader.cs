using System.Globalization;

namespace RetentionEngine.Daemon.Configuration;

/// <summary>
/// Takes values out of a table by name and type, and notes every mistake with its line. A single
/// value may be overridden by the command line or, with less weight, by the environment.
/// </summary>
/// <remarks>Ask for everything that may be there, then call <see cref="Finish"/>.</remarks>
internal sealed class SettingsReader
{
    private readonly TomlTable _table;
    private readonly string _prefix;
    private readonly int _line;
    private readonly ReaderState _state;
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    private SettingsReader(TomlTable table, string prefix, int line, ReaderState state)
    {
        _table = table;
        _prefix = prefix;
        _line = line;
        _state = state;
    }

    public static SettingsReader Over(TomlTable root, ReaderState state) => new(root, "", 0, state);

    /// <summary>A table of the table; an empty one when it is missing.</summary>
    public SettingsReader Table(string name)
    {
        _asked.Add(name);
        TomlNode? node = _table.Entries.GetValueOrDefault(name);
        if (node is not null && node.Value is not TomlTable)
        {
            Error(name, "must be a table");
        }
        return new SettingsReader(
            node?.Value as TomlTable ?? new TomlTable(), $"{_prefix}{name}.",
            node?.Line ?? 0, _state);
    }

    /// <summary>The tables of "[[name]]".</summary>
    public IEnumerable<SettingsReader> Tables(string name)
    {
        _asked.Add(name);
        TomlNode? node = _table.Entries.GetValueOrDefault(name);
        if (node is null)
        {
            yield break;
        }
        if (node.Value is not List<TomlNode> all
            || all.Exists(static n => n.Value is not TomlTable))
        {
            Error(name, $"must be one or more tables [[{name}]]");
            yield break;
        }
        for (int i = 0; i < all.Count; i++)
        {
            yield return new SettingsReader(
                (TomlTable)all[i].Value!, $"{name}[{i}].", all[i].Line, _state);
        }
    }

    /// <summary>All names of the table with their texts.</summary>
    public IEnumerable<(string Name, string Text)> Texts() =>
        _table.Entries.Keys.Order(StringComparer.Ordinal).Select(name => (name, Text(name)!));

    public bool Has(string name) => Find(name) is not null;

    /// <summary>Whether the value under a name is a table.</summary>
    public bool IsTable(string name) =>
        _table.Entries.GetValueOrDefault(name)?.Value is TomlTable;

    /// <summary>A text; null when it is missing, or wrong.</summary>
    public string? Text(string name)
    {
        object? value = Find(name);
        if (value is null or string { Length: > 0 })
        {
            return (string?)value;
        }
        Error(name, "must be a text in quotes that is not empty");
        return null;
    }

    /// <summary>A text that must be there.</summary>
    public string Needed(string name)
    {
        if (!Has(name))
        {
            _state.Add(_line, $"{_prefix}{name} is missing");
        }
        return Text(name) ?? "";
    }

    /// <summary>An absolute path; null when it is missing, or wrong.</summary>
    public string? FullPath(string name)
    {
        string? path = Text(name);
        if (path is not null && !Path.IsPathFullyQualified(path))
        {
            Error(name, "must be a path that begins with '/'");
            return null;
        }
        return path is null ? null : Path.GetFullPath(path);
    }

    /// <summary>A list of texts; empty when it is missing, or wrong.</summary>
    public IReadOnlyList<string> List(string name)
    {
        switch (Find(name))
        {
            case null:
                return [];
            case string text:
                return text.Split(',', StringSplitOptions.TrimEntries);
            case List<TomlNode> nodes when nodes.TrueForAll(static n => n.Value is string):
                return [.. nodes.Select(static n => (string)n.Value!)];
            default:
                Error(name, "must be a list of texts");
                return [];
        }
    }

    /// <summary>A whole number within bounds.</summary>
    public int Number(string name, int missing, int min, int max)
    {
        object? value = Find(name);
        if (value is null)
        {
            return missing;
        }
        long? number = value as long?;
        if (value is string text && long.TryParse(
            text, NumberStyles.None, CultureInfo.InvariantCulture, out long parsed)
            && _state.IsOverridden($"{_prefix}{name}"))
        {
            number = parsed;
        }
        if (number is null || number < min || number > max)
        {
            Error(name, $"must be a number from {min} to {max}");
            return missing;
        }
        return (int)number;
    }

    /// <summary>Bytes: a number, or a text such as "64KiB".</summary>
    public long Size(string name, long missing, long min, long max)
    {
        object? value = Find(name);
        long? bytes = value switch
        {
            long number => number,
            string text when Quantity.TrySize(text, out long parsed) => parsed,
            _ => null,
        };
        if (value is not null && (bytes is null || bytes < min || bytes > max))
        {
            Error(name, $"must be a size from {Quantity.Of(min)} to {Quantity.Of(max)}, such as"
                + $" \"{Quantity.Of(missing)}\"");
            return missing;
        }
        return bytes ?? missing;
    }

    /// <summary>A length of time such as "30s", "1h30m" or "7d".</summary>
    public TimeSpan Span(string name, TimeSpan missing, TimeSpan min, TimeSpan max)
    {
        object? value = Find(name);
        if (value is null)
        {
            return missing;
        }
        if (value is string text && Quantity.TrySpan(text, out TimeSpan span)
            && span >= min && span <= max)
        {
            return span;
        }
        Error(name, $"must be a time from {Quantity.Of(min)} to {Quantity.Of(max)}, such as"
            + $" \"{Quantity.Of(missing)}\"");
        return missing;
    }

    /// <summary>One of some words.</summary>
    public T Word<T>(string name, T missing)
        where T : struct, Enum
    {
        string? text = Text(name);
        if (text is null)
        {
            return missing;
        }
        string[] words = [.. Enum.GetNames<T>().Select(static n => n.ToLowerInvariant())];
        int index = Array.IndexOf(words, text);
        if (index < 0)
        {
            Error(name, $"must be one of {string.Join(", ", words)}");
            return missing;
        }
        return Enum.GetValues<T>()[index];
    }

    /// <summary>Notes that a value is wrong.</summary>
    public void Error(string name, string what)
    {
        int line = _table.Entries.GetValueOrDefault(name)?.Line ?? _line;
        _state.AddValue($"{_prefix}{name}", line, what);
    }

    /// <summary>Notes every name that nobody asked for.</summary>
    public void Finish()
    {
        foreach ((string name, TomlNode node) in _table.Entries)
        {
            if (!_asked.Contains(name))
            {
                string near = Quantity.Nearest(name, _asked) is { } known
                    ? $"; did you mean '{known}'?" : "";
                _state.Add(node.Line, $"{_prefix}{name} is not a setting{near}");
            }
        }
    }

    private object? Find(string name)
    {
        _asked.Add(name);
        TomlNode? node = _table.Entries.GetValueOrDefault(name);
        return _state.Overriding($"{_prefix}{name}") ?? node switch
        {
            null => null,
            { Value: null } => new object(),
            { Value: object value } => value,
        };
    }
}
