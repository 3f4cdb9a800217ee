namespace RetentionEngine.Tests.Acceptance;

/// <summary>A clock that stands where it is put.</summary>
internal sealed class FakeTime(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
