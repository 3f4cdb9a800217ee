using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RetentionEngine.Onion.Relay;

/// <summary>Tor did not connect; the message says why, and may go to another mail server.</summary>
internal sealed class SocksException(string message) : Exception(message);

/// <summary>Dials through Tor's SOCKS port, by name: nothing is resolved on this machine.</summary>
/// <remarks>
/// RFC 1928 and 1929. Tor keeps streams of different user names on different circuits
/// (IsolateSOCKSAuth, its default), whatever the password is.
/// </remarks>
internal sealed class SocksClient(EndPoint proxy)
{
    private const int HostMax = 255;

    // RFC 1929 wants one; Tor only compares it.
    private const string Password = "onion-transport";

    /// <summary>Connects to a host by name.</summary>
    /// <param name="host">Name of an onion service or any other host, at most 255 ASCII letters.
    /// </param>
    /// <param name="isolation">Streams of the same text may share a circuit.</param>
    /// <exception cref="SocksException">Tor refused, is not there, or speaks no SOCKS.</exception>
    /// <exception cref="OperationCanceledException">The time was over.</exception>
    public async Task<Socket> ConnectAsync(
        string host, int port, string isolation, CancellationToken end)
    {
        var socket = new Socket(proxy.AddressFamily, SocketType.Stream, proxy is IPEndPoint
            ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            socket.NoDelay = proxy is IPEndPoint;
            await socket.ConnectAsync(proxy, end);
            await HandshakeAsync(socket, host, port, isolation, end);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw new SocksException("Tor is not reachable on this host");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What a reply code means, Tor's extended ones included.</summary>
    public static string Describe(byte code) => code switch
    {
        0x01 => "general failure",
        0x02 => "not allowed",
        0x03 => "network unreachable",
        0x04 => "host unreachable",
        0x05 => "connection refused",
        0x06 => "timed out",
        0x07 => "command not supported",
        0x08 => "address type not supported",
        0xF0 => "onion service not found",
        0xF1 => "onion service descriptor invalid",
        0xF2 => "onion service introduction failed",
        0xF3 => "onion service rendezvous failed",
        0xF4 => "onion service wants client authorization",
        0xF5 => "onion service refused client authorization",
        0xF6 => "invalid onion address",
        0xF7 => "onion service introduction timed out",
        _ => FormattableString.Invariant($"SOCKS error {code}"),
    };

    private static async Task HandshakeAsync(
        Socket socket, string host, int port, string isolation, CancellationToken end)
    {
        byte[] name = Encoding.ASCII.GetBytes(host);
        byte[] user = Encoding.ASCII.GetBytes(isolation);
        if (name.Length is 0 or > HostMax || user.Length is 0 or > HostMax)
        {
            throw new SocksException("name too long");
        }
        byte[] reply = new byte[HostMax + 2];
        await SendAsync(socket, [5, 1, 2], end);
        await ReadAsync(socket, reply.AsMemory(0, 2), end);
        if (reply[0] != 5 || reply[1] != 2)
        {
            throw new SocksException("the SOCKS port takes no user names");
        }
        byte[] password = Encoding.ASCII.GetBytes(Password);
        await SendAsync(
            socket, [1, (byte)user.Length, .. user, (byte)password.Length, .. password], end);
        await ReadAsync(socket, reply.AsMemory(0, 2), end);
        if (reply[1] != 0)
        {
            throw new SocksException("the SOCKS port refused the user name");
        }
        await SendAsync(
            socket,
            [5, 1, 0, 3, (byte)name.Length, .. name, (byte)(port >> 8), (byte)port],
            end);
        await ReadAsync(socket, reply.AsMemory(0, 4), end);
        if (reply[0] != 5 || reply[1] != 0)
        {
            throw new SocksException(Describe(reply[1]));
        }
        int rest = reply[3] switch
        {
            1 => 4,
            4 => 16,
            3 => -1,
            _ => throw new SocksException("unknown reply of the SOCKS port"),
        };
        if (rest < 0)
        {
            await ReadAsync(socket, reply.AsMemory(0, 1), end);
            rest = reply[0];
        }
        await ReadAsync(socket, reply.AsMemory(0, rest + 2), end);
    }

    private static async Task SendAsync(Socket socket, byte[] bytes, CancellationToken end)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), end);
        }
    }

    private static async Task ReadAsync(Socket socket, Memory<byte> target, CancellationToken end)
    {
        while (!target.IsEmpty)
        {
            int count = await socket.ReceiveAsync(target, end);
            if (count == 0)
            {
                throw new SocksException("Tor closed the connection");
            }
            target = target[count..];
        }
    }
}
