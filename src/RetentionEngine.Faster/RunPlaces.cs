using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace RetentionEngine;

/// <summary>Finds the blocks of small runs in a log's files, without FASTER: for readers.</summary>
/// <remarks>
/// To open FASTER means clearing its pages, reading its index and hashing what it will parse: more
/// than a query takes. A reader knows where each run begins, and the records of a run lie one
/// behind the other. So a run's records are walked along once, from head to head, and where they lie
/// is remembered; the blocks tell themselves whether they are whole. Layout: docs/FORMAT.md. Any
/// number of threads may read.
/// </remarks>
internal sealed class RunPlaces(SegmentDevice device, int pageBits)
{
    /// <summary>Larger runs are found by FASTER's index: walking along them takes too long.</summary>
    public const long RunBytesMax = 1 << 20;

    // What FASTER writes before a value: its own word, the key, the value's length.
    private const int KeyOffset = 8;
    private const int LengthOffset = KeyOffset + 16;
    private const int HeadLength = LengthOffset + 4;

    private const int WindowBytes = 1 << 16;

    /// <summary>With more than so many places known, all are forgotten.</summary>
    private const int PlacesMax = 1 << 20;

    private readonly record struct Place(StoreKey Key, int Length, long Address);

    private readonly ConcurrentDictionary<int, Place[]> _runs = new();
    private int _count;

    /// <summary>Reads a block.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="extent">Where its run begins, and the size of all its blocks.</param>
    /// <param name="endAddress">Where the log ends.</param>
    /// <param name="buffer">Receives the bytes; replaced by a larger array when too small.</param>
    /// <returns>Length; -1 when there is no such block.</returns>
    /// <exception cref="RetentionException">The device failed.</exception>
    public int Read(in BlockKey key, in Extent extent, long endAddress, ref byte[] buffer)
    {
        if (PlaceOf(key, extent, endAddress) is not { } place)
        {
            return -1;
        }
        if (buffer.Length < place.Length)
        {
            buffer = new byte[place.Length];
        }
        return device.Read(place.Address, buffer.AsSpan(0, place.Length)) == place.Length
            ? place.Length : -1;
    }

    /// <summary>Address of a block's value; null when there is no such block.</summary>
    public long? Find(in BlockKey key, in Extent extent, long endAddress) =>
        PlaceOf(key, extent, endAddress)?.Address;

    private Place? PlaceOf(in BlockKey key, in Extent extent, long endAddress)
    {
        if (!_runs.TryGetValue(key.Run, out Place[]? places))
        {
            places = Walk(key.Run, extent, endAddress);
            Remember(key.Run, places);
        }
        var wanted = new StoreKey(key);
        // The last one counts: a block that was put again stands behind the one it replaces.
        for (int i = places.Length - 1; i >= 0; i--)
        {
            if (places[i].Key.Equals(wanted))
            {
                return places[i];
            }
        }
        return null;
    }

    private Place[] Walk(int run, in Extent extent, long endAddress)
    {
        var places = new List<Place>();
        long address = extent.FirstAddress;
        long rest = extent.SizeBytes;
        long windowStart = 0;
        int windowLength = 0;
        byte[] window = ArrayPool<byte>.Shared.Rent(WindowBytes);
        while (rest > 0 && address < endAddress)
        {
            long pageEnd = (address & -(1L << pageBits)) + (1L << pageBits);
            if (pageEnd - address < HeadLength)
            {
                address = pageEnd;
                continue;
            }
            if (address + HeadLength > windowStart + windowLength)
            {
                windowStart = address;
                windowLength = (int)Math.Min(WindowBytes, Math.Min(rest + WindowBytes / 16, pageEnd - address));
                device.Read(address, window.AsSpan(0, windowLength));
            }
            ReadOnlySpan<byte> head = window.AsSpan((int)(address - windowStart), HeadLength);
            if (BinaryPrimitives.ReadUInt64LittleEndian(head) == 0)
            {
                // The next record did not fit into the page.
                address = pageEnd;
                continue;
            }
            var key = MemoryMarshal.Read<StoreKey>(head[KeyOffset..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(head[LengthOffset..]);
            if (length is < 0 or > BlockStore.ValueLengthMax || address + HeadLength + length > pageEnd)
            {
                // Damaged: what lies behind is not found, and whoever asks for it says so.
                break;
            }
            if (key.Run == run)
            {
                places.Add(new Place(key, length, address + HeadLength));
                rest -= length;
            }
            address += (HeadLength + length + 7) & ~7;
        }
        ArrayPool<byte>.Shared.Return(window);
        return [.. places];
    }

    private void Remember(int run, Place[] places)
    {
        if (Interlocked.Add(ref _count, places.Length) > PlacesMax)
        {
            _runs.Clear();
            Interlocked.Exchange(ref _count, places.Length);
        }
        _runs[run] = places;
    }
}
