namespace RetentionEngine.Events;

/// <summary>Who writes a line, as told by its tag. Values group by message grammar.</summary>
internal enum LogProgram : byte
{
    /// <summary>Nobody whose lines make records.</summary>
    None = 0,

    Smtpd,
    Pickup,
    Cleanup,
    Qmgr,
    Agent,
    Bounce,
    Postsuper,
    Postscreen,

    Dovecot,

    CourierImap,
    CourierImapTls,
    CourierPop3,
    CourierPop3Tls,

    CyrusImap,
    CyrusImapTls,
    CyrusPop3,
    CyrusPop3Tls,
    CyrusSieve,

    /// <summary>The daemons of Courier's mail server.</summary>
    CourierMta,

    /// <summary>A content filter.</summary>
    Amavis,

    /// <summary>Of vpopmail, where the tag does not tell the service, and where it does.</summary>
    Vpopmail,
    VpopmailImap,
    VpopmailPop3,
    VpopmailSubmission,

    /// <summary>Webmail programs.</summary>
    Roundcube,
    Sogo,
    Horde,

    /// <summary>Daemons that write logs, where they tell of lines lost.</summary>
    Syslog,
}

/// <summary>What the program alone says of a session.</summary>
internal static class LogPrograms
{
    /// <summary>Of mailbox daemons with a tag for each protocol.</summary>
    public static AccessProtocol Protocol(this LogProgram program) => program switch
    {
        LogProgram.CourierImap or LogProgram.CourierImapTls => AccessProtocol.Imap,
        LogProgram.CyrusImap or LogProgram.CyrusImapTls => AccessProtocol.Imap,
        LogProgram.CyrusSieve => AccessProtocol.ManageSieve,
        _ => AccessProtocol.Pop3,
    };

    /// <summary>Whether it listens on a port for TLS only.</summary>
    public static bool IsTls(this LogProgram program) =>
        program is LogProgram.CourierImapTls or LogProgram.CourierPop3Tls
            or LogProgram.CyrusImapTls or LogProgram.CyrusPop3Tls;
}

/// <summary>What the head of a line says, and where its message lies.</summary>
internal struct LineFrame
{
    /// <summary>As in <see cref="LogEvent"/>.</summary>
    public long TimeUnixMicros;

    /// <summary>Offset of the message in the block, behind its queue id if it begins with one.</summary>
    public int Start;

    /// <summary>Offset behind its last byte, without CR and LF.</summary>
    public int End;

    /// <summary>Offset of the process id.</summary>
    public int PidStart;

    /// <summary>Its length; negative when the tag has none.</summary>
    public int PidLength;

    /// <summary>Who wrote it.</summary>
    public LineHeader Header;

    /// <summary>Offset of the line's first byte.</summary>
    public int LineStart;

    /// <summary>As in <see cref="LogEvent"/>.</summary>
    public short OffsetMinutes;

    /// <summary>As in <see cref="LogEvent"/>.</summary>
    public RecordFlags TimeFlags;

    /// <summary>Index of the line in its batch.</summary>
    public int LineIndex;
}

/// <summary>What the tag alone says.</summary>
/// <param name="Program">Whose grammar.</param>
/// <param name="Agent">The delivery agent, for programs that can write delivery lines.</param>
/// <param name="InstanceLength">Leading bytes of the tag that name a Postfix instance.</param>
internal readonly record struct LogTag(
    LogProgram Program, DeliveryAgent Agent = DeliveryAgent.None, int InstanceLength = 0);
