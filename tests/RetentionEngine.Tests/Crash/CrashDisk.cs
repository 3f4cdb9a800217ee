using RetentionEngine.Buckets;

namespace RetentionEngine.Tests.Crash;

/// <summary>
/// Records every change of the files below a directory, and makes of it what a disk may hold that
/// lost power at any moment.
/// </summary>
/// <remarks>
/// Nothing is believed that was not synced: the bytes of a file live from its own sync on, its name
/// from that of its directory. Of what was not synced any part may have reached the disk: sectors
/// of 512 bytes in any order, changes of a directory in theirs.
/// </remarks>
internal sealed class CrashDisk(string root)
{
    private const int Sector = 512;

    private readonly List<Change> _changes = [];

    public int Count => _changes.Count;

    /// <summary>To be set as the observer while the store is used.</summary>
    public int Record(in FileChange change)
    {
        if (change.Path.StartsWith(root, StringComparison.Ordinal))
        {
            lock (_changes)
            {
                _changes.Add(new Change(
                    change.Kind, change.Path, change.Offset, change.Bytes.ToArray(), change.Target));
            }
        }
        return -1;
    }

    /// <summary>Writes what the disk may hold after so many changes to another directory.</summary>
    public void Materialize(int changes, Random random, string target)
    {
        var disk = new Disk(root);
        for (int i = 0; i < changes; i++)
        {
            disk.Apply(_changes[i]);
        }
        disk.LosePower(random, random.Next(4));
        foreach ((string path, Node node) in disk.Durable)
        {
            string copy = target + path[root.Length..];
            if (node.IsDirectory)
            {
                Directory.CreateDirectory(copy);
            }
            else if (disk.Durable.ContainsKey(Path.GetDirectoryName(path)!))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                using FileStream file = File.Create(copy);
                file.Write(node.Bytes.AsSpan(0, node.Length));
            }
        }
    }

    private sealed record Change(
        FileChangeKind Kind, string Path, long Offset, byte[] Bytes, string? Target);

    private sealed class Node(bool isDirectory)
    {
        public bool IsDirectory { get; } = isDirectory;

        public byte[] Bytes { get; private set; } = [];

        public int Length { get; private set; }

        /// <summary>Writes and changes of length since the last sync.</summary>
        public List<Change> Pending { get; } = [];

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            int end = (int)offset + bytes.Length;
            if (Bytes.Length < end)
            {
                byte[] longer = new byte[Math.Max(end, Bytes.Length * 2)];
                Bytes.AsSpan(0, Length).CopyTo(longer);
                Bytes = longer;
            }
            bytes.CopyTo(Bytes.AsSpan((int)offset));
            Length = Math.Max(Length, end);
        }

        public void SetLength(long length)
        {
            if (length > Length)
            {
                Write(length - 1, [0]);
            }
            else
            {
                Bytes.AsSpan((int)length, Length - (int)length).Clear();
            }
            Length = (int)length;
        }

        public void Sync()
        {
            foreach (Change change in Pending)
            {
                Apply(change);
            }
            Pending.Clear();
        }

        public void Apply(Change change)
        {
            if (change.Kind == FileChangeKind.Write)
            {
                Write(change.Offset, change.Bytes);
            }
            else
            {
                SetLength(change.Offset);
            }
        }

        /// <summary>Any sectors of what was not synced, in any order.</summary>
        public void Tear(Random random)
        {
            foreach (Change change in Pending)
            {
                if (change.Kind != FileChangeKind.Write)
                {
                    if (random.Next(2) == 0)
                    {
                        SetLength(change.Offset);
                    }
                    continue;
                }
                for (int at = 0; at < change.Bytes.Length;)
                {
                    int length = Math.Min(
                        Sector - (int)((change.Offset + at) % Sector), change.Bytes.Length - at);
                    if (random.Next(2) == 0)
                    {
                        Write(change.Offset + at, change.Bytes.AsSpan(at, length));
                    }
                    at += length;
                }
            }
        }
    }

    private sealed class Disk
    {
        private readonly Dictionary<string, Node> _current = new(StringComparer.Ordinal);
        private readonly Dictionary<string, List<Change>> _pending = new(StringComparer.Ordinal);
        private readonly Dictionary<Change, Node> _nodes = new(ReferenceEqualityComparer.Instance);

        public Disk(string root)
        {
            _current[root] = Durable[root] = new Node(true);
        }

        public Dictionary<string, Node> Durable { get; } = new(StringComparer.Ordinal);

        public void Apply(Change change)
        {
            switch (change.Kind)
            {
                case FileChangeKind.Write or FileChangeKind.SetLength:
                    _current[change.Path].Pending.Add(change);
                    return;
                case FileChangeKind.Sync:
                    _current[change.Path].Sync();
                    return;
                case FileChangeKind.SyncDirectory:
                    foreach (Change pending in PendingOf(change.Path))
                    {
                        Rename(pending, Durable);
                    }
                    PendingOf(change.Path).Clear();
                    return;
                case FileChangeKind.Create or FileChangeKind.CreateDirectory:
                    if (_current.ContainsKey(change.Path))
                    {
                        return;
                    }
                    _nodes[change] = new Node(change.Kind == FileChangeKind.CreateDirectory);
                    break;
                case FileChangeKind.Rename:
                    _nodes[change] = _current[change.Path];
                    break;
                default:
                    break;
            }
            Rename(change, _current);
            PendingOf(Path.GetDirectoryName(change.Path)!).Add(change);
        }

        /// <param name="random">Decides.</param>
        /// <param name="mode">0: nothing survives that was not synced; 1: all does; else any part.</param>
        public void LosePower(Random random, int mode)
        {
            foreach (List<Change> pending in _pending.Values)
            {
                int count = mode switch { 0 => 0, 1 => pending.Count, _ => random.Next(pending.Count + 1) };
                foreach (Change change in pending[..count])
                {
                    Rename(change, Durable);
                }
            }
            foreach (Node node in Durable.Values.Where(_ => mode != 0))
            {
                if (mode == 1)
                {
                    node.Sync();
                }
                else
                {
                    node.Tear(random);
                }
            }
        }

        private List<Change> PendingOf(string directory)
        {
            if (!_pending.TryGetValue(directory, out List<Change>? pending))
            {
                _pending[directory] = pending = [];
            }
            return pending;
        }

        private void Rename(Change change, Dictionary<string, Node> names)
        {
            switch (change.Kind)
            {
                case FileChangeKind.Create or FileChangeKind.CreateDirectory:
                    names[change.Path] = _nodes[change];
                    break;
                case FileChangeKind.Rename:
                    names.Remove(change.Path);
                    names[change.Target!] = _nodes[change];
                    break;
                case FileChangeKind.Delete:
                    names.Remove(change.Path);
                    break;
                default:
                    foreach (string below in names.Keys.Where(name =>
                        string.Equals(name, change.Path, StringComparison.Ordinal)
                        || name.StartsWith(change.Path + "/", StringComparison.Ordinal)).ToArray())
                    {
                        names.Remove(below);
                    }
                    break;
            }
        }
    }
}
