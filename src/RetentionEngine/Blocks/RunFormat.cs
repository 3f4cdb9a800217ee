namespace RetentionEngine.Blocks;

/// <summary>What writer and reader of a run must agree on. See docs/FORMAT.md.</summary>
internal static class RunFormat
{
    public const byte Version = 1;

    /// <summary>Rows of a group: the unit that is fetched, decrypted and searched.</summary>
    public const int GroupRows = 1024;

    /// <summary>A run holds at most this many rows: a batch is never larger.</summary>
    public const int RowsMax = 1 << 24;

    /// <summary>Header flag: all parts follow within the header block.</summary>
    public const int InlineFlag = 1;

    /// <summary>Group flag: some rows continue the message of the row before.</summary>
    public const int SharedMessagesFlag = 1;

    /// <summary>A queue id this close to its record's time is not indexed: time finds it.</summary>
    public const long NearMicros = 60_000_000;

    /// <summary>Codes of the units that times and delays of a group are multiples of.</summary>
    public static long ScaleOf(int code) => code switch
    {
        0 => 1,
        1 => 1_000,
        _ => 1_000_000,
    };

    /// <summary>The coarsest code whose unit divides all values.</summary>
    public static int ScaleCode(ReadOnlySpan<long> values)
    {
        int code = 2;
        foreach (long value in values)
        {
            while (code > 0 && value % ScaleOf(code) != 0)
            {
                code--;
            }
            if (code == 0)
            {
                break;
            }
        }
        return code;
    }
}

/// <summary>Columns with one value for each message of a group, in the order they are stored.</summary>
internal enum MessageColumn
{
    Time,
    MessageId,
    QueueIdForm,
    QueueIdMicros,
    QueueIdInode,
    Sasl,
    Size,
    Address,
    Via,
    Count,
}

/// <summary>Columns with one value for each row of a group, in the order they are stored.</summary>
internal enum RowColumn
{
    Other,
    Tuple,
    FinalDelay,
    OrigTo,
    Relay,
    Retries,
    Count,
}
