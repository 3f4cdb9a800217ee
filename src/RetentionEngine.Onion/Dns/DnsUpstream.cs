using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;

namespace RetentionEngine.Onion.Dns;

/// <summary>The resolver behind Tor.</summary>
/// <param name="Host">An onion, an address or a name; the exit resolves a name.</param>
/// <param name="PinSha256">SHA-256 of the public key that its TLS must show; null without TLS.
/// </param>
internal sealed record UpstreamAddress(string Host, int Port, byte[]? PinSha256)
{
    /// <summary>Whether nobody on the way can speak in its name.</summary>
    public bool IsAuthenticated => PinSha256 != null || OnionName.IsUnderOnion(Host);

    /// <summary>Reads "tcp:HOST:PORT" or "tls:HOST:PORT#BASE64" (the pin of RFC 7858 §4.2).
    /// </summary>
    public static UpstreamAddress? Parse(string text)
    {
        bool isTls = text.StartsWith("tls:", StringComparison.Ordinal);
        if (!isTls && !text.StartsWith("tcp:", StringComparison.Ordinal))
        {
            return null;
        }
        string[] parts = text[4..].Split('#');
        byte[] pin = new byte[SHA256.HashSizeInBytes];
        if (parts.Length != (isTls ? 2 : 1)
            || (isTls && !(Convert.TryFromBase64String(parts[1], pin, out int count)
                && count == pin.Length)))
        {
            return null;
        }
        int colon = parts[0].LastIndexOf(':');
        if (colon <= 0
            || !int.TryParse(parts[0].AsSpan(colon + 1), NumberStyles.None,
                CultureInfo.InvariantCulture, out int port)
            || port is < 1 or > 65535)
        {
            return null;
        }
        string host = parts[0][..colon];
        if (OnionName.IsUnderOnion(host) && OnionName.Parse(host, out host) != OnionFault.Valid)
        {
            return null;
        }
        return new UpstreamAddress(host, port, isTls ? pin : null);
    }
}

/// <summary>Sends DNS messages over TCP and takes the replies.</summary>
internal static class DnsExchange
{
    /// <summary>Through Tor, on a circuit that no other query shares.</summary>
    /// <exception cref="IOException">No reply, or a resolver with another key.</exception>
    public static async Task<byte[]> ThroughTorAsync(
        SocksClient socks, UpstreamAddress upstream, byte[] query, CancellationToken end)
    {
        string isolation = "dns-" + Convert.ToHexString(RandomNumberGenerator.GetBytes(12));
        try
        {
            using Socket socket = await socks.ConnectAsync(
                upstream.Host, upstream.Port, isolation, end);
            await using Stream plain = new NetworkStream(socket, ownsSocket: false);
            if (upstream.PinSha256 == null)
            {
                return await SendAsync(plain, query, end);
            }
            await using var tls = new SslStream(plain, leaveInnerStreamOpen: true);
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = upstream.Host,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                    RemoteCertificateValidationCallback =
                        (_, shown, _, _) => IsPinned(shown, upstream.PinSha256),
                },
                end);
            return await SendAsync(tls, query, end);
        }
        catch (Exception e) when (e is SocketException or SocksException or AuthenticationException)
        {
            throw new IOException(
                e is SocksException ? e.Message : "connection to resolver failed", e);
        }
    }

    /// <summary>To a resolver on this machine.</summary>
    /// <exception cref="IOException">No reply.</exception>
    public static async Task<byte[]> OnLoopbackAsync(
        IPEndPoint resolver, byte[] query, CancellationToken end)
    {
        try
        {
            using var socket = new Socket(
                resolver.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(resolver, end);
            await using var stream = new NetworkStream(socket, ownsSocket: false);
            return await SendAsync(stream, query, end);
        }
        catch (SocketException e)
        {
            throw new IOException("the validator is not reachable", e);
        }
    }

    /// <summary>Reads one message: two bytes of length before it (RFC 1035 §4.2.2).</summary>
    /// <exception cref="IOException">The stream ends, or the message is too long.</exception>
    public static async Task<byte[]> ReadFrameAsync(Stream stream, CancellationToken end)
    {
        byte[] head = new byte[2];
        await stream.ReadExactlyAsync(head, end);
        int length = BinaryPrimitives.ReadUInt16BigEndian(head);
        if (length > DnsMessage.LengthMax)
        {
            throw new IOException("DNS message too long");
        }
        byte[] message = new byte[length];
        await stream.ReadExactlyAsync(message, end);
        return message;
    }

    public static async Task WriteFrameAsync(Stream stream, byte[] message, CancellationToken end)
    {
        // In one piece: a segment of two bytes would tell its reader that a query follows.
        byte[] frame = [(byte)(message.Length >> 8), (byte)message.Length, .. message];
        await stream.WriteAsync(frame, end);
        await stream.FlushAsync(end);
    }

    private static async Task<byte[]> SendAsync(Stream stream, byte[] query, CancellationToken end)
    {
        await WriteFrameAsync(stream, query, end);
        return await ReadFrameAsync(stream, end);
    }

    // The key is the whole proof: names, dates and issuers say nothing that it does not.
    private static bool IsPinned(X509Certificate? shown, byte[] pin) =>
        shown is X509Certificate2 certificate
        && CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()), pin);
}
