namespace RetentionEngine.Onion.Lookup;

/// <summary>How long a connection may still be kept waiting for DNS.</summary>
/// <remarks>
/// The queue manager asks one question at a time and moves no mail while it waits. So waiting is
/// rationed by connection and not only by question: at most 0.8 s at once, and a tenth of the time
/// in the long run. Many domains of slow servers then cannot stop the mail of all others.
/// </remarks>
internal sealed class WaitCredit(TimeProvider time)
{
    public static readonly TimeSpan Most = TimeSpan.FromMilliseconds(800);
    private const double Refill = 0.1;

    private TimeSpan _left = Most;
    private long _since = time.GetTimestamp();

    /// <summary>What may be waited now.</summary>
    public TimeSpan Left
    {
        get
        {
            long now = time.GetTimestamp();
            _left += time.GetElapsedTime(_since, now) * Refill;
            _left = _left > Most ? Most : _left;
            _since = now;
            return _left > TimeSpan.Zero ? _left : TimeSpan.Zero;
        }
    }

    public void Spend(TimeSpan waited) => _left -= waited;
}
