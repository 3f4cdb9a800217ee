using System.Runtime.CompilerServices;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events;

/// <summary>Prefixes that few systems write, and those that lack a host.</summary>
/// <remarks>
/// They leave what the line's fast way knows as it is: a line of these forms is always read here,
/// and its pair of host and tag is given by <see cref="Pair"/>.
/// </remarks>
internal sealed partial class LinePrefix
{
    private const int OddPairMax = 1024;

    private readonly byte[] _oddPair = new byte[OddPairMax];
    private int _oddPairLength;

    // Whether the tag stands in front of the stamp: Dovecot's own log until 1.2.
    private bool _isDovecotFirst;

    /// <summary>Whether lines of this source had <c>[ID …]</c> in front of their messages.</summary>
    public bool HasMessageIds { get; private set; }

    /// <summary>Whether the line has.</summary>
    public bool HasMessageId { get; private set; }

    /// <summary>Whether host and tag do not stand in the line as the fast way expects them.</summary>
    public bool IsOdd => _oddPairLength > 0;

    /// <summary>Host, space, tag: as in the line, or as they would stand there.</summary>
    public ReadOnlySpan<byte> Pair(ref byte block, out int hostLength)
    {
        if (!IsOdd)
        {
            hostLength = HostEnd - HostStart;
            return Scan.Span(ref block, HostStart, TagEnd);
        }
        ReadOnlySpan<byte> pair = _oddPair.AsSpan(0, _oddPairLength);
        hostLength = pair.IndexOf((byte)' ');
        return pair;
    }

    /// <summary>Services whose name begins a line of Dovecot's own log file.</summary>
    private static bool IsDovecotService(ref byte block, int at, int end)
    {
        int behind = at;
        while (behind < end && (char.IsAsciiLetterOrDigit((char)Unsafe.Add(ref block, behind))
            || Unsafe.Add(ref block, behind) == '-'))
        {
            behind++;
        }
        ReadOnlySpan<byte> name = Scan.Span(ref block, at, behind);
        bool isSession = name.SequenceEqual("imap"u8) || name.SequenceEqual("pop3"u8)
            || name.SequenceEqual("lmtp"u8) || name.SequenceEqual("lda"u8)
            || name.SequenceEqual("deliver"u8) || name.SequenceEqual("managesieve"u8)
            || name.SequenceEqual("submission"u8) || name.SequenceEqual("imap-hibernate"u8)
            || name.SequenceEqual("IMAP"u8) || name.SequenceEqual("POP3"u8);
        return isSession
            ? behind < end && Unsafe.Add(ref block, behind) == '('
            : name.EndsWith("-login"u8) && Scan.Is(ref block, behind, end, ": "u8);
    }

    /// <summary>A line without a host: the tag, or a Dovecot service, follows the stamp.</summary>
    private LineOutcome ReadHostless(ref byte block, int at, int end)
    {
        PidStart = PidEnd = 0;
        if (_isDovecotFirst || IsDovecotService(ref block, at, end))
        {
            MessageStart = at;
            return SetPair("-"u8, "dovecot"u8) ? LineOutcome.Event : LineOutcome.Ignored;
        }
        int colon = Scan.IndexOf(ref block, at, end, (byte)' ') - 1;
        int tagEnd = Scan.IndexOf(ref block, at, colon, (byte)'[');
        if (tagEnd < colon)
        {
            if (colon - 1 == tagEnd || Unsafe.Add(ref block, colon - 1) != ']')
            {
                return LineOutcome.Ignored;
            }
            PidStart = tagEnd + 1;
            PidEnd = colon - 1;
        }
        MessageStart = colon + 2;
        return Scan.IndexOf(ref block, at, tagEnd, (byte)':') == tagEnd
            && SetPair("-"u8, Scan.Span(ref block, at, tagEnd))
                ? LineOutcome.Event : LineOutcome.Ignored;
    }

    private bool SetPair(ReadOnlySpan<byte> host, ReadOnlySpan<byte> tag)
    {
        int length = host.Length + 1 + tag.Length;
        if (length > OddPairMax || tag.IsEmpty)
        {
            return false;
        }
        host.CopyTo(_oddPair);
        _oddPair[host.Length] = (byte)' ';
        tag.CopyTo(_oddPair.AsSpan(host.Length + 1));
        _oddPairLength = length;
        return true;
    }

    /// <summary><c>&lt;mail.info&gt; </c> between stamp and host (FreeBSD's syslogd -v).</summary>
    /// <returns>Offset behind it; the same offset when it is not there.</returns>
    private static int SkipBracketedFacility(ref byte block, int at, int end)
    {
        if (at >= end || Unsafe.Add(ref block, at) != '<')
        {
            return at;
        }
        int close = Scan.IndexOf(ref block, at, end, (byte)'>');
        return IsFacility(Scan.Span(ref block, at + 1, close))
            && Scan.Is(ref block, close, end, "> "u8) ? close + 2 : at;
    }

