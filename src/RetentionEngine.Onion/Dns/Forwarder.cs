using System.Net.Sockets;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Dns;

/// <summary>The validator's only way out: DNS over TCP on loopback, carried through Tor.</summary>
/// <remarks>It changes no reply. Names under .onion go nowhere (RFC 7686).</remarks>
internal sealed class Forwarder(
    SocksClient socks, UpstreamAddress upstream, Metrics metrics, TimeProvider time)
{
    public const int ConnectionsMax = 128;

    private static readonly TimeSpan s_queryTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_idleTime = TimeSpan.FromSeconds(30);

    private int _connections;

    /// <summary>Accepts until the listener is closed.</summary>
    public async Task RunAsync(Socket listener)
    {
        while (true)
        {
            try
            {
                Socket client = await listener.AcceptAsync();
                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is ObjectDisposedException
                || e is SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), time);
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using Socket own = client;
        try
        {
            if (Interlocked.Increment(ref _connections) > ConnectionsMax)
            {
                return;
            }
            client.NoDelay = true;
            await using var stream = new NetworkStream(client, ownsSocket: false);
            while (true)
            {
                using var idle = new CancellationTokenSource(s_idleTime, time);
                byte[] query = await DnsExchange.ReadFrameAsync(stream, idle.Token);
                string? name = DnsMessage.QueryName(query);
                if (name == null)
                {
                    return;
                }
                using var end = new CancellationTokenSource(s_queryTime, time);
                byte[] reply = OnionName.IsUnderOnion(name)
                    ? DnsMessage.Refuse(query)
                    : await ForwardAsync(query, end.Token);
                await DnsExchange.WriteFrameAsync(stream, reply, end.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // No reply is what the validator gets; it asks again, then says SERVFAIL.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    private Task<byte[]> ForwardAsync(byte[] query, CancellationToken end)
    {
        metrics.Forwarded.Increment();
        return DnsExchange.ThroughTorAsync(socks, upstream, query, end);
    }
}
