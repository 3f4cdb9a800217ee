using Xunit;

namespace RetentionEngine.Lab;

/// <summary>The hosts of <c>scene/</c>, driven by MailKit.</summary>
public sealed class Scene : IDisposable
{
    internal LabRun Run { get; } = new("tests/RetentionEngine.Lab/scene/make.sh");

    public void Dispose() => Run.Dispose();
}

/// <summary>
/// mx3 (postscreen, a milter, Sieve) by rsyslog; mx4 by Postfix's and Dovecot's own log files;
/// Cyrus on mx5; Courier's mail server on mx6.
/// </summary>
public sealed class SceneTests(Scene scene) : IClassFixture<Scene>
{
    [Fact]
    public void Rfc3339() => Comparison.AssertExact(scene.Run, "rfc3339", "mail.log*");

    [Fact]
    public void Traditional() => Comparison.AssertExact(scene.Run, "traditional", "mail.log*");

    [Fact]
    public void MaillogFile() => Comparison.AssertExact(scene.Run, "maillog-file", "postfix.log*");

    [Fact]
    public void DovecotsOwnFile() =>
        Comparison.AssertExact(scene.Run, "dovecot-file", "dovecot.log*");

    [Fact]
    public void CourierMta() => Comparison.AssertExact(scene.Run, "courier", "mail.log");

    [Fact]
    public void Cyrus() => Comparison.AssertExact(scene.Run, "cyrus", "mail.log");
}
