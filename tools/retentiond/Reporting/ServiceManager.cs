using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace RetentionEngine.Daemon.Reporting;

/// <summary>Tells systemd how we are (sd_notify(3)); does nothing where nobody listens.</summary>
internal static class ServiceManager
{
    /// <summary>Within which the watchdog wants to hear from us; null = there is none.</summary>
    public static TimeSpan? Watchdog { get; } =
        long.TryParse(
            Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None,
            CultureInfo.InvariantCulture, out long micros) && micros > 0
            ? TimeSpan.FromMicroseconds(micros)
            : null;

    public static void Ready() => Notify("READY=1");

    public static void Stopping() => Notify("STOPPING=1");

    public static void Alive() => Notify("WATCHDOG=1");

    /// <summary>One line for <c>systemctl status</c>.</summary>
    public static void Status(string text) => Notify($"STATUS={text.ReplaceLineEndings(" ")}");

    /// <summary>Type=notify-reload wants the monotonic clock with it; READY ends it.</summary>
    public static void Reloading()
    {
        // On Linux the stopwatch reads CLOCK_MONOTONIC.
        long micros = (long)(Stopwatch.GetTimestamp() * (1_000_000.0 / Stopwatch.Frequency));
        Notify($"RELOADING=1\nMONOTONIC_USEC={micros.ToString(CultureInfo.InvariantCulture)}");
    }

    private static void Notify(string state)
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
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(name));
        }
        catch (SocketException)
        {
            // Its absence is no reason to stop taking lines in.
        }
    }
}
