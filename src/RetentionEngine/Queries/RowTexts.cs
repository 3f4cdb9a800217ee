using RetentionEngine.Blocks;
using RetentionEngine.Records;

namespace RetentionEngine.Queries;

/// <summary>The texts that the ids of a row stand for: those of a run, or of a batch.</summary>
internal interface IRowTexts
{
    /// <summary>What the ids belong to; equal ids of one owner are equal texts.</summary>
    object Owner { get; }

    /// <summary>Copies a text into at least StringTable.LengthMax bytes; returns its length.</summary>
    int Read(uint id, Span<byte> target);

    /// <summary>Whether a text is one that a pattern means; ids below 2 never are.</summary>
    bool IsMatch(uint id, AddressPattern pattern, in TextRange range);
}

/// <summary>The ids of a run that a pattern means.</summary>
internal readonly record struct TextRange(uint From, uint To)
{
    public bool IsEmpty => From >= To;

    public bool Contains(long id) => id >= From && id < To;
}

/// <summary>Texts of rows that are still in memory: each is compared by its key.</summary>
internal readonly struct BatchTexts(StringTable strings) : IRowTexts
{
    public object Owner => strings;

    public int Read(uint id, Span<byte> target)
    {
        ReadOnlySpan<byte> text = strings[id];
        text.CopyTo(target);
        return text.Length;
    }

    public bool IsMatch(uint id, AddressPattern pattern, in TextRange range) =>
        id > 1 && pattern.Matches(strings[id]);
}

/// <summary>Texts of a run: equal keys are neighbours, so a comparison of numbers is enough.</summary>
internal readonly struct RunTextsOf(RunReader reader) : IRowTexts
{
    public object Owner => reader;

    public int Read(uint id, Span<byte> target) => reader.ReadText(id, target);

    public bool IsMatch(uint id, AddressPattern pattern, in TextRange range) => range.Contains(id);
}
