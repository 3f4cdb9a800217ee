namespace LogGen;

/// <summary>Something that acts at times it has asked for.</summary>
internal abstract class Actor
{
    /// <summary>Writes what happens now and asks for the next step.</summary>
    public abstract void Step(Simulation sim, long now, int step);
}

internal readonly record struct Event(long TimeMicros, long Sequence, Actor Actor, int Step,
    bool IsCritical);

/// <summary>A four-way heap by (time, order of asking): equal times keep their order.</summary>
internal sealed class EventQueue
{
    private Event[] _heap = new Event[4096];
    private long _sequence;

    public int Count { get; private set; }

    public void Add(long timeMicros, Actor actor, int step, bool isCritical)
    {
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }
        var added = new Event(timeMicros, _sequence++, actor, step, isCritical);
        int slot = Count++;
        while (slot > 0)
        {
            int parent = (slot - 1) / 4;
            if (!IsBefore(added, _heap[parent]))
            {
                break;
            }
            _heap[slot] = _heap[parent];
            slot = parent;
        }
        _heap[slot] = added;
    }

    public Event TakeFirst()
    {
        Event first = _heap[0];
        Event last = _heap[--Count];
        _heap[Count] = default;
        if (Count > 0)
        {
            SiftDown(last);
        }
        return first;
    }

    private void SiftDown(Event moved)
    {
        int slot = 0;
        while (true)
        {
            int child = slot * 4 + 1;
            if (child >= Count)
            {
                break;
            }
            int best = child;
            int end = Math.Min(child + 4, Count);
            for (int i = child + 1; i < end; i++)
            {
                if (IsBefore(_heap[i], _heap[best]))
                {
                    best = i;
                }
            }
            if (!IsBefore(_heap[best], moved))
            {
                break;
            }
            _heap[slot] = _heap[best];
            slot = best;
        }
        _heap[slot] = moved;
    }

    private static bool IsBefore(in Event left, in Event right) =>
        left.TimeMicros < right.TimeMicros
        || (left.TimeMicros == right.TimeMicros && left.Sequence < right.Sequence);
}
