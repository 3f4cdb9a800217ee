using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace RetentionEngine.Daemon.Configuration;

/// <summary>A value of a TOML file that knows its line.</summary>
/// <param name="line">From 1.</param>
/// <param name="value">
/// A string, long, double or bool; a list of nodes; a <see cref="TomlTable"/>; else, such as a
/// date, null.
/// </param>
internal sealed class TomlNode(int line, object? value)
{
    public int Line { get; } = line;

    public object? Value { get; } = value;
}

/// <summary>A table of a TOML file.</summary>
internal sealed class TomlTable
{
    public Dictionary<string, TomlNode> Entries { get; } = new(StringComparer.Ordinal);
}

/// <summary>Reads a TOML text into nodes; Tomlyn does the grammar.</summary>
internal static class TomlTree
{
    /// <summary>Reads a text.</summary>
    /// <param name="text">The file's text.</param>
    /// <param name="origin">Its name, for errors.</param>
    /// <param name="errors">Receives what is wrong with the grammar or given twice.</param>
    /// <returns>What could be read; whole only when there were no errors.</returns>
    public static TomlTable Read(string text, string origin, List<ConfigError> errors)
    {
        DocumentSyntax document = SyntaxParser.Parse(text, origin, validate: true);
        foreach (DiagnosticMessage message in document.Diagnostics)
        {
            errors.Add(new ConfigError(
                origin, message.Span.Start.Line + 1, message.Message.ReplaceLineEndings(" ")));
        }
        var root = new TomlTable();
        if (document.HasErrors)
        {
            return root;
        }
        Fill(root, document.KeyValues.Select(static k => (k.Key, k.Value)));
        foreach (TableSyntaxBase table in document.Tables)
        {
            TomlTable target = Open(root, table);
            Fill(target, table.Items.Select(static k => (k.Key, k.Value)));
        }
        return root;
    }

    /// <summary>The table that a header names; a new last one for "[[name]]".</summary>
    private static TomlTable Open(TomlTable root, TableSyntaxBase header)
    {
        List<(string Name, int Line)> names = Names(header.Name);
        TomlTable table = Descend(root, names);
        (string last, int line) = names[^1];
        if (header is not TableArraySyntax)
        {
            return Step(table, last, line);
        }
        if (!table.Entries.TryGetValue(last, out TomlNode? node))
        {
            node = new TomlNode(line, new List<TomlNode>());
            table.Entries.Add(last, node);
        }
        var made = new TomlTable();
        ((List<TomlNode>)node.Value!).Add(new TomlNode(line, made));
        return made;
    }

    private static void Fill(TomlTable table, IEnumerable<(KeySyntax?, ValueSyntax?)> pairs)
    {
        foreach ((KeySyntax? key, ValueSyntax? value) in pairs)
        {
            List<(string Name, int Line)> names = Names(key);
            TomlTable target = Descend(table, names);
            target.Entries[names[^1].Name] = Node(value, names[^1].Line);
        }
    }

    private static TomlTable Descend(TomlTable table, List<(string Name, int Line)> names)
    {
        foreach ((string name, int line) in names[..^1])
        {
            table = Step(table, name, line);
        }
        return table;
    }

    private static TomlTable Step(TomlTable table, string name, int line)
    {
        if (!table.Entries.TryGetValue(name, out TomlNode? node))
        {
            node = new TomlNode(line, new TomlTable());
            table.Entries.Add(name, node);
        }
        return (TomlTable)(node.Value is List<TomlNode> all ? all[^1].Value : node.Value)!;
    }

    private static TomlNode Node(ValueSyntax? syntax, int line) => syntax switch
    {
        StringValueSyntax text => new TomlNode(line, text.Value ?? ""),
        IntegerValueSyntax number => new TomlNode(line, number.Value),
        FloatValueSyntax number => new TomlNode(line, number.Value),
        BooleanValueSyntax boolean => new TomlNode(line, boolean.Value),
        ArraySyntax array => new TomlNode(line, array.Items
            .Select(item => Node(item.Value, item.Span.Start.Line + 1)).ToList()),
        InlineTableSyntax inline => new TomlNode(line, Inline(inline)),
        _ => new TomlNode(line, null),
    };

    private static TomlTable Inline(InlineTableSyntax syntax)
    {
        var table = new TomlTable();
        Fill(table, syntax.Items.Select(static i => (i.KeyValue?.Key, i.KeyValue?.Value)));
        return table;
    }

    private static List<(string Name, int Line)> Names(KeySyntax? key)
    {
        int line = key!.Span.Start.Line + 1;
        var names = new List<(string, int)> { (Name(key.Key), line) };
        names.AddRange(key.DotKeys.Select(dot => (Name(dot.Key), line)));
        return names;
    }

    private static string Name(BareKeyOrStringValueSyntax? syntax) => syntax switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax text => text.Value ?? "",
        _ => "",
    };
}
