using System.Buffers.Binary;
using System.Text;
using FASTER.core;
using RetentionEngine.Buckets;

namespace RetentionEngine;

/// <summary>One part of the spool: a FasterLog of one segment under a key of its own.</summary>
/// <remarks>
/// Entry: plain length (4, little endian), length of the cursor (2), cursor (source, LF, position in
/// UTF-8), then the envelope of the packed lines, tied to the part and to the entry's place in it. One thread at a time writes;
/// any number reads what is durable.
/// </remarks>
internal sealed class SpoolPart : IDisposable
{
    /// <summary>Most plain bytes of one entry: small enough for the small object heap.</summary>
    public const int EntryBytesMax = 64 * 1024;

    /// <summary>Room on the disk that a part takes when it begins.</summary>
    public const int PartBytes = 1 << SegmentBits;

    private const int SegmentBits = 24;
    private const int PageBits = 18;
    private const int HeaderLength = 6;

    private readonly BlockCipher _cipher;
    private readonly SegmentDevice _device;
    private readonly SpoolCommit _commit;
    private readonly FasterLog _log;

    // Where each entry begins, in plain bytes and in the log.
    private readonly List<(long Start, long Address)> _entries = [];
    private byte[] _packed = [];
    private byte[] _entry = [];
    private long _written;

    private SpoolPart(
        string directory, int number, BlockCipher cipher, SegmentDevice device, SpoolCommit commit)
    {
        Directory = directory;
        Number = number;
        _cipher = cipher;
        _device = device;
        _commit = commit;
        _log = new FasterLog(new FasterLogSettings
        {
            LogDevice = device,
            LogCommitManager = commit,
            PageSizeBits = PageBits,
            MemorySizeBits = PageBits + 2,
            SegmentSizeBits = SegmentBits,
            LogChecksum = LogChecksumType.PerEntry,
            TryRecoverLatest = false,
        });
    }

    public string Directory { get; }

    public int Number { get; }

    public Guid Identity => _commit.Identity;

    public DateTimeOffset Begun { get; private init; }

    /// <summary>Plain bytes that are durable.</summary>
    public long DurableBytes { get; private set; }

    /// <summary>Plain bytes of which the pump has committed what they say.</summary>
    public long ConsumedBytes { get; set; }

    /// <summary>Whether nothing more is added.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Where each source that has a cursor goes on.</summary>
    public Dictionary<string, string> Cursors { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether there is room for one more entry of any size.</summary>
    public bool HasRoom => _log.TailAddress < PartBytes - (4 << PageBits);

    public static SpoolPart Create(string directory, int number, KeyRing keys, DateTimeOffset now)
    {
        string path = LogPath(directory, number);
        Reserve(path);
        BlockCipher cipher = keys.FindOrCreate(SpoolKeys.NameOf(number));
        keys.Sync();
        var device = new SegmentDevice(path, readOnly: false);
        device.Initialize(1L << SegmentBits, null, omitSegmentIdFromFilename: false);
        SpoolCommit commit = SpoolCommit.Create(CommitPath(directory, number), device);
        return new SpoolPart(directory, number, cipher, device, commit) { Begun = now };
    }

    /// <summary>Opens a part of an earlier process; null when nothing of it is durable.</summary>
    /// <exception cref="RetentionException">StoreDamaged, Key, InputOutput.</exception>
    public static SpoolPart? Open(string directory, int number, KeyRing keys)
    {
        string path = LogPath(directory, number);
        var device = new SegmentDevice(path, readOnly: false);
        device.Initialize(1L << SegmentBits, null, omitSegmentIdFromFilename: false);
        SpoolCommit commit = SpoolCommit.Open(CommitPath(directory, number), device);
        BlockCipher? cipher = keys.Find(SpoolKeys.NameOf(number));
        if (commit.IsEmpty || cipher is null)
        {
            // Without a key it was given up already.
            commit.Dispose();
            device.Dispose();
            return null;
        }
        var part = new SpoolPart(directory, number, cipher, device, commit)
        {
            Begun = new DateTimeOffset(File.GetLastWriteTimeUtc(CommitPath(directory, number))),
            IsClosed = true,
        };
        try
        {
            part.Recover();
        }
        catch (FasterException e)
        {
            part.Dispose();
            throw new RetentionException(
                RetentionError.StoreDamaged, $"The spool '{path}' can't be recovered.", path, inner: e);
        }
        return part;
    }

    public static void Delete(string directory, int number)
    {
        DurableFile.Delete(LogPath(directory, number) + ".0");
        DurableFile.Delete(CommitPath(directory, number));
    }

    public static string CommitPath(string directory, int number) =>
        Path.Combine(directory, $"part.{number}.commit");

    /// <summary>Adds lines; durable after the next <see cref="Commit"/>.</summary>
    /// <param name="lines">At most <see cref="EntryBytesMax"/> bytes.</param>
    /// <param name="cursor">Where their source goes on.</param>
    public void Append(ReadOnlySpan<byte> lines, SpoolCursor cursor)
    {
        string text = cursor.Source is null ? "" : $"{cursor.Source}\n{cursor.Position}";
        ReadOnlySpan<byte> packed = lines.IsEmpty ? [] : Snapshot.Pack(lines, ref _packed);
        int header = HeaderLength + Encoding.UTF8.GetByteCount(text);
        int length = header + packed.Length + BlockCipher.Overhead;
        if (_entry.Length < length)
        {
            _entry = new byte[length + (length >> 1)];
        }
        Span<byte> entry = _entry.AsSpan(0, length);
        BinaryPrimitives.WriteInt32LittleEndian(entry, lines.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[4..], (ushort)(header - HeaderLength));
        Encoding.UTF8.GetBytes(text, entry[HeaderLength..]);
        _cipher.Encrypt(packed, Associated(_written, entry[..header]), entry[header..]);
        long address = _log.Enqueue(entry);
        lock (_entries)
        {
            _entries.Add((_written, address));
        }
        _written += lines.Length;
        Remember(text);
    }

    /// <summary>What is written so far; take it before <see cref="Commit"/>.</summary>
    public long WrittenBytes => _written;

    /// <summary>Makes what was appended durable.</summary>
    /// <param name="writtenBytes">What of it was written when the commit began.</param>
    /// <exception cref="RetentionException">DiskFull, InputOutput: the part takes no more.</exception>
    public void Commit(long writtenBytes)
    {
        _log.CommitAsync().AsTask().GetAwaiter().GetResult();
        _commit.ThrowIfFailed();
        lock (_entries)
        {
            DurableBytes = Math.Max(DurableBytes, writtenBytes);
        }
    }

    /// <summary>Reads the entry that holds a position.</summary>
    /// <param name="position">Below <see cref="DurableBytes"/>.</param>
    /// <param name="start">Position of the first byte of what is returned.</param>
    /// <exception cref="RetentionException">StoreDamaged.</exception>
    public byte[] Read(long position, out long start)
    {
        long address;
        lock (_entries)
        {
            int low = 0;
            int high = _entries.Count - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                (low, high) = _entries[middle].Start <= position ? (middle, high) : (low, middle - 1);
            }
            (start, address) = _entries[low];
        }
        try
        {
            (byte[] entry, int length) = _log.ReadAsync(address).AsTask().GetAwaiter().GetResult();
            if (entry is not null && TryUnpack(entry.AsSpan(0, length), start, out byte[] plain))
            {
                return plain;
            }
        }
        catch (FasterException e)
        {
            throw Damaged(address, e);
        }
        throw Damaged(address);
    }

