using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace RetentionEngine.Bench.Micro;

/// <summary>Small parts by themselves, with BenchmarkDotNet.</summary>
internal static class MicroBenchmarks
{
    /// <summary>Runs the classes whose name holds <paramref name="filter"/>.</summary>
    public static int Run(string filter)
    {
        // In this process: what runs is the build that everything else measures.
        IConfig config = DefaultConfig.Instance
            .WithArtifactsPath(Path.Combine("artifacts", "bench", "micro"))
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromAssembly(typeof(MicroBenchmarks).Assembly)
            .Run(["--filter", $"*{filter}*"], config);
        return 0;
    }
}
