namespace RetentionEngine.Records;

/// <summary>The rows that are sealed together, with the texts they refer to.</summary>
/// <remarks>
/// Filled by one thread, then handed to the sealing thread as a whole; the two threads swap
/// batches, so nothing is shared and nothing is allocated once the arrays have grown.
/// </remarks>
internal sealed class RecordBatch(long seed)
{
    // A row has 128 bytes; the texts of as many rows fit beside it.
    public const int RowsMax = 160_000;
    public const int TextsMax = 1_200_000;
    public const int TextBytesMax = 48 << 20;

    private RecordRow[] _rows = new RecordRow[1 << 13];

    public StringTable Strings { get; } = new(seed);

    public int Count { get; private set; }

    public Span<RecordRow> Rows => _rows.AsSpan(0, Count);

    /// <summary>Whether it is to be sealed.</summary>
    public bool IsFull =>
        Count >= RowsMax || Strings.Count >= TextsMax || Strings.BytesUsed >= TextBytesMax;

    /// <summary>Appends a row of zeros, to be filled in place.</summary>
    public ref RecordRow Add()
    {
        if (Count == _rows.Length)
        {
            LargeArray.Grow(ref _rows, Count);
        }
        ref RecordRow row = ref _rows[Count++];
        row = default;
        return ref row;
    }

    /// <summary>Forgets the rows from <paramref name="count"/> on.</summary>
    public void Truncate(int count) => Count = count;

    public void Clear()
    {
        Count = 0;
        Strings.Clear();
    }
}
