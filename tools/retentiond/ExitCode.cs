namespace RetentionEngine.Daemon;

/// <summary>Exit codes: those of sysexits.h.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Usage = 64;
    public const int BadData = 65;
    public const int NoInput = 66;
    public const int Bug = 70;
    public const int CannotCreate = 73;
    public const int InputOutput = 74;
    public const int Retry = 75;
    public const int NotAllowed = 77;
    public const int Configuration = 78;

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
