namespace RetentionEngine;

/// <summary>What went wrong, coarsely: enough to choose an exit code or a retry.</summary>
public enum RetentionError
{
    /// <summary>There is no store at the path.</summary>
    StoreNotFound,

    /// <summary>There is already something at the path.</summary>
    StoreExists,

    /// <summary>Another process writes to the store.</summary>
    StoreLocked,

    /// <summary>The store was written by another version of the format.</summary>
    StoreVersion,

    /// <summary>A file of the store does not hold what it must.</summary>
    StoreDamaged,

    /// <summary>The master key is missing, or not this store's.</summary>
    Key,

    /// <summary>No room left on the device.</summary>
    DiskFull,

    /// <summary>Reading or writing failed.</summary>
    InputOutput,

    /// <summary>A policy that is not allowed, such as more than 7 days without a basis.</summary>
    Policy,

    /// <summary>A source can't be opened or read.</summary>
    SourceUnreadable,

    /// <summary>A compressed source is truncated or damaged.</summary>
    SourceDamaged,
}

/// <summary>Damaged data or environment: one sentence that says what, where and what to do.</summary>
/// <remarks>The message never holds a log line, an address or a key.</remarks>
public sealed class RetentionException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="message">One sentence for the person who runs the program.</param>
    /// <param name="path">File or directory concerned, if any.</param>
    /// <param name="offsetBytes">Position in that file; -1 when there is none.</param>
    /// <param name="inner">The cause, if any.</param>
    public RetentionException(
        RetentionError error,
        string message,
        string? path = null,
        long offsetBytes = -1,
        Exception? inner = null)
        : base(message, inner)
    {
        Error = error;
        Path = path;
        OffsetBytes = offsetBytes;
    }

    /// <summary>What went wrong.</summary>
    public RetentionError Error { get; }

    /// <summary>File or directory concerned, if any.</summary>
    public string? Path { get; }

    /// <summary>Position in the file in bytes; -1 when there is none.</summary>
    public long OffsetBytes { get; }
}
