namespace RetentionEngine.Fuzz;

/// <summary>What is run again and again, each time with other bytes.</summary>
internal interface ITarget
{
    /// <summary>One word, as it is given on the command line.</summary>
    string Name { get; }

    /// <summary>Runs once.</summary>
    /// <param name="input">Whatever bytes.</param>
    /// <returns>Null when all is well, else what is not. An exception is not well either.</returns>
    string? Run(ReadOnlySpan<byte> input);
}
