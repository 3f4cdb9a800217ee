using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using RetentionEngine.Tool.Output;

namespace RetentionEngine.Tool;

/// <summary>What every command needs: where the store is, and how to write.</summary>
internal sealed class ToolContext(ParseResult parse, GlobalOptions options)
{
    private Stream? _output;

    public ParseResult Parse { get; } = parse;

    /// <summary>The command's name as it is typed, e.g. <c>policy set</c>.</summary>
    public string CommandName { get; } = GlobalOptions.NameOf(parse);

    public bool IsJson { get; } = parse.GetValue(options.Json);

    public bool IsQuiet { get; } = parse.GetValue(options.Quiet);

    public TimeProvider Clock { get; } = TimeProvider.System;

    /// <summary>Standard output; opened when first used.</summary>
    public Stream Output => _output ??= new StandardOutput();

    /// <summary>Whether standard output gets colours.</summary>
    public bool IsColored => IsColoredFor(Console.IsOutputRedirected);

    /// <summary>Whether standard error gets colours.</summary>
    public bool IsErrorColored => IsColoredFor(Console.IsErrorRedirected);

    public string StorePath { get; } = PathOf(parse.GetValue(options.Store), "RETENTION_STORE")
        ?? DefaultStorePath();

    /// <summary>Whether the command line or the environment says which store is meant.</summary>
    public bool IsStoreNamed { get; } =
        PathOf(parse.GetValue(options.Store), "RETENTION_STORE") is not null;

    public RetentionOptions StoreOptions { get; } = new()
    {
        MasterKeyPath = PathOf(parse.GetValue(options.Key), "RETENTION_KEY"),
        OpenBlocks = FasterBlockStore.Open,
    };

    /// <summary>Opens the store; to read, as it is now, though a daemon may be writing it.</summary>
    public RetentionStore OpenStore(bool isReadOnly)
    {
        if (isReadOnly)
        {
            DaemonLink.TrySync(StorePath);
        }
        return RetentionStore.Open(StorePath, StoreOptions, isReadOnly);
    }

    /// <summary>Writes text as it is to standard output.</summary>
    public void Write(string text) => Output.Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Writes an object of <c>--json</c> to standard output.</summary>
    public void WriteJson(string type, Action<Utf8JsonWriter> members) =>
        Output.Write(JsonLine.Make(type, members));

    /// <summary>Writes the last object of <c>--json</c>; does nothing without it.</summary>
    /// <returns><paramref name="exitCode"/>.</returns>
    public int Summary(int exitCode, Action<Utf8JsonWriter>? members = null)
    {
        if (IsJson)
        {
            WriteJson("summary", json =>
            {
                json.WriteString("command", CommandName);
                json.WriteNumber("exit", exitCode);
                members?.Invoke(json);
            });
        }
        return exitCode;
    }

    /// <summary>Tells something that is not the result; silent with <c>-q</c>.</summary>
    public void Note(string message)
    {
        if (!IsQuiet)
        {
            WriteError("note", message);
        }
    }

    /// <summary>Tells that something went wrong although the command goes on.</summary>
    public void Warn(string message) => WriteError("warning", message);

    private static string? PathOf(string? option, string variable)
    {
        string? path = option ?? Environment.GetEnvironmentVariable(variable);
        return string.IsNullOrEmpty(path) ? null : path;
    }

    private static string DefaultStorePath()
    {
        string? data = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
        if (string.IsNullOrEmpty(data))
        {
            data = Environment.GetFolderPath(
                Environment.SpecialFolder.LocalApplicationData,
                Environment.SpecialFolderOption.DoNotVerify);
        }
        return Path.Combine(data, "retention", "store");
    }

    private bool IsColoredFor(bool isRedirected) => Parse.GetValue(options.Color) switch
    {
        "always" => true,
        "never" => false,
        _ => !isRedirected
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb"),
    };

    private void WriteError(string type, string message)
    {
        if (IsJson)
        {
            byte[] line = JsonLine.Make(type, json => json.WriteString("message", message));
            Console.Error.Write(Encoding.UTF8.GetString(line));
        }
        else
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"retention: {message}"));
        }
    }
}
