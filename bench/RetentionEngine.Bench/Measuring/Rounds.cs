using System.Diagnostics;

namespace RetentionEngine.Bench.Measuring;

/// <summary>What one action took, at its best and in the middle of all rounds.</summary>
/// <param name="CpuMs">Lowest CPU time of a round: the calling thread's, or the process's.</param>
/// <param name="WallMs">Lowest wall time of a round.</param>
/// <param name="MedianWallMs">Wall time of the median round.</param>
internal sealed record Timing(double CpuMs, double WallMs, double MedianWallMs);

/// <summary>Runs several actions in turn, so that a busy neighbour disturbs all of them alike.</summary>
internal sealed class Rounds
{
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<string, Entry> _byName = new(StringComparer.Ordinal);

    /// <summary>Adds an action whose work happens on the calling thread.</summary>
    public void Add(string name, Action action) =>
        Add(new Entry(name, action, Posix.ThreadCpuMs));

    /// <summary>Adds an action that starts a process and waits for its end.</summary>
    public void AddProcess(string name, Action action) =>
        Add(new Entry(name, action, Posix.ChildrenCpuMs));

    /// <summary>Runs every action <paramref name="warm"/> times unmeasured, then in rounds.</summary>
    public void Run(int rounds, int warm)
    {
        for (int i = -warm; i < rounds; i++)
        {
            foreach (Entry entry in _entries)
            {
                long wall = Stopwatch.GetTimestamp();
                double cpu = entry.Clock();
                entry.Action();
                cpu = entry.Clock() - cpu;
                if (i >= 0)
                {
                    entry.Cpu.Add(cpu);
                    entry.Wall.Add(Stopwatch.GetElapsedTime(wall).TotalMilliseconds);
                }
            }
        }
    }

    public bool Has(string name) => _byName.ContainsKey(name);

    public Timing this[string name]
    {
        get
        {
            Entry entry = _byName[name];
            return new Timing(entry.Cpu.Min(), entry.Wall.Min(), Median(entry.Wall));
        }
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private void Add(Entry entry)
    {
        _entries.Add(entry);
        _byName.Add(entry.Name, entry);
    }

    private sealed record Entry(string Name, Action Action, Func<double> Clock)
    {
        public List<double> Cpu { get; } = [];

        public List<double> Wall { get; } = [];
    }
}
