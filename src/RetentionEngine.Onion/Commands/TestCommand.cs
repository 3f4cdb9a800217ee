using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;
using RetentionEngine.Onion.Routing;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Commands;

/// <summary>Walks lookup, circuit, greeting and STARTTLS of a domain; sends no mail.</summary>
internal static class TestCommand
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    /// <returns>0 if a server greets, 1 if there is no route, 69 if it cannot be reached.</returns>
    public static async Task<int> RunAsync(Settings settings, string domain, TextWriter output)
    {
        Decision? decision = await LookupCommand.DecideAsync(settings, domain, output);
        if (decision is not { Targets.Count: > 0 })
        {
            return 1;
        }
        OnionTarget target = decision.Targets[0];
        using var end = new CancellationTokenSource(s_limit);
        try
        {
            long start = Stopwatch.GetTimestamp();
            string isolation = "test-" + Convert.ToHexString(RandomNumberGenerator.GetBytes(12));
            using Socket socket = await new SocksClient(settings.Socks).ConnectAsync(
                target.Onion, target.Port, isolation, end.Token);
            output.WriteLine(FormattableString.Invariant(
                $"circuit:   {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s"));
            await using var stream = new NetworkStream(socket, ownsSocket: false);
            return await WalkAsync(stream, target, output, end.Token);
        }
        catch (Exception e) when (e is SocksException or IOException or AuthenticationException
            or OperationCanceledException)
        {
            output.WriteLine("failed:    " + (e is OperationCanceledException
                ? "no answer in time" : e.Message));
            return Program.Unavailable;
        }
    }

    private static async Task<int> WalkAsync(
        NetworkStream stream, OnionTarget target, TextWriter output, CancellationToken end)
    {
        (string code, string text) = await ReadReplyAsync(stream, end);
        output.WriteLine($"greeting:  {text}");
        if (code is not "220")
        {
            return Program.Unavailable;
        }
        (_, string extensions) = await SayAsync(stream, "EHLO localhost.invalid", end);
        if (!extensions.Contains("STARTTLS", StringComparison.OrdinalIgnoreCase))
        {
            output.WriteLine("starttls:  not offered (the onion's own encryption is there anyway)");
            await SayAsync(stream, "QUIT", end);
            return 0;
        }
        (code, _) = await SayAsync(stream, "STARTTLS", end);
        if (code is not "220")
        {
            output.WriteLine("starttls:  refused");
            return Program.Unavailable;
        }
        // The fingerprint is what can be pinned in Postfix; the onion's name has proven the server.
        string fingerprint = "";
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: true);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = target.Onion,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    fingerprint = certificate?.GetCertHashString(HashAlgorithmName.SHA256) ?? "";
                    return fingerprint.Length > 0;
                },
            },
            end);
        output.WriteLine($"starttls:  {tls.SslProtocol}, certificate SHA-256 {fingerprint}");
        await SayAsync(tls, "QUIT", end);
        return 0;
    }

    private static async Task<(string Code, string Text)> SayAsync(
        Stream stream, string command, CancellationToken end)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), end);
        return await ReadReplyAsync(stream, end);
    }

    // A reply ends with the line that has a blank after its code (RFC 5321 §4.2.1).
    private static async Task<(string Code, string Text)> ReadReplyAsync(
        Stream stream, CancellationToken end)
    {
        const int Most = 8192;
        var text = new StringBuilder();
        byte[] one = new byte[1];
        int lineStart = 0;
        while (text.Length < Most)
        {
            if (await stream.ReadAsync(one, end) == 0)
            {
                throw new IOException("the server closed the connection");
            }
            text.Append(one[0] is >= 32 and < 127 or 10 ? (char)one[0] : ' ');
            if (one[0] == '\n')
            {
                if (text.Length - lineStart >= 5 && text[lineStart + 3] != '-')
                {
                    return (text.ToString(lineStart, 3), text.ToString().TrimEnd());
                }
                lineStart = text.Length;
            }
        }
        throw new IOException("the server's reply has no end");
    }
}
