using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Relay;

/// <summary>Gives each onion a loopback address and port of its own, for good.</summary>
/// <remarks>
/// Postfix caches results, so an address that changed hands would bring mail to the wrong server:
/// seen to happen, with a bounce. Hence: the address is a keyed hash of the target (the same after
/// each start, and nobody without the key can look for two that meet); each is written down before
/// it is first used; a second target with the same hash gets none. 22 bits lie in 127.64.0.0/10,
/// 14 in the port, which stays below Linux's ephemeral ports. Tor's automap (127.192.0.0/10) and
/// torsocks (127.42.42.0/24) lie elsewhere.
/// </remarks>
internal sealed class AddressBook
{
    public const int PortFirst = 10_000;
    private const int PortBits = 14;
    private const int HostBits = 22;
    private const uint NetworkBase = 0x7F40_0000;
    private const int KeyBytes = 32;

    /// <summary>A listener each: more than any mail host has correspondents on Tor.</summary>
    public const int TargetsMax = 4096;

    private readonly string _path;
    private readonly byte[] _key;
    private readonly Dictionary<OnionTarget, IPEndPoint> _addresses = [];
    private readonly Dictionary<IPEndPoint, OnionTarget> _owners = [];
    private readonly Lock _lock = new();

    /// <summary>Opens the book of a state directory, or begins one.</summary>
    /// <exception cref="ConfigException">The file is damaged.</exception>
    public AddressBook(string stateDirectory)
    {
        _key = LoadKey(Path.Combine(stateDirectory, "address.key"));
        _path = Path.Combine(stateDirectory, "addresses");
        if (File.Exists(_path))
        {
            Load();
        }
    }

    /// <summary>All that were ever given, for the listeners to open at start.</summary>
    public IReadOnlyList<KeyValuePair<OnionTarget, IPEndPoint>> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _addresses];
            }
        }
    }

    /// <summary>The address of a target; the first time, it is written down.</summary>
    /// <returns>Null if another target has it (<paramref name="isFull"/> false) or if there are
    /// too many.</returns>
    /// <exception cref="IOException">It could not be written: then it is not given.</exception>
    public IPEndPoint? Give(OnionTarget target, out bool isFull)
    {
        lock (_lock)
        {
            isFull = false;
            if (_addresses.TryGetValue(target, out IPEndPoint? known))
            {
                return known;
            }
            if (_addresses.Count >= TargetsMax)
            {
                isFull = true;
                return null;
            }
            IPEndPoint address = Hash(target);
            if (_owners.ContainsKey(address))
            {
                return null;
            }
            Append(FormattableString.Invariant($"{address} {target}\n"));
            _addresses.Add(target, address);
            _owners.Add(address, target);
            return address;
        }
    }

    /// <summary>Where the hash of a target lies, whoever owns it.</summary>
    internal IPEndPoint Hash(OnionTarget target)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, Encoding.ASCII.GetBytes(target.ToString()), hash);
        ulong bits = BinaryPrimitives.ReadUInt64BigEndian(hash);
        uint host = NetworkBase | (uint)(bits & ((1u << HostBits) - 1));
        int port = PortFirst + (int)((bits >> HostBits) & ((1u << PortBits) - 1));
        Span<byte> address = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(address, host);
        return new IPEndPoint(new IPAddress(address), port);
    }

    /// <summary>A stable name for the circuits to a target, that says nothing without our key.
    /// </summary>
    public string Isolation(OnionTarget target) => Convert.ToHexString(HMACSHA256.HashData(
        _key, Encoding.ASCII.GetBytes("circuit " + target)).AsSpan(0, 16));

    private static byte[] LoadKey(string path)
    {
        if (File.Exists(path))
        {
            byte[] known = File.ReadAllBytes(path);
            return known.Length == KeyBytes
                ? known
                : throw new ConfigException(path, 0, "is not a key of 32 bytes");
        }
        byte[] key = RandomNumberGenerator.GetBytes(KeyBytes);
        using FileStream file = StateFile.Create(path);
        file.Write(key);
        file.Flush(flushToDisk: true);
        return key;
    }

    private void Append(string line)
    {
        using FileStream file = StateFile.Append(_path);
        file.Write(Encoding.ASCII.GetBytes(line));
        file.Flush(flushToDisk: true);
    }

    private void Load()
    {
        string text = File.ReadAllText(_path);
        // A line that a crash cut short was never given to anybody.
        if (!text.EndsWith('\n'))
        {
            text = text[..(text.LastIndexOf('\n') + 1)];
            StateFile.Replace(_path, Encoding.ASCII.GetBytes(text));
        }
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split(' ');
            if (words.Length != 2
                || !IPEndPoint.TryParse(words[0], out IPEndPoint? address)
                || OnionTarget.Parse(words[1], out OnionTarget? target) != OnionFault.Valid
                || !_addresses.TryAdd(target!, address)
                || !_owners.TryAdd(address, target!))
            {
                throw new ConfigException(_path, i + 1, "is damaged");
            }
        }
    }
}
