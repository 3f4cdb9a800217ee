using System.Runtime.InteropServices;

namespace RetentionEngine.Events;

/// <summary>A Postfix queue id in 128 bits; equality of values is equality of ids.</summary>
/// <remarks>
/// Ids of at most 18 characters are packed with seven bits a character, first character lowest;
/// longer ones numerically (time, microseconds, inode) with the top bit of <c>Hi</c> set. Both can
/// be turned back into the text. The default value is no id.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct QueueId(ulong Lo, ulong Hi)
{
    public bool IsNone => (Lo | Hi) == 0;
}
