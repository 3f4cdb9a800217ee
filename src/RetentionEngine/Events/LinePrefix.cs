using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RetentionEngine.Lines;
using RetentionEngine.Records;

namespace RetentionEngine.Events;

/// <summary>Reads what stands before the message: priority, stamp, host, tag, process id.</summary>
/// <remarks>
/// Known are the traditional stamp, RFC 3339 and RFC 5424, each with or without priority, and what
/// LinePrefix.Rare.cs adds. The last stamp is remembered: a busy log has many lines a second.
/// </remarks>
internal sealed partial class LinePrefix
{
    private const long MicrosPerSecond = 1_000_000;
    private const int SecondsPerDay = 86_400;

    private readonly LineClock _clock = new();

    // The traditional stamp of the line before, with its space. Default unless that line had one.
    private Vector128<byte> _stamp;

    // Month and day of the last such line, with the space behind them.
    private ulong _date;
    private int _month;
    private int _day;

    // The RFC 3339 stamp up to the second, of the last line that had one.
    private Vector128<byte> _isoStamp;
    private uint _isoStampTail;
    private long _isoSeconds;

    // If the line before had six digits and a zone: that zone with its space, and the instant.
    private ulong _isoZone;
    private ulong _isoZoneMask;
    private int _isoLength;
    private long _isoMicros;

    public long TimeUnixMicros { get; private set; }

    public short OffsetMinutes { get; private set; }

    public RecordFlags TimeFlags { get; private set; }

    public int HostStart { get; private set; }

    public int HostEnd { get; private set; }

    /// <summary>Offset behind the tag; the tag begins one byte behind the host.</summary>
    public int TagEnd { get; private set; }

    public int PidStart { get; private set; }

    public int PidEnd { get; private set; }

    public int MessageStart { get; private set; }

    /// <summary>The clock of the source that is being read.</summary>
    public LineClock Clock => _clock;

    public void Begin(TimeZoneInfo zone, long firstLineLatestUnixMicros, int yearOfFirstLine)
    {
        _clock.Begin(zone, firstLineLatestUnixMicros, yearOfFirstLine);
        _stamp = default;
        _date = 0;
        _isoStamp = default;
        _isoLength = 0;
        HasMessageIds = false;
    }

