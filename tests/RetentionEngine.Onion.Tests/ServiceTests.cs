using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using RetentionEngine.Onion.Service;
using Xunit;

namespace RetentionEngine.Onion.Tests;

/// <summary>The whole daemon between Postfix's side and a port that plays Tor.</summary>
public sealed class ServiceTests
{
    private static readonly string s_one = OnionNameTests.Name(1);
    private static readonly string s_two = OnionNameTests.Name(2);

    [Fact]
    public async Task A_mapped_domain_gets_an_address_that_leads_to_its_onion()
    {
        var dialled = new List<(string, int, string)>();
        using var tor = new FakeTor(async (host, port, user, stream) =>
        {
            lock (dialled)
            {
                dialled.Add((host, port, user));
            }
            await stream.SendAsync("220 hello\r\n"u8.ToArray());
        });
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(
            tor.Address, $"one.example {s_one}\ntwo.example {s_two}:2525\n"));
        string one = await scratch.AskAsync("user@one.example");
        string two = await scratch.AskAsync("user@two.example");
        Assert.Matches(@"^OK onion:\[127\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\.\d+\.\d+\]:\d{5}$", one);
        Assert.NotEqual(one, two);
        Assert.Equal(one, await scratch.AskAsync("other@ONE.example."));
        foreach (string answer in (string[])[one, one, two])
        {
            using Socket mail = await Scratch.DialAsync(answer);
            Assert.Equal("220 hello\r\n", await FakeTor.ReadAllAsync(mail));
        }
        Assert.Equal([(s_one, 25), (s_one, 25), (s_two, 2525)], dialled.Select(d => (d.Item1, d.Item2)));
        // One circuit an onion, another for another.
        Assert.Equal(dialled[0].Item3, dialled[1].Item3);
        Assert.NotEqual(dialled[0].Item3, dialled[2].Item3);
        await scratch.StopAsync(daemon);
        Assert.DoesNotContain("user", scratch.Journal.ToString(), StringComparison.Ordinal);
        Assert.Contains("onion_transport_sessions_total 3", File.ReadAllText(
            Path.Combine(scratch.Folder, "metrics")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x04, "host unreachable")]
    [InlineData(0x05, "connection refused")]
    [InlineData(0xF0, "onion service not found")]
    public async Task An_unreachable_onion_greets_with_the_reason(byte code, string reason)
    {
        using var tor = new FakeTor((_, _, _, _) => Task.CompletedTask) { Code = code };
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(tor.Address, $"one.example {s_one}\n"));
        using Socket mail = await Scratch.DialAsync(await scratch.AskAsync("a@one.example"));
        // Postfix may speak first; the greeting must come through all the same.
        await mail.SendAsync("QUIT\r\n"u8.ToArray());
        mail.Shutdown(SocketShutdown.Send);
        Assert.Equal(
            $"421 4.4.1 {s_one[..16]}... unreachable over Tor: {reason}\r\n",
            await FakeTor.ReadAllAsync(mail));
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public async Task Without_Tor_the_greeting_says_so()
    {
        using var scratch = new Scratch();
        Settings settings;
        using (var tor = new FakeTor((_, _, _, _) => Task.CompletedTask))
        {
            settings = scratch.Configure(tor.Address, $"one.example {s_one}\n");
        }
        Daemon daemon = scratch.Start(settings);
        using Socket mail = await Scratch.DialAsync(await scratch.AskAsync("a@one.example"));
        mail.Shutdown(SocketShutdown.Send);
        Assert.EndsWith(
            "unreachable over Tor: Tor is not reachable on this host\r\n",
            await FakeTor.ReadAllAsync(mail), StringComparison.Ordinal);
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public async Task Bytes_pass_unchanged_both_ways_and_ends_are_told_apart()
    {
        using var tor = new FakeTor(async (_, _, _, stream) =>
        {
            byte[] bytes = new byte[8192];
            int count;
            while ((count = await stream.ReceiveAsync(bytes)) > 0)
            {
                for (int sent = 0; sent < count;)
                {
                    sent += await stream.SendAsync(bytes.AsMemory(sent, count - sent));
                }
            }
            await stream.SendAsync("end"u8.ToArray());
        });
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(tor.Address, $"one.example {s_one}\n"));
        using Socket mail = await Scratch.DialAsync(await scratch.AskAsync("a@one.example"));
        byte[] sent = RandomNumberGenerator.GetBytes(3_000_000);
        Task<string> back = FakeTor.ReadAllAsync(mail);
        for (int at = 0; at < sent.Length;)
        {
            at += await mail.SendAsync(sent.AsMemory(at));
        }
        mail.Shutdown(SocketShutdown.Send);
        Assert.Equal(Encoding.Latin1.GetString(sent) + "end", await back);
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public async Task A_client_that_reads_nothing_holds_the_server_back()
    {
        long offered = 0;
        var ended = new TaskCompletionSource();
        using var tor = new FakeTor(async (_, _, _, stream) =>
        {
            byte[] bytes = new byte[65536];
            try
            {
                while (Interlocked.Read(ref offered) < 500_000_000)
                {
                    Interlocked.Add(ref offered, await stream.SendAsync(bytes));
                }
            }
            finally
            {
                ended.SetResult();
            }
        });
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(tor.Address, $"one.example {s_one}\n"));
        using (Socket mail = await Scratch.DialAsync(await scratch.AskAsync("a@one.example")))
        {
            // It stands still when nothing more is taken.
            long before;
            do
            {
                before = Interlocked.Read(ref offered);
                await Task.Delay(200);
            }
            while (before == 0 || Interlocked.Read(ref offered) != before);
            Assert.True(before < 64_000_000, "buffers without bound");
        }
        await ended.Task;
        Assert.True(Interlocked.Read(ref offered) < 500_000_000);
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public async Task More_sessions_than_allowed_are_told_to_come_later()
    {
        var hold = new TaskCompletionSource();
        using var tor = new FakeTor(async (_, _, _, stream) =>
        {
            await stream.SendAsync("220 x\r\n"u8.ToArray());
            await hold.Task;
        });
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(
            tor.Address, $"one.example {s_one}\n", "sessions_max = 2"));
        string answer = await scratch.AskAsync("a@one.example");
        using Socket first = await Scratch.DialAsync(answer);
        using Socket second = await Scratch.DialAsync(answer);
        await FakeTor.ReadAsync(first, 7);
        await FakeTor.ReadAsync(second, 7);
        using Socket third = await Scratch.DialAsync(answer);
        third.Shutdown(SocketShutdown.Send);
        Assert.Equal(
            "421 4.3.2 too many sessions through Tor\r\n", await FakeTor.ReadAllAsync(third));
        hold.SetResult();
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public async Task A_restart_with_the_map_in_another_order_keeps_addresses()
    {
        using var tor = new FakeTor((_, _, _, _) => Task.CompletedTask);
        string[] lines = [.. Enumerable.Range(0, 20)
            .Select(i => $"d{i}.example {OnionNameTests.Name(i)}\n")];
        using var scratch = new Scratch();
        var answers = new List<string>();
        for (int round = 0; round < 2; round++)
        {
            using var run = new Scratch();
            Directory.CreateDirectory(scratch.Folder);
            Settings settings = run.Configure(tor.Address, string.Concat(lines));
            string state = Path.Combine(run.Folder, "state");
            if (round > 0)
            {
                Directory.Move(Path.Combine(scratch.Folder, "state"), state);
            }
            Daemon daemon = run.Start(settings);
            var found = new Dictionary<string, string>();
            foreach (string line in lines)
            {
                string domain = line.Split(' ')[0];
                found[domain] = await run.AskAsync("a@" + domain);
            }
            answers.Add(string.Join('\n', found.OrderBy(f => f.Key, StringComparer.Ordinal)));
            await run.StopAsync(daemon);
            Directory.Move(state, Path.Combine(scratch.Folder, "state"));
            Array.Reverse(lines);
        }
        Assert.Equal(answers[0], answers[1]);
    }

    [Fact]
    public async Task A_changed_map_is_read_again_and_a_wrong_one_is_not()
    {
        using var tor = new FakeTor((_, _, _, _) => Task.CompletedTask);
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(tor.Address, "one.example never\n"));
        Assert.Equal("NOTFOUND ", await scratch.AskAsync("a@one.example"));
        scratch.Write("map", $"one.example {s_one}\n# longer\n");
        string answer;
        while ((answer = await scratch.AskAsync("a@one.example")) is "NOTFOUND ")
        {
            await Task.Delay(50);
        }
        Assert.StartsWith("OK onion:", answer, StringComparison.Ordinal);
        scratch.Write("map", "one.example never\nthis is no line of a map\n");
        while (!scratch.Journal.ToString().Contains("last good map", StringComparison.Ordinal))
        {
            Assert.Equal(answer, await scratch.AskAsync("a@one.example"));
            await Task.Delay(50);
        }
        Assert.Equal(answer, await scratch.AskAsync("a@one.example"));
        Assert.DoesNotContain("this is", scratch.Journal.ToString(), StringComparison.Ordinal);
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public async Task Requests_in_one_piece_or_byte_by_byte_are_answered_in_order()
    {
        using var tor = new FakeTor((_, _, _, _) => Task.CompletedTask);
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(
            tor.Address, "bad.example expyuzz4wqqyqhjn.onion\n"));
        byte[] requests = "19:onion a@bad.example,7:onion *,5:onion,"u8.ToArray();
        const string Replies = "56:OK error:5.1.2 version 2 onion addresses no longer exist,"
            + "9:NOTFOUND ,26:PERM request without a key,";
        foreach (int step in (int[])[requests.Length, 1, 7])
        {
            using Socket socket = await scratch.ConnectAsync("map.sock");
            for (int at = 0; at < requests.Length; at += step)
            {
                await socket.SendAsync(
                    requests.AsMemory(at, Math.Min(step, requests.Length - at)));
            }
            Assert.Equal(Replies, Encoding.ASCII.GetString(
                await FakeTor.ReadAsync(socket, Replies.Length)));
        }
        using Socket table = await scratch.ConnectAsync("tcp.sock");
        await table.SendAsync("get a@bad.example\nget *\n"u8.ToArray());
        const string Lines = "200 error:5.1.2%20version%202%20onion%20addresses%20no%20longer%20exist"
            + "\n500 not%20found\n";
        Assert.Equal(Lines, Encoding.ASCII.GetString(await FakeTor.ReadAsync(table, Lines.Length)));
        await scratch.StopAsync(daemon);
    }

