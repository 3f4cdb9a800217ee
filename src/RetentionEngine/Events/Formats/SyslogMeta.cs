using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>What syslog daemons write about lines: rsyslog, syslogd of the BSDs, journald.</summary>
internal static class SyslogMeta
{
    /// <summary>Whether a text is <c>message repeated …</c>, as rsyslog puts it behind the tag.</summary>
    public static bool IsRepeated(ref byte block, int at, int end) =>
        Scan.Is(ref block, at, end, "message repeated "u8);

    /// <summary><c>message repeated N times: [ text]</c>.</summary>
    public static bool TryRepeated(
        ref byte block, int at, int end, out int count, out int text)
    {
        text = 0;
        int behind = Count(ref block, at + 17, end, out count);
        if (!Scan.Is(ref block, behind, end, " times: [ "u8) || Unsafe.Add(ref block, end - 1) != ']')
        {
            return false;
        }
        text = behind + 10;
        return text < end - 1;
    }

    /// <summary><c>last message repeated N times</c>; some write <c>time</c> for one.</summary>
    public static bool IsLastRepeated(ref byte block, int at, int end, out int count)
    {
        count = 0;
        if (!Scan.Is(ref block, at, end, "last message repeated "u8))
        {
            return false;
        }
        int behind = Count(ref block, at + 22, end, out count);
        end -= end > behind && Unsafe.Add(ref block, end - 1) == '\r' ? 1 : 0;
        ReadOnlySpan<byte> rest = Scan.Span(ref block, behind, end);
        return behind > at + 22 && (rest.SequenceEqual(" times"u8) || rest.SequenceEqual(" time"u8));
    }

    /// <summary><c>syslogd 1.5.0: restart</c>: a tag with a space, which is none.</summary>
    public static bool IsOldRestart(ref byte block, int at, int end)
    {
        ReadOnlySpan<byte> text = Scan.Span(ref block, at, end);
        return text.StartsWith("syslogd "u8)
            && (text.EndsWith(": restart"u8) || text.EndsWith(": restart."u8));
    }

    /// <summary>Offset of the host of a line whose stamp was read before; -1 when there is none.</summary>
    public static int HostOf(ref byte block, int at, int end)
    {
        if (Scan.Is(ref block, at, end, "<"u8))
        {
            at = Scan.IndexOf(ref block, at, end, (byte)'>') + 1;
        }
        if (end - at < 17)
        {
            return -1;
        }
        if (Unsafe.Add(ref block, at) is >= (byte)'A' and <= (byte)'Z')
        {
            // The day has one place or two.
            int host = Unsafe.Add(ref block, at + 14) == ' ' ? at + 15 : at + 16;
            return Unsafe.Add(ref block, host - 1) == ' ' ? host : -1;
        }
        int space = Scan.IndexOf(ref block, at, end, (byte)' ');
        return space < end ? space + 1 : -1;
    }

    /// <summary>Whether the daemon says that lines are missing, and how many; -1 if it does not say.</summary>
    public static bool TryGap(
        ref byte block, int at, int end, out GapKind kind, out long lost)
    {
        lost = -1;
        ReadOnlySpan<byte> text = Scan.Span(ref block, at, end);
        kind = GapKind.None;
        if (text.StartsWith("Suppressed "u8) || text.StartsWith("imuxsock lost "u8))
        {
            kind = GapKind.Dropped;
        }
        else if (text.StartsWith("["u8) && text.IndexOf("] "u8) is > 0 and var close)
        {
            ReadOnlySpan<byte> word = text[(close + 2)..];
            kind = word.StartsWith("exiting on "u8) ? GapKind.Stopped
                : word.StartsWith("start"u8) || word.StartsWith("(re)start"u8) ? GapKind.Restarted
                : GapKind.None;
        }
        else if (text.StartsWith("exiting on signal "u8) || text.StartsWith("Journal stopped"u8)
            || text.StartsWith("syslog-ng shutting down"u8))
        {
            kind = GapKind.Stopped;
        }
        else if (text.StartsWith("restart"u8) || text.StartsWith("Journal started"u8)
            || text.StartsWith("syslog-ng starting up"u8))
        {
            kind = GapKind.Restarted;
        }
        if (kind == GapKind.None && text.IndexOf("due to rate-limiting"u8) >= 0)
        {
            kind = text.IndexOf(" drop messages due"u8) >= 0 ? GapKind.Dropping
                : text.IndexOf(" lost due"u8) >= 0 ? GapKind.Dropped : GapKind.None;
        }
        if (kind == GapKind.Dropped)
        {
            lost = FirstNumber(ref block, at, end);
        }
        return kind != GapKind.None;
    }

    private static int Count(ref byte block, int at, int end, out int count)
    {
        int behind = Scan.Digits(ref block, at, Math.Min(end, at + 9), out long number);
        count = behind == at ? 0 : (int)Math.Min(number, Tokenizer.RepeatsMax);
        return behind;
    }

    /// <summary>The first number that stands between spaces.</summary>
    private static long FirstNumber(ref byte block, int at, int end)
    {
        while (at < end)
        {
            int space = Scan.IndexOf(ref block, at, end, (byte)' ');
            if (space > at && Scan.Digits(ref block, at, Math.Min(space, at + 18), out long number) == space)
            {
                return number;
            }
            at = space + 1;
        }
        return -1;
    }
}

/// <summary>Syslog daemons: only what they say about lines lost.</summary>
internal sealed class SyslogGaps : ILogFormat<SyslogGaps>
{
    private SyslogGaps()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        bool known = tag.StartsWith("rsyslogd"u8) || tag.SequenceEqual("syslogd"u8)
            || tag.SequenceEqual("syslog-ng"u8) || tag.SequenceEqual("systemd-journald"u8)
            || tag.SequenceEqual("systemd-journal"u8) || tag.SequenceEqual("journal"u8);
        info = new LogTag(known ? LogProgram.Syslog : LogProgram.None);
        return known;
    }

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e) =>
        SyslogMeta.TryGap(ref block, frame.Start, frame.End, out _, out _)
            ? LineOutcome.Gap : LineOutcome.Ignored;
}
