using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using RetentionEngine.Daemon.Configuration;
using RetentionEngine.Daemon.Reporting;
using RetentionEngine.Lines;

namespace RetentionEngine.Daemon.Pumping;

/// <summary>Reads a journal by <c>journalctl -o export</c> into the spool, cursor too.</summary>
/// <remarks>
/// Lines and the cursor behind them go into the spool as one, so that reading goes on exactly
/// behind what is durable.
/// </remarks>
internal sealed class JournalReader(
    JournalSettings settings, SpoolGate spool, SourceStatus status, TimeProvider clock, Log log)
{
    private const int BufferBytes = 256 * 1024;
    private const int EntryMaxBytes = 4 << 20;
    private const string Fields =
        "__REALTIME_TIMESTAMP,_HOSTNAME,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,MESSAGE,PRIORITY";
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is IOException or System.ComponentModel.Win32Exception)
            {
                log.Warning("journalctl can't be run", ("journal", settings.Name));
            }
            status.IsUp = false;
            await Task.Delay(s_retry, clock, stop)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(CancellationToken stop)
    {
        var start = new ProcessStartInfo("journalctl")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        string? cursor = await spool.CursorOfAsync(settings.Name, stop);
        foreach (string argument in (string[])[
            "--output=export", "--output-fields=" + Fields, "--follow", "--quiet",
            cursor is null ? "--no-tail" : "--after-cursor=" + cursor, .. settings.Arguments()])
        {
            start.ArgumentList.Add(argument);
        }
        using Process process = Process.Start(start)!;
        await using CancellationTokenRegistration kill = stop.Register(() => Kill(process));
        status.IsUp = true;
        await CopyAsync(process.StandardOutput.BaseStream, stop);
        await process.WaitForExitAsync(CancellationToken.None);
        stop.ThrowIfCancellationRequested();
        log.Warning("journalctl ended", ("journal", settings.Name), ("code", process.ExitCode));
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It is gone already.
        }
    }

    private async Task CopyAsync(Stream output, CancellationToken stop)
    {
        byte[] buffer = new byte[BufferBytes];
        int held = 0;
        while (true)
        {
            if (held == buffer.Length)
            {
                if (held >= EntryMaxBytes)
                {
                    throw new IOException("An entry of the journal is too long.");
                }
                Array.Resize(ref buffer, held * 2);
            }
            int read = await output.ReadAsync(buffer.AsMemory(held), stop);
            if (read == 0)
            {
                return;
            }
            held += read;
            int end = WholeEntries(buffer.AsSpan(0, held), out string cursor);
            if (end > 0)
            {
                byte[] lines = Plain(buffer.AsSpan(0, end).ToArray());
                await spool.AppendAsync(lines, new SpoolCursor(settings.Name, cursor), stop);
                status.Bytes += lines.Length;
                status.Lines += lines.AsSpan().Count((byte)'\n');
                buffer.AsSpan(end, held - end).CopyTo(buffer);
                held -= end;
            }
        }
    }

    /// <summary>Length of the entries that are whole; each ends with an empty line.</summary>
    /// <param name="bytes">From the first byte of an entry.</param>
    /// <param name="cursor">That of the last whole entry.</param>
    internal static int WholeEntries(ReadOnlySpan<byte> bytes, out string cursor)
    {
        cursor = "";
        string current = "";
        int whole = 0;
        int at = 0;
        while (at < bytes.Length)
        {
            int length = bytes[at..].IndexOf((byte)'\n');
            if (length < 0)
            {
                break;
            }
            ReadOnlySpan<byte> line = bytes.Slice(at, length);
            at += length + 1;
            if (line.IsEmpty)
            {
                (whole, cursor) = (at, current);
            }
            else if (line.StartsWith("__CURSOR="u8))
            {
                current = Encoding.ASCII.GetString(line["__CURSOR=".Length..]);
            }
            else if (!line.Contains((byte)'='))
            {
                // A field with any bytes in it: its length, then itself, then LF.
                if (bytes.Length - at < sizeof(ulong))
                {
                    break;
                }
                ulong size = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
                if (size > EntryMaxBytes || (ulong)(bytes.Length - at - sizeof(ulong)) < size + 1)
                {
                    break;
                }
                at += sizeof(ulong) + (int)size + 1;
            }
        }
        return whole;
    }

    /// <summary>Turns entries into the lines that syslog would have written.</summary>
    internal static byte[] Plain(byte[] entries)
    {
        using var lines = new FormStream(new MemoryStream(entries));
        using var target = new MemoryStream(entries.Length);
        lines.CopyTo(target);
        ReadOnlySpan<byte> all = target.GetBuffer().AsSpan(0, (int)target.Length);
        var kept = new MemoryStream(all.Length);
        foreach (Range range in all.Split((byte)'\n'))
        {
            // Lines of an entry that say nothing of their own are left empty.
            if (range.Start.Value < range.End.Value)
            {
                kept.Write(all[range]);
                kept.WriteByte((byte)'\n');
            }
        }
        return kept.ToArray();
    }
}
