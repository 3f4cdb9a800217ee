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
    /// <param name="e">
    /// Has time, host, line and queue id, all else default; Kind and the kind's fields are set if the
    /// outcome is an event.
    /// </param>
    static abstract LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e);
}
