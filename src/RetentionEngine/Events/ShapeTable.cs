using System.IO.Hashing;

namespace RetentionEngine.Events;

/// <summary>Lines that were not understood, counted by shape.</summary>
/// <remarks>
/// A shape keeps punctuation and the words of a fixed list; every other run of bytes, be it a name,
/// a number, an address or text in any script, is one <c>*</c>. So no shape can tell who was
/// meant, and a format that changed shows as one shape with a large count. Allocates once a shape.
/// </remarks>
internal sealed class ShapeTable
{
    /// <summary>Further shapes are counted together.</summary>
    public const int CountMax = 256;

    /// <summary>A shape is cut behind this many bytes.</summary>
    public const int LengthMax = 160;

    private readonly Dictionary<ulong, int> _indexes = [];
    private readonly List<LineShape> _shapes = [];
    private readonly byte[] _scratch = new byte[LengthMax];

    public int Count => _shapes.Count;

    public LineShape this[int index] => _shapes[index];

    /// <summary>Lines of further shapes.</summary>
    public long Others { get; private set; }

    /// <summary>Counts one line.</summary>
    public void Add(ReadOnlySpan<byte> line, long lineNumber)
    {
        ReadOnlySpan<byte> shape = _scratch.AsSpan(0, Write(line, _scratch));
        ulong hash = XxHash3.HashToUInt64(shape);
        if (_indexes.TryGetValue(hash, out int index))
        {
            LineShape known = _shapes[index];
            _shapes[index] = known with { Count = known.Count + 1 };
        }
        else if (_shapes.Count < CountMax)
        {
            _indexes.Add(hash, _shapes.Count);
            _shapes.Add(new LineShape(shape.ToArray(), 1, lineNumber));
        }
        else
        {
            Others++;
        }
    }

    /// <summary>Writes the shape of a line.</summary>
    /// <returns>Count of bytes.</returns>
    public static int Write(ReadOnlySpan<byte> line, Span<byte> shape)
    {
        int length = 0;
        bool isMasked = false;
        for (int at = 0; at < line.Length && length < shape.Length;)
        {
            int start = at;
            while (at < line.Length && !IsPunctuation(line[at]))
            {
                at++;
            }
            if (at == start && IsInAddress(line, at, isMasked, out int colons))
            {
                shape[length] = (byte)'*';
                length += isMasked ? 0 : 1;
                isMasked = true;
                at += colons;
                continue;
            }
            if (at == start)
            {
                // One space between two masks joins them.
                bool joins = isMasked && line[at] == ' ' && at + 1 < line.Length
                    && !IsPunctuation(line[at + 1]) && !IsKnownWordAt(line[(at + 1)..]);
                if (!joins)
                {
                    shape[length++] = line[at];
                    isMasked = false;
                }
                at++;
                continue;
            }
            ReadOnlySpan<byte> word = line[start..at];
            if (ShapeWords.Contains(word))
            {
                int room = Math.Min(word.Length, shape.Length - length);
                word[..room].CopyTo(shape[length..]);
                length += room;
                isMasked = false;
            }
            else if (!isMasked)
            {
                shape[length++] = (byte)'*';
                isMasked = true;
            }
        }
        return length;
    }

    /// <summary>Whether these are colons of an IPv6 address or of a time, and how many.</summary>
    private static bool IsInAddress(
        ReadOnlySpan<byte> line, int at, bool isMasked, out int colons)
    {
        colons = line[at..].IndexOfAnyExcept((byte)':');
        return colons > 1 || (colons == 1 && isMasked
            && !IsPunctuation(line[at + 1]) && !IsKnownWordAt(line[(at + 1)..]));
    }

    private static bool IsKnownWordAt(ReadOnlySpan<byte> rest)
    {
        int length = 0;
        while (length < rest.Length && !IsPunctuation(rest[length]))
        {
            length++;
        }
        return ShapeWords.Contains(rest[..length]);
    }

    private static bool IsPunctuation(byte b) => " :=,<>[](){};\"|"u8.Contains(b);
}

/// <summary>A shape, and how many lines had it.</summary>
/// <param name="Text">Printable ASCII.</param>
/// <param name="Count">How many lines.</param>
/// <param name="FirstLineNumber">Of the first, from 1, within its source.</param>
internal readonly record struct LineShape(byte[] Text, long Count, long FirstLineNumber);

/// <summary>The words that a shape may show: those of the daemons, never those of their users.</summary>
internal static class ShapeWords
{
    // Each between spaces; case matters.
    private static ReadOnlySpan<byte> Words =>
        " postfix/smtpd postfix/smtp postfix/lmtp postfix/qmgr postfix/oqmgr postfix/cleanup"u8
        + " postfix/pickup postfix/local postfix/virtual postfix/pipe postfix/error postfix/retry"u8
        + " postfix/discard postfix/bounce postfix/defer postfix/trace postfix/postscreen"u8
        + " postfix/postsuper postfix/submission/smtpd postfix/smtps/smtpd dovecot imapd imapd-ssl"u8
        + " pop3d pop3d-ssl imaplogin courierpop3login imap-login pop3-login managesieve-login"u8
        + " submission-login imap pop3 lmtp lda deliver managesieve submission cyrus/imap"u8
        + " cyrus/imaps cyrus/pop3 cyrus/lmtp NOQUEUE client from to orig_to relay delay delays dsn"u8
        + " status sent deferred bounced expired size nrcpt queue active removed uid orig_id"u8
        + " message-id sasl_method sasl_username sasl_sender orig_queue_id orig_client reject"u8
        + " milter-reject proxy-reject RCPT MAIL DATA END-OF-MESSAGE CONNECT EHLO HELO proto helo"u8
        + " notification sender non-delivery postmaster delivery conn_use tls Login Logged in out"u8
        + " user method rip lip rport lport mpid TLS secured session Disconnected LOGIN LOGOUT"u8
        + " DISCONNECTED TIMEOUT disc ip port protocol headers body rcvd time starttls stls top"u8
        + " retr del host unknown "u8;

    public static bool Contains(ReadOnlySpan<byte> word) =>
        word.Length is > 1 and < 32 && IsIn(Words, word);

    private static bool IsIn(ReadOnlySpan<byte> words, ReadOnlySpan<byte> word)
    {
        for (int at = 0; at < words.Length;)
        {
            int found = words[at..].IndexOf(word);
            if (found < 0)
            {
                return false;
            }
            at += found;
            int behind = at + word.Length;
            if (at > 0 && words[at - 1] == ' ' && (behind == words.Length || words[behind] == ' '))
            {
                return true;
            }
            at++;
        }
        return false;
    }
}
