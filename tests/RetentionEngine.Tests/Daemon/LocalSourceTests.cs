using System.Diagnostics;
using System.Globalization;
using System.Text;
using RetentionEngine.Daemon.Pumping;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Daemon;

/// <summary>A journal behind its cursor, and a named pipe.</summary>
public sealed class LocalSourceTests : IDisposable
{
    // What journalctl does as far as we need it: entries behind a cursor, then those that come.
    private const string Journalctl = """
        #!/bin/bash
        exec 2>/dev/null
        parent=$PPID
        at=0
        for argument in "$@"; do
            case $argument in --after-cursor=*) at=${argument##*i=} ;; esac
        done
        while [ -e /proc/$parent ]; do
            while [ -e "ENTRIES/$((at + 1))" ]; do
                at=$((at + 1))
                cat "ENTRIES/$at"
            done
            sleep 0.05
        done
        """;

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task AJournalIsReadOnBehindItsCursorAfterACrash()
    {
        Directory.CreateDirectory(_directory["bin"]);
        Directory.CreateDirectory(_directory["entries"]);
        string program = _directory["bin/journalctl"];
        File.WriteAllText(
            program, Journalctl.Replace("ENTRIES", _directory["entries"], StringComparison.Ordinal));
        await RunAsync("chmod", "+x", program);
        await using var daemon = new LiveDaemon(_directory, "[[journal]]\n") { Programs = _directory["bin"] };
        int written = 0;
        for (int round = 0; round < 3; round++)
        {
            await daemon.StartAsync();
            for (int i = 0; i < 20; i++)
            {
                WriteEntry(++written);
            }
            await UntilReadAsync(daemon, "journal", 20);
            await daemon.KillAsync();
        }
        await daemon.StartAsync();
        Assert.Equal(0, await daemon.StopAsync());
        CheckUsers(daemon, written);
    }

    [Fact]
    public async Task ANamedPipeIsReadWhoeverWritesIt()
    {
        string pipe = _directory["pipe"];
        await RunAsync("mkfifo", pipe);
        await using var daemon = new LiveDaemon(_directory, $"[[fifo]]\npath = \"{pipe}\"\n");
        await daemon.StartAsync();
        int written = 0;
        for (int writer = 0; writer < 3; writer++)
        {
            using var file = new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            for (int i = 0; i < 20; i++)
            {
                file.Write(Encoding.ASCII.GetBytes(
                    $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.ffffffK} mx1 dovecot: {Login(++written)}\n"));
            }
        }
        await UntilReadAsync(daemon, "fifo", written);
        Assert.Equal(0, await daemon.StopAsync());
        CheckUsers(daemon, written);
    }

    /// <summary>Every cut of a journal's bytes gives whole entries and the cursor of the last one.</summary>
    [Fact]
    public void EntriesAreCutWhereTheyEnd()
    {
        byte[] first = Entry(1, isBinary: true);
        byte[] both = [.. first, .. Entry(2, isBinary: false)];
        for (int length = 0; length <= both.Length; length++)
        {
            int whole = JournalReader.WholeEntries(both.AsSpan(0, length), out string cursor);
            int expected = length < first.Length ? 0 : length < both.Length ? first.Length : both.Length;
            Assert.Equal(expected, whole);
            Assert.Equal(
                expected == 0 ? "" : expected == first.Length ? "s=x;i=1" : "s=x;i=2", cursor);
        }
        string[] lines = Encoding.UTF8.GetString(JournalReader.Plain(both)).Split('\n')[..^1];
        Assert.Equal(2, lines.Length);
        Assert.All(lines, line => Assert.Contains("imap-login: Login: user=<u", line, StringComparison.Ordinal));
    }

    private void WriteEntry(int number)
    {
        string path = _directory[$"entries/{number}"];
        File.WriteAllBytes(path + ".new", Entry(number, isBinary: number % 3 == 0));
        File.Move(path + ".new", path);
    }

    private static byte[] Entry(int number, bool isBinary)
    {
        using var entry = new MemoryStream();
        long micros = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks / 10;
        entry.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"__CURSOR=s=x;i={number}\n__REALTIME_TIMESTAMP={micros}\n_HOSTNAME=mx1\n_PID=7\n"
            + $"SYSLOG_IDENTIFIER=dovecot\n")));
        byte[] message = Encoding.UTF8.GetBytes(Login(number));
        if (isBinary)
        {
            entry.Write("MESSAGE\n"u8);
            entry.Write(BitConverter.GetBytes((ulong)message.Length));
        }
        else
        {
            entry.Write("MESSAGE="u8);
        }
        entry.Write(message);
        entry.Write("\n\n"u8);
        return entry.ToArray();
    }

    private static string Login(int number) => string.Create(CultureInfo.InvariantCulture,
        $"imap-login: Login: user=<u{number}>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.1, mpid=1,"
        + $" TLS, session=<s{number}>");

    private static async Task UntilReadAsync(LiveDaemon daemon, string kind, int lines)
    {
        var watch = Stopwatch.StartNew();
        string name = kind is "fifo" ? "pipe" : "system";
        while (await daemon.SumAsync($"retentiond_source_lines_total{{kind=\"{kind}\"") < lines)
        {
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"{name}: not read\n{daemon.Said}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private static void CheckUsers(LiveDaemon daemon, int count)
    {
        using RetentionStore store = RetentionStore.Open(
            daemon.StorePath, StoreFixture.Options, readOnly: true);
        string[] users = [.. store.Query(new RetentionQuery()).Select(r => r.Recipient!).Order(StringComparer.Ordinal)];
        Assert.Equal(
            Enumerable.Range(1, count).Select(n => $"u{n}").Order(StringComparer.Ordinal), users);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }
}
