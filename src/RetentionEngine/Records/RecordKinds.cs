namespace RetentionEngine;

internal static class RecordKinds
{
    /// <summary>The class that decides the period of a kind.</summary>
    public static RecordClass Class(this RecordKind kind) => kind switch
    {
        RecordKind.Received => RecordClass.Received,
        RecordKind.Access => RecordClass.Access,
        RecordKind.Rejected => RecordClass.Rejected,
        _ => RecordClass.Sent,
    };
}
