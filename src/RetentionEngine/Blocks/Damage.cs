using System.Diagnostics.CodeAnalysis;

namespace RetentionEngine.Blocks;

internal static class Damage
{
    [DoesNotReturn]
    public static void Throw() => throw new RetentionException(
        RetentionError.StoreDamaged,
        "A block of the store does not hold what it must: it is damaged.");

    [DoesNotReturn]
    public static void ThrowVersion() => throw new RetentionException(
        RetentionError.StoreVersion,
        "A block was written by a newer version of the format: use that version to read it.");
}
