namespace RetentionEngine.Daemon.Pumping;

/// <summary>The way into the spool, which is closed while the store is opened anew.</summary>
internal sealed class SpoolGate
{
    private volatile TaskCompletionSource<FasterSpool> _spool = New();

    /// <summary>Rung when lines have become durable.</summary>
    public required Action Appended { get; init; }

    public void Open(FasterSpool spool) => _spool.SetResult(spool);

    public void Close() => _spool = New();

    /// <summary>Makes lines durable, however often the store must be opened for that.</summary>
    /// <exception cref="RetentionException">The device failed; give them once more.</exception>
    public async ValueTask AppendAsync(
        ReadOnlyMemory<byte> lines, SpoolCursor cursor, CancellationToken cancel)
    {
        while (true)
        {
            FasterSpool spool = await _spool.Task.WaitAsync(cancel);
            try
            {
                await spool.AppendAsync(lines, cursor, cancel);
                Appended();
                return;
            }
            catch (ObjectDisposedException)
            {
                // It was closed before it took anything; there will be another.
                await Task.Yield();
            }
        }
    }

    public async ValueTask<string?> CursorOfAsync(string source, CancellationToken cancel) =>
        (await _spool.Task.WaitAsync(cancel)).CursorOf(source);

    private static TaskCompletionSource<FasterSpool> New() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}
