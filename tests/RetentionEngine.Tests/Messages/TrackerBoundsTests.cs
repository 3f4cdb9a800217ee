using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Messages;
using RetentionEngine.Records;
using Xunit;

namespace RetentionEngine.Tests.Messages;

/// <summary>What is alive stays bounded even while the time of the log stands still.</summary>
public sealed class TrackerBoundsTests
{
    private const long Now = 1_790_000_000_000_000;
    private const int Extra = 200_000;

    private readonly byte[] _block = new byte[256 + BlockReader.PaddingBytes];
    private readonly HostTable _hosts = new();
    private readonly RecordBatch _batch = new(7);
    private readonly LogEvent[] _events = new LogEvent[256];
    private readonly Tracker _tracker;
    private readonly int _host;

    public TrackerBoundsTests()
    {
        _host = _hosts.Add("mx1"u8, default);
        _tracker = new Tracker(_hosts, new LocalDomains([]), _batch, 7);
    }

    [Fact]
    public void HopsInTheQueue()
    {
        Feed(Tracker.HopsMax + Extra, (int i, ref LogEvent e) =>
        {
            e.Kind = EventKind.QueueActive;
            e.QueueId = Id(i);
            e.Count = 1;
        });
        Assert.True(_tracker.HopsAlive <= Tracker.HopsMax, $"{_tracker.HopsAlive} hops");
        Assert.True(_batch.Count >= Extra, "What was closed is written.");
        Assert.All(_batch.Rows.ToArray(), r => Assert.True(r.Flags.HasFlag(RecordFlags.MissingEnd)));
    }

    [Fact]
    public void RecipientsOfOneHop()
    {
        int count = Tracker.RecipientsMax + Extra;
        Feed(count, (int i, ref LogEvent e) =>
        {
            e.Kind = EventKind.Delivery;
            e.QueueId = Id(0);
            e.Status = RecordStatus.Deferred;
            int digits = 0;
            for (int n = i; n > 0; n /= 10)
            {
                _block[1 + ((e.LineStart % 25) * 10) + digits++] = (byte)('0' + (n % 10));
            }
            e.Recipient = new Slice(1 + ((e.LineStart % 25) * 10), digits);
        });
        Assert.InRange(_batch.Count, Tracker.RecipientsMax, count);
    }

    [Fact]
    public void OpenSessions()
    {
        "192.0.2.7"u8.CopyTo(_block.AsSpan(1));
        Feed(Tracker.SessionsMax + Extra, (int i, ref LogEvent e) =>
        {
            e.Kind = EventKind.Login;
            for (int n = i / 100, at = 0; at < 4; n /= 26, at++)
            {
                _block[10 + at] = (byte)('a' + (n % 26));
            }
            e.User = new Slice(10, 4);
            e.Ip = new Slice(1, 9);
            e.Host = _host;
            e.Protocol = AccessProtocol.Imap;
        });
        Assert.True(_tracker.SessionsOpen <= Tracker.SessionsMax, $"{_tracker.SessionsOpen} open");
        Assert.True(_batch.Count >= Extra, "What was closed is written.");
    }

    /// <summary>Each costs time at every later line of that user.</summary>
    [Fact]
    public void OpenSessionsOfOneUserOrWithOneId()
    {
        "anna"u8.CopyTo(_block.AsSpan(10));
        int count = 100_000;
        Feed(count, (int i, ref LogEvent e) =>
        {
            e.Kind = EventKind.Login;
            e.TimeUnixMicros = Now + i;
            e.User = new Slice(10, 4);
            e.Session = i % 2 == 0 ? new Slice(10, 3) : default;
            e.Protocol = i % 2 == 0 ? AccessProtocol.Imap : AccessProtocol.Pop3;
        });
        Assert.Equal(2 * Tracker.SameSessionsMax, _tracker.SessionsOpen);
        Assert.Equal(count - (2 * Tracker.SameSessionsMax), _batch.Count);
        Assert.Equal(
            Enumerable.Range(0, _batch.Count).Select(i => Now + i),
            _batch.Rows.ToArray().Select(r => r.TimeUnixMicros).Order());
    }

    [Fact]
    public void WebLoginsOfManyUsers()
    {
        "192.0.2.7"u8.CopyTo(_block.AsSpan(1));
        Feed(Tracker.WebLoginsMax + 1000, (int i, ref LogEvent e) =>
        {
            e.Kind = EventKind.WebLogin;
            int at = 12 + (e.LineStart * 9);
            for (int n = i, digit = 0; digit < 8; n /= 10, digit++)
            {
                _block[at + digit] = (byte)('0' + (n % 10));
            }
            e.User = new Slice(at, 8);
            e.Ip = new Slice(1, 9);
        });
        Assert.Equal(Tracker.WebLoginsMax, _tracker.WebLogins);
    }

    private delegate void Filler(int index, ref LogEvent e);

    private void Feed(int count, Filler fill)
    {
        for (int done = 0; done < count;)
        {
            // Few at a time, so that each has a place of its own in the block.
            int some = Math.Min(25, count - done);
            for (int i = 0; i < some; i++)
            {
                ref LogEvent e = ref _events[i];
                e = default;
                e.TimeUnixMicros = Now;
                e.Host = _host;
                e.LineStart = i;
                fill(done + i, ref e);
            }
            _tracker.Add(_events.AsSpan(0, some), _block.AsSpan(0, 256));
            done += some;
        }
        _tracker.Sweep();
    }

    private static QueueId Id(int i) => QueueId.Encode(false, 0, i % 1_000_000, 1000u + (ulong)(i / 1_000_000));
}
