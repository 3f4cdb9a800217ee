namespace RetentionEngine.Events.Formats;

/// <summary>The messages of one family of programs. Calls are direct: no instances.</summary>
internal interface ILogFormat<TSelf>
    where TSelf : ILogFormat<TSelf>
{
    /// <summary>Whether these programs write under this tag. Called once for each new tag.</summary>
    static abstract bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info);

    /// <summary>Reads one message.</summary>
    /// <param name="block">First byte of the block, with padding behind its end.</param>
    /// <param name="frame">Where the message lies.</param>
    /// <param name="e">Is set as a whole if the outcome is an event, but for time, host and line.</param>
    static abstract LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e);
}
