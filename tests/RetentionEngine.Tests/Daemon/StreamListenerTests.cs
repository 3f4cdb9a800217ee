using System.Net.Sockets;
using System.Text;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Listeners;
using RetentionEngine.Daemon.Reporting;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>Syslog over TCP on a real socket.</summary>
public sealed class StreamListenerTests
{
    [Fact]
    public async Task Lines_of_both_framings_are_durable_before_the_end_is_answered()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp(), isHeld: true);
        using Socket socket = fixture.Connect();
        Task<bool> finish = ListenerFixture.FinishAsync(
            socket, "<22>one\n8 <22>t\nwo<22>three"u8.ToArray());
        await fixture.Entered;
        Assert.False(finish.IsCompleted);
        fixture.Release();
        Assert.True(await finish);
        Assert.Equal("<22>one\n<22>t#012wo\n<22>three\n", fixture.Lines);
        Assert.Equal((3, 0), (fixture.Own.Frames, fixture.Own.Refused(RefusalReason.Malformed)));
        await ListenerFixture.UntilAsync(() => fixture.Own.Connections == 0);
    }

    [Fact]
    public async Task Random_streams_in_random_pieces_give_the_lines_of_the_slow_reader()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp());
        var random = new Random(5);
        var expected = new StringBuilder();
        for (int round = 0; round < 20; round++)
        {
            byte[] stream = Stream(random);
            (string lines, FrameKind last) = FramingTests.Slow(stream, 64 << 10);
            Assert.Equal(FrameKind.NeedsMore, last);
            expected.Append(lines.Replace('|', '\n')).Append('\n');
            using Socket socket = fixture.Connect();
            socket.NoDelay = true;
            for (int at = 0; at < stream.Length;)
            {
                int length = Math.Min(random.Next(1, 200_000), stream.Length - at);
                await socket.SendAsync(stream.AsMemory(at, length));
                at += length;
            }
            Assert.True(await ListenerFixture.FinishAsync(socket, []));
        }
        Assert.Equal(expected.ToString(), fixture.Lines);
        Assert.InRange(fixture.BatchBytesMax, 1, LineBatch.BytesMax);
    }

    [Fact]
    public async Task A_full_disk_holds_lines_until_there_is_room()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp());
        fixture.Fail(times: 1);
        using Socket socket = fixture.Connect();
        Assert.True(await ListenerFixture.FinishAsync(socket, "a\nb\n"u8.ToArray()));
        Assert.Equal("a\nb\n", fixture.Lines);
        Assert.Contains("disk full", fixture.LogText.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("104857600 ")]
    [InlineData("<22>")]
    public async Task A_frame_of_100_MB_is_refused(string head)
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp());
        using Socket socket = fixture.Connect();
        await socket.SendAsync(Encoding.ASCII.GetBytes("<22>before\n" + head));
        byte[] part = new byte[1 << 20];
        Array.Fill(part, (byte)'a');
        int parts = 0;
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            for (; parts < 100; parts++)
            {
                await socket.SendAsync(part);
            }
            await socket.ReceiveAsync(part);
        });
        Assert.InRange(parts, 0, 50);
        Assert.Equal("<22>before\n", fixture.Lines);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.FrameTooLong));
    }

    [Fact]
    public async Task A_line_of_control_characters_is_refused_and_the_next_taken()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp());
        using Socket socket = fixture.Connect();
        byte[] bad = new byte[60_000];
        Assert.True(await ListenerFixture.FinishAsync(
            socket, [.. "60001 "u8, .. bad, .. "a<22>next\n"u8]));
        Assert.Equal("<22>next\n", fixture.Lines);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.Malformed));
    }

    [Fact]
    public async Task An_unfinished_count_at_the_end_is_not_confirmed()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp());
        using Socket socket = fixture.Connect();
        Assert.False(await ListenerFixture.FinishAsync(socket, "3 abc9 abc"u8.ToArray()));
        Assert.Equal("abc\n", fixture.Lines);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.Incomplete));
    }

    [Fact]
    public async Task A_frame_that_does_not_end_in_time_ends_the_connection()
    {
        SyslogSettings settings = ListenerFixture.Tcp() with
        {
            FrameTimeout = TimeSpan.FromMilliseconds(300),
        };
        await using var fixture = new ListenerFixture(settings);
        using Socket idle = fixture.Connect();
        using Socket slow = fixture.Connect();
        slow.NoDelay = true;
        await idle.SendAsync("<22>whole\n"u8.ToArray());
        Task<bool> end = ListenerFixture.EndAsync(slow);
        await ListenerFixture.UntilAsync(() =>
        {
            try
            {
                slow.Send("x"u8);
            }
            catch (SocketException)
            {
                // It is cut off.
            }
            fixture.Listener.Sweep();
            return end.IsCompleted;
        });
        Assert.False(await end);
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.FrameTimeout));
        Assert.True(await ListenerFixture.FinishAsync(idle, "<22>more\n"u8.ToArray()));
        Assert.Equal("<22>whole\n<22>more\n", fixture.Lines);
    }

    [Fact]
    public async Task No_more_connections_than_allowed_are_held()
    {
        await using var fixture = new ListenerFixture(
            ListenerFixture.Tcp() with { ConnectionsMax = 2 });
        using Socket first = fixture.Connect();
        using Socket second = fixture.Connect();
        using Socket third = fixture.Connect();
        Assert.False(await ListenerFixture.EndAsync(third));
        Assert.Equal(1, fixture.Own.Refused(RefusalReason.TooManyConnections));
        Assert.True(await ListenerFixture.FinishAsync(first, "a\n"u8.ToArray()));
        await ListenerFixture.UntilAsync(() => fixture.Own.Connections == 1);
        using Socket fourth = fixture.Connect();
        Assert.True(await ListenerFixture.FinishAsync(fourth, "b\n"u8.ToArray()));
        Assert.Equal("a\nb\n", fixture.Lines);
    }

    [Fact]
    public async Task Stopping_takes_what_is_on_its_way()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp());
        using Socket talker = fixture.Connect();
        using Socket silent = fixture.Connect();
        await talker.SendAsync("a\n"u8.ToArray());
        Task stop = fixture.Listener.StopAsync();
        // We are told to end, and have something more to say.
        Assert.True(await ListenerFixture.EndAsync(talker));
        Assert.True(await ListenerFixture.FinishAsync(talker, "b\n"u8.ToArray()));
        await stop.WaitAsync(ListenerFixture.HangTimeout);
        Assert.Equal("a\nb\n", fixture.Lines);
        Assert.True(await ListenerFixture.EndAsync(silent));
        Assert.Equal(0, fixture.Own.Connections);
    }

    [Fact]
    public async Task Stopping_confirms_nothing_that_is_not_durable()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp(), isHeld: true);
        using Socket socket = fixture.Connect();
        using Socket silent = fixture.Connect();
        await socket.SendAsync("a\n"u8.ToArray());
        await fixture.Entered;
        Task stop = fixture.Listener.StopAsync();
        Task<bool> told = ListenerFixture.FinishAsync(socket, "b\n"u8.ToArray());
        Assert.True(await ListenerFixture.EndAsync(silent));
        Assert.False(told.IsCompleted);
        fixture.Release();
        Assert.True(await told);
        Assert.Equal("a\nb\n", fixture.Lines);
        await stop.WaitAsync(ListenerFixture.HangTimeout);
    }

    [Fact]
    public async Task Stopping_ends_also_when_nothing_can_be_made_durable()
    {
        await using var fixture = new ListenerFixture(ListenerFixture.Tcp(), isHeld: true);
        using Socket socket = fixture.Connect();
        await socket.SendAsync("a\n"u8.ToArray());
        await fixture.Entered;
        await fixture.Listener.StopAsync().WaitAsync(ListenerFixture.HangTimeout);
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (await socket.ReceiveAsync(new byte[1]) == 0)
            {
                await socket.SendAsync("b\n"u8.ToArray());
            }
        });
        Assert.Empty(fixture.Lines);
    }

    private static byte[] Stream(Random random)
    {
        var stream = new List<byte>();
        int frames = random.Next(1, 200);
        for (int i = 0; i < frames; i++)
        {
            byte[] frame = new byte[random.Next(1, random.Next(10) == 0 ? 60_000 : 300)];
            random.NextBytes(frame);
            // Nothing that looks like the separator of the expectation, or like a count.
            frame.AsSpan().Replace((byte)'|', (byte)'!');
            frame[0] = (byte)'<';
            if (random.Next(2) == 0)
            {
                stream.AddRange(Encoding.ASCII.GetBytes($"{frame.Length} "));
                stream.AddRange(frame);
            }
            else
            {
                frame.AsSpan().Replace((byte)'\n', (byte)'.');
                stream.AddRange(frame);
                stream.Add((byte)'\n');
            }
        }
        return [.. stream];
    }
}
