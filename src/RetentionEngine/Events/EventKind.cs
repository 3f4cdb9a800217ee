namespace RetentionEngine.Events;

/// <summary>What a line says, as far as a record needs it. One line gives at most one event.</summary>
/// <remarks>The comment behind each kind names the fields of <see cref="LogEvent"/> it fills.</remarks>
internal enum EventKind : byte
{
    None = 0,

    /// <summary>smtpd or qmqpd <c>client=</c>. QueueId, Ip, Sasl, OrigQueueId, OrigIp.</summary>
    Client,

    /// <summary>pickup <c>uid=</c>. QueueId, Number (uid), Sender, OrigQueueId (<c>orig_id=</c>).</summary>
    Pickup,

    /// <summary>cleanup <c>message-id=</c>. QueueId, MessageId (without the angle brackets).</summary>
    MessageId,

    /// <summary>
    /// qmgr <c>from=, size=, nrcpt= (queue active)</c>. QueueId, Sender, Number (size), Count (nrcpt).
    /// courierd <c>started,</c>: an attempt for one recipient; size -1, Count 1.
    /// </summary>
    QueueActive,

    /// <summary>
    /// qmgr <c>from=, status=expired|force-expired</c>. QueueId, Sender. courierd <c>started,</c> the
    /// module dsn for the last time: QueueId.
    /// </summary>
    Expired,

    /// <summary>
    /// Any agent's <c>to=</c> line. QueueId, Recipient, OrigTo, Relay, Dsn, Status, Agent,
    /// OrigQueueId (the id in <c>queued as ID</c> or <c>forwarded as ID</c>, see Edge), BoxSession.
    /// Of Courier also Number (size; else 0), but no OrigTo and no Dsn, and the relay only if known.
    /// </summary>
    Delivery,

    /// <summary>
    /// The queue file is gone. QueueId, Removal: qmgr or postsuper <c>removed</c>, cleanup
    /// <c>removed (canceled|discarded)</c>, cleanup <c>discard:</c> and <c>milter-discard:</c>
    /// (Discarded: the client was told that all is well, so this is no refusal).
    /// </summary>
    Removed,

    /// <summary>bounce, defer, trace <c>… notification: NEW</c>. QueueId (old), OrigQueueId (new).</summary>
    Notification,

    /// <summary>
    /// A refused attempt: smtpd <c>NOQUEUE: reject:</c> or <c>ID: reject:</c>, milter-reject,
    /// postscreen <c>NOQUEUE: reject:</c>, proxy-reject, cleanup <c>reject:</c> and
    /// <c>milter-reject:</c>. QueueId (default when NOQUEUE), Ip, Sender, Recipient,
    /// ReplyCode, Dsn, EndsMessage (1: the message with this id ends here).
    /// </summary>
    Reject,

    /// <summary>IMAP, POP3, … login. User, Ip, Port, Session, Protocol, Tls.</summary>
    Login,

    /// <summary>
    /// End of a session. User, Ip, Port, Session, Protocol, Number (session length in seconds as
    /// logged by <c>time=</c>, else -1). Without a user it only ends a login with its session id.
    /// </summary>
    Logout,

    /// <summary>
    /// What Dovecot's LMTP or LDA did with a mail that Postfix calls sent. User, Session (absent
    /// where it is not the recipient's own), MessageId, Status: Sent (stored), Discarded,
    /// Redirected or Rejected. One mail may have several.
    /// </summary>
    Fate,

    /// <summary>A filter handed a mail back. QueueId (old), OrigQueueId (new).</summary>
    Handed,

    /// <summary>
    /// A webmail program let a user in. User, Ip (the browser's, as far as the program knows),
    /// FollowsLogin.
    /// </summary>
    WebLogin,
}

/// <summary>How a delivery line's new queue id came about.</summary>
internal enum QueueEdge : byte
{
    None = 0,

    /// <summary><c>queued as ID</c> in the next hop's reply. The next hop may be hostile.</summary>
    QueuedAs,

    /// <summary><c>forwarded as ID</c>, said by our own local(8).</summary>
    ForwardedAs,
}

internal enum Removal : byte
{
    None = 0,
    Removed,
    Canceled,
    Discarded,
    DeletedByAdministrator,

    /// <summary>Courier: a round of attempts is over. The last one if nothing is put off.</summary>
    Completed,
}

/// <summary>The Postfix daemon that wrote a delivery line.</summary>
internal enum DeliveryAgent : byte
{
    None = 0,
    Smtp,
    Lmtp,
    Local,
    Virtual,
    Pipe,
    Error,
    Retry,
    Discard,
    Cleanup,
    Qmgr,
    Bounce,
    Other,
}
