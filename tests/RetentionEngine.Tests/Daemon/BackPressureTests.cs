using System.Net.Sockets;
using System.Text;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Nothing runs beside it: it measures the memory of the whole process.</summary>
[CollectionDefinition(nameof(BackPressureTests), DisableParallelization = true)]
[Collection(nameof(BackPressureTests))]
public sealed class BackPressureTests
{
    [Fact]
    public async Task A_sender_waits_while_lines_are_not_durable()
    {
        const int Total = 96 << 20;
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp(), isHeld: true);
        using Socket socket = fixture.Connect();
        byte[] line = Encoding.ASCII.GetBytes(new string('x', 1023) + "\n");
        byte[] block = [.. Enumerable.Repeat(line, 64).SelectMany(static b => b)];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        socket.Blocking = false;
        long sent = 0;
        while (sent < Total && socket.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectWrite))
        {
            sent += socket.Send(block.AsSpan((int)(sent % block.Length)), SocketFlags.None, out _);
        }
        await fixture.Entered;
        // The kernel's buffers of both ends take a few MiB; ours are a part of one.
        Assert.InRange(sent, 1, 32 << 20);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 4 << 20);
        fixture.Release();
        socket.Blocking = true;
        byte[] rest = block[(int)(sent % block.Length)..];
        Assert.True(await ListenerFixture.FinishAsync(socket, rest));
        Assert.Equal(sent + rest.Length, fixture.Lines.Length);
    }
}
