namespace RetentionEngine.Buckets;

/// <summary>Short keyed hashes of what stands before certain positions of a source.</summary>
/// <remarks>
/// The positions grow by a quarter or less, so that a shorter copy of a known source is told from
/// another log by all but at most its last fifth; a source of 1 GB has some hundred of them.
/// </remarks>
internal readonly struct SourceMarks : IEquatable<SourceMarks>
{
    /// <summary>A mark of a position whose bytes were not seen.</summary>
    public const uint Unknown = 0;

    /// <summary>A mark covers at most this many bytes before its position.</summary>
    public const int WindowBytes = 1024;

    /// <summary>As many as a source of 2^62 bytes has.</summary>
    public const int CountMax = 4 * 57;

    private readonly uint[]? _marks;

    public SourceMarks(uint[] marks) => _marks = marks;

    public ReadOnlySpan<uint> Values => _marks;

    /// <summary>Position of a mark: 64, 80, 96, 112, 128, 160, ….</summary>
    public static long PositionOf(int index) => (4 + (index % 4)) * 16L << (index / 4);

    public static bool operator ==(SourceMarks left, SourceMarks right) => left.Equals(right);

    public static bool operator !=(SourceMarks left, SourceMarks right) => !left.Equals(right);

    /// <summary>Whether the marks known of both are the same, of which there must be some.</summary>
    public bool AgreesWith(ReadOnlySpan<uint> others)
    {
        ReadOnlySpan<uint> marks = Values;
        int count = Math.Min(marks.Length, others.Length);
        int same = 0;
        for (int i = 0; i < count; i++)
        {
            if (marks[i] == Unknown || others[i] == Unknown)
            {
                continue;
            }
            if (marks[i] != others[i])
            {
                return false;
            }
            same++;
        }
        return same > 0;
    }

    public bool Equals(SourceMarks other) => Values.SequenceEqual(other.Values);

    public override bool Equals(object? obj) => obj is SourceMarks other && Equals(other);

    public override int GetHashCode() => Values.Length;
}
