using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Routing;

/// <summary>What may be done with mail for a domain.</summary>
internal enum PolicyKind
{
    /// <summary>By onion if the domain has one; otherwise as usual, if it proves to have none.
    /// </summary>
    Prefer,

    /// <summary>By onion or not at all.</summary>
    Require,

    /// <summary>Never looked at.</summary>
    Never,

    /// <summary>By the onion that stands in the file; DNS is not asked.</summary>
    Pin,
}

/// <param name="Target">Of <see cref="PolicyKind.Pin"/>; null if the onion can never work.</param>
/// <param name="Fault">Why it can't.</param>
internal sealed record Policy(
    PolicyKind Kind, OnionTarget? Target = null, OnionFault Fault = OnionFault.Valid);

/// <summary>The map file: a domain and its onion, or a domain and a word, one a line.</summary>
/// <remarks>
/// "example.org xyz.onion[:port]" pins; "example.org require|prefer|never" sets a policy;
/// ".example.org" stands for all below it, "*" for all others. '#' begins a comment.
/// </remarks>
internal sealed class Policies
{
    private const int LinesMax = 1_000_000;

    private readonly Dictionary<string, Policy> _domains = [];
    private Policy _default = new(PolicyKind.Prefer);

    private Policies()
    {
    }

    public static Policies Empty { get; } = new();

    /// <summary>Domains and parents named, for the log.</summary>
    public int Count => _domains.Count;

    /// <summary>All that are pinned to an onion that can never work.</summary>
    public IEnumerable<(string Domain, OnionFault Fault)> Faults => _domains
        .Where(d => d.Value is { Kind: PolicyKind.Pin, Target: null })
        .Select(d => (d.Key, d.Value.Fault));

    /// <summary>Reads a file.</summary>
    /// <exception cref="ConfigException">A line makes no sense. A wrong onion is none such: its
    /// domain's mail bounces with the reason, all other mail goes on.</exception>
    public static Policies Read(string path)
    {
        var policies = new Policies();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            string bare = line.Split('#', 2)[0];
            string[] words = bare.Split(
                (char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }
            if (words.Length != 2 || number > LinesMax)
            {
                throw new ConfigException(path, number, "wants a domain and an onion or a policy");
            }
            Policy policy = ReadPolicy(words[1], path, number);
            if (words[0] is "*")
            {
                policies._default = policy;
                continue;
            }
            bool isParent = words[0].StartsWith('.');
            string? domain = DomainName.Normalize(isParent ? words[0].AsSpan(1) : words[0]);
            if (domain == null
                || !policies._domains.TryAdd(isParent ? "." + domain : domain, policy))
            {
                throw new ConfigException(path, number, "is no domain, or names one again");
            }
        }
        return policies;
    }

    /// <summary>The policy of a domain: its own, else that of the nearest parent.</summary>
    public Policy For(string domain)
    {
        if (_domains.TryGetValue(domain, out Policy? own))
        {
            return own;
        }
        for (int dot = domain.IndexOf('.', StringComparison.Ordinal); dot >= 0;
            dot = domain.IndexOf('.', dot + 1))
        {
            if (_domains.TryGetValue(domain[dot..], out Policy? parent))
            {
                return parent;
            }
        }
        return _default;
    }

    private static Policy ReadPolicy(string word, string path, int number)
    {
        switch (word)
        {
            case "prefer":
                return new Policy(PolicyKind.Prefer);
            case "require":
                return new Policy(PolicyKind.Require);
            case "never":
                return new Policy(PolicyKind.Never);
        }
        OnionFault fault = OnionTarget.Parse(word, out OnionTarget? target);
        return fault == OnionFault.NotOnion
            ? throw new ConfigException(path, number, "names neither an onion nor a policy")
            : new Policy(PolicyKind.Pin, target, fault);
    }
}
