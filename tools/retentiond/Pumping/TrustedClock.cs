using System.Runtime.InteropServices;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>The clock that decides what is expired: never ahead of what can be trusted.</summary>
/// <remarks>
/// A record that is hidden too late by an hour is a small matter; a key that is destroyed too early
/// can't be brought back. So the clock of the machine is taken when the kernel says that it is
/// synchronised, or when it goes no faster than time passes. Where it is ahead (at a start, after a
/// step, after a suspend), this clock goes on from the last time it trusted, at the pace of the
/// monotonic clock, until the machine's clock has been steady for <see cref="Settle"/>. A clock
/// that is behind is taken at once: it only makes things later.
/// </remarks>
/// <param name="wall">The machine's clock, and its monotonic one.</param>
/// <param name="isSynchronised">Whether the machine's clock is known to be right.</param>
internal sealed class TrustedClock(TimeProvider wall, Func<bool> isSynchronised) : TimeProvider
{
    /// <summary>How far the clock may run ahead of the monotonic one between two looks.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(2);

    /// <summary>How long a clock must be steady that nobody vouches for.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private DateTimeOffset _trusted;
    private DateTimeOffset _seen;
    private long _at;
    private long _steadySince;
    private bool _isBegun;

    /// <summary>By how much the machine's clock is ahead of what is trusted.</summary>
    public TimeSpan Ahead
    {
        get
        {
            DateTimeOffset trusted = GetUtcNow();
            DateTimeOffset now = wall.GetUtcNow();
            return now > trusted ? now - trusted : TimeSpan.Zero;
        }
    }

    /// <summary>Says what time it was at the latest when the store was written to.</summary>
    /// <param name="known">Null = the store is new: there is nothing to lose.</param>
    public void Begin(DateTimeOffset? known)
    {
        lock (_gate)
        {
            DateTimeOffset now = wall.GetUtcNow();
            _trusted = known < now ? known.Value : now;
            (_seen, _at, _isBegun) = (now, wall.GetTimestamp(), true);
            _steadySince = _at;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            if (!_isBegun)
            {
                // Before anything is known, nothing is old.
                return DateTimeOffset.UnixEpoch;
            }
            DateTimeOffset now = wall.GetUtcNow();
            long at = wall.GetTimestamp();
            TimeSpan passed = wall.GetElapsedTime(_at, at);
            TimeSpan step = now - _seen - passed;
            if (step.Duration() > Tolerance)
            {
                _steadySince = at;
            }
            _trusted += passed;
            (_seen, _at) = (now, at);
            if (now <= _trusted + Tolerance || wall.GetElapsedTime(_steadySince, at) >= Settle
                || isSynchronised())
            {
                _trusted = now;
            }
            return _trusted;
        }
    }

    public override long GetTimestamp() => wall.GetTimestamp();

    public override long TimestampFrequency => wall.TimestampFrequency;

    public override TimeZoneInfo LocalTimeZone => wall.LocalTimeZone;

    public override ITimer CreateTimer(
        TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        wall.CreateTimer(callback, state, dueTime, period);
}

/// <summary>Asks the kernel whether its clock is kept by somebody (adjtimex(2)).</summary>
internal static partial class KernelClock
{
    private const int TimeError = 5;

    public static bool IsSynchronised()
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }
        // All zero: nothing is set. Room enough for struct timex on every platform.
        Span<byte> timex = stackalloc byte[512];
        timex.Clear();
        return AdjTimeX(timex) is >= 0 and < TimeError;
    }

    [LibraryImport("libc", EntryPoint = "adjtimex", SetLastError = true)]
    private static partial int AdjTimeX(Span<byte> timex);
}
