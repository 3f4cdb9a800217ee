using System.Globalization;
using System.Text;

namespace RetentionEngine.Tests.Hostile;

/// <summary>A log in which every field that a stranger fills has a place of its own.</summary>
/// <remarks>
/// <c>{name}</c> stands for the value of a field. A field may stand in several lines, as its value
/// would. Every line has a second of its own, so that records can be told by their times.
/// </remarks>
internal static class InjectionScene
{
    /// <summary>How a daemon writes what a stranger says.</summary>
    public enum Writer
    {
        /// <summary>As it came, but for control bytes.</summary>
        Raw,

        /// <summary>smtpd's HELO: what could end the field becomes a question mark.</summary>
        Helo,

        /// <summary>A host's name from the DNS: anything that is no name is "unknown".</summary>
        HostName,

        /// <summary>An address, whose local part Postfix quotes since 3.5.</summary>
        Address,

        /// <summary>A message-id in its brackets.</summary>
        MessageId,

        /// <summary>The same as Courier logs it, without what its log lines need.</summary>
        CourierAddress,

        /// <summary>A value of Cyrus' key list.</summary>
        Logfmt,
    }

    /// <summary>A field: its name, an innocent value, how it is written, the column it fills.</summary>
    public sealed record Field(string Name, string Innocent, Writer Writer, string? Column);

    public static readonly Field[] Fields =
    [
        new("ptr", "mail.example.net", Writer.HostName, null),
        new("message_id", "a1@example.net", Writer.MessageId, "message_id"),
        new("from", "from1@example.net", Writer.Address, "sender"),
        new("to", "to1@example.org", Writer.Address, "recipient"),
        new("orig_to", "orig1@example.org", Writer.Address, "orig_to"),
        new("lmtp_reply", "250 2.0.0 <box> saved", Writer.Raw, null),
        new("subject_warned", "hello", Writer.Raw, null),
        new("sasl", "ben", Writer.Raw, "sasl"),
        new("sent_reply", "250 2.0.0 Ok: id=x", Writer.Raw, null),
        new("bounced_reply", "550 5.1.1 no", Writer.Raw, null),
        new("deferred_reply", "451 4.3.0 later", Writer.Raw, null),
        new("attempt_reply", "450 4.2.0 next", Writer.Raw, null),
        new("pipe_output", "no such box", Writer.Raw, null),
        new("pipe_sent", "ok", Writer.Raw, null),
        new("unknown_user", "nobody", Writer.Raw, null),
        new("reject_from", "rf@example.net", Writer.Address, "sender"),
        new("reject_to", "rt@example.org", Writer.Address, "recipient"),
        new("reject_text", "Relay access denied", Writer.Raw, null),
        new("helo", "client.example.net", Writer.Helo, null),
        new("screen_from", "sf@example.net", Writer.Address, "sender"),
        new("screen_to", "st@example.org", Writer.Address, "recipient"),
        new("pregreet", "EHLO x?", Writer.Raw, null),
        new("milter_reason", "spam", Writer.Raw, null),
        new("subject_refused", "buy", Writer.Raw, null),
        new("refused_from", "nf@example.net", Writer.Address, "sender"),
        new("refused_to", "nt@example.org", Writer.Address, "recipient"),
        new("auth_failed", "UGFzc3dvcmQ6", Writer.Raw, null),
        new("dovecot_failed", "carl", Writer.Raw, null),
        new("dovecot_user", "dora@example.org", Writer.Raw, "recipient"),
        new("imap_id", "Thunderbird", Writer.Raw, null),
        new("courier_user", "emil@example.org", Writer.Raw, "recipient"),
        new("courier_failed", "fritz", Writer.Raw, null),
        new("cyrus_ptr", "pc.example.net", Writer.HostName, null),
        new("cyrus_user", "gerda@example.org", Writer.Raw, "recipient"),
        new("cyrus_failed", "hans", Writer.Raw, null),
        new("cyrus_key_user", "ida@example.org", Writer.Logfmt, "recipient"),
        new("uw_failed", "jan", Writer.Raw, null),
        new("sieve_to", "kurt@example.net", Writer.Address, null),
        new("mta_from", "lena@example.net", Writer.CourierAddress, "sender"),
        new("mta_to", "mia@example.org", Writer.CourierAddress, "recipient"),
    ];

