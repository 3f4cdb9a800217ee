using System.Net.Sockets;
using System.Text;

namespace RetentionEngine.Tool;

/// <summary>The daemon that may be writing the store: by its socket it commits, or tells how it is.</summary>
internal static class DaemonLink
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Has the daemon commit what it has read, so that this process sees it.</summary>
    /// <returns>False when there is no daemon, or it did not answer: what is committed is seen.</returns>
    public static bool TrySync(string storePath) =>
        TryAsk(storePath, "sync", out string answer) && answer is "ok\n";

    /// <summary>The daemon's metrics, in Prometheus' text format.</summary>
    public static bool TryMetrics(string storePath, out string metrics) =>
        TryAsk(storePath, "metrics", out metrics);

    private static bool TryAsk(string storePath, string command, out string answer)
    {
        answer = "";
        string path = Path.Combine(storePath, "control");
        if (!File.Exists(path))
        {
            return false;
        }
        try
        {
            using var socket = new Socket(
                AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.SendTimeout = socket.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
            socket.Connect(new UnixDomainSocketEndPoint(path));
            socket.Send(Encoding.ASCII.GetBytes(command + "\n"));
            using var bytes = new MemoryStream();
            byte[] buffer = new byte[16 * 1024];
            for (int read = 1; read > 0; bytes.Write(buffer, 0, read))
            {
                read = socket.Receive(buffer);
            }
            answer = Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
            return answer.Length > 0;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // It died without taking its socket away, or we may not talk to it.
            return false;
        }
    }
}
