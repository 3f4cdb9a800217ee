using FASTER.core;

namespace RetentionEngine;

/// <summary>One thread's way into a log: FASTER's sessions are for one thread at a time.</summary>
internal sealed class BlockSession : IDisposable
{
    private readonly Functions _functions = new();
    private readonly ClientSession<StoreKey, SpanByte, Empty, Empty, Empty, Functions> _session;

    public BlockSession(FasterKV<StoreKey, SpanByte> store)
    {
        _session = store.For(_functions).NewSession<Functions>();
    }

    /// <summary>Where the last <see cref="Put"/> went.</summary>
    public long Address => _functions.Address;

    public unsafe void Put(in BlockKey key, ReadOnlySpan<byte> value)
    {
        var storeKey = new StoreKey(key);
        fixed (byte* bytes = value)
        {
            SpanByte source = SpanByte.FromPointer(bytes, value.Length);
            Status status = _session.Upsert(ref storeKey, ref source);
            if (status.IsPending)
            {
                _session.CompletePending(wait: true);
            }
        }
    }

    /// <returns>Length; -1 when there is no such block at or behind the address.</returns>
    /// <exception cref="RetentionException">The device failed.</exception>
    public int Read(in BlockKey key, long firstAddress, ref byte[] buffer)
    {
        var storeKey = new StoreKey(key);
        Empty input = default;
        Empty output = default;
        _functions.Buffer = buffer;
        _functions.Length = -1;
        _functions.FirstAddress = firstAddress;
        SegmentDevice.TakeReadFailure();
        Status status = _session.Read(ref storeKey, ref input, ref output);
        if (status.IsPending)
        {
            _session.CompletePending(wait: true);
        }
        buffer = _functions.Buffer;
        _functions.Buffer = [];
        if (SegmentDevice.TakeReadFailure() is { } failure)
        {
            throw failure;
        }
        return _functions.Length;
    }

    public void Dispose() => _session.Dispose();

    private sealed class Functions : FunctionsBase<StoreKey, SpanByte, Empty, Empty, Empty>
    {
        public byte[] Buffer { get; set; } = [];

        public int Length { get; set; }

        public long FirstAddress { get; set; }

        public long Address { get; private set; }

        public override bool SingleReader(
            ref StoreKey key, ref Empty input, ref SpanByte value, ref Empty dst, ref ReadInfo readInfo)
        {
            return Copy(ref value, readInfo.Address);
        }

        public override bool ConcurrentReader(
            ref StoreKey key, ref Empty input, ref SpanByte value, ref Empty dst, ref ReadInfo readInfo)
        {
            return Copy(ref value, readInfo.Address);
        }

        public override bool SingleWriter(
            ref StoreKey key,
            ref Empty input,
            ref SpanByte src,
            ref SpanByte dst,
            ref Empty output,
            ref UpsertInfo upsertInfo,
            WriteReason reason)
        {
            src.CopyTo(ref dst);
            Address = upsertInfo.Address;
            return true;
        }

        public override bool ConcurrentWriter(
            ref StoreKey key,
            ref Empty input,
            ref SpanByte src,
            ref SpanByte dst,
            ref Empty output,
            ref UpsertInfo upsertInfo)
        {
            // Never in place: a reader may be copying the old value. FASTER then appends.
            return false;
        }

        private bool Copy(ref SpanByte value, long address)
        {
            int length = value.Length;
            if (address < FirstAddress || length is < 1 or > BlockStore.ValueLengthMax)
            {
                return true;
            }
            if (Buffer.Length < length)
            {
                Buffer = new byte[length];
            }
            value.AsReadOnlySpan().CopyTo(Buffer);
            Length = length;
            return true;
        }
    }
}
