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
}

/// <summary>One line behind its prefix.</summary>
/// <param name="Start">Offset of the message in the block.</param>
/// <param name="End">Offset behind its last byte, without CR and LF.</param>
/// <param name="PidStart">Offset of the process id; 0 when the tag has none.</param>
/// <param name="PidLength">Its length.</param>
/// <param name="Tag">Who wrote it.</param>
internal readonly record struct LineFrame(
    int Start, int End, int PidStart, int PidLength, LogTag Tag);

/// <summary>What the tag alone says.</summary>
/// <param name="Program">Whose grammar.</param>
/// <param name="Agent">The delivery agent, for programs that can write delivery lines.</param>
/// <param name="InstanceLength">Leading bytes of the tag that name a Postfix instance.</param>
internal readonly record struct LogTag(
    LogProgram Program, DeliveryAgent Agent = DeliveryAgent.None, int InstanceLength = 0);