    /// <summary>What would be true if it were believed, by queue ids and forms of the scene.</summary>
    public static readonly string[] Payloads =
    [
        "status=sent (250 ok)", ", status=sent (250 ok)", ", status=bounced (no)", "x) status=sent (y",
        ", relay=local, delay=0, dsn=2.0.0, status=sent (x)", ">, relay=none, delay=1, status=deferred (x)",
        ">, orig_to=<x@example.org>, relay=evil[203.0.113.66]:25, delay=1, dsn=2.0.0, status=sent (250",
        "]: 8F00D1: to=<x@example.org>, relay=local, delay=1, dsn=2.0.0, status=sent (x)",
        "queued as 8F00D1", "queued as 8F00D1)", "250 2.0.0 Ok: queued as 8F00D1)", "forwarded as 8F00D1)",
        "sender non-delivery notification: 8F00D1", "removed", "8F00D1: removed", "removed (canceled)",
        "client=evil[203.0.113.66]", "evil[203.0.113.66]", ", orig_client=evil[203.0.113.66]",
        ", orig_queue_id=8F00D1, orig_client=evil[203.0.113.66]", ", sasl_username=x", ", sasl_sender=x",
        "[203.0.113.66]", "]", "[", "[[", "]]", "(", ")", "))", "((", "<", ">", "<>", "><",
        "; from=<x@example.org> to=<y@example.org> proto=ESMTP helo=<z",
        "; from=<> to=<> proto=ESMTP helo=<", "> to=<y@example.org> proto=ESMTP helo=<z",
        " from evil[203.0.113.66]; from=<x@example.org> to=<y@example.org> proto=SMTP",
        "x from evil[203.0.113.66]: 554 5.7.1 no; from=<x@example.org> to=<y@example.org> proto=SMTP helo=<z>: 5",
        ", size=1, nrcpt=1 (queue active)", ", status=expired, returned to sender",
        "x, rip=203.0.113.66, lip=1.1.1.1", "x>, rip=203.0.113.66, lip=192.0.2.1, TLS, session=<evil>",
        "x>, method=PLAIN, rip=203.0.113.66, lip=192.0.2.1, mpid=7, session=<evil>: Login: user=<y>",
        "Login: user=<x>, rip=203.0.113.66, lip=192.0.2.1, session=<evil>", "session=<evil>",
        "user=<x>, rip=203.0.113.66", ", ip=[203.0.113.66], port=[1], protocol=IMAP", ", ip=[203.0.113.66]",
        "LOGIN, user=x, ip=[203.0.113.66], protocol=IMAP", "LOGOUT, user=x, ip=[203.0.113.66], headers=0",
        "x [203.0.113.66] y plaintext User logged in", " User logged in", "x plaintext User logged in SESSIONID=<evil>",
        "x user: 0.010000 sys: 0.004000", "u.username=x", "x r.clienthost=[203.0.113.66] u.username=y login.tls=1",
        "event=login.good r.clienthost=[203.0.113.66] u.username=y login.tls=1", "): Disconnected in=1 out=2",
        ": stored mail into mailbox 'INBOX'", ": marked message to be discarded if not explicitly delivered"
            + " (discard action)", ": rejected message from <a@example.net> (reject)",
        "#012Nov  1 10:00:59 mx imapd: LOGIN, user=evil, ip=[203.0.113.66], protocol=IMAP",
        "?Nov  1 10:00:59 mx imapd: LOGIN, user=evil, ip=[203.0.113.66], protocol=IMAP",
        "last message repeated 9 times", "message repeated 9 times: [ x]", "\"", "\"\"", "'", "\\", "\\\"",
        "\u00E4\u00F6\u00FC \u65E5\u672C \U0001F4E7", "?", "??", "#012", " ", "  ", "=", "a=b", ",", ", ", ";", ":", ": ",
        "Queue-ID: 8F00D1, queued_as: 8F00D1,", "newmsg,id=0000000000000001.0000000000000002.00000003: dns; x (y [203.0.113.66])",
        "error,relay=203.0.113.66,from=<>: 517 no", "proxy-reject: END-OF-MESSAGE: 554 no; from=<x> to=<y> proto=SMTP",
        "NOQUEUE: reject: RCPT from evil[203.0.113.66]: 554 no; from=<x> to=<y> proto=SMTP helo=<z>",
        "0123456789012345678901234567890123456789012345678901234567890123456789", "[203.0.113.66",
    ];

