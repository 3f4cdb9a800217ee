using System.Globalization;
using RetentionEngine.Bench.Measuring;

namespace RetentionEngine.Bench.Comparison;

/// <summary>Programs that only look through a log.</summary>
internal static class Scanners
{
    /// <summary>Lines that <c>grep -c status=sent</c> counts.</summary>
    public static long Grep(string path) => long.Parse(
        ChildProcess.Output("grep", ["-c", "status=sent", path], highestCode: 1),
        CultureInfo.InvariantCulture);
}
