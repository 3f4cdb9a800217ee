using System.Diagnostics;
using RetentionEngine.LabDriver;

// Drives the hosts of tests/RetentionEngine.Lab/scene inside their network namespace.
// Argument: the scene's working folder. Environment: SEED.
if (args is not [string work])
{
    await Console.Error.WriteLineAsync("usage: labdriver WORK");
    return 64;
}
var watch = Stopwatch.StartNew();
var network = new Network(work);
var truth = new Truth();
var random = new Random(int.Parse(Environment.GetEnvironmentVariable("SEED") ?? "1"));
var mails = new Mails(network, truth, random);
var sessions = new Sessions(truth);
var couriers = new Couriers(network, truth);
var parts = new List<Func<Task>>[]
{
    [.. mails.First(), .. sessions.Of(0), .. couriers.All()],
    [.. mails.Second(), .. sessions.Of(1)],
};
int wrong = 0;
for (int part = 0; part < parts.Length; part++)
{
    Func<Task>[] tasks = [.. parts[part]];
    random.Shuffle(tasks);
    await Parallel.ForEachAsync(
        tasks,
        new ParallelOptions { MaxDegreeOfParallelism = 6 },
        async (task, _) =>
        {
            try
            {
                await task();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Interlocked.Increment(ref wrong);
                await Console.Error.WriteLineAsync(e.ToString());
            }
        });
    if (part == 0)
    {
        await sessions.OpenLong();
        Rotation.Rotate(network);
    }
    Console.WriteLine($"part {part + 1}: {watch.Elapsed.TotalSeconds:0} s");
}
foreach (string host in new[] { "mx3", "mx4" })
{
    network.WaitForQueue(host);
}
couriers.WaitForQueue();

// A mail that Sieve has thrown away is in flight for ten seconds: it may yet be stored.
await Task.Delay(12_000);
await sessions.CloseLong();
await Task.Delay(1500);
Rotation.Collect(network);
truth.Save(Path.Combine(work, "truth.json"));
Console.WriteLine($"driven in {watch.Elapsed.TotalSeconds:0} s");
return wrong == 0 ? 0 : 1;