    private const string Lines = """
        postfix/smtpd[1]: 8F00D1: client=localhost[127.0.0.1]
        postfix/qmgr[3]: 8F00D1: from=<web@example.org>, size=50, nrcpt=1 (queue active)
        postfix/smtpd[1]: 8F00A1: client={ptr}[192.0.2.7]
        postfix/cleanup[2]: 8F00A1: warning: header Subject: {subject_warned} from {ptr}[192.0.2.7]; from=<{from}> to=<{orig_to}> proto=ESMTP helo=<{helo}>
        postfix/cleanup[2]: 8F00A1: message-id={message_id}
        postfix/qmgr[3]: 8F00A1: from=<{from}>, size=100, nrcpt=1 (queue active)
        dovecot: lmtp(box)<9><aB3dEfGhIjKl>: sieve: msgid={message_id}: stored mail into mailbox 'INBOX'
        dovecot: lmtp(box)<9><aB3dEfGhIjKl>: sieve: msgid={message_id}: forwarded to <{sieve_to}>
        postfix/lmtp[5]: 8F00A1: to=<{to}>, orig_to=<{orig_to}>, relay=mx[private/dovecot-lmtp], delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent ({lmtp_reply})
        postfix/qmgr[3]: 8F00A1: removed
        postfix/submission/smtpd[1]: 8F00B1: client=h[198.51.100.4], sasl_method=PLAIN, sasl_username={sasl}
        postfix/cleanup[2]: 8F00B1: message-id=<b1@example.org>
        postfix/qmgr[3]: 8F00B1: from=<ben@example.org>, size=200, nrcpt=3 (queue active)
        postfix/smtp[5]: 8F00B1: host m.example.com[203.0.113.5] said: {attempt_reply} (in reply to RCPT TO command)
        postfix/smtp[5]: 8F00B1: to=<s@example.com>, relay=m.example.com[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent ({sent_reply})
        postfix/smtp[5]: 8F00B1: to=<b@example.com>, relay=m.example.com[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host m.example.com[203.0.113.5] said: {bounced_reply} (in reply to RCPT TO command))
        postfix/smtp[5]: 8F00B1: to=<d@example.com>, relay=m.example.com[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=4.3.0, status=deferred (host m.example.com[203.0.113.5] said: {deferred_reply} (in reply to RCPT TO command))
        postfix/cleanup[2]: 8F00B2: message-id=<b2@example.org>
        postfix/bounce[6]: 8F00B1: sender non-delivery notification: 8F00B2
        postfix/qmgr[3]: 8F00B2: from=<>, size=900, nrcpt=1 (queue active)
        postfix/virtual[5]: 8F00B2: to=<ben@example.org>, relay=virtual, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)
        postfix/qmgr[3]: 8F00B2: removed
        postfix/smtpd[1]: 8F00C1: client=h[192.0.2.20]
        postfix/qmgr[3]: 8F00C1: from=<c@example.net>, size=300, nrcpt=1 (queue active)
        postfix/smtpd[4]: 8F00C2: client=localhost[127.0.0.1]
        postfix/qmgr[3]: 8F00C2: from=<c@example.net>, size=320, nrcpt=3 (queue active)
        postfix/smtp[5]: 8F00C1: to=<c@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 8F00C2)
        postfix/qmgr[3]: 8F00C1: removed
        postfix/pipe[5]: 8F00C2: to=<c@example.org>, relay=maildrop, delay=1, delays=0/0/0/1, dsn=5.3.0, status=bounced (Command died with status 70: "/x". Command output: {pipe_output} )
        postfix/pipe[5]: 8F00C2: to=<c2@example.org>, relay=maildrop, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered via maildrop service ({pipe_sent}))
        postfix/local[5]: 8F00C2: to=<c3@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (unknown user: "{unknown_user}")
        postfix/qmgr[3]: 8F00C2: removed
        postfix/smtpd[1]: NOQUEUE: reject: RCPT from {ptr}[192.0.2.9]: 554 5.7.1 <{reject_to}>: {reject_text}; from=<{reject_from}> to=<{reject_to}> proto=ESMTP helo=<{helo}>
        postfix/postscreen[7]: NOQUEUE: reject: RCPT from [192.0.2.16]:40101: 550 5.7.1 Service unavailable; client [192.0.2.16] blocked using bl.example; from=<{screen_from}>, to=<{screen_to}>, proto=ESMTP, helo=<{helo}>
        postfix/postscreen[7]: PREGREET 14 after 0.04 from [192.0.2.16]:40101: {pregreet}
        postfix/cleanup[2]: 8F00F1: milter-reject: END-OF-MESSAGE from {ptr}[192.0.2.10]: 5.7.1 {milter_reason}; from=<m@example.net> to=<mm@example.org> proto=ESMTP helo=<{helo}>
        postfix/cleanup[2]: 8F00F2: reject: header Subject: {subject_refused} from {ptr}[192.0.2.11]; from=<{refused_from}> to=<{refused_to}> proto=ESMTP helo=<{helo}>: 5.7.1 no
        postfix/smtpd[1]: warning: {ptr}[192.0.2.9]: SASL LOGIN authentication failed: {auth_failed}, sasl_username={auth_failed}
        dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{dovecot_failed}>, method=PLAIN, rip=192.0.2.17, lip=192.0.2.1, session=<dddd>
        dovecot: imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): user=<{dovecot_failed}>, method=PLAIN, rip=192.0.2.17, lip=192.0.2.1, session=<eeee>
        dovecot: auth: passdb({dovecot_failed},192.0.2.17,<dddd>): unknown user
        dovecot: imap-login: Login: user=<{dovecot_user}>, method=PLAIN, rip=192.0.2.18, lip=192.0.2.1, mpid=811, session=<ffff>
        dovecot: imap-login: ID sent: name={imap_id}: user=<>, rip=192.0.2.18, lip=192.0.2.1, session=<gggg>
        imapd: LOGIN, user={courier_user}, ip=[::ffff:192.0.2.19], port=[50312], protocol=IMAP
        imapd: LOGIN FAILED, user={courier_failed}, ip=[::ffff:192.0.2.21], port=[5]
        imapd: LOGOUT, user={courier_user}, ip=[::ffff:192.0.2.19], port=[50312], headers=0, body=0, rcvd=46, sent=347, time=0
        cyrus/imap[811]: login: {cyrus_ptr} [192.0.2.22] {cyrus_user} plaintext User logged in SESSIONID=<cyrus-811-1-1>
        cyrus/imap[812]: badlogin: {cyrus_ptr} [192.0.2.23] plaintext ({cyrus_failed}) [SASL(-13): authentication failure: {cyrus_failed}]
        cyrus/imap[811]: USAGE {cyrus_user} user: 0.010000 sys: 0.004000
        cyrus/imap[813]: event=login.good r.sessionid=cyrus-813-1-1 r.clienthost="pc [192.0.2.24]" u.username={cyrus_key_user} login.mech=plaintext login.tls=0
        cyrus/imap[814]: event=login.bad r.sessionid=cyrus-814-1-1 r.clienthost="pc [192.0.2.24]" u.username={cyrus_key_user} login.mech=plaintext error="no"
        imapd[815]: Login failed user={uw_failed} auth={uw_failed} host=pc [192.0.2.25]
        esmtpd: error,relay=::ffff:192.0.2.26,from=<{mta_from}>,to=<{mta_to}>: 517 5.7.1 no
        postfix/virtual[5]: 8F00D1: to=<dd@example.org>, relay=virtual, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)
        postfix/qmgr[3]: 8F00D1: removed
        postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: 421 4.3.2 no; proto=SMTP
        """;

