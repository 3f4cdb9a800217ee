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
public sealed class TwoHostsTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    [Fact]
    public void Rfc3339() => Comparison.AssertExact(hosts.Run, ".", "mail.log*");

    [Fact]
    public void Traditional() => Comparison.AssertExact(hosts.Run, "traditional", "mail.log*");
}
