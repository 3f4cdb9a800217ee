using RetentionEngine.Tests.Acceptance;
using Xunit;

namespace RetentionEngine.Lab;

/// <summary>What the shipped sample logs hold, driven anew: two hosts, one rsyslog.</summary>
public sealed class TwoHosts : IDisposable
{
    internal LabRun Run { get; } = new("tools/sample/make.sh");

    public void Dispose() => Run.Dispose();
}

/// <summary>The records of two hosts driven a moment ago, in both styles of rsyslog.</summary>
/// <remarks>
/// Only when asked for (<c>-explicit on</c>): a mail of the scenario sometimes waits long enough
/// for a delay notice that its driver has not noted, and the run ends before it has compared.
/// </remarks>
public sealed class TwoHostsTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    [Fact(Explicit = true)]
    public void Rfc3339() => Comparison.AssertExact(hosts.Run, ".", "mail.log*");

    [Fact(Explicit = true)]
    public void Traditional() => Comparison.AssertExact(hosts.Run, "traditional", "mail.log*");
}
