using LogGen.Mail;
using LogGen.Text;

namespace LogGen;

/// <summary>
/// The site in time: an endless stream of arrivals, each an actor that writes its lines at its own
/// times. The queue of events holds what is in flight; nothing else grows with the log.
/// </summary>
/// <remarks>
/// When the log is long enough it ends at once, with mails and sessions open, except that it first
/// finishes what a reader could not understand yet: a mail that a filter or local(8) has made from
/// another one, while the line that says so is still to come. These steps are scheduled as critical
/// and <see cref="OpenWindow"/> counts them.
/// </remarks>
internal sealed class Simulation : Actor
{
    // Measured on a long run; it makes the rate of bytes come out right.
    private const double BytesPerArrival = 728;
    private const double HeavyBytesPerArrival = 660;

    private const long DayMicros = 86_400_000_000;

    // Share of each hour of the day; the mean is 1.
    private static readonly double[] s_hours =
    [
        0.42, 0.36, 0.34, 0.34, 0.40, 0.52, 0.75, 1.05, 1.45, 1.62, 1.66, 1.58,
        1.42, 1.45, 1.52, 1.48, 1.38, 1.24, 1.12, 1.02, 0.92, 0.80, 0.66, 0.50,
    ];

    private readonly EventQueue _events = new();
    private readonly double _gapMicros;
    private int _windowsOpen;

    public Simulation(Options options, LogOutput log, Truth truth)
    {
        Options = options;
        Log = log;
        Truth = truth;
        Rng = new Rng(options.Seed);
        Nodes = Topology.Build(options.Hosts, Rng);
        Mails = new MailFactory(Rng, options);
        _gapMicros = (options.IsPostscreenHeavy ? HeavyBytesPerArrival : BytesPerArrival)
            / options.RateBytesPerDay * DayMicros;
    }

    public Options Options { get; }

    public LogOutput Log { get; }

    public Truth Truth { get; }

    public Rng Rng { get; }

    public Node[] Nodes { get; }

    public MailFactory Mails { get; }

    public ItemSet<Hop> HopsAlive { get; } = new(h => h.AliveIndex, (h, i) => h.AliveIndex = i);

    public ItemSet<AccessSession> SessionsOpen { get; } =
        new(s => s.OpenIndex, (s, i) => s.OpenIndex = i);

    public HashSet<long> OpenKeys { get; } = [];

    public void At(long timeMicros, Actor actor, int step, bool isCritical = false) =>
        _events.Add(timeMicros, actor, step, isCritical);

    public void OpenWindow() => _windowsOpen++;

    public void CloseWindow() => _windowsOpen--;

    public void Run()
    {
        long now = Options.Start.ToUnixTimeMilliseconds() * 1000;
        At(now, this, 0);
        while (!Log.IsFull || _windowsOpen > 0)
        {
            Event next = _events.TakeFirst();
            if (next.IsCritical || !Log.IsFull)
            {
                now = next.TimeMicros;
                next.Actor.Step(this, now, next.Step);
            }
        }
        WriteInFlight();
    }

    /// <summary>The next arrival.</summary>
    public override void Step(Simulation sim, long now, int step)
    {
        double load = s_hours[Log.Stamps.LocalTime(now).Hour];
        At(now + 1 + (long)(Rng.Exponential(_gapMicros) / load), this, 0);
        if (Options.IsPostscreenHeavy)
        {
            ArriveHeavy(now);
        }
        else
        {
            Arrive(now);
        }
    }

    // The same for a host at which nearly everybody is turned away.
    private void ArriveHeavy(long now)
    {
        Node node = Nodes[Rng.Below(Nodes.Length)];
        switch (Rng.Below(1000))
        {
            case < 18:
                Connect(now, node, Business.Inbound);
                break;
            case < 21:
                Connect(now, node, Business.Submission);
                break;
            case < 37:
                AccessSession.Start(this, now);
                break;
            case < 60:
                Noise.WriteFailedLogin(this, now);
                break;
            case < 180:
                Connect(now, node, Business.Nothing);
                break;
            case < 300:
                Noise.Write(this, now, node);
                break;
            default:
                new PostscreenScan(node, Rng).Step(this, now, 0);
                break;
        }
    }

    // Weights in a thousand; chosen so that the mix of lines is that of a busy site.
    private void Arrive(long now)
    {
        Node node = Nodes[Rng.Below(Nodes.Length)];
        switch (Rng.Below(1000))
        {
            case < 180:
                Connect(now, node, Business.Inbound);
                break;
            case < 240:
                Connect(now, node, Business.Submission);
                break;
            case < 246:
                Connect(now, node, Business.Lan);
                break;
            case < 348:
                Connect(now, node, Business.Refused);
                break;
            case < 480:
                Connect(now, node, Business.Nothing);
                break;
            case < 492:
                LocalSubmission.Start(this, now, node);
                break;
            case < 760:
                AccessSession.Start(this, now);
                break;
            case < 795:
                Noise.WriteFailedLogin(this, now);
                break;
            case < 835:
                new PostscreenVisit(Nodes[Rng.Below(2) % Nodes.Length], Rng).Step(this, now, 0);
                break;
            default:
                Noise.Write(this, now, node);
                break;
        }
    }

    private void Connect(long now, Node node, Business business) =>
        Connection.Open(this, node, business).Step(this, now, Connection.Connect);

    private void WriteInFlight()
    {
        foreach (Hop hop in HopsAlive)
        {
            hop.WriteInFlight(Truth);
        }
        foreach (AccessSession session in SessionsOpen)
        {
            session.WriteInFlight(Truth);
        }
    }
}

/// <summary>
/// Items that know their own place: added and removed in constant time, order is repeatable.
/// </summary>
internal sealed class ItemSet<T>(Func<T, int> place, Action<T, int> setPlace)
{
    private readonly List<T> _items = [];

    public int Count => _items.Count;

    public void Add(T item)
    {
        setPlace(item, _items.Count);
        _items.Add(item);
    }

    public void Remove(T item)
    {
        int hole = place(item);
        T last = _items[^1];
        _items[hole] = last;
        setPlace(last, hole);
        _items.RemoveAt(_items.Count - 1);
        setPlace(item, -1);
    }

    public List<T>.Enumerator GetEnumerator() => _items.GetEnumerator();
}