    public void Dispose()
    {
        _log.Dispose();
        _commit.Dispose();
        _device.Dispose();
    }

    private static string LogPath(string directory, int number) =>
        Path.Combine(directory, $"part.{number}");

    /// <summary>Takes the room at once: so a full disk is met before a line is taken in.</summary>
    private static void Reserve(string path)
    {
        try
        {
            File.OpenHandle(
                path + ".0", FileMode.CreateNew, FileAccess.Write, FileShare.None,
                FileOptions.None, PartBytes).Dispose();
        }
        catch (IOException e)
        {
            throw DurableFile.Failure(e, path + ".0");
        }
    }

    private void Recover()
    {
        _log.Recover();
        using FasterLogScanIterator scan = _log.Scan(_log.BeginAddress, _log.CommittedUntilAddress);
        while (scan.GetNext(out byte[] entry, out int length, out long address))
        {
            if (length < HeaderLength)
            {
                throw Damaged(address);
            }
            _entries.Add((_written, address));
            _written += BinaryPrimitives.ReadInt32LittleEndian(entry);
            int cursor = BinaryPrimitives.ReadUInt16LittleEndian(entry.AsSpan(4));
            if (cursor <= length - HeaderLength)
            {
                Remember(Encoding.UTF8.GetString(entry, HeaderLength, cursor));
            }
        }
        DurableBytes = _written;
    }

    private void Remember(string cursor)
    {
        int end = cursor.IndexOf('\n', StringComparison.Ordinal);
        if (end >= 0)
        {
            Cursors[cursor[..end]] = cursor[(end + 1)..];
        }
    }

    private bool TryUnpack(Span<byte> entry, long start, out byte[] plain)
    {
        plain = [];
        if (entry.Length < HeaderLength)
        {
            return false;
        }
        int header = HeaderLength + BinaryPrimitives.ReadUInt16LittleEndian(entry[4..]);
        if (header > entry.Length)
        {
            return false;
        }
        int length = _cipher.Decrypt(entry[header..], Associated(start, entry[..header]));
        return length >= 0
            && (length == 0 || Snapshot.TryUnpack(entry.Slice(header, length), out plain))
            && plain.Length == BinaryPrimitives.ReadInt32LittleEndian(entry);
    }

    /// <summary>Part, place and header: an entry can't be moved.</summary>
    private byte[] Associated(long start, ReadOnlySpan<byte> header)
    {
        byte[] bytes = new byte[24 + header.Length];
        Identity.TryWriteBytes(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), start);
        header.CopyTo(bytes.AsSpan(24));
        return bytes;
    }

    private RetentionException Damaged(long address, Exception? cause = null) => new(
        RetentionError.StoreDamaged,
        $"The spool '{_device.SegmentPath(0)}' is damaged at byte {address}.",
        _device.SegmentPath(0),
        address,
        cause);
}
