using Xunit;

namespace RetentionEngine.Lab;

/// <summary>The hosts of <c>scene/</c>, driven by MailKit.</summary>
public sealed class Scene : IDisposable
{
    internal LabRun Run { get; } = new("tests/RetentionEngine.Lab/scene/make.sh");

    public void Dispose() => Run.Dispose();
}

/// <summary>
/// mx3 (postscreen, a milter, Sieve) by rsyslog, mx4 by Postfix's and Dovecot's own log files.
/// </summary>
public sealed class SceneTests(Scene scene) : IClassFixture<Scene>
{
    [Fact]
    public void Rfc3339() => Comparison.AssertExact(scene.Run, "rfc3339", "mail.log*");

    [Fact]
    public void Traditional() => Comparison.AssertExact(scene.Run, "traditional", "mail.log*");

    [Fact]
    public void MaillogFile() => Comparison.AssertExact(scene.Run, "maillog-file", "postfix.log*");

    // Its lines name no host and no program "dovecot"; the form is not read yet.
    [Fact]
    public void DovecotsOwnFile_GivesNoRecordsYet() =>
        Comparison.AssertNone(scene.Run, "dovecot-file", "dovecot.log*");

    // login: HOST [IP] USER MECHANISM User logged in SESSIONID=…, and its ends.
    [Fact]
    public void Cyrus_GivesNoRecordsYet() =>
        Comparison.AssertNone(scene.Run, "cyrus", "mail.log");
}
