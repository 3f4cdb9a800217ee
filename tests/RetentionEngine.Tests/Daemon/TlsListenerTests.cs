using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Syslog over TLS: who comes in and who does not.</summary>
public sealed class TlsListenerTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly Certificates _own;
    private readonly Certificates _strange;

    public TlsListenerTests()
    {
        _own = new Certificates(_directory.Path, "own");
        _strange = new Certificates(_directory.Path, "strange");
    }

    public void Dispose()
    {
        _own.Dispose();
        _strange.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_client_with_a_certificate_is_heard_to_its_end()
    {
        await using var fixture = new ListenerFixture(Mutual(["mx1.example"]), isHeld: true);
        using Socket socket = fixture.Connect();
        await using SslStream tls = await HandshakeAsync(socket, _own.Client("mx1.example"));
        await tls.WriteAsync("7 <22>one<22>two\n"u8.ToArray());
        await tls.ShutdownAsync();
        socket.Shutdown(SocketShutdown.Send);
        ValueTask<int> end = tls.ReadAsync(new byte[1]);
        await fixture.Entered;
        Assert.False(end.IsCompleted);
        fixture.Release();
        Assert.Equal(0, await end);
        Assert.Equal("<22>one\n<22>two\n", fixture.Lines);
    }

    [Fact]
    public async Task Without_an_authority_any_client_is_heard()
    {
        await using var fixture = new ListenerFixture(Tls());
        using Socket socket = fixture.Connect();
        await using SslStream tls = await HandshakeAsync(socket, null);
        byte[] lines = [.. Enumerable.Repeat("<22>a line of some length\n"u8.ToArray(), 50_000)
            .SelectMany(static l => l)];
        await tls.WriteAsync(lines);
        await tls.ShutdownAsync();
        Assert.Equal(0, await tls.ReadAsync(new byte[1]));
        Assert.Equal(lines.Length, fixture.Lines.Length);
        Assert.Equal(50_000, fixture.Own.Frames);
    }

    [Theory]
    [InlineData("none", "CertificateMissing")]
    [InlineData("strange", "CertificateInvalid")]
    [InlineData("server", "CertificateInvalid")]
    [InlineData("name", "ClientName")]
    public async Task A_client_that_may_not_come_is_refused_and_counted(string who, string reason)
    {
        await using var fixture = new ListenerFixture(Mutual(["mx1.example"]));
        (string, string)? files = who switch
        {
            "strange" => _strange.Client("mx1.example"),
            "server" => _own.Server("mx1.example"),
            "name" => _own.Client("mx2.example"),
            _ => null,
        };
        using Socket socket = fixture.Connect();
        // With TLS 1.3 a client learns only later that it was refused.
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using SslStream tls = await HandshakeAsync(socket, files);
            await tls.WriteAsync("<22>one\n"u8.ToArray());
            while (await tls.ReadAsync(new byte[1]) == 0)
            {
                await tls.WriteAsync("<22>one\n"u8.ToArray());
            }
        });
        await ListenerFixture.UntilAsync(() => fixture.Own.Connections == 0);
        Assert.Equal(1, fixture.Own.Refused(Enum.Parse<RefusalReason>(reason)));
        Assert.Empty(fixture.Lines);
    }

    [Fact]
    public async Task Stopping_takes_what_is_on_its_way()
    {
        await using var fixture = new ListenerFixture(Tls());
        using Socket socket = fixture.Connect();
        await using SslStream tls = await HandshakeAsync(socket, null);
        await tls.WriteAsync("a\n"u8.ToArray());
        Task stop = fixture.Listener.StopAsync();
        byte[] tickets = new byte[4096];
        while (await socket.ReceiveAsync(tickets) > 0)
        {
            // What TLS 1.3 sends of itself; then the end.
        }
        await tls.WriteAsync("b\nc\n"u8.ToArray());
        socket.Shutdown(SocketShutdown.Send);
        await stop.WaitAsync(ListenerFixture.HangTimeout);
        Assert.Equal("a\nb\nc\n", fixture.Lines);
    }

    [Fact]
    public async Task Lines_do_not_wait_for_the_rest_of_a_record()
    {
        await using var fixture = new ListenerFixture(Tls());
        using Socket socket = fixture.Connect();
        var held = new HeldStream(new NetworkStream(socket, ownsSocket: false));
        await using SslStream tls = await HandshakeAsync(held, null);
        held.IsHeld = true;
        await tls.WriteAsync("a\n"u8.ToArray());
        await tls.WriteAsync("b\n"u8.ToArray());
        // The first record and the beginning of the second come at once.
        await socket.SendAsync(held.Written.AsMemory(0, held.Written.Length - 3));
        await ListenerFixture.UntilAsync(() =>
        {
            fixture.Listener.Sweep();
            return string.Equals(fixture.Lines, "a\n", StringComparison.Ordinal);
        });
        await socket.SendAsync(held.Written.AsMemory(held.Written.Length - 3));
        socket.Shutdown(SocketShutdown.Send);
        await ListenerFixture.UntilAsync(() => fixture.Own.Connections == 0);
        Assert.Equal("a\nb\n", fixture.Lines);
    }

    [Fact]
    public async Task Who_does_not_speak_TLS_is_refused()
    {
        await using var fixture = new ListenerFixture(Tls());
        using Socket socket = fixture.Connect();
        await socket.SendAsync("<22>plain text\n"u8.ToArray());
        await ListenerFixture.EndAsync(socket);
        await ListenerFixture.UntilAsync(() => fixture.Own.Connections == 0);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.HandshakeFailed));
        Assert.Empty(fixture.Lines);
    }

    [Fact]
    public async Task Who_does_not_begin_is_not_waited_for()
    {
        await using var fixture = new ListenerFixture(
            Tls() with { HandshakeTimeout = TimeSpan.FromMilliseconds(200) });
        using Socket socket = fixture.Connect();
        await ListenerFixture.EndAsync(socket);
        await ListenerFixture.UntilAsync(() => fixture.Own.Connections == 0);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.HandshakeTimeout));
    }

    [Fact]
    public async Task Certificates_are_read_again_on_a_change()
    {
        SyslogSettings settings = Mutual([]);
        await using var fixture = new ListenerFixture(settings);
        File.Copy(_strange.Authority, settings.ClientAuthority!, overwrite: true);
        fixture.Listener.Change(settings);
        using Socket socket = fixture.Connect();
        await using SslStream tls = await HandshakeAsync(socket, _strange.Client("mx9.example"));
        await tls.WriteAsync("<22>one\n"u8.ToArray());
        await tls.ShutdownAsync();
        Assert.Equal(0, await tls.ReadAsync(new byte[1]));
        Assert.Equal("<22>one\n", fixture.Lines);
    }

    [Theory]
    [InlineData("certificate")]
    [InlineData("key")]
    [InlineData("ca")]
    public void A_file_that_holds_none_is_told(string which)
    {
        string broken = _directory["broken.pem"];
        File.WriteAllText(broken, "nothing\n");
        SyslogSettings settings = Mutual([]);
        settings = which switch
        {
            "certificate" => settings with { Certificate = broken },
            "key" => settings with { Key = broken },
            _ => settings with { ClientAuthority = broken },
        };
        ConfigException e = Assert.Throws<ConfigException>(() => new ListenerFixture(settings));
        Assert.Contains("holds no certificate", e.Message, StringComparison.Ordinal);
    }

    private SyslogSettings Tls()
    {
        (string certificate, string key) = _own.Server("log.example");
        return ListenerFixture.Tcp() with
        {
            Protocol = SyslogProtocol.Tls,
            Certificate = certificate,
            Key = key,
        };
    }

    private SyslogSettings Mutual(string[] names) =>
        Tls() with { ClientAuthority = _own.Authority, ClientNames = names };

    private Task<SslStream> HandshakeAsync(
        Socket socket, (string Certificate, string Key)? client) =>
        HandshakeAsync(new NetworkStream(socket, ownsSocket: false), client);

    private async Task<SslStream> HandshakeAsync(
        Stream stream, (string Certificate, string Key)? client)
    {
        var tls = new SslStream(stream);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(_own.Authority));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "log.example",
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = policy,
            ClientCertificates = client is null ? null : [Certificates.Load(client.Value)],
        });
        return tls;
    }

    /// <summary>Keeps what is written, when told to, instead of sending it.</summary>
    private sealed class HeldStream(Stream inner) : Stream
    {
        private readonly MemoryStream _written = new();

        public bool IsHeld { get; set; }

        public byte[] Written => _written.ToArray();

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!IsHeld)
            {
                return inner.WriteAsync(buffer, cancellationToken);
            }
            _written.Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            inner.Read(buffer, offset, count);

        public override void Write(byte[] buffer, int offset, int count) =>
            inner.Write(buffer, offset, count);

        public override void Flush() => inner.Flush();

        public override long Seek(long offset, SeekOrigin origin) =>
            throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
