using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace RetentionEngine.Onion.Service;

/// <summary>Tells systemd how we are (sd_notify(3)); does nothing where nobody listens.</summary>
internal static class ServiceManager
{
    public static void Notify(string state)
    {
        string? path = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");
        if (string.IsNullOrEmpty(path))
        {
            return;
        }
        try
        {
            // '@' stands for the zero byte of Linux's abstract names.
            string name = path[0] == '@' ? "\0" + path[1..] : path;
            using var socket = new Socket(
                AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.ASCII.GetBytes(state), new UnixDomainSocketEndPoint(name));
        }
        catch (SocketException)
        {
            // Its absence is not ours to mend, and no reason to stop carrying mail.
        }
    }

    /// <summary>How often to say that we live: half of what the unit's WatchdogSec allows.
    /// </summary>
    public static TimeSpan? WatchdogInterval() =>
        long.TryParse(
            Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None,
            CultureInfo.InvariantCulture, out long micros) && micros > 0
            ? TimeSpan.FromMicroseconds(micros / 2)
            : null;
}