    /// <summary>Reads the stamp of a line that is like the one before.</summary>
    /// <returns>Offset of the host; -1 for <see cref="Read"/> to read it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadStamp(ref byte block, int start, int end)
    {
        const int LengthMin = 40;
        ref byte at = ref Unsafe.Add(ref block, start);
        Vector128<byte> stamp = Vector128.LoadUnsafe(ref at);
        if ((uint)(end - start - LengthMin) > BlockReader.LineMaxBytes - LengthMin)
        {
            return -1;
        }
        if (stamp == _stamp)
        {
            return start + 16;
        }
        if (stamp != _isoStamp || _isoLength == 0
            || Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref at, 15)) != _isoStampTail
            || (Scan.Load(ref at, 26) & _isoZoneMask) != _isoZone
            || Unsafe.Add(ref at, 19) != '.')
        {
            return -1;
        }

        // ".ddd ddd" behind one more byte: make it eight digits.
        ulong digits = (Scan.Load(ref at, 18) & ~0xFFFFUL) | 0x3030;
        if ((((digits + 0x0606_0606_0606_0606) | digits) & 0xF0F0_F0F0_F0F0_F0F0)
            != 0x3030_3030_3030_3030)
        {
            return -1;
        }
        digits = (digits & 0x0F0F_0F0F_0F0F_0F0F) * 2561 >> 8;
        digits = (digits & 0x00FF_00FF_00FF_00FF) * 6_553_601 >> 16;
        digits = (digits & 0x0000_FFFF_0000_FFFF) * 42_949_672_960_001 >> 32;
        TimeUnixMicros = _isoMicros + (long)digits;
        return start + _isoLength;
    }

    /// <summary>Reads the prefix of one line.</summary>
    /// <returns>
    /// NoPrefix; Ignored when there is a stamp but no tag, so no program; else Event.
    /// </returns>
    public LineOutcome Read(ref byte block, int start, int end)
    {
        int at = start;
        if (Scan.Is(ref block, at, end, "\uFEFF"u8))
        {
            at += 3;
        }
        byte first = at < end ? Unsafe.Add(ref block, at) : (byte)0;
        if (first == '<')
        {
            int close = Scan.Digits(ref block, at + 1, end, out _);
            if (close == at + 1 || close > at + 4 || close >= end
                || Unsafe.Add(ref block, close) != '>')
            {
                return LineOutcome.NoPrefix;
            }
            at = close + 1;
            first = at < end ? Unsafe.Add(ref block, at) : (byte)0;
        }
        _isDovecotFirst = first == 'd' && Scan.Is(ref block, at, end, "dovecot: "u8);
        if (_isDovecotFirst)
        {
            at += 9;
            first = at < end ? Unsafe.Add(ref block, at) : (byte)0;
        }
        if (first is >= (byte)'A' and <= (byte)'Z')
        {
            at = ReadTraditional(ref block, at, end, year: 0);
            return at < 0 ? LineOutcome.NoPrefix : ReadTag(ref block, at, end);
        }
        if (Scan.Is(ref block, at, end, "1 "u8))
        {
            return ReadSyslogProtocol(ref block, at + 2, end);
        }
        int year = end - at > 20 ? Year(ref block, at) : -1;
        int behind = year > 0
            ? ReadTraditional(ref block, at + 5, end, year)
            : ReadIso(ref block, at, end);
        behind = behind < 0 ? ReadUnixTime(ref block, at, end) : behind;
        return behind < 0 ? LineOutcome.NoPrefix : ReadTag(ref block, behind, end);
    }

    /// <summary>Reads only the stamp at the beginning of a line.</summary>
    public bool TryReadTime(ref byte block, int start, int end) =>
        Read(ref block, start, end) != LineOutcome.NoPrefix;

    /// <summary><c>Mmm dd HH:MM:SS </c>; the day has two places, a zero, or one place.</summary>
    /// <returns>Offset behind the space, or -1.</returns>
    private int ReadTraditional(ref byte block, int at, int end, int year)
    {
        if (end - at < 16)
        {
            return -1;
        }
        Vector128<byte> stamp = Vector128.LoadUnsafe(ref Unsafe.Add(ref block, at));
        if (stamp == _stamp && year == 0)
        {
            return at + 16;
        }
        ulong date = Scan.Load(ref block, at) & 0xFF_FFFF_FFFF_FFFF;
        int now = SecondOfDay(ref block, at + 7);
        if (date == _date && now >= 0 && Unsafe.Add(ref block, at + 15) == ' ' && year == 0)
        {
            return Traditional(now, stamp, at + 16);
        }
        int month = Month(ref Unsafe.Add(ref block, at));
        int dayAt = at + 4;
        if (month == 0 || Unsafe.Add(ref block, at + 3) != ' ')
        {
            return -1;
        }
        bool onePlace = Unsafe.Add(ref block, dayAt + 1) == ' ';
        int clockAt = onePlace ? dayAt + 2 : dayAt + 3;
        byte tens = onePlace ? (byte)'0' : Unsafe.Add(ref block, dayAt);
        byte ones = Unsafe.Add(ref block, onePlace ? dayAt : dayAt + 1);
        int day = ((tens == ' ' ? 0 : tens - '0') * 10) + ones - '0';
        int second = SecondOfDay(ref block, clockAt);
        if (!char.IsAsciiDigit((char)ones) || (tens != ' ' && !char.IsAsciiDigit((char)tens))
            || day < 1 || day > DateTime.DaysInMonth(2024, month)
            || Unsafe.Add(ref block, clockAt - 1) != ' ')
        {
            return -1;
        }
        if (year != 0 || second < 0 || Unsafe.Add(ref block, clockAt + 8) != ' ')
        {
            return ReadDated(ref block, clockAt, end, year, month, day);
        }
        _month = month;
        _day = day;
        _date = onePlace ? 0 : date;
        return Traditional(second, onePlace ? default : stamp, clockAt + 9);
    }

    private int Traditional(int secondOfDay, Vector128<byte> stamp, int behind)
    {
        TimeUnixMicros = _clock.YearLess(_month, _day, secondOfDay, out short offset);
        OffsetMinutes = offset;
        TimeFlags = RecordFlags.YearInferred | RecordFlags.ZoneInferred;
        _stamp = stamp;
        _isoLength = 0;
        return behind;
    }

    /// <summary><c>2025-07-04T09:05:01[.fraction][zone] </c>.</summary>
    /// <returns>Offset behind the space, or -1.</returns>
    private int ReadIso(ref byte block, int at, int end)
    {
        if (end - at < 20)
        {
            return -1;
        }
        Vector128<byte> stamp = Vector128.LoadUnsafe(ref Unsafe.Add(ref block, at));
        uint tail = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref block, at + 15));
        if ((stamp != _isoStamp || tail != _isoStampTail)
            && !ReadIsoSeconds(ref block, at, stamp, tail))
        {
            return -1;
        }
        int behind = at + 19;
        long micros = 0;
        _stamp = default;
        if (Unsafe.Add(ref block, behind) is (byte)'.' or (byte)',')
        {
            behind = Fraction(ref block, behind + 1, end, out micros);
            if (behind < 0)
            {
                return -1;
            }
        }
        int host = Zone(ref block, behind, end, micros);

        // A local time must go through the clock, which minds the order of lines.
        int zoneLength = host - at - 26;
        bool isUsual = zoneLength is > 1 and <= 7 && behind == at + 26
            && TimeFlags == RecordFlags.None;
        _isoLength = isUsual ? host - at : 0;
        _isoZoneMask = (1UL << (8 * (zoneLength & 7))) - 1;
        _isoZone = Scan.Load(ref block, at + 26) & _isoZoneMask;
        _isoMicros = TimeUnixMicros - micros;
        return host;
    }

    private bool ReadIsoSeconds(ref byte block, int at, Vector128<byte> stamp, uint tail)
    {
        int year = (Two(ref block, at) * 100) + Two(ref block, at + 2);
        int month = Two(ref block, at + 5);
        int day = Two(ref block, at + 8);
        int second = SecondOfDay(ref block, at + 11);
        if (Two(ref block, at) < 0 || Two(ref block, at + 2) < 0 || year < 1970
            || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)
            || second < 0 || Unsafe.Add(ref block, at + 4) != '-'
            || Unsafe.Add(ref block, at + 7) != '-' || Unsafe.Add(ref block, at + 10) is not ((byte)'T' or (byte)' '))
        {
            return false;
        }
        _isoStamp = stamp;
        _isoStampTail = tail;
        _isoSeconds = LineClock.CivilSeconds(year, month, day, second);
        return true;
    }

    /// <summary>Any count of digits; those behind the microseconds are cut off.</summary>
    private static int Fraction(ref byte block, int at, int end, out long micros)
    {
        int behind = Scan.Digits(ref block, at, Math.Min(end, at + 6), out micros);
        for (int digits = behind - at; digits < 6; digits++)
        {
            micros *= 10;
        }
        if (behind == at)
        {
            return -1;
        }
        return Scan.Digits(ref block, behind, Math.Min(end, at + 9), out _);
    }

    private int Zone(ref byte block, int at, int end, long micros)
    {
        byte sign = at < end ? Unsafe.Add(ref block, at) : (byte)0;
        if (sign == ' ')
        {
            TimeFlags = RecordFlags.ZoneInferred;
            TimeUnixMicros = _clock.Local(_isoSeconds, out short offset) + micros;
            OffsetMinutes = offset;
            return at + 1;
        }
        int minutes = 0;
        if (sign == 'Z')
        {
            at++;
        }
        else if (sign is (byte)'+' or (byte)'-' && end - at >= 5)
        {
            int colon = Unsafe.Add(ref block, at + 3) == ':' ? 1 : 0;
            int hour = Two(ref block, at + 1);
            int minute = Two(ref block, at + 3 + colon);
            if (hour is < 0 or > 23 || minute is < 0 or > 59)
            {
                return -1;
            }
            minutes = (hour * 60) + minute;
            minutes = sign == '-' ? -minutes : minutes;
            at += 5 + colon;
        }
        else
        {
            return -1;
        }
        if (at >= end || Unsafe.Add(ref block, at) != ' ')
        {
            return -1;
        }
        TimeFlags = RecordFlags.None;
        OffsetMinutes = (short)minutes;
        TimeUnixMicros = ((_isoSeconds - (minutes * 60L)) * MicrosPerSecond) + micros;
        return at + 1;
    }

    /// <summary><c>HOST TAG[PID]: </c> or <c>HOST TAG: </c>.</summary>
    private LineOutcome ReadTag(ref byte block, int at, int end)
    {
        _oddPairLength = 0;
        HasMessageId = false;
        at = SkipBracketedFacility(ref block, at, end);
        HostStart = at;
        HostEnd = Scan.IndexOf(ref block, at, end, (byte)' ');
        if (HostEnd == end || HostEnd == at)
        {
            return LineOutcome.Ignored;
        }
        if (_isDovecotFirst || Unsafe.Add(ref block, HostEnd - 1) == ':'
            || IsDovecotService(ref block, at, end))
        {
            return ReadHostless(ref block, at, end);
        }
        int tag = HostEnd + 1;
        int column = Scan.IndexOf(ref block, tag, end, (byte)' ');
        bool hasColumn = IsFacility(Scan.Span(ref block, tag, column));
        tag = hasColumn ? column + 1 : tag;
        int i = tag;
        while (i < end && Unsafe.Add(ref block, i) is not ((byte)' ' or (byte)':' or (byte)'['))
        {
            i++;
        }
        TagEnd = i;
        PidStart = PidEnd = 0;

        // SOGo puts a space before its process id.
        i += Scan.Is(ref block, i, end, " ["u8)
            && Scan.Span(ref block, tag, i).SequenceEqual("sogod"u8) ? 1 : 0;
        if (i < end && Unsafe.Add(ref block, i) == '[')
        {
            int space = Scan.IndexOf(ref block, i, end, (byte)' ');
            PidStart = i + 1;
            PidEnd = space - 2;
            i = space - 1;
            if (PidEnd < PidStart || Unsafe.Add(ref block, PidEnd) != ']')
            {
                return LineOutcome.Ignored;
            }
        }
        if (TagEnd == tag || !Scan.Is(ref block, i, end, ": "u8))
        {
            return LineOutcome.Ignored;
        }
        MessageStart = i + 2;
        if (hasColumn && !SetPair(
            Scan.Span(ref block, HostStart, HostEnd), Scan.Span(ref block, tag, TagEnd)))
        {
            return LineOutcome.Ignored;
        }
        SkipMessageId(ref block, end);
        return LineOutcome.Event;
    }

    /// <summary><c>STAMP HOST APP PROCID MSGID SD [MSG]</c> (RFC 5424 §6).</summary>
    private LineOutcome ReadSyslogProtocol(ref byte block, int at, int end)
    {
        if (Scan.Is(ref block, at, end, "- "u8))
        {
            return LineOutcome.NoPrefix;
        }
        bool hasTime = Unsafe.Add(ref block, at + 10) == 'T';
        at = ReadIso(ref block, at, end);
        if (at < 0 || !hasTime)
        {
            return LineOutcome.NoPrefix;
        }
        _oddPairLength = 0;
        HasMessageId = false;
        HostStart = at;
        HostEnd = Scan.IndexOf(ref block, at, end, (byte)' ');
        TagEnd = Scan.IndexOf(ref block, HostEnd + 1, end, (byte)' ');
        PidStart = TagEnd + 1;
        PidEnd = Scan.IndexOf(ref block, PidStart, end, (byte)' ');
        int messageId = Scan.IndexOf(ref block, PidEnd + 1, end, (byte)' ');
        at = messageId + 1;
        if (messageId >= end || TagEnd == HostEnd + 1)
        {
            return LineOutcome.Ignored;
        }
        if (PidEnd - PidStart == 1 && Unsafe.Add(ref block, PidStart) == '-')
        {
            PidStart = PidEnd = 0;
        }
        at = SkipStructuredData(ref block, at, end);
        if (at < 0)
        {
            return LineOutcome.Ignored;
        }
        // rsyslog's own template puts a second space in front of the text.
        at += Scan.Is(ref block, at, end, " "u8) ? 1 : 0;
        MessageStart = Scan.Is(ref block, at, end, "\uFEFF"u8) ? at + 3 : at;
        return LineOutcome.Event;
    }

    /// <summary><c>-</c> or <c>[id key="value" …]…</c>; in values <c>\</c> escapes.</summary>
    /// <returns>Offset behind the space that follows, or -1.</returns>
    private static int SkipStructuredData(ref byte block, int at, int end)
    {
        if (Scan.Is(ref block, at, end, "- "u8))
        {
            return at + 2;
        }
        if (!Scan.Is(ref block, at, end, "["u8))
        {
            return -1;
        }
        bool quoted = false;
        bool inElement = false;
        for (; at < end; at++)
        {
            byte b = Unsafe.Add(ref block, at);
            if (quoted)
            {
                at += b == '\\' ? 1 : 0;
                quoted = b != '"';
            }
            else if (inElement)
            {
                quoted = b == '"';
                inElement = b != ']';
            }
            else if (b == '[')
            {
                inElement = true;
            }
            else
            {
                return b == ' ' ? at + 1 : -1;
            }
        }
        return -1;
    }

    /// <summary>Month of its English name, 0 for other words.</summary>
    private static int Month(ref byte at)
    {
        ReadOnlySpan<byte> names = "JanFebMarAprMayJunJulAugSepOctNovDec"u8;
        for (int i = 0; i < 12; i++)
        {
            if (Scan.Span(ref at, 0, 3).SequenceEqual(names.Slice(i * 3, 3)))
            {
                return i + 1;
            }
        }
        return 0;
    }

    /// <summary><c>HH:MM:SS</c>, a leap second included; -1 for anything else.</summary>
    private static int SecondOfDay(ref byte block, int at)
    {
        int hour = Two(ref block, at);
        int minute = Two(ref block, at + 3);
        int second = Two(ref block, at + 6);
        bool valid = hour is >= 0 and <= 23 && minute is >= 0 and <= 59 && second is >= 0 and <= 60
            && Unsafe.Add(ref block, at + 2) == ':' && Unsafe.Add(ref block, at + 5) == ':';
        int value = (((hour * 60) + minute) * 60) + second;
        return valid && value <= SecondsPerDay ? value : -1;
    }

    private static int Two(ref byte block, int at)
    {
        uint tens = (uint)Unsafe.Add(ref block, at) - '0';
        uint ones = (uint)Unsafe.Add(ref block, at + 1) - '0';
        return tens > 9 || ones > 9 ? -1 : (int)((tens * 10) + ones);
    }
}