    /// <summary>A column such as <c>mail.info</c> between host and tag (OpenWrt's logread).</summary>
    private static bool IsFacility(ReadOnlySpan<byte> text)
    {
        int dot = text.IndexOf((byte)'.');
        return dot > 0 && text.Length <= 16
            && IsWord(text[..dot], "mail"u8, "daemon"u8, "auth"u8, "authpriv"u8, "user"u8, "local"u8)
            && IsWord(text[(dot + 1)..], "info"u8, "notice"u8, "warn"u8, "warning"u8, "err"u8, "debug"u8);
    }

    private static bool IsWord(
        ReadOnlySpan<byte> text,
        ReadOnlySpan<byte> a,
        ReadOnlySpan<byte> b,
        ReadOnlySpan<byte> c,
        ReadOnlySpan<byte> d,
        ReadOnlySpan<byte> e,
        ReadOnlySpan<byte> f) =>
        text.SequenceEqual(a) || text.SequenceEqual(b) || text.SequenceEqual(c)
        || text.SequenceEqual(d) || text.SequenceEqual(e) || text.StartsWith(f);

    /// <summary>Reads host and tag of a line whose stamp was read before.</summary>
    public LineOutcome ReadHostAndTag(ref byte block, int host, int end) =>
        ReadTag(ref block, host, end);

    /// <summary><c>[ID 197553 mail.info] </c> in front of the message (Solaris).</summary>
    private void SkipMessageId(ref byte block, int end)
    {
        if (!Scan.Is(ref block, MessageStart, end, "[ID "u8))
        {
            return;
        }
        int close = Scan.IndexOf(ref block, MessageStart, end, (byte)']');
        if (Scan.Is(ref block, close, end, "] "u8))
        {
            ReadOnlySpan<byte> pair = Scan.Span(ref block, HostStart, TagEnd);
            if (IsOdd || SetPair(pair[..(HostEnd - HostStart)], pair[(HostEnd - HostStart + 1)..]))
            {
                MessageStart = close + 2;
                HasMessageId = HasMessageIds = true;
            }
        }
    }

    /// <summary>
    /// What may follow a day: a year; and behind the time a fraction of the second. <c>Jul  4 2025
    /// 09:05:01 </c>, <c>Jul 04 09:05:01.123456 </c>, <c>2013 Jun 10 06:27:30.123 </c>.
    /// </summary>
    /// <returns>Offset behind the space, or -1.</returns>
    private int ReadDated(ref byte block, int at, int end, int year, int month, int day)
    {
        if (year == 0 && SecondOfDay(ref block, at) < 0)
        {
            year = Year(ref block, at);
            at += 5;
        }
        int second = SecondOfDay(ref block, at);
        int behind = at + 8;
        long micros = 0;
        if (year < 0 || second < 0 || behind >= end || day > DateTime.DaysInMonth(
            year == 0 ? 2024 : year, month))
        {
            return -1;
        }
        if (Unsafe.Add(ref block, behind) is (byte)'.' or (byte)',')
        {
            behind = Fraction(ref block, behind + 1, end, out micros);
        }
        if (behind < 0 || behind >= end || Unsafe.Add(ref block, behind) != ' ')
        {
            return -1;
        }
        short offset;
        TimeUnixMicros = micros + (year == 0
            ? _clock.YearLess(month, day, second, out offset)
            : _clock.Local(LineClock.CivilSeconds(year, month, day, second), out offset));
        OffsetMinutes = offset;
        TimeFlags = RecordFlags.ZoneInferred | (year == 0 ? RecordFlags.YearInferred : 0);
        _stamp = default;
        _date = 0;
        _isoLength = 0;
        return behind + 1;
    }

    /// <summary>Four digits and a space; -1 for anything else.</summary>
    private static int Year(ref byte block, int at)
    {
        int century = Two(ref block, at);
        int year = Two(ref block, at + 2);
        return century is 19 or 20 && year >= 0 && Unsafe.Add(ref block, at + 4) == ' '
            && (century == 20 || year >= 70) ? (century * 100) + year : -1;
    }

    /// <summary>Seconds since 1970 with a fraction: journalctl -o short-unix.</summary>
    /// <returns>Offset behind the space, or -1.</returns>
    private int ReadUnixTime(ref byte block, int at, int end)
    {
        int dot = Scan.Digits(ref block, at, end, out long seconds);
        if (dot - at is < 9 or > 11 || dot >= end || Unsafe.Add(ref block, dot) != '.')
        {
            return -1;
        }
        int behind = Fraction(ref block, dot + 1, end, out long micros);
        if (behind < 0 || behind >= end || Unsafe.Add(ref block, behind) != ' ')
        {
            return -1;
        }
        TimeUnixMicros = (seconds * MicrosPerSecond) + micros;
        OffsetMinutes = 0;
        TimeFlags = RecordFlags.None;
        _stamp = default;
        _isoLength = 0;
        return behind + 1;
    }
}
