using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>Our certificate and who may come, read from the files of the settings.</summary>
internal sealed class TlsOptions
{
    // TLS Web Client Authentication: a server's certificate is not taken for a client's.
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    private readonly SslStreamCertificateContext _certificate;
    private readonly X509ChainPolicy? _clientPolicy;
    private readonly IReadOnlyList<string> _clientNames;

    /// <exception cref="ConfigException">A file can't be read, or holds no such thing.</exception>
    public TlsOptions(SyslogSettings settings)
    {
        _clientNames = settings.ClientNames;
        try
        {
            _certificate = ReadOwn(settings.Certificate!, settings.Key!);
        }
        catch (Exception e) when (IsOfFile(e))
        {
            throw Wrong(settings.Certificate!, "holds no certificate that fits the key");
        }
        if (settings.ClientAuthority is null)
        {
            return;
        }
        try
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(settings.ClientAuthority);
            _clientPolicy = Policy(roots);
        }
        catch (Exception e) when (IsOfFile(e))
        {
            throw Wrong(settings.ClientAuthority, "holds no certificates");
        }
        if (_clientPolicy.CustomTrustStore.Count == 0)
        {
            throw Wrong(settings.ClientAuthority, "holds no certificates");
        }
    }

    /// <summary>What a handshake goes by.</summary>
    /// <param name="refusal">Receives why the client's certificate is refused.</param>
    public SslServerAuthenticationOptions ForHandshake(Action<RefusalReason> refusal) =>
        new()
        {
            ServerCertificateContext = _certificate,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateRequired = _clientPolicy is not null,
            CertificateChainPolicy = _clientPolicy,
            AllowRenegotiation = false,
            AllowTlsResume = _clientPolicy is null,
            RemoteCertificateValidationCallback = _clientPolicy is null
                ? null
                : (_, certificate, _, errors) => Accepts(certificate, errors, refusal),
        };

    private bool Accepts(
        X509Certificate? certificate, SslPolicyErrors errors, Action<RefusalReason> refusal)
    {
        if (certificate is not X509Certificate2 client)
        {
            refusal(RefusalReason.CertificateMissing);
            return false;
        }
        if (errors != SslPolicyErrors.None)
        {
            refusal(RefusalReason.CertificateInvalid);
            return false;
        }
        if (_clientNames.Count > 0 && !_clientNames.Any(name => client.MatchesHostname(name)))
        {
            refusal(RefusalReason.ClientName);
            return false;
        }
        return true;
    }

    private static SslStreamCertificateContext ReadOwn(string certificate, string key)
    {
        using var pem = X509Certificate2.CreateFromPemFile(certificate, key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificate);
        return SslStreamCertificateContext.Create(
            X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null),
            chain, offline: true);
    }

    private static X509ChainPolicy Policy(X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(roots);
        policy.ApplicationPolicy.Add(new Oid(ClientPurpose));
        return policy;
    }

    private static bool IsOfFile(Exception e) =>
        e is CryptographicException or IOException or UnauthorizedAccessException
            or ArgumentException;

    private static ConfigException Wrong(string path, string what) =>
        new([new ConfigError(path, 0, what)]);
}
