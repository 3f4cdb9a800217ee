using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using LogGen;
using RetentionEngine.Bench.Measuring;
using RetentionEngine.Bench.Reporting;
using RetentionEngine.Tool;

namespace RetentionEngine.Bench.Macro;

/// <summary>
/// retentiond as a process: syslog over TCP from this machine, each connection confirmed when all of
/// it is durable; a file that grows; and rest. The floor is a socket whose other end throws away.
/// </summary>
internal static class DaemonSection
{
    private const int Senders = 4;
    private const int Probes = 10;
    private const int LinesPerSecond = 10_000;
    private static readonly TimeSpan s_slice = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(10);

    public static void Run(Scale scale, string folder, Figures figures)
    {
        string work = Path.Combine(folder, "daemon");
        if (Directory.Exists(work))
        {
            Directory.Delete(work, recursive: true);
        }
        Directory.CreateDirectory(work);
        LogInput input = LogInput.Make(
            folder, new Options { Bytes = scale.ImportBytes, IsRfc3339 = true });
        byte[] log = input.Load().AsSpan(0, (int)input.Bytes).ToArray();
        using Process daemon = Start(work, out int port, out string store, out string followed);
        try
        {
            // Once to compile what runs, once to measure.
            Send(log, port);
            double floorSeconds = Drain(log);
            double cpuBefore = daemon.TotalProcessorTime.TotalMilliseconds;
            double seconds = Send(log, port);
            Sync(store);
            daemon.Refresh();
            double cpu = daemon.TotalProcessorTime.TotalMilliseconds - cpuBefore;
            figures.Add("daemon.syslogMB", input.Bytes / 1e6, "MB", $"log, {Senders} connections");
            figures.Add("daemon.syslogLines", input.Lines, "lines", "lines in it");
            figures.Add(
                "daemon.syslogLinesPerSecond", input.Lines / seconds, "lines/s",
                "until all is durable, sender on the same machine");
            figures.Add("daemon.syslogMBps", input.Bytes / 1e6 / seconds, "MB/s", "the same");
            figures.Add(
                "daemon.syslogRatioToDrain", seconds / floorSeconds, "x floor",
                "against a socket that throws away");
            figures.Add(
                "daemon.cpuMicrosPerLine", cpu * 1000 / input.Lines, "us",
                "CPU of the daemon, until all is in the store");
            figures.Add(
                "daemon.peakMiB", PeakKiB(daemon) / 1024.0, "MiB", "most memory it ever had");
            MeasureLag(store, followed, figures);
            MeasureRest(daemon, figures);
        }
        finally
        {
            daemon.Kill();
            daemon.WaitForExit();
        }
    }

