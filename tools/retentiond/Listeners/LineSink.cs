using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>Where listeners bring their lines; holds them while the disk is full.</summary>
/// <param name="append">Completes when the lines are durable.</param>
/// <param name="clock">Times the tries.</param>
/// <param name="log">Told once a minute that the disk is full.</param>
internal sealed class LineSink(
    Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> append, TimeProvider clock, Log log)
{
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_logInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long _told;
    private bool _hasTold;

    /// <summary>Makes a batch durable, however long that takes.</summary>
    /// <exception cref="RetentionException">Anything but a full disk.</exception>
    /// <exception cref="OperationCanceledException">Given up.</exception>
    public async ValueTask WriteAsync(
        LineBatch batch, ListenerStatus status, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await append(batch.Memory, cancel);
                status.Took(batch.Count, batch.Memory.Length);
                batch.Clear();
                return;
            }
            catch (RetentionException e) when (e.Error == RetentionError.DiskFull)
            {
                Tell();
            }
            await Task.Delay(s_retryInterval, clock, cancel);
        }
    }

    private void Tell()
    {
        lock (_lock)
        {
            if (_hasTold && clock.GetElapsedTime(_told) < s_logInterval)
            {
                return;
            }
            _hasTold = true;
            _told = clock.GetTimestamp();
        }
        log.Error("disk full: listeners hold what they have and take nothing more");
    }
}
