using System.Globalization;
using System.Net.Sockets;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>How many datagrams the kernel threw away before we came for them.</summary>
/// <remarks>Linux tells it in /proc/net/udp and udp6, in the line with the socket's inode; other
/// systems do not tell it.</remarks>
internal sealed class UdpDrops
{
    private const int InodeColumn = 9;
    private const int DropsColumn = 12;

    private readonly string _table;
    private readonly string? _inode;
    private long _known;

    public UdpDrops(Socket socket)
    {
        _table = socket.AddressFamily == AddressFamily.InterNetworkV6
            ? "/proc/net/udp6" : "/proc/net/udp";
        _inode = InodeOf(socket);
    }

    /// <summary>Datagrams lost since the last call.</summary>
    public long ReadNew()
    {
        long drops = _inode is null ? 0 : Read();
        long fresh = Math.Max(drops - _known, 0);
        _known = Math.Max(drops, _known);
        return fresh;
    }

    private long Read()
    {
        try
        {
            foreach (string line in File.ReadLines(_table))
            {
                string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (columns.Length > DropsColumn
                    && string.Equals(columns[InodeColumn], _inode, StringComparison.Ordinal))
                {
                    return long.Parse(columns[DropsColumn], CultureInfo.InvariantCulture);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // /proc may be closed to us; then nothing is known.
        }
        return 0;
    }

    /// <summary>From "socket:[123]"; null where there is no such thing.</summary>
    private static string? InodeOf(Socket socket)
    {
        try
        {
            string path = string.Create(
                CultureInfo.InvariantCulture, $"/proc/self/fd/{socket.Handle}");
            string? target = new FileInfo(path).LinkTarget;
            int begin = target?.IndexOf('[', StringComparison.Ordinal) ?? -1;
            return begin < 0 ? null : target![(begin + 1)..^1];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
