namespace RetentionEngine.Events;

/// <summary>What became of a line. From <see cref="NoPrefix"/> on: why it is strange.</summary>
internal enum LineOutcome : byte
{
    /// <summary>A line that no record needs.</summary>
    Ignored = 0,

    /// <summary>An event.</summary>
    Event = 1,

    /// <summary>A line that says that lines are missing.</summary>
    Gap,

    /// <summary>A line that brings another along that was repeated.</summary>
    Repeated,

    /// <summary>The line opens like no known format.</summary>
    NoPrefix,

    /// <summary>Longer than BlockReader.LineMaxBytes.</summary>
    Overlong,

    /// <summary>smtpd, qmqpd: <c>client=</c>.</summary>
    Client,

    /// <summary>pickup: <c>uid=</c>.</summary>
    Pickup,

    /// <summary>cleanup: <c>message-id=</c>.</summary>
    MessageId,

    /// <summary>qmgr: <c>from=</c>.</summary>
    Queue,

    /// <summary>A delivery line without known status, or cut before it.</summary>
    Delivery,

    /// <summary>A <c>removed</c> line with something behind it.</summary>
    Removed,

    /// <summary>bounce, defer, trace: notification without a queue id.</summary>
    Notification,

    /// <summary>A reject line, cut or of unknown form.</summary>
    Reject,

    /// <summary>Login without user or address.</summary>
    Login,

    /// <summary>End of a session, cut or of unknown form.</summary>
    Logout,

    /// <summary>Count of the values.</summary>
    Count,
}

/// <summary>How often a kind of strange line was met, and where first. Never what it said.</summary>
/// <param name="Count">How many.</param>
/// <param name="FirstLineNumber">From 1, within the source.</param>
/// <param name="FirstOffset">Of the line's first byte, in bytes from the source's beginning.</param>
internal readonly record struct StrangeLines(long Count, long FirstLineNumber, long FirstOffset);
