namespace RetentionEngine;

/// <summary>What a record tells. The values are part of the store's format.</summary>
public enum RecordKind : byte
{
    /// <summary>Mail of one of our senders to a mailbox elsewhere.</summary>
    Sent = 0,

    /// <summary>Mail from elsewhere to one of our mailboxes.</summary>
    Received = 1,

    /// <summary>Mail of one of our senders to one of our mailboxes.</summary>
    Internal = 2,

    /// <summary>Mail from elsewhere that went on to elsewhere.</summary>
    Relayed = 3,

    /// <summary>A login, a logout, or the session joined of both.</summary>
    Access = 4,

    /// <summary>An attempt that was refused.</summary>
    Rejected = 5,
}

/// <summary>The retention class: it decides the period. Values are part of the store's format.</summary>
public enum RecordClass : byte
{
    /// <summary>Sent, internal and relayed mail.</summary>
    Sent = 0,

    /// <summary>Received mail.</summary>
    Received = 1,

    /// <summary>Mailbox accesses.</summary>
    Access = 2,

    /// <summary>Refused attempts.</summary>
    Rejected = 3,
}

/// <summary>The last known fate. Values are part of the store's format.</summary>
public enum RecordStatus : byte
{
    /// <summary>Not known (yet).</summary>
    None = 0,

    /// <summary>Postfix <c>status=sent</c>.</summary>
    Sent = 1,

    /// <summary>Postfix <c>status=deferred</c>: still being tried.</summary>
    Deferred = 2,

    /// <summary>Postfix <c>status=bounced</c>.</summary>
    Bounced = 3,

    /// <summary>Given up after maximal_queue_lifetime, or by postsuper -e.</summary>
    Expired = 4,

    /// <summary>Thrown away by a rule (milter, discard, the mailbox's own Sieve script).</summary>
    Discarded = 5,

    /// <summary>Deleted from the queue by an administrator.</summary>
    Deleted = 6,

    /// <summary>Accepted, no delivery attempted yet.</summary>
    Queued = 7,

    /// <summary>Refused: an attempt, or a mail by the mailbox's own Sieve script.</summary>
    Rejected = 8,

    /// <summary>Address probe: deliverable. Never stored.</summary>
    Deliverable = 9,

    /// <summary>Address probe: undeliverable. Never stored.</summary>
    Undeliverable = 10,

    /// <summary>A login whose end is not known.</summary>
    Login = 11,

    /// <summary>A logout whose beginning is not known.</summary>
    Logout = 12,

    /// <summary>A session with both ends.</summary>
    Session = 13,

    /// <summary>Sent on to another address by the mailbox's own Sieve script, and not kept.</summary>
    Redirected = 14,
}

/// <summary>The protocol of an access. Values are part of the store's format.</summary>
public enum AccessProtocol : byte
{
    /// <summary>Not an access.</summary>
    None = 0,

    /// <summary>IMAP.</summary>
    Imap = 1,

    /// <summary>POP3.</summary>
    Pop3 = 2,

    /// <summary>ManageSieve.</summary>
    ManageSieve = 3,

    /// <summary>Dovecot's submission service.</summary>
    Submission = 4,
}

/// <summary>How a record came to be. Values are part of the store's format.</summary>
[Flags]
public enum RecordFlags : ushort
{
    /// <summary>Nothing to remark.</summary>
    None = 0,

    /// <summary>The line that began it was not in the logs.</summary>
    MissingStart = 1,

    /// <summary>The line that ended it was not in the logs.</summary>
    MissingEnd = 2,

    /// <summary>No local domains are configured: sent, received, … is a guess.</summary>
    DirectionGuessed = 4,

    /// <summary>The log's stamps have no year.</summary>
    YearInferred = 8,

    /// <summary>The log's stamps have no zone.</summary>
    ZoneInferred = 16,

    /// <summary>Not finished: the message is in the queue, or the session is open.</summary>
    InFlight = 32,

    /// <summary>A bounce, delay notice or delivery report made by the mail system.</summary>
    Notification = 64,

    /// <summary>Passed through an alias or .forward file.</summary>
    Forwarded = 128,

    /// <summary>Passed through a content filter that handed it back.</summary>
    Filtered = 256,

    /// <summary>Put back into the queue under a new id.</summary>
    Requeued = 512,

    /// <summary>Login and logout were joined although another pairing was possible.</summary>
    JoinAmbiguous = 1024,

    /// <summary>Submitted on the host itself: there is no client address.</summary>
    LocalSubmission = 2048,

    /// <summary>The access was over TLS.</summary>
    Tls = 4096,

    /// <summary>
    /// The address is that of the browser, by the line of a webmail program on the same host; the
    /// session itself came from the host.
    /// </summary>
    Webmail = 8192,
}
