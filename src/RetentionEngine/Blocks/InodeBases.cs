using System.Numerics;

namespace RetentionEngine.Blocks;

/// <summary>The lowest inode for each host and slice of time of a run.</summary>
/// <remarks>
/// A host's queue files have inodes near to each other, and nearer still when they were made about
/// the same time; rows are ordered by mailbox, so without this a group mixes them all. Slot
/// <see cref="SlotsMax"/> - 1 is shared by the hosts that have none of their own.
/// </remarks>
internal sealed class InodeBases
{
    public const int SlotsMax = 32;
    private const int SlicesMax = 64;
    private const int RowsPerCell = 64;

    private readonly uint[] _hosts;
    private readonly ulong[] _bases;
    private int _slots;
    private int _slices;
    private int _shift;
    private long _start;

    public InodeBases()
        : this(SlotsMax, SlotsMax * SlicesMax)
    {
    }

    private InodeBases(int slots, int cells)
    {
        _hosts = new uint[slots];
        _bases = new ulong[cells];
    }

    public int SizeBytes => (_bases.Length * sizeof(ulong)) + (_hosts.Length * sizeof(uint));

    /// <summary>Starts a run of the given span of time.</summary>
    public void Begin(long first, long last, int rows)
    {
        _start = first;
        _slots = 0;
        int wanted = Math.Clamp(rows / (RowsPerCell * 4), 1, SlicesMax);
        ulong span = (ulong)last - (ulong)first;
        _shift = 0;
        while (_shift < 63 && (span >> _shift) >= (ulong)wanted)
        {
            _shift++;
        }
        _slices = (int)(span >> _shift) + 1;
        _bases.AsSpan().Fill(ulong.MaxValue);
    }

    public void Mark(uint host, long time, ulong inode)
    {
        ref ulong lowest = ref _bases[Cell(host, time, add: true)];
        lowest = Math.Min(lowest, inode);
    }

    /// <summary>Gives the cells without inodes the base of their neighbour.</summary>
    public void Assign()
    {
        ulong last = 0;
        foreach (ref ulong value in _bases.AsSpan(0, _slots * _slices))
        {
            value = value == ulong.MaxValue ? last : value;
            last = value;
        }
    }

    /// <summary>What is subtracted from an inode; 0 when nothing is known of its host.</summary>
    public ulong Of(uint host, long time)
    {
        int cell = _slots == 0 ? -1 : Cell(host, time, add: false);
        return cell < 0 ? 0 : _bases[cell];
    }

    /// <summary>Writes the table; hosts are written as ids of the run.</summary>
    public void Write(ByteSink sink, RunTexts texts)
    {
        sink.Varint(_slots);
        if (_slots == 0)
        {
            return;
        }
        sink.Byte(_shift);
        sink.Varint(_slices);
        ulong last = 0;
        for (int slot = 0; slot < _slots; slot++)
        {
            sink.Varint(texts.IdOf(_hosts[slot]));
            for (int slice = 0; slice < _slices; slice++)
            {
                ulong value = _bases[(slot * _slices) + slice];
                sink.Zigzag((long)(value - last));
                last = value;
            }
        }
    }

    public static InodeBases Read(ref ByteCursor cursor, long first)
    {
        int slots = cursor.Count(SlotsMax);
        if (slots == 0)
        {
            return new InodeBases(0, 0);
        }
        int shift = cursor.Byte() & 63;
        int slices = cursor.Count(SlicesMax);
        if (slices == 0)
        {
            Damage.Throw();
        }
        var table = new InodeBases(slots, slots * slices)
        {
            _slots = slots, _slices = slices, _shift = shift, _start = first,
        };
        ulong last = 0;
        for (int slot = 0; slot < table._slots; slot++)
        {
            table._hosts[slot] = (uint)cursor.Varint();
            for (int slice = 0; slice < table._slices; slice++)
            {
                last += (ulong)cursor.Zigzag();
                table._bases[(slot * table._slices) + slice] = last;
            }
        }
        return table;
    }

    /// <summary>Passes by what <see cref="Read"/> would read.</summary>
    public static void Skip(ref ByteCursor cursor)
    {
        int slots = cursor.Count(SlotsMax);
        if (slots == 0)
        {
            return;
        }
        cursor.Byte();
        int slices = cursor.Count(SlicesMax);
        if (slices == 0)
        {
            Damage.Throw();
        }
        for (int numbers = slots * (1 + slices); numbers > 0; numbers--)
        {
            cursor.Varint();
        }
    }

    private int Cell(uint host, long time, bool add)
    {
        int slice = (int)Math.Min(((ulong)time - (ulong)_start) >> _shift, (ulong)_slices - 1);
        int slot = _hosts.AsSpan(0, _slots).IndexOf(host);
        if (slot < 0)
        {
            slot = SlotsMax - 1;
            if (add && _slots < SlotsMax)
            {
                slot = _slots++;
                _hosts[slot] = host;
            }
        }
        return slot < _slots ? (slot * _slices) + slice : -1;
    }
}
