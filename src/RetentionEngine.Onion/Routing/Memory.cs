using System.Globalization;
using System.Text;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Routing;

/// <summary>Domains that were once seen to have an onion, by an authenticated answer.</summary>
/// <remarks>
/// For as long as this holds, a domain's mail goes by onion or waits: whoever can make its answers
/// vanish, or its signatures, gains a delay and no mail. One line a domain and day is appended:
/// "domain day", days since 1970.
/// </remarks>
internal sealed class Memory
{
    public const int DomainsMax = 100_000;

    private readonly string _path;
    private readonly int _days;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, int> _seen = [];
    private readonly Lock _lock = new();

    /// <param name="days">How long it holds.</param>
    /// <exception cref="ConfigException">The file is damaged.</exception>
    public Memory(string stateDirectory, int days, Log log, TimeProvider time)
    {
        _path = Path.Combine(stateDirectory, "seen");
        _days = days;
        _log = log;
        _time = time;
        if (File.Exists(_path))
        {
            Load();
        }
    }

    private int Today => (int)(_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalDays;

    public bool Holds(string domain)
    {
        lock (_lock)
        {
            return _seen.TryGetValue(domain, out int day) && Today - day <= _days;
        }
    }

    public void Remember(string domain)
    {
        int today = Today;
        lock (_lock)
        {
            if (_seen.TryGetValue(domain, out int day) ? day == today : _seen.Count >= DomainsMax)
            {
                return;
            }
            _seen[domain] = today;
            Append(domain, today);
        }
    }

    /// <summary>Its owner has said, authenticated too, that there is no onion any more.</summary>
    public void Forget(string domain)
    {
        lock (_lock)
        {
            if (_seen.Remove(domain))
            {
                // A day that long ago that it no longer holds.
                Append(domain, 0);
            }
        }
    }

    private void Append(string domain, int day)
    {
        try
        {
            using FileStream file = StateFile.Append(_path);
            file.Write(Encoding.ASCII.GetBytes(FormattableString.Invariant($"{domain} {day}\n")));
            file.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            // What is in memory still holds until the next start.
            _log.Warn($"what was seen is not kept: {e.Message}");
        }
    }

    private void Load()
    {
        string[] lines = File.ReadAllText(_path).Split('\n');
        // The last is empty, or was cut short by a crash.
        for (int i = 0; i < lines.Length - 1; i++)
        {
            string[] words = lines[i].Split(' ');
            if (words.Length != 2
                || DomainName.Normalize(words[0]) is not string domain
                || !domain.Equals(words[0], StringComparison.Ordinal)
                || !int.TryParse(
                    words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int day))
            {
                throw new ConfigException(_path, i + 1, "is damaged");
            }
            _seen[domain] = day;
        }
        var text = new StringBuilder();
        foreach ((string name, int day) in _seen.ToArray())
        {
            if (Today - day > _days)
            {
                _seen.Remove(name);
                continue;
            }
            text.Append(CultureInfo.InvariantCulture, $"{name} {day}\n");
        }
        StateFile.Replace(_path, Encoding.ASCII.GetBytes(text.ToString()));
    }
}
