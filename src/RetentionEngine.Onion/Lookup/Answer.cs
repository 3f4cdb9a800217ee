namespace RetentionEngine.Onion.Lookup;

/// <summary>How a lookup ends.</summary>
internal enum AnswerKind
{
    /// <summary>The text is the result for Postfix.</summary>
    Found,

    /// <summary>The map says nothing: Postfix goes its usual way.</summary>
    NotFound,

    /// <summary>Postfix defers; the text says why.</summary>
    Temporary,
}

/// <summary>The answer to one lookup.</summary>
/// <param name="Kind">How it ends.</param>
/// <param name="Text">Result or reason, printable ASCII, at most 400 bytes; never the key.</param>
internal sealed record Answer(AnswerKind Kind, string Text)
{
    public static Answer NotFound { get; } = new(AnswerKind.NotFound, "");

    public static Answer Found(string text) => new(AnswerKind.Found, text);

    public static Answer Temporary(string reason) => new(AnswerKind.Temporary, reason);

    /// <summary>For what can never work: Postfix bounces at once, and says the reason.</summary>
    public static Answer Never(string reason) => new(AnswerKind.Found, "error:5.1.2 " + reason);
}
