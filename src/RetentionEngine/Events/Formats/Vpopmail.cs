using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>vchkpw, by which qmail's POP3, IMAP and SMTP daemons check vpopmail's passwords.</summary>
/// <remarks>
/// <c>vchkpw-SERVICE: (METHOD) login success USER:IP</c>; some have the service in the tag. Lines of
/// failures, which may hold passwords, have other words at that place. No line tells an end.
/// </remarks>
internal sealed class Vpopmail : ILogFormat<Vpopmail>
{
    private Vpopmail()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        LogProgram program = tag switch
        {
            _ when tag.Contains((byte)'/') => LogProgram.None,
            _ when tag.SequenceEqual("vpopmail"u8) => LogProgram.Vpopmail,
            _ when tag.StartsWith("vchkpw-pop3"u8) => LogProgram.VpopmailPop3,
            _ when tag.StartsWith("vchkpw-imap"u8) => LogProgram.VpopmailImap,
            _ when tag.StartsWith("vchkpw-smtp"u8) => LogProgram.VpopmailSubmission,
            _ when tag.StartsWith("vchkpw-submission"u8) => LogProgram.VpopmailSubmission,
            _ => LogProgram.None,
        };
        info = new LogTag(program);
        return program != LogProgram.None;
    }

    /// <summary>The class of lines that begin with the service or with a parenthesis.</summary>
    public static LineClass Class(char letter) =>
        letter is 'v' || (letter & 31) == ('(' & 31) ? LineClass.Vpopmail : LineClass.None;

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int at = frame.Start;
        int end = frame.End;
        LogProgram program = frame.Header.Tag.Program;
        if (Scan.Is(ref block, at, end, "vchkpw-"u8))
        {
            int colon = Scan.IndexOf(ref block, at, end, (byte)':');
            if (!Scan.Is(ref block, colon, end, ": "u8))
            {
                return LineOutcome.Ignored;
            }
            TryRecognise(Scan.Span(ref block, at, colon), out LogTag service);
            program = service.Program;
            at = colon + 2;
        }
        int close = Scan.IndexOf(ref block, at, end, (byte)' ') - 1;
        if (program is LogProgram.None or LogProgram.Vpopmail || !Scan.Is(ref block, at, end, "("u8)
            || !Scan.Is(ref block, close, end, ") login success "u8))
        {
            return LineOutcome.Ignored;
        }
        int user = close + 16;
        ReadOnlySpan<byte> rest = Scan.Span(ref block, user, end);
        int domain = rest.LastIndexOf((byte)'@') + 1;
        int length = rest[domain..].IndexOf((byte)':') + domain;
        if (length < 1 || rest[length] != ':' || length + 1 == rest.Length)
        {
            return LineOutcome.Login;
        }
        e.Kind = EventKind.Login;
        e.Protocol = program switch
        {
            LogProgram.VpopmailPop3 => AccessProtocol.Pop3,
            LogProgram.VpopmailImap => AccessProtocol.Imap,
            _ => AccessProtocol.Submission,
        };
        e.User = new Slice(user, length);
        e.Ip = new Slice(user + length + 1, rest.Length - length - 1);
        return LineOutcome.Event;
    }
}
