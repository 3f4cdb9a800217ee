namespace RetentionEngine.Buckets;

/// <summary>The file that says what is in the store: what it does not name is not there.</summary>
/// <remarks>One commit is one entry, and so is one expiry and one change of the policy.</remarks>
internal sealed class Manifest : IDisposable
{
    /// <summary>Version of everything on disk: manifest, keys, envelope, blocks.</summary>
    public const int FormatVersion = 1;

    /// <summary><c>RTNMANI</c> and a zero.</summary>
    private const ulong Magic = 0x52544E4D414E4900;

    private readonly EntryLog _log;

    private Manifest(EntryLog log, ManifestState state)
    {
        _log = log;
        State = state;
    }

    public ManifestState State { get; }

    public Guid StoreId => _log.Id;

    /// <summary>Creates the file as a whole: it is the last step of making a store.</summary>
    public static Manifest Create(string path, Guid storeId, ManifestState state) =>
        new(EntryLog.Create(path, Magic, storeId, state.Payloads()), state);

    /// <summary>Reads the file; a writer cuts a torn tail off.</summary>
    /// <exception cref="RetentionException">StoreVersion, StoreDamaged, InputOutput.</exception>
    public static Manifest Open(string path, bool readOnly)
    {
        var state = new ManifestState();
        EntryLog log = EntryLog.Open(path, Magic, readOnly, state.Apply);
        if (state.Policies.Count == 0)
        {
            log.Dispose();
            throw EntryLog.Damaged(path, 0);
        }
        return new Manifest(log, state);
    }

    /// <summary>Appends one entry, durable on return, and applies it to the state.</summary>
    public void Append(byte[] payload)
    {
        _log.Append(payload);
        State.Apply(payload);
        if (_log.IsMostlyDead)
        {
            _log.Rewrite(State.Payloads());
        }
    }

    public void Dispose() => _log.Dispose();
}
