using System.Net;
using System.Net.Sockets;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;

namespace RetentionEngine.Daemon.Listeners;

/// <summary>Receives syslog at one address.</summary>
internal abstract class SyslogListener(SyslogSettings settings) : IAsyncDisposable
{
    /// <summary>What new connections and datagrams are held against.</summary>
    public SyslogSettings Settings { get; private set; } = settings;

    /// <summary>Binds the address; nothing is taken in before <see cref="Start"/>.</summary>
    /// <exception cref="SocketException">The address can't be bound.</exception>
    /// <exception cref="ConfigException">A certificate can't be used.</exception>
    public static SyslogListener Open(
        SyslogSettings settings, LineSink sink, Status status, Log log, TimeProvider clock)
    {
        ListenerStatus own = status.Listener(settings.Name, settings.Protocol);
        return settings.Protocol == SyslogProtocol.Udp
            ? new DatagramListener(settings, sink, own, log)
            : new StreamListener(settings, sink, own, log, clock);
    }

    /// <summary>Where it listens, with the port that was given for port 0.</summary>
    public abstract IPEndPoint LocalEndPoint { get; }

    public abstract void Start();

    /// <summary>Looks what has run out of time, and what the kernel lost; once a second.</summary>
    public abstract void Sweep();

    /// <summary>Makes durable what has come, and closes. Reads on for a moment.</summary>
    public abstract Task StopAsync();

    /// <summary>Looks whether <see cref="Change"/> will do.</summary>
    /// <exception cref="ConfigException">A certificate can't be used.</exception>
    public static void Check(SyslogSettings settings)
    {
        if (settings.Protocol == SyslogProtocol.Tls)
        {
            _ = new TlsOptions(settings);
        }
    }

    /// <summary>Holds new connections against other settings; certificates are read again.
    /// </summary>
    /// <exception cref="ConfigException">A certificate can't be used; all stays.</exception>
    public virtual void Change(SyslogSettings settings) => Settings = settings;

    public abstract ValueTask DisposeAsync();
}