    private static Process Start(string work, out int port, out string store, out string followed)
    {
        (port, store, followed) =
            (FreePort(), Path.Combine(work, "store"), Path.Combine(work, "mail.log"));
        string config = Path.Combine(work, "retentiond.toml");
        string keep = "{ keep = \"3650d\", basis = \"benchmark\" }";
        File.WriteAllText(config, $"""
            [store]
            path = "{store}"
            local_domains = [{string.Join(", ", LogInput.LocalDomains.Select(d => $"\"{d}\""))}]
            [period]
            sent = {keep}
            received = {keep}
            access = {keep}
            rejected = {keep}
            [[file]]
            path = "{followed}"
            [[syslog]]
            protocol = "tcp"
            address = "127.0.0.1"
            port = {port}
            """);
        string folder = Path.GetFileName(
            AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string path = Path.GetFullPath(Path.Combine(
            AppContext.BaseDirectory, "..", "..", "retentiond", folder, "retentiond.dll"));
        ProcessStartInfo start = ChildProcess.Describe(
            ChildProcess.DotNet, [path, "serve", "--config", config]);
        start.RedirectStandardError = true;
        Process daemon = Process.Start(start)!;
        var ready = new ManualResetEventSlim();
        daemon.ErrorDataReceived += (_, e) =>
        {
            if (e.Data?.Contains("msg=ready", StringComparison.Ordinal) != false)
            {
                ready.Set();
            }
        };
        daemon.BeginErrorReadLine();
        ready.Wait();
        return daemon.HasExited
            ? throw new InvalidOperationException("retentiond did not start.") : daemon;
    }

    /// <summary>Sends the log in as many parts as there are senders; returns seconds.</summary>
    private static double Send(byte[] log, int port)
    {
        var watch = Stopwatch.StartNew();
        int[] ends = new int[Senders + 1];
        for (int i = 1; i < Senders; i++)
        {
            int at = (int)((long)log.Length * i / Senders);
            ends[i] = at + log.AsSpan(at).IndexOf((byte)'\n') + 1;
        }
        ends[Senders] = log.Length;
        Task[] senders = [.. Enumerable.Range(0, Senders).Select(i => Task.Run(() =>
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, port);
            for (int at = ends[i]; at < ends[i + 1];)
            {
                at += socket.Send(log.AsSpan(at, Math.Min(1 << 18, ends[i + 1] - at)));
            }
            socket.Shutdown(SocketShutdown.Send);
            if (socket.Receive(new byte[1]) != 0)
            {
                throw new InvalidOperationException("The daemon answers to no one.");
            }
        }))];
        Task.WaitAll(senders);
        return watch.Elapsed.TotalSeconds;
    }

    /// <summary>The floor: the same bytes to somebody who does nothing with them.</summary>
    private static double Drain(byte[] log)
    {
        using var drain = new TcpListener(IPAddress.Loopback, 0);
        drain.Start();
        Task[] drains = [.. Enumerable.Range(0, Senders).Select(_ => Task.Run(() =>
        {
            using Socket socket = drain.AcceptSocket();
            byte[] buffer = new byte[1 << 17];
            while (socket.Receive(buffer) > 0)
            {
                // Thrown away.
            }
            socket.Shutdown(SocketShutdown.Both);
        }))];
        double seconds = Send(log, ((IPEndPoint)drain.LocalEndpoint).Port);
        Task.WaitAll(drains);
        return seconds;
    }

    /// <summary>From a line written to a query that finds it, while 10,000 lines a second are written.</summary>
    private static void MeasureLag(string store, string followed, Figures figures)
    {
        var lags = new List<double>();
        int perSlice = (int)(LinesPerSecond * s_slice.TotalSeconds);
        int number = 0;
        using var stop = new CancellationTokenSource();
        using var file = new FileStream(
            followed, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        var gate = new Lock();
        Task writer = Task.Run(() =>
        {
            while (!stop.Token.WaitHandle.WaitOne(s_slice))
            {
                lock (gate)
                {
                    Write(file, Enumerable.Range(number, perSlice).Select(n => $"u{n}"));
                    number += perSlice;
                }
            }
        });
        for (int i = 0; i < Probes; i++)
        {
            Thread.Sleep(300);
            string user = $"probe{i}@example.org";
            var watch = Stopwatch.StartNew();
            lock (gate)
            {
                Write(file, [user]);
            }
            while (!Finds(store, user))
            {
                Thread.Sleep(1);
            }
            lags.Add(watch.Elapsed.TotalSeconds);
        }
        stop.Cancel();
        writer.Wait();
        lags.Sort();
        figures.Add("daemon.lagSeconds", lags[^1], "s",
            $"line written to record found at {LinesPerSecond} lines/s, worst of {Probes}");
        figures.Add("daemon.lagMedianSeconds", lags[Probes / 2], "s", "the same, median");
    }

    private static void Write(FileStream file, IEnumerable<string> users)
    {
        var text = new StringBuilder();
        foreach (string user in users)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.ffffffK} mx1 dovecot: imap-login: Login:"
                + $" user=<{user}>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.1, mpid=1, TLS,"
                + $" session=<{user}>\n");
        }
        file.Write(Encoding.ASCII.GetBytes(text.ToString()));
        file.Flush();
    }

    private static bool Finds(string path, string user)
    {
        Sync(path);
        using RetentionStore store = RetentionStore.Open(
            path, new RetentionOptions { OpenBlocks = FasterBlockStore.Open }, readOnly: true);
        return store.Query(new RetentionQuery { Mailbox = user }).Any();
    }

    private static void Sync(string store)
    {
        if (!DaemonLink.TrySync(store))
        {
            throw new InvalidOperationException("The daemon does not answer.");
        }
    }

    private static void MeasureRest(Process daemon, Figures figures)
    {
        Thread.Sleep(s_rest);
        daemon.Refresh();
        double before = daemon.TotalProcessorTime.TotalMilliseconds;
        Thread.Sleep(s_rest);
        daemon.Refresh();
        double cpu = daemon.TotalProcessorTime.TotalMilliseconds - before;
        figures.Add("daemon.idleCpuPercent", cpu / s_rest.TotalMilliseconds * 100, "%",
            "of one core, when nothing comes");
    }

    private static long PeakKiB(Process daemon)
    {
        const string Name = "VmHWM:";
        string line = File.ReadLines($"/proc/{daemon.Id}/status")
            .First(l => l.StartsWith(Name, StringComparison.Ordinal));
        return long.Parse(
            line[Name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(),
            CultureInfo.InvariantCulture);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
