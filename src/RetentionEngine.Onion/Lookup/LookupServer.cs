using System.Buffers;
using System.Net.Sockets;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Lookup;

/// <summary>Answers the lookups of Postfix on any number of listening sockets.</summary>
/// <remarks>
/// A connection's requests are answered in their order, those that came in one piece in one piece.
/// A key of Postfix is a whole mail address: it is seen here, and nowhere kept or written.
/// </remarks>
/// <param name="answers">Map name, key and the connection's credit to the answer.</param>
internal sealed class LookupServer(
    Func<MapRequest, WaitCredit, ValueTask<Answer>> answers, Metrics metrics, TimeProvider time)
{
    /// <summary>Postfix runs 100 trivial-rewrite at most by default, each with one.</summary>
    public const int ConnectionsMax = 256;

    // A request that has begun has to end in this time; between requests Postfix may rest for ever.
    private static readonly TimeSpan s_requestTime = TimeSpan.FromSeconds(10);

    private int _connections;

    /// <summary>Accepts until the listener is closed.</summary>
    public async Task RunAsync<TProtocol>(Socket listener)
        where TProtocol : IMapProtocol
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.OperationAborted)
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors: those in use end some time.
                await Task.Delay(TimeSpan.FromMilliseconds(100), time);
                continue;
            }
            _ = ServeAsync<TProtocol>(client);
        }
    }

    private async Task ServeAsync<TProtocol>(Socket client)
        where TProtocol : IMapProtocol
    {
        using Socket own = client;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(TProtocol.RequestMax);
        try
        {
            if (Interlocked.Increment(ref _connections) > ConnectionsMax)
            {
                metrics.LookupsRefused.Increment();
                return;
            }
            if (client.LocalEndPoint is System.Net.IPEndPoint)
            {
                client.NoDelay = true;
            }
            await AnswerAsync<TProtocol>(client, buffer);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Postfix went away, or hung in the middle of a request.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    private async Task AnswerAsync<TProtocol>(Socket client, byte[] buffer)
        where TProtocol : IMapProtocol
    {
        var credit = new WaitCredit(time);
        var replies = new List<byte>();
        int held = 0;
        while (true)
        {
            int count = await ReceiveAsync(
                client, buffer.AsMemory(held, TProtocol.RequestMax - held), held > 0);
            if (count == 0)
            {
                return;
            }
            held += count;
            int start = 0;
            Framing framing;
            while ((framing = TProtocol.Read(
                buffer.AsSpan(start, held - start), out MapRequest request)) == Framing.Complete)
            {
                start += request.Length;
                metrics.Lookups.Increment();
                Answer? answer = request.Key == null ? null : await answers(request, credit);
                TProtocol.Write(answer, replies);
            }
            if (replies.Count > 0)
            {
                await SendAsync(client, replies);
            }
            held -= start;
            if (framing == Framing.Invalid || held == TProtocol.RequestMax)
            {
                metrics.LookupsRefused.Increment();
                return;
            }
            buffer.AsSpan(start, held).CopyTo(buffer);
        }
    }

    private async ValueTask<int> ReceiveAsync(Socket client, Memory<byte> target, bool isWithin)
    {
        if (!isWithin)
        {
            return await client.ReceiveAsync(target);
        }
        using var limit = new CancellationTokenSource(s_requestTime, time);
        return await client.ReceiveAsync(target, limit.Token);
    }

    private async Task SendAsync(Socket client, List<byte> replies)
    {
        using IMemoryOwner<byte> bytes = MemoryPool<byte>.Shared.Rent(replies.Count);
        Memory<byte> rest = bytes.Memory[..replies.Count];
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(replies).CopyTo(rest.Span);
        replies.Clear();
        using var limit = new CancellationTokenSource(s_requestTime, time);
        while (!rest.IsEmpty)
        {
            rest = rest[await client.SendAsync(rest, limit.Token)..];
        }
    }
}
