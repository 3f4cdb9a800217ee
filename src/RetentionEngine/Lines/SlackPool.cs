using System.Buffers;

namespace RetentionEngine.Lines;

/// <summary>Segments for a pipe, each with hidden room before and behind what the pipe sees.</summary>
/// <remarks>
/// The room in front takes the partial line of the segment before, so that blocks are whole lines
/// in place; the room behind lets vector loads run over the end. One reader uses one pool, on one
/// thread.
/// </remarks>
internal sealed class SlackPool(int segmentBytes, int frontBytes, int backBytes) : MemoryPool<byte>
{
    private readonly Stack<Segment> _free = new();

    public override int MaxBufferSize => segmentBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, segmentBytes);
        Segment segment = _free.TryPop(out Segment? known) ? known : new Segment(this);
        return segment;
    }

    protected override void Dispose(bool disposing) => _free.Clear();

    private sealed class Segment(SlackPool pool) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes =
            GC.AllocateUninitializedArray<byte>(pool.FrontAndBack + pool.MaxBufferSize);

        public Memory<byte> Memory => _bytes.AsMemory(pool.Front, pool.MaxBufferSize);

        public void Dispose() => pool._free.Push(this);
    }

    private int Front => frontBytes;

    private int FrontAndBack => frontBytes + backBytes;
}
