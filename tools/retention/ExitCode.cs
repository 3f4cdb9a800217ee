namespace RetentionEngine.Tool;

/// <summary>Exit codes: those of sysexits.h, which mail administrators know, and a few below.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>A query matched nothing, or a verification found damage.</summary>
    public const int NothingFound = 1;

    /// <summary>An import is finished, but some of its input could not be read.</summary>
    public const int Partial = 3;

    public const int Usage = 64;
    public const int BadData = 65;
    public const int NoInput = 66;
    public const int Bug = 70;
    public const int CannotCreate = 73;
    public const int InputOutput = 74;
    public const int Retry = 75;
    public const int NotAllowed = 77;
    public const int Configuration = 78;
    public const int Interrupted = 130;
    public const int Terminated = 143;

    /// <summary>The exit code of an error of the library.</summary>
    public static int Of(RetentionError error) => error switch
    {
        RetentionError.StoreNotFound => NoInput,
        RetentionError.StoreExists => CannotCreate,
        RetentionError.StoreLocked => Retry,
        RetentionError.StoreVersion => BadData,
        RetentionError.StoreDamaged => BadData,
        RetentionError.Key => NotAllowed,
        RetentionError.DiskFull => InputOutput,
        RetentionError.InputOutput => InputOutput,
        RetentionError.Policy => Configuration,
        RetentionError.SourceUnreadable => NoInput,
        RetentionError.SourceDamaged => BadData,
        _ => Bug,
    };
}

/// <summary>A command line that parses but makes no sense; exit code 64.</summary>
internal sealed class UsageException(string message) : Exception(message);