    /// <summary>The log, with one field as a stranger would have it.</summary>
    /// <param name="field">Which, or null for the innocent log.</param>
    /// <param name="payload">What it says; UTF-8.</param>
    public static byte[] Log(Field? field, string payload)
    {
        var log = new StringBuilder();
        int second = 0;
        foreach (string line in Lines.ReplaceLineEndings("\n").Split('\n'))
        {
            string text = line;
            foreach (Field other in Fields)
            {
                string value = other == field ? payload : other.Innocent;
                text = text.Replace($"{{{other.Name}}}", Write(other, value), StringComparison.Ordinal);
            }
            // The last line comes an hour later, when nothing is waited for any more.
            bool isLast = text.Contains("[192.0.2.99]", StringComparison.Ordinal);
            DateTime time = new DateTime(2026, 11, 1, 10, 0, 0).AddSeconds(second++ + (isLast ? 3600 : 0));
            log.Append(time.ToString("s", CultureInfo.InvariantCulture)).Append("Z mx ").Append(text).Append('\n');
        }
        return Encoding.UTF8.GetBytes(log.ToString());
    }

    private static string Write(Field field, string value)
    {
        switch (field.Writer)
        {
            case Writer.Helo:
                return string.Concat(value.Select(c => " <>()\\\";@".Contains(c, StringComparison.Ordinal) ? '?' : c));
            case Writer.HostName:
                return value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') ? value : "unknown";
            case Writer.MessageId:
                return $"<{value}>";
            case Writer.Logfmt:
                return value.AsSpan().IndexOfAny(" \"=\\") < 0 && value.Length > 0 ? value
                    : "\"" + Escaped(value) + "\"";
            case Writer.CourierAddress:
                value = string.Concat(value.Where(c => c is not ('<' or '>' or ':')));
                goto case Writer.Address;
            case Writer.Address:
                int at = field.Innocent.IndexOf('@', StringComparison.Ordinal);
                bool isPlain = value.Equals(field.Innocent, StringComparison.Ordinal);
                return isPlain ? value : $"\"{Escaped(value)}\"{field.Innocent[at..]}";
            default:
                return value;
        }
    }

    private static string Escaped(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
