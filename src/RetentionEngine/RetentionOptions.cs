namespace RetentionEngine;

/// <summary>What a store needs from the program that opens it.</summary>
public sealed record RetentionOptions
{
    /// <summary>File that holds the master key; null = beside the store, named after it.</summary>
    public string? MasterKeyPath { get; init; }

    /// <summary>Opens the blocks: directory, and whether only to read.</summary>
    public required Func<string, bool, BlockStore> OpenBlocks { get; init; }

    /// <summary>The clock that decides what is expired.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
