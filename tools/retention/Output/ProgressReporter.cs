using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace RetentionEngine.Tool.Output;

/// <summary>Tells on standard error how far a long command is.</summary>
internal sealed class ProgressReporter : IDisposable
{
    private const int UserSignalLinux = 10;
    private const int UserSignalOther = 30;
    private const long BarMilliseconds = 100;
    private const long JsonMilliseconds = 1000;
    private const long LineMilliseconds = 10_000;
    private const int BarWidth = 24;

    private readonly Lock _lock = new();
    private readonly string _mode;
    private readonly TimeProvider _clock;
    private readonly long _started;
    private readonly PosixSignalRegistration? _registration;
    private long _lastTold;
    private bool _isBarShown;
    private State _state;

    /// <summary>Starts counting time.</summary>
    /// <param name="mode">auto, plain, json or none.</param>
    /// <param name="context">Tells whether to be quiet.</param>
    public ProgressReporter(string mode, ToolContext context)
    {
        _clock = context.Clock;
        _started = _clock.GetTimestamp();
        _mode = mode switch
        {
            _ when context.IsQuiet => "none",
            "auto" when context.IsJson => "none",
            "auto" when Console.IsErrorRedirected => "plain",
            "auto" when Environment.GetEnvironmentVariable("TERM") is null or "dumb" => "plain",
            "auto" => "bar",
            _ => mode,
        };
        if (!OperatingSystem.IsWindows())
        {
            int signal = OperatingSystem.IsLinux() ? UserSignalLinux : UserSignalOther;
            _registration = PosixSignalRegistration.Create((PosixSignal)signal, signalContext =>
            {
                signalContext.Cancel = true;
                TellNow();
            });
        }
    }

    private record struct State(string What, long Done, long Total, long Lines, long Records);

    /// <summary>Takes a new state and shows it when it is time to.</summary>
    /// <param name="what">What is being read.</param>
    /// <param name="done">Bytes done.</param>
    /// <param name="total">Bytes in all; -1 when not known.</param>
    /// <param name="lines">Lines read; -1 when lines do not matter.</param>
    /// <param name="records">Records written.</param>
    public void Update(string what, long done, long total, long lines, long records)
    {
        lock (_lock)
        {
            _state = new State(what, total > 0 ? Math.Min(done, total) : done, total, lines, records);
            long elapsed = (long)_clock.GetElapsedTime(_started).TotalMilliseconds;
            long interval = _mode switch
            {
                "bar" => BarMilliseconds,
                "json" => JsonMilliseconds,
                "plain" => LineMilliseconds,
                _ => long.MaxValue,
            };
            if (elapsed - _lastTold < interval)
            {
                return;
            }
            _lastTold = elapsed;
            Tell();
        }
    }

    /// <summary>Removes the bar.</summary>
    public void Dispose()
    {
        _registration?.Dispose();
        lock (_lock)
        {
            ClearBar();
        }
    }

    private void TellNow()
    {
        lock (_lock)
        {
            ClearBar();
            Console.Error.WriteLine(Line());
        }
    }

    private void Tell()
    {
        switch (_mode)
        {
            case "bar":
                string line = Bar();
                int width = SafeWidth();
                Console.Error.Write("\r" + (line.Length < width ? line : line[..(width - 1)]) + "\e[K");
                _isBarShown = true;
                break;
            case "json":
                Console.Error.Write(Encoding.UTF8.GetString(JsonLine.Make("progress", json =>
                {
                    json.WriteString("source", _state.What);
                    json.WriteNumber("bytesDone", _state.Done);
                    json.WriteNumber("bytesTotal", _state.Total);
                    json.WriteNumber("lines", Math.Max(0, _state.Lines));
                    json.WriteNumber("records", _state.Records);
                    json.WriteNumber("seconds", _clock.GetElapsedTime(_started).TotalSeconds);
                })));
                break;
            default:
                Console.Error.WriteLine(Line());
                break;
        }
    }

    // A terminal that does not tell its size has a width of 0.
    private static int SafeWidth()
    {
        const int Usual = 80;
        const int Least = 20;
        try
        {
            int width = Console.WindowWidth;
            return width > 0 ? Math.Max(width, Least) : Usual;
        }
        catch (IOException)
        {
            return Usual;
        }
    }

    private void ClearBar()
    {
        if (_isBarShown)
        {
            Console.Error.Write("\r\e[K");
            _isBarShown = false;
        }
    }

    private string Bar()
    {
        if (_state.Total <= 0)
        {
            return Line();
        }
        int filled = (int)(BarWidth * _state.Done / _state.Total);
        return $"[{new string('#', filled)}{new string('.', BarWidth - filled)}] {Line()}";
    }

    private string Line()
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        double seconds = Math.Max(0.001, _clock.GetElapsedTime(_started).TotalSeconds);
        if (_state.Total > 0)
        {
            text.Append(plain, $"{100 * _state.Done / _state.Total} % of {Times.ToSize(_state.Total)}");
        }
        else
        {
            text.Append(Times.ToSize(_state.Done));
        }
        text.Append(plain, $", {Times.ToSize(_state.Done / seconds)}/s");
        if (_state.Lines >= 0)
        {
            text.Append(plain, $", {Times.ToCount(_state.Lines)} lines");
            text.Append(plain, $" ({Times.ToCount((long)(_state.Lines / seconds))}/s)");
            text.Append(plain, $", {Times.ToCount(_state.Records)} records");
        }
        if (_state.Total > 0 && _state.Done > 0)
        {
            double left = seconds * (_state.Total - _state.Done) / _state.Done;
            text.Append(plain, $", {Times.ToText(TimeSpan.FromSeconds(left))} left");
        }
        text.Append(plain, $"  {SafeText.Of(_state.What)}");
        return text.ToString();
    }
}
