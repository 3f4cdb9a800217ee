using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RetentionEngine.Tests.Daemon;

/// <summary>An authority made for one test, and certificates of it, as PEM files.</summary>
internal sealed class Certificates(string directory, string prefix) : IDisposable
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset s_from = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset s_to = DateTimeOffset.UtcNow.AddDays(2);

    private readonly X509Certificate2 _authority = MakeAuthority();

    /// <summary>The PEM file of the authority.</summary>
    public string Authority
    {
        get
        {
            string path = Path.Combine(directory, $"{prefix}-ca.pem");
            File.WriteAllText(path, _authority.ExportCertificatePem());
            return path;
        }
    }

    public (string Certificate, string Key) Server(string name) => Issue(name, ServerPurpose);

    public (string Certificate, string Key) Client(string name) => Issue(name, ClientPurpose);

    /// <summary>The same with its key, for a client in this process.</summary>
    public static X509Certificate2 Load((string Certificate, string Key) files)
    {
        using var pem = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    public void Dispose() => _authority.Dispose();

    private (string Certificate, string Key) Issue(string name, string purpose)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(false, false, 0, false));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.Create(
            _authority, s_from, s_to, RandomNumberGenerator.GetBytes(8));
        string stem = Path.Combine(directory, $"{prefix}-{name}-{purpose[^1]}");
        File.WriteAllText(stem + ".pem", made.ExportCertificatePem());
        File.WriteAllText(stem + ".key", key.ExportPkcs8PrivateKeyPem());
        return (stem + ".pem", stem + ".key");
    }

    private static X509Certificate2 MakeAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return request.CreateSelfSigned(s_from.AddMinutes(-1), s_to.AddDays(1));
    }
}
