namespace RetentionEngine.Blocks;

/// <summary>The parts of a run under construction, in order, before they become blocks.</summary>
internal sealed class RunSections
{
    /// <summary>A run whose parts together are no larger is one block: a block costs some 60 bytes.</summary>
    public const int InlineMax = 8192;

    private (BlockKind Kind, int Number, int Start, int Length)[] _parts =
        new (BlockKind, int, int, int)[16];

    private int _start;

    public ByteSink Sink { get; } = new();

    public int Count { get; private set; }

    public bool IsInline => Sink.Length <= InlineMax;

    public void Clear()
    {
        Sink.Clear();
        Count = 0;
        _start = 0;
    }

    /// <summary>Ends the part that began behind the last one.</summary>
    public void End(BlockKind kind, int number)
    {
        if (Count == _parts.Length)
        {
            Array.Resize(ref _parts, _parts.Length * 2);
        }
        _parts[Count++] = (kind, number, _start, Sink.Length - _start);
        _start = Sink.Length;
    }

    public ReadOnlySpan<byte> Part(int index, out BlockKind kind, out int number)
    {
        (kind, number, int start, int length) = _parts[index];
        return Sink.Written.Slice(start, length);
    }
}
