namespace RetentionEngine.Messages;

/// <summary>Hosts, and which Postfix instances belong to one.</summary>
internal sealed partial class Tracker
{
    private readonly Dictionary<string, int> _groupByName = new(StringComparer.Ordinal);

    /// <summary>Instant of the latest line of a host, of all its instances; 0 for none.</summary>
    public long LatestOf(int host) => host < _groupsKnown ? _clocks[_groups[host]] : 0;

    private void LearnHosts()
    {
        while (_groupsKnown < _hosts.Count)
        {
            int host = _groupsKnown++;
            if (host == _groups.Length)
            {
                Array.Resize(ref _groups, host * 2);
                Array.Resize(ref _groupNext, host * 2);
                Array.Resize(ref _clocks, host * 2);
                Array.Resize(ref _hostTexts, host * 2);
                Array.Resize(ref _fateHosts, host * 2);
            }
            _hostTexts[host] = 0;
            _groupNext[host] = -1;
            string name = System.Text.Encoding.Latin1.GetString(_hosts.Host(host));
            if (_groupByName.TryGetValue(name, out int group))
            {
                _groupNext[host] = _groupNext[group];
                _groupNext[group] = host;
            }
            else
            {
                group = host;
                _groupByName.Add(name, host);
            }
            _groups[host] = group;
        }
    }

    private uint HostText(int host)
    {
        ref uint text = ref _hostTexts[host];
        if (text == 0)
        {
            ReadOnlySpan<byte> name = _hosts.Host(host);
            ReadOnlySpan<byte> instance = _hosts.Instance(host);
            text = _batch.Strings.Intern(
                instance.IsEmpty ? name : [.. name, (byte)'/', .. instance]);
        }
        return text;
    }
}
