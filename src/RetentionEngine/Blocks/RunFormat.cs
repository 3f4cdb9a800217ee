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

    /// <summary>Header flag: the header goes on in blocks 1 and up, whose count follows.</summary>
    public const int LongHeaderFlag = 2;

    /// <summary>Bytes of a header block: texts and tuples chosen to that end can make more.</summary>
    public const int HeaderBlockMax = 1 << 17;

    /// <summary>Group flag: some rows continue the message of the row before.</summary>
    public const int SharedMessagesFlag = 1;

    /// <summary>A queue id this close to its record's time is not indexed: time finds it.</summary>
    public const long NearMicros = 60_000_000;

    /// <summary>SASL column: the own mailbox, the other one; other texts are their id plus 2.</summary>
    public const int SaslIsOwn = 2;
    public const int SaslIsOther = 3;
    public const int SaslTextOffset = 2;

    /// <summary>Code of the unit of a second.</summary>
    public const int WholeSeconds = 2;

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
    QueueIdMicros,
    QueueIdInode,
    Sasl,
    Size,
    Address,
    ViaForm,
    ViaMicros,
    ViaInode,
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

/// <summary>How the earlier queue ids of a mail are kept. Values are part of the format.</summary>
internal enum ViaForm
{
    None = 0,

    /// <summary>One id, taken apart like the mail's own.</summary>
    Long = 1,
    Short = 2,

    /// <summary>Several, or something else: a text, whose id stands in the column of microseconds.</summary>
    Text = 3,
}
