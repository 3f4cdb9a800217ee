using System.Runtime.InteropServices;

namespace RetentionEngine.Tool;

/// <summary>Turns SIGINT and SIGTERM into a cancellation; a second one ends the process at once.</summary>
internal sealed class SignalScope : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _exitCode;

    public SignalScope()
    {
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel));
    }

    public CancellationToken Token => _source.Token;

    /// <summary>130 or 143 when a signal came, else 0.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }
        _source.Dispose();
    }

    private void Cancel(PosixSignalContext context)
    {
        if (ExitCode != 0)
        {
            return;
        }
        context.Cancel = true;
        Volatile.Write(ref _exitCode, context.Signal == PosixSignal.SIGINT
            ? Tool.ExitCode.Interrupted
            : Tool.ExitCode.Terminated);
        _source.Cancel();
    }
}
