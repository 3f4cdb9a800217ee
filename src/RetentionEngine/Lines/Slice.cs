namespace RetentionEngine.Lines;

/// <summary>A range of bytes of the block that is being read.</summary>
/// <remarks>
/// <c>Start == 0</c> means that the field is absent: no field can begin at offset 0, because every
/// line opens with its prefix. A present field may have length 0 (<c>from=&lt;&gt;</c>).
/// </remarks>
internal readonly record struct Slice(int Start, int Length)
{
    public bool IsPresent => Start != 0;

    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> block) => block.Slice(Start, Length);
}
