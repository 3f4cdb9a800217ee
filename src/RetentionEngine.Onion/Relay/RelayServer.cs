using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Relay;

/// <summary>How much the relay takes on, and how long it waits.</summary>
internal sealed record RelayLimits
{
    /// <summary>Sessions open at once; more are greeted with 421.</summary>
    public int SessionsMax { get; init; } = 500;

    /// <summary>Sessions to one target.</summary>
    public int SessionsPerTargetMax { get; init; } = 50;

    // Tor itself gives up on a dead onion after 120 s; Postfix waits 300 s for a greeting.
    public TimeSpan ConnectTime { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>No byte either way for this long ends a session; RFC 5321 §4.5.3.2 has 10 minutes
    /// for the slowest step.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromMinutes(11);
}

/// <summary>Carries bytes between loopback addresses and onions.</summary>
/// <remarks>
/// It reads no mail: TLS passes through it. The one thing it says itself is the greeting 421 when
/// there is nobody to greet, because only a greeting brings the reason into mailq and bounces.
/// A direction reads only after what it read before is written: that is the back-pressure.
/// </remarks>
internal sealed class RelayServer(
    AddressBook book, SocksClient socks, RelayLimits limits, Log log, Metrics metrics,
    TimeProvider time) : IDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly Dictionary<OnionTarget, Socket> _listeners = [];
    private readonly HashSet<Session> _sessions = [];
    private readonly Lock _lock = new();

    /// <summary>Makes sure that somebody listens for a target.</summary>
    /// <exception cref="SocketException">Its address is taken by another program.</exception>
    public void Open(OnionTarget target, IPEndPoint address)
    {
        lock (_lock)
        {
            if (_listeners.ContainsKey(target))
            {
                return;
            }
            var listener = new Socket(
                AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                listener.Bind(address);
                listener.Listen(64);
            }
            catch
            {
                listener.Dispose();
                throw;
            }
            _listeners.Add(target, listener);
            _ = AcceptAsync(listener, target, address);
        }
        log.Info($"{address} is {target}");
    }

    /// <summary>Ends sessions in which nothing has moved for too long; to be called now and then.
    /// </summary>
    public void CloseIdle()
    {
        long now = time.GetTimestamp();
        lock (_lock)
        {
            foreach (Session session in _sessions)
            {
                if (time.GetElapsedTime(session.LastActive, now) > limits.IdleTime)
                {
                    session.Close();
                }
            }
        }
    }

    /// <summary>Stops listening, then waits for the sessions to end by themselves.</summary>
    public async Task DrainAsync(TimeSpan limit)
    {
        lock (_lock)
        {
            foreach (Socket listener in _listeners.Values)
            {
                listener.Dispose();
            }
        }
        long start = time.GetTimestamp();
        while (metrics.Sessions.Value > 0 && time.GetElapsedTime(start) < limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), time);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (Socket listener in _listeners.Values)
            {
                listener.Dispose();
            }
            foreach (Session session in _sessions)
            {
                session.Close();
            }
        }
    }

    private async Task AcceptAsync(Socket listener, OnionTarget target, IPEndPoint address)
    {
        while (true)
        {
            try
            {
                Socket client = await listener.AcceptAsync();
                _ = ServeAsync(client, target, address);
            }
            catch (Exception e) when (e is ObjectDisposedException
                || e is SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors: those in use end some time.
                await Task.Delay(TimeSpan.FromMilliseconds(100), time);
            }
        }
    }

    private async Task ServeAsync(Socket client, OnionTarget target, IPEndPoint address)
    {
        var session = new Session(client, target, time.GetTimestamp());
        metrics.SessionsTotal.Increment();
        metrics.Sessions.Increment();
        try
        {
            client.NoDelay = true;
            if (!Enter(session))
            {
                await RefuseAsync(client, "421 4.3.2 too many sessions through Tor");
                return;
            }
            Socket? remote = await DialAsync(client, target, address);
            if (remote == null)
            {
                return;
            }
            session.Attach(remote);
            await Task.WhenAll(
                PumpAsync(session, client, remote, metrics.BytesOut),
                PumpAsync(session, remote, client, metrics.BytesIn));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException
            or OperationCanceledException)
        {
            // One end is gone, or the session was closed for resting too long.
        }
        finally
        {
            lock (_lock)
            {
                _sessions.Remove(session);
            }
            session.Close();
            metrics.Sessions.Decrement();
        }
    }

    private bool Enter(Session session)
    {
        lock (_lock)
        {
            int same = 0;
            foreach (Session other in _sessions)
            {
                same += other.Target == session.Target ? 1 : 0;
            }
            return _sessions.Count < limits.SessionsMax
                && same < limits.SessionsPerTargetMax
                && _sessions.Add(session);
        }
    }

    private async Task<Socket?> DialAsync(Socket client, OnionTarget target, IPEndPoint address)
    {
        string reason;
        try
        {
            using var end = new CancellationTokenSource(limits.ConnectTime, time);
            Socket remote = await socks.ConnectAsync(
                target.Onion, target.Port, book.Isolation(target), end.Token);
            log.Info($"session {address} to {target.Onion}");
            return remote;
        }
        catch (SocksException e)
        {
            reason = e.Message;
        }
        catch (OperationCanceledException)
        {
            reason = "timed out";
        }
        metrics.Unreachable.Increment();
        log.Warn($"{target.Onion} unreachable over Tor: {reason}");
        await RefuseAsync(client, $"421 4.4.1 {target.Short} unreachable over Tor: {reason}");
        return null;
    }

    // Closing with the client's words unread would make a reset of it, and the greeting be lost.
    private async Task RefuseAsync(Socket client, string greeting)
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(5), time);
        await client.SendAsync(Encoding.ASCII.GetBytes(greeting + "\r\n"), end.Token);
        client.Shutdown(SocketShutdown.Send);
        byte[] rest = new byte[512];
        while (await client.ReceiveAsync(rest, end.Token) > 0)
        {
        }
    }

    private async Task PumpAsync(Session session, Socket source, Socket target, Counter bytes)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            int count;
            while ((count = await source.ReceiveAsync(buffer.AsMemory())) > 0)
            {
                session.LastActive = time.GetTimestamp();
                bytes.Add(count);
                for (int sent = 0; sent < count;)
                {
                    sent += await target.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }
            target.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // A broken end breaks the whole: no half of a mail looks like an end.
            session.Close();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private sealed class Session(Socket client, OnionTarget target, long start)
    {
        private readonly Lock _lock = new();
        private Socket? _remote;
        private bool _isClosed;

        public OnionTarget Target => target;

        /// <summary>Timestamp of the last byte either way.</summary>
        public long LastActive { get; set; } = start;

        public void Attach(Socket remote)
        {
            remote.NoDelay = remote.LocalEndPoint is IPEndPoint;
            lock (_lock)
            {
                _remote = remote;
                if (_isClosed)
                {
                    remote.Dispose();
                }
            }
        }

        public void Close()
        {
            lock (_lock)
            {
                _isClosed = true;
                client.Dispose();
                _remote?.Dispose();
            }
        }
    }
}
