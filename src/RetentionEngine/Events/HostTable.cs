using System.Text;

namespace RetentionEngine.Events;

/// <summary>The hosts, with their Postfix instances, that the logs have named so far.</summary>
/// <remarks>
/// A queue id is unique only within one queue directory, so the first element of Postfix's tag
/// (<c>postfix-out</c> of <c>postfix-out/smtp</c>) is part of the identity. Programs that are not
/// Postfix's, and the default instance <c>postfix</c>, share the entry with an empty instance.
/// </remarks>
internal sealed class HostTable
{
    /// <summary>Logs that name more hosts are hostile or broken: the rest shares the last entry.</summary>
    public const int CountMax = 65536;

    private readonly List<(byte[] Host, byte[] Instance)> _entries = [];
    private readonly Dictionary<string, int> _indexes = new(StringComparer.Ordinal);

    public int Count => _entries.Count;

    public ReadOnlySpan<byte> Host(int index) => _entries[index].Host;

    public ReadOnlySpan<byte> Instance(int index) => _entries[index].Instance;

    /// <summary>Finds or adds an entry. Not for the hot loop: callers memoise.</summary>
    public int Add(ReadOnlySpan<byte> host, ReadOnlySpan<byte> instance)
    {
        string key = string.Concat(
            Encoding.Latin1.GetString(host), "\n", Encoding.Latin1.GetString(instance));
        if (_indexes.TryGetValue(key, out int index))
        {
            return index;
        }
        if (_entries.Count == CountMax)
        {
            return CountMax - 1;
        }
        index = _entries.Count;
        _entries.Add((host.ToArray(), instance.ToArray()));
        _indexes.Add(key, index);
        return index;
    }
}
