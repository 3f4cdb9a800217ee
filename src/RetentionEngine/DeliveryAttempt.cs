namespace RetentionEngine;

/// <summary>An attempt before the last one.</summary>
/// <param name="Time">When, with the zone offset in force at the source.</param>
/// <param name="Status">Its outcome.</param>
/// <param name="Dsn">Enhanced status code, null when the log has none.</param>
/// <param name="Relay">Next hop as logged.</param>
public sealed record DeliveryAttempt(
    DateTimeOffset Time, RecordStatus Status, string? Dsn, string? Relay);
