using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RetentionEngine.Onion.Tests;

/// <summary>A SOCKS5 port that plays Tor: it hands each stream to the test, or refuses it.</summary>
internal sealed class FakeTor : IDisposable
{
    private readonly Socket _listener =
        new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    /// <param name="serve">Gets host, port, user name and the stream.</param>
    public FakeTor(Func<string, int, string, Socket, Task> serve)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        _ = AcceptAsync(serve);
    }

    /// <summary>The reply code; 0 connects.</summary>
    public byte Code { get; set; }

    /// <summary>Held back for so long before the reply.</summary>
    public TimeSpan Delay { get; set; }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync(Func<string, int, string, Socket, Task> serve)
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptAsync(), serve);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(Socket client, Func<string, int, string, Socket, Task> serve)
    {
        using Socket own = client;
        try
        {
            await ReadAsync(client, (await ReadAsync(client, 2))[1]);
            await client.SendAsync(new byte[] { 5, 2 });
            string user = Encoding.ASCII.GetString(
                await ReadAsync(client, (await ReadAsync(client, 2))[1]));
            await ReadAsync(client, (await ReadAsync(client, 1))[0]);
            await client.SendAsync(new byte[] { 1, 0 });
            byte[] head = await ReadAsync(client, 5);
            string host = Encoding.ASCII.GetString(await ReadAsync(client, head[4]));
            byte[] port = await ReadAsync(client, 2);
            await Task.Delay(Delay);
            await client.SendAsync(new byte[] { 5, Code, 0, 1, 0, 0, 0, 0, 0, 0 });
            if (Code == 0)
            {
                await serve(host, (port[0] << 8) | port[1], user, client);
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException)
        {
        }
    }

    public static async Task<byte[]> ReadAsync(Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        for (int at = 0; at < count;)
        {
            int got = await socket.ReceiveAsync(bytes.AsMemory(at));
            at += got > 0 ? got : throw new EndOfStreamException();
        }
        return bytes;
    }

    /// <summary>All that comes until the other end closes.</summary>
    public static async Task<string> ReadAllAsync(Socket socket)
    {
        var text = new StringBuilder();
        byte[] bytes = new byte[4096];
        int count;
        while ((count = await socket.ReceiveAsync(bytes)) > 0)
        {
            text.Append(Encoding.Latin1.GetString(bytes, 0, count));
        }
        return text.ToString();
    }
}
