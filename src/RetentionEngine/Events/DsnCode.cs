namespace RetentionEngine.Events;

/// <summary>RFC 3463 status codes packed into 23 bits: class, subject, detail.</summary>
internal static class DsnCode
{
    /// <summary>Packs <c>a.b.c</c>; subject and detail hold at most 999 (RFC 3463 §2).</summary>
    public static int Pack(int @class, int subject, int detail) =>
        (@class << 20) | (subject << 10) | detail;

    public static (int Class, int Subject, int Detail) Unpack(int packed) =>
        (packed >> 20, (packed >> 10) & 1023, packed & 1023);
}
