using System.Diagnostics;

namespace RetentionEngine.Onion.Commands;

/// <summary>A service of master.cf with what is set for it alone.</summary>
/// <param name="Program">Last word of its line, without arguments: "smtp", "smtpd".</param>
internal sealed record PostfixService(
    string Name, string Kind, string Program, IReadOnlyDictionary<string, string> Options);

/// <summary>What postconf says of an installation; inheritance included.</summary>
internal sealed class PostfixConfig
{
    private readonly Dictionary<string, string> _main = new(StringComparer.Ordinal);

    /// <exception cref="IOException">There is no postconf, or it fails.</exception>
    public static PostfixConfig Read(string directory)
    {
        var config = new PostfixConfig();
        foreach (string line in Run("-c", directory, "-x"))
        {
            string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length == 2)
            {
                config._main[parts[0]] = parts[1];
            }
        }
        var options = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        // "service/type/parameter = value", and then one line a service.
        foreach (string line in Run("-c", directory, "-x", "-P"))
        {
            string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            string[] names = parts[0].Split('/');
            if (parts.Length == 2 && names.Length == 3)
            {
                string key = names[0] + "/" + names[1];
                options.TryAdd(key, new Dictionary<string, string>(StringComparer.Ordinal));
                options[key][names[2]] = parts[1];
            }
        }
        foreach (string line in Run("-c", directory, "-M"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 8 && !char.IsWhiteSpace(line[0]))
            {
                options.TryGetValue(
                    words[0] + "/" + words[1], out Dictionary<string, string>? own);
                config.Services.Add(new PostfixService(
                    words[0], words[1], words[7],
                    own ?? new Dictionary<string, string>(StringComparer.Ordinal)));
            }
        }
        return config;
    }

    public List<PostfixService> Services { get; } = [];

    /// <summary>A parameter of main.cf, or its default; "" where Postfix does not know it.</summary>
    public string Main(string name) => _main.GetValueOrDefault(name, "");

    /// <summary>The parameter as a service sees it.</summary>
    public string Of(PostfixService service, string name) =>
        service.Options.TryGetValue(name, out string? own) ? own : Main(name);

    /// <summary>Whether Postfix is of a version or later.</summary>
    public bool IsFrom(int major, int minor)
    {
        string[] parts = Main("mail_version").Split('.', '-');
        return parts.Length >= 2
            && int.TryParse(parts[0], out int first) && int.TryParse(parts[1], out int second)
            && (first > major || (first == major && second >= minor));
    }

    private static List<string> Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("postconf", arguments)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        try
        {
            using Process process = Process.Start(start)!;
            var lines = new List<string>();
            while (process.StandardOutput.ReadLine() is string line)
            {
                lines.Add(line);
            }
            process.WaitForExit();
            return process.ExitCode == 0 ? lines : throw new IOException("postconf failed");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new IOException("postconf is not installed", e);
        }
    }
}