    [Theory]
    [InlineData("u@{0}", "OK onion:")]
    [InlineData("u@mail.{0}", "OK onion:")]
    [InlineData("u@expyuzz4wqqyqhjn.onion", "OK error:5.1.2 version 2")]
    [InlineData("u@a{0}", "OK error:5.1.2 invalid onion address")]
    [InlineData("u@example.org", "NOTFOUND ")]
    public async Task An_address_under_onion_needs_no_map(string key, string start)
    {
        using var tor = new FakeTor((_, _, _, _) => Task.CompletedTask);
        using var scratch = new Scratch();
        Daemon daemon = scratch.Start(scratch.Configure(tor.Address, ""));
        Assert.StartsWith(
            start, await scratch.AskAsync(string.Format(null, key, s_one)), StringComparison.Ordinal);
        await scratch.StopAsync(daemon);
    }

    [Fact]
    public void Two_daemons_do_not_share_a_state()
    {
        using var scratch = new Scratch();
        using var tor = new FakeTor((_, _, _, _) => Task.CompletedTask);
        Settings settings = scratch.Configure(tor.Address, "");
        using var first = new Daemon(settings, new Log(TextWriter.Null), TimeProvider.System);
        Assert.ThrowsAny<IOException>(
            () => new Daemon(settings, new Log(TextWriter.Null), TimeProvider.System));
    }
}
