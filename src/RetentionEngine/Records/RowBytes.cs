using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace RetentionEngine.Records;

/// <summary>Compares rows whose texts are ids of the same table.</summary>
internal sealed class RowBytes : IEqualityComparer<RecordRow>
{
    public static RowBytes Comparer { get; } = new();

    /// <summary>Whether an equal row, or record, can only be the same event, told by another source.</summary>
    /// <remarks>
    /// A queue id delivers to a recipient once at a time; and nothing happens twice in the same
    /// microsecond. Two logins in one second can both be true.
    /// </remarks>
    public static bool IsUnique(bool hasQueueId, long timeUnixMicros) =>
        hasQueueId || timeUnixMicros % 1_000_000 != 0;

    public bool Equals(RecordRow x, RecordRow y) => BytesOf(in x).SequenceEqual(BytesOf(in y));

    public int GetHashCode(RecordRow obj) => (int)XxHash3.HashToUInt64(BytesOf(in obj));

    private static ReadOnlySpan<byte> BytesOf(in RecordRow row) =>
        MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in row, 1));
}
