using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>What reads journals and named pipes: one task for each.</summary>
internal sealed class SourceReaders(SpoolGate spool, Status status, TimeProvider clock, Log log)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly Dictionary<
        (SourceKind Kind, string Key), (CancellationTokenSource Stop, Task Task)> _running = [];

    /// <summary>Begins what is new in the configuration and ends what is gone from it.</summary>
    public void Apply(Settings settings)
    {
        var wanted = new Dictionary<(SourceKind Kind, string Key), Func<CancellationToken, Task>>();
        foreach (string path in settings.Fifos)
        {
            var reader = new FifoReader(
                path, spool, status.Source(SourceKind.Fifo, path), clock, log);
            wanted.Add((SourceKind.Fifo, path), reader.RunAsync);
        }
        foreach (JournalSettings journal in settings.Journals)
        {
            var reader = new JournalReader(
                journal, spool, status.Source(SourceKind.Journal, journal.Name), clock, log);
            string key = string.Join('\n', [journal.Name, .. journal.Arguments()]);
            wanted.Add((SourceKind.Journal, key), reader.RunAsync);
        }
        foreach (var gone in _running.Keys.Where(key => !wanted.ContainsKey(key)).ToArray())
        {
            _running.Remove(gone, out var reader);
            reader.Stop.Cancel();
        }
        foreach ((var key, Func<CancellationToken, Task> run) in wanted)
        {
            if (!_running.ContainsKey(key))
            {
                var stop = new CancellationTokenSource();
                _running.Add(key, (stop, Task.Run(() => run(stop.Token))));
            }
        }
    }

    public async Task StopAsync()
    {
        foreach ((CancellationTokenSource stop, Task task) in _running.Values)
        {
            await stop.CancelAsync();
            // A read of a pipe into which nobody writes ends with the process only.
            await Task.WhenAny(task, Task.Delay(s_patience));
        }
        _running.Clear();
    }
}
