namespace RetentionEngine.Tests.Events;

/// <summary>Every line form, with the event it gives: <c>-</c> ignored, <c>!</c> strange.</summary>
internal static class GoldenLines
{
    /// <summary>Alternating: a line without stamp and host, its event.</summary>
    public static IEnumerable<(string Line, string Expected)> Cases()
    {
        string[] rows = Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < rows.Length; i += 2)
        {
            yield return (rows[i], rows[i + 1].TrimStart());
        }
    }

    private const string Text = """
postfix/smtpd[811]: connect from mail.example.org[192.0.2.7]
  -
postfix/smtpd[811]: 4XyZ1Q3bLtz1Fz9: client=mail.example.org[192.0.2.7]
  -
postfix/smtpd[811]: 4XyZ1Q0bLtz1F9: client=mail.example.org[192.0.2.7]
  Client id=4XyZ1Q0bLtz1F9 ip=[192.0.2.7]
postfix/smtpd[811]: 7A1F03E21: client=laptop.example.net[198.51.100.4], sasl_method=PLAIN, sasl_username=anna@example.org
  Client id=7A1F03E21 ip=[198.51.100.4] sasl=[anna@example.org]
postfix/submission/smtpd[813]: 7A1F03E22: client=unknown[2001:db8::7]:50312, sasl_method=PLAIN, sasl_username=anna, ben@example.org
  Client id=7A1F03E22 ip=[2001:db8::7] sasl=[anna, ben@example.org]
postfix/smtpd[811]: 7A1F03E21: client=h.example[192.0.2.7]:unknown, sasl_method=LOGIN, sasl_username=a b, sasl_sender=c, d, orig_queue_id=5C11209A, orig_client=mail.example.org[2001:db8::9]:25
  Client id=7A1F03E21 ip=[192.0.2.7] sasl=[a b]
postfix/10025/smtpd[811]: 7A1F03E21: client=localhost[127.0.0.1], orig_queue_id=4XyZ1Q0bLtz1F9, orig_client=unknown[192.0.2.7]
  Client id=7A1F03E21 orig=4XyZ1Q0bLtz1F9 ip=[127.0.0.1] origip=[192.0.2.7]
postfix/10025/smtpd[811]: 7A1F03E21: client=localhost[127.0.0.1], orig_client=unknown[192.0.2.7]
  Client id=7A1F03E21 ip=[127.0.0.1] origip=[192.0.2.7]
postfix/smtpd[811]: 7A1F03E21: client=unknown[unknown]
  Client id=7A1F03E21 ip=[unknown]
postfix/smtpd[811]: 7A1F03E21: client=a[b], c[192.0.2.7
  !
postfix-out/smtpd[811]: 7A1F03E21: client=a.example[192.0.2.7]
  Client host=mx1 instance=postfix-out id=7A1F03E21 ip=[192.0.2.7]
mail/smtpd[811]: 7A1F03E21: client=a.example[192.0.2.7]
  Client host=mx1 instance=mail id=7A1F03E21 ip=[192.0.2.7]
postfix/smtpd.local[811]: 7A1F03E21: client=a.example[192.0.2.7]
  Client id=7A1F03E21 ip=[192.0.2.7]
postfix/qmqpd[811]: 7A1F03E21: client=a.example[192.0.2.7]
  Client id=7A1F03E21 ip=[192.0.2.7]
postfix/smtpd[811]: NOQUEUE: client=a.example[192.0.2.7]
  -
postfix/smtpd[811]: STATISTICS1: client=a.example[192.0.2.7]
  -
postfix/smtpd[811]: disconnect from mail.example.org[192.0.2.7] ehlo=1 mail=1 rcpt=2/3 data=1 quit=1 commands=6/7
  -
postfix/smtpd[811]: lost connection after DATA (1234 bytes) from mail.example.org[192.0.2.7]
  -
postfix/smtpd[811]: warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: x, sasl_username=anna
  -
postfix/smtpd[811]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject dsn=5.7.1 reply=554 ip=[192.0.2.9] from=[a@example.net] to=[x@example.org]
postfix/smtpd[811]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]:4711: 450 4.1.8 <a@example.net>: x; from=<> to=<"a> to=<b"@example.org> proto=SMTP helo=<foo> sasl_method=PLAIN sasl_username=anna sasl_sender=x
  Reject dsn=4.1.8 reply=450 ip=[192.0.2.9] from=[] to=["a> to=<b"@example.org]
postfix/smtpd[811]: 7A1F03E21: reject: RCPT from unknown[192.0.2.9]: 550 <x>; from=<y@example.net> to=<z@example.net> proto=ESMTP helo=<q>: no; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject id=7A1F03E21 reply=550 ip=[192.0.2.9] from=[a@example.net] to=[x@example.org]
postfix/smtpd[811]: NOQUEUE: reject: CONNECT from unknown[192.0.2.9]: 554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied; proto=SMTP
  Reject dsn=5.7.1 reply=554 ip=[192.0.2.9]
postfix/smtpd[811]: NOQUEUE: reject: EHLO from unknown[192.0.2.9]: 504 5.5.2 <x>: Helo command rejected; proto=SMTP helo=<x>
  Reject dsn=5.5.2 reply=504 ip=[192.0.2.9]
postfix/smtpd[811]: NOQUEUE: reject: MAIL from unknown[192.0.2.9]: 552 5.3.4 Message size exceeds fixed limit; from=<a@example.net> proto=ESMTP helo=<x>
  Reject dsn=5.3.4 reply=552 ip=[192.0.2.9] from=[a@example.net]
postfix/smtpd[811]: NOQUEUE: reject: VRFY from unknown[192.0.2.9]: 550 5.1.1 <x>: no; to=<x> proto=SMTP helo=<x>
  Reject dsn=5.1.1 reply=550 ip=[192.0.2.9] to=[x]
postfix/smtpd[811]: NOQUEUE: reject_warning: RCPT from unknown[192.0.2.9]: 554 5.7.1 no; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  -
postfix/smtpd[811]: NOQUEUE: redirect: RCPT from unknown[192.0.2.9]: <x> triggers; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  -
postfix/smtpd[811]: 7A1F03E21: milter-reject: END-OF-MESSAGE from unknown[192.0.2.9]: 5.7.1 Spam; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject id=7A1F03E21 dsn=5.7.1 ends=1 ip=[192.0.2.9] from=[a@example.net] to=[x@example.org]
postfix/smtpd[811]: NOQUEUE: milter-reject: RCPT from unknown[192.0.2.9]: 451 4.7.1 Greylisted; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject dsn=4.7.1 reply=451 ip=[192.0.2.9] from=[a@example.net] to=[x@example.org]
postfix/smtpd[811]: 7A1F03E21: reject: DATA from unknown[192.0.2.9]: 503 5.5.0 <DATA>: Data command rejected: Improper use; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject id=7A1F03E21 dsn=5.5.0 reply=503 ends=1 ip=[192.0.2.9] from=[a@example.net] to=[x@example.org]
postfix/smtpd[811]: proxy-reject: END-OF-MESSAGE: 554 5.7.0 Reject, id=1-02; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject dsn=5.7.0 reply=554 from=[a@example.net] to=[x@example.org]
postfix/smtpd[811]: proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  -
postfix/pickup[9]: 7A1F03E21: uid=33 from=<www-data>
  Pickup id=7A1F03E21 number=33 from=[www-data]
postfix/pickup[9]: 7A1F03E21: uid=0 from=<root> orig_id=5C11209A
  Pickup id=7A1F03E21 orig=5C11209A from=[root]
postfix/cleanup[812]: 7A1F03E21: message-id=<abc@example.org>
  MessageId id=7A1F03E21 mid=[abc@example.org]
postfix/cleanup[812]: 7A1F03E21: message-id=<>
  MessageId id=7A1F03E21 mid=[]
postfix/cleanup[812]: 7A1F03E21: message-id=
  MessageId id=7A1F03E21 mid=[]
postfix/cleanup[812]: 7A1F03E21: message-id=odd one <a b@example.org>
  MessageId id=7A1F03E21 mid=[odd one <a b@example.org>]
postfix/cleanup[812]: 7A1F03E21: message-id=<a@example.org> (added)
  MessageId id=7A1F03E21 mid=[<a@example.org> (added)]
postfix/cleanup[812]: 7A1F03E21: resent-message-id=<abc@example.org>
  -
postfix/cleanup[812]: 7A1F03E21: warning: header Subject: x from h[198.51.100.66]; from=<fake@example.org> to=<y@example.org> proto=ESMTP helo=<z> from mail.example.net[192.0.2.7]; from=<real@example.net> to=<b@example.org> proto=ESMTP helo=<mail.example.net>
  -
postfix/cleanup[812]: 7A1F03E21: reject: header Subject: x from h[198.51.100.66]; from=<fake@example.org> to=<y@example.org> proto=ESMTP helo=<z> from mail.example.net[192.0.2.7]; from=<real@example.net> to=<b@example.org> proto=ESMTP helo=<mail.example.net>: 5.7.1 no thanks
  Reject id=7A1F03E21 dsn=5.7.1 ends=1 ip=[192.0.2.7] from=[real@example.net] to=[b@example.org]
postfix/cleanup[812]: 7A1F03E21: reject: body x from local; from=<root>: 5.7.1 no
  Reject id=7A1F03E21 dsn=5.7.1 ends=1 from=[root]
postfix/cleanup[812]: 7A1F03E21: milter-reject: END-OF-MESSAGE from a.example[192.0.2.9]: 4.7.1 Try later; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Reject id=7A1F03E21 dsn=4.7.1 ends=1 ip=[192.0.2.9] from=[a@example.net] to=[x@example.org]
postfix/cleanup[812]: 7A1F03E21: milter-discard: END-OF-MESSAGE from a.example[192.0.2.9]: milter triggers DISCARD action; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Removed id=7A1F03E21 removal=Discarded
postfix/cleanup[812]: 7A1F03E21: discard: header X: y from a.example[192.0.2.9]; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  Removed id=7A1F03E21 removal=Discarded
postfix/cleanup[812]: 7A1F03E21: milter-hold: END-OF-MESSAGE from a.example[192.0.2.9]: x; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<foo>
  -
postfix/cleanup[812]: 7A1F03E21: to=<x@example.org>, relay=none, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced (no)
  Delivery id=7A1F03E21 agent=Cleanup status=Bounced dsn=5.1.1 to=[x@example.org] relay=[none]
postfix/cleanup[812]: 7A1F03E21: removed (canceled)
  Removed id=7A1F03E21 removal=Canceled
postfix/cleanup[812]: 7A1F03E21: removed (discarded)
  Removed id=7A1F03E21 removal=Discarded
postfix/qmgr[5]: 7A1F03E21: from=<a@example.org>, size=2048, nrcpt=2 (queue active)
  QueueActive id=7A1F03E21 count=2 number=2048 from=[a@example.org]
postfix/qmgr[5]: 7A1F03E21: from=<>, size=3100, nrcpt=1 (queue active)
  QueueActive id=7A1F03E21 count=1 number=3100 from=[]
postfix/oqmgr[5]: 7A1F03E21: from=<"x>, size=1, nrcpt=1 (queue active)"@example.org>, size=20, nrcpt=3 (queue active)
  QueueActive id=7A1F03E21 count=3 number=20 from=["x>, size=1, nrcpt=1 (queue active)"@example.org]
postfix/qmgr[5]: 7A1F03E21: from=<a@example.org>, status=expired, returned to sender
  Expired id=7A1F03E21 from=[a@example.org]
postfix/qmgr[5]: 7A1F03E21: from=<a@example.org>, status=force-expired, returned to sender
  Expired id=7A1F03E21 from=[a@example.org]
postfix/qmgr[5]: 7A1F03E21: to=<b@example.net>, relay=none, delay=86401, delays=86400/1/0/0, dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to x)
  Delivery id=7A1F03E21 agent=Qmgr status=Deferred dsn=4.4.1 to=[b@example.net] relay=[none]
postfix/qmgr[5]: 7A1F03E21: skipped, still being delivered
  -
postfix/qmgr[5]: 7A1F03E21: removed
  Removed id=7A1F03E21 removal=Removed
postfix/qmgr[5]: 7A1F03E21: removed by nobody
  !
postfix/postsuper[5]: 7A1F03E21: removed
  Removed id=7A1F03E21 removal=DeletedByAdministrator
postfix/postsuper[5]: 7A1F03E21: requeued
  -
postfix/postsuper[5]: Deleted: 4 messages
  -
postfix/smtp[811]: 7A1F03E21: to=<b@example.org>, relay=mx.example.net[198.51.100.8]:25, delay=1.2, delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5B00712AB)
  Delivery id=7A1F03E21 orig=5B00712AB edge=QueuedAs agent=Smtp status=Sent dsn=2.0.0 to=[b@example.org] relay=[mx.example.net[198.51.100.8]:25]
postfix/amavis/smtp[811]: 7A1F03E21: to=<b@example.org>, orig_to=<c@example.org>, relay=127.0.0.1[127.0.0.1]:10024, conn_use=2, delay=1, delays=0/0/0/1, tls=may:none, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4XyZ1Q0bLtz1F9)
  Delivery id=7A1F03E21 orig=4XyZ1Q0bLtz1F9 edge=QueuedAs agent=Smtp status=Sent dsn=2.0.0 to=[b@example.org] origto=[c@example.org] relay=[127.0.0.1[127.0.0.1]:10024]
postfix/smtp[811]: 7A1F03E21: to=<"a, relay=x, status=sent (y"@example.org>, relay=mx.example.org[192.0.2.8]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.8] said: 550 status=sent (250 ok))
  Delivery id=7A1F03E21 agent=Smtp status=Bounced dsn=5.1.1 to=["a, relay=x, status=sent (y"@example.org] relay=[mx.example.org[192.0.2.8]:25]
postfix/smtp[811]: 7A1F03E21: to=<a>, b@example.org>, orig_to=<c>, d>, relay=mx.example.org[192.0.2.8]:25, delay=1, status=sent (250 ok queued as 12)
  Delivery id=7A1F03E21 agent=Smtp status=Sent to=[a>, b@example.org] origto=[c>, d] relay=[mx.example.org[192.0.2.8]:25]
postfix/smtp[811]: 7A1F03E21: to=<b@example.org>, relay=none, delay=1, status=sent (250 queued as 7A1F03E22; later)
  Delivery id=7A1F03E21 orig=7A1F03E22 edge=QueuedAs agent=Smtp status=Sent to=[b@example.org] relay=[none]
postfix/smtp[811]: 7A1F03E21: to=<b@example.org>, relay=none, delay=3, delays=1/1/1/0, dsn=4.4.1, status=deferred (connect to mx.example.net[198.51.100.8]:25: Connection timed out)
  Delivery id=7A1F03E21 agent=Smtp status=Deferred dsn=4.4.1 to=[b@example.org] relay=[none]
postfix/smtp[811]: 7A1F03E21: to=<b@example.org>, relay=x[192.0.2.8]:25, delay=3, delays=1/1/1/0, dsn=2.1.5, status=deliverable (250 2.1.5 Ok)
  Delivery id=7A1F03E21 agent=Smtp status=Deliverable dsn=2.1.5 to=[b@example.org] relay=[x[192.0.2.8]:25]
postfix/smtp[811]: 7A1F03E21: to=<b@example.org>, relay=x[192.0.2.8]:25, delay=3, delays=1/1/1/0, dsn=5.1.5, status=undeliverable (550 no)
  Delivery id=7A1F03E21 agent=Smtp status=Undeliverable dsn=5.1.5 to=[b@example.org] relay=[x[192.0.2.8]:25]
postfix/smtp[811]: 7A1F03E21: to=<b@example.org>, relay=x[192.0.2.8]:25, delay=3, status=lost (550 no)
  !
postfix/lmtp[811]: 7A1F03E21: to=<b@example.org>, relay=mail.example.org[private/dovecot-lmtp], delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 <b@example.org> aB3dEfGhIjKlMnOp Saved)
  Delivery id=7A1F03E21 agent=Lmtp status=Sent dsn=2.0.0 to=[b@example.org] relay=[mail.example.org[private/dovecot-lmtp]] box=[aB3dEfGhIjKlMnOp]
postfix/local[811]: 7A1F03E21: to=<anna@mx1.example.org>, orig_to=<root>, relay=local, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (forwarded as 7A1F03E25)
  Delivery id=7A1F03E21 orig=7A1F03E25 edge=ForwardedAs agent=Local status=Sent dsn=2.0.0 to=[anna@mx1.example.org] origto=[root] relay=[local]
postfix/local[811]: 7A1F03E21: to=<anna@mx1.example.org>, relay=local, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (delivered to command: x queued as 7A1F03E25)
  Delivery id=7A1F03E21 agent=Local status=Sent dsn=2.0.0 to=[anna@mx1.example.org] relay=[local]
postfix/virtual[811]: 7A1F03E21: to=<anna@example.org>, relay=virtual, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)
  Delivery id=7A1F03E21 agent=Virtual status=Sent dsn=2.0.0 to=[anna@example.org] relay=[virtual]
postfix/pipe[811]: 7A1F03E21: to=<anna@example.org>, relay=dovecot, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (delivered via dovecot service)
  Delivery id=7A1F03E21 agent=Pipe status=Sent dsn=2.0.0 to=[anna@example.org] relay=[dovecot]
postfix/error[811]: 7A1F03E21: to=<anna@example.org>, relay=none, delay=0.1, delays=0/0/0/0.1, dsn=5.0.0, status=bounced (x)
  Delivery id=7A1F03E21 agent=Error status=Bounced dsn=5.0.0 to=[anna@example.org] relay=[none]
postfix/discard[811]: 7A1F03E21: to=<anna@example.org>, relay=none, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (silently discarded)
  Delivery id=7A1F03E21 agent=Discard status=Discarded dsn=2.0.0 to=[anna@example.org] relay=[none]
postfix/mydaemon[811]: 7A1F03E21: to=<anna@example.org>, relay=none, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (x)
  Delivery id=7A1F03E21 agent=Other status=Sent dsn=2.0.0 to=[anna@example.org] relay=[none]
postfix/smtp[811]: 7A1F03E21: host mx.example.org[192.0.2.8] said: 450 no (in reply to RCPT TO command)
  -
postfix/smtp[811]: TLSRPT: status=success, domain=example.org
  -
postfix/smtp[811]: 7A1F03E21: status=deferred (bounce failed)
  -
postfix/bounce[811]: 7A1F03E21: sender non-delivery notification: 7A1F03E29
  Notification id=7A1F03E21 orig=7A1F03E29
postfix/defer[811]: 7A1F03E21: sender delay notification: 7A1F03E29
  Notification id=7A1F03E21 orig=7A1F03E29
postfix/trace[811]: 7A1F03E21: sender delivery status notification: 7A1F03E29
  Notification id=7A1F03E21 orig=7A1F03E29
postfix/bounce[811]: 7A1F03E21: postmaster non-delivery notification: 7A1F03E29
  Notification id=7A1F03E21 orig=7A1F03E29
postfix/bounce[811]: 7A1F03E21: sender notification failed to <a@example.org>: x
  -
postfix/bounce[811]: 7A1F03E21: not sending trace/success notification for double-bounce message
  -
postfix/postscreen[7]: NOQUEUE: reject: RCPT from [192.0.2.9]:40101: 550 5.7.1 Service unavailable; client [192.0.2.9] blocked using bl.example; from=<a@example.net>, to=<b@example.org>, proto=ESMTP, helo=<x>
  Reject dsn=5.7.1 reply=550 ip=[192.0.2.9] from=[a@example.net] to=[b@example.org]
postfix/postscreen[7]: NOQUEUE: reject: CONNECT from [2001:db8::9]:40101: too many connections
  Reject ip=[2001:db8::9]
postfix/postscreen[7]: CONNECT from [192.0.2.9]:40101 to [192.0.2.1]:25
  -
postfix/anvil[814]: statistics: max connection rate 1/60s for (smtp:192.0.2.9) at Jul  4 09:01:41
  -
postfix/smtpd[811]: > mail.example.org[192.0.2.7]: 250-PIPELINING
  -
last message repeated 2 times
  -
sshd[5]: 7A1F03E21: client=a.example[192.0.2.7]
  -
imapd: LOGIN, user=anna@example.org, ip=[::ffff:192.0.2.7], protocol=IMAP
  Login protocol=Imap ip=[::ffff:192.0.2.7] user=[anna@example.org]
imapd-ssl[20815]: LOGIN, user=anna@example.org, ip=[::ffff:192.0.2.7], port=[50312], protocol=IMAP
  Login protocol=Imap tls=1 port=50312 ip=[::ffff:192.0.2.7] user=[anna@example.org] session=[20815]
imaplogin: LOGIN, user=anna@example.org, ip=[::ffff:192.0.2.7], port=[50312], protocol=IMAP, starttls=1
  Login protocol=Imap tls=1 port=50312 ip=[::ffff:192.0.2.7] user=[anna@example.org]
pop3d: LOGIN, user=anna@example.org, ip=[2001:db8::7], port=[50312]
  Login protocol=Pop3 port=50312 ip=[2001:db8::7] user=[anna@example.org]
pop3d-ssl: LOGIN, user=anna@example.org, ip=[2001:db8::7], port=[N/A]
  Login protocol=Pop3 tls=1 ip=[2001:db8::7] user=[anna@example.org]
courierpop3login: LOGIN, user=anna, ip=[192.0.2.7]
  Login protocol=Pop3 ip=[192.0.2.7] user=[anna]
pop3login: LOGIN, user=anna, ip=[192.0.2.7], port=[1], protocol=POP3
  Login protocol=Pop3 port=1 ip=[192.0.2.7] user=[anna]
imapd: LOGOUT, user=anna@example.org, ip=[::ffff:192.0.2.7], headers=0, body=0, rcvd=46, sent=347, time=12, starttls=1
  Logout protocol=Imap number=12 ip=[::ffff:192.0.2.7] user=[anna@example.org]
courier-imapd: DISCONNECTED, user=anna@example.org, ip=[::ffff:192.0.2.7], port=[50312], headers=0, body=0, rcvd=46, sent=347, time=7
  Logout protocol=Imap port=50312 number=7 ip=[::ffff:192.0.2.7] user=[anna@example.org]
pop3d: disc, user=anna@example.org, ip=[::ffff:192.0.2.7], port=[50312], top=0, retr=0, rcvd=6, sent=30, time=1, stls=1
  Logout protocol=Pop3 port=50312 number=1 ip=[::ffff:192.0.2.7] user=[anna@example.org]
pop3d: TIMEOUT, user=anna@example.org, ip=[::ffff:192.0.2.7], port=[50312], top=0, retr=0, rcvd=6, sent=30, time=61
  Logout protocol=Pop3 port=50312 number=61 ip=[::ffff:192.0.2.7] user=[anna@example.org]
pop3d: LOGOUT, ip=[::ffff:192.0.2.7], rcvd=6, sent=30
  -
imapd: LOGIN FAILED, user=x, ip=[1], ip=[::ffff:192.0.2.7]
  -
imapd: Connection, ip=[::ffff:192.0.2.7]
  -
imapd: LOGIN: DEBUG: ip=[::ffff:192.0.2.7], password=secret
  -
cyrus/imap[811]: login: mail.example.net [192.0.2.7] anna maria plaintext+TLS User logged in SESSIONID=<cyrus-811-1751612701-1-1>
  Login protocol=Imap tls=1 ip=[192.0.2.7] user=[anna maria] session=[811]
cyrus/imap: event=login.good r.sessionid=a-1 r.clienthost="mail.example.net [192.0.2.7]" u.username=anna login.mech=plaintext login.tls=1 login.magic=~null~
  Login protocol=Imap tls=1 ip=[192.0.2.7] user=[anna] session=[a-1]
cyrus/pop3s[811]: USAGE anna maria user: 0.010000 sys: 0.004000
  Logout protocol=Pop3 number=-1 user=[anna maria] session=[811]
imaps[811]: badlogin: mail.example.net [192.0.2.7] plaintext (anna) [SASL(-13): authentication failure]
  -
ipop3d[812]: Login user=anna host=mail.example.net [192.0.2.7] nmsgs=3/3
  Login protocol=Pop3 ip=[192.0.2.7] user=[anna] session=[812]
imapd[812]: Killed (lost mailbox lock) user=anna host=[192.0.2.7]
  Logout protocol=Imap number=-1 ip=[192.0.2.7] user=[anna] session=[812]
dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=811, TLS, session=<aB3dEfGhIjKlMnOp>
  Login protocol=Imap tls=1 ip=[192.0.2.7] user=[anna@example.org] session=[aB3dEfGhIjKlMnOp]
dovecot[5]: imap-login: Info: Login: user=<anna@example.org>, method=PLAIN, rip=2001:db8::7, lip=192.0.2.1, mpid=811, secured
  Login protocol=Imap ip=[2001:db8::7] user=[anna@example.org] session=[811]
dovecot: pop3-login: Logged in: session=<x/y+z>, user=<an>, na>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS, TLSv1.2 with cipher X (256/256 bits)
  Login protocol=Pop3 tls=1 ip=[192.0.2.7] user=[an>, na] session=[x/y+z]
dovecot: managesieve-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1
  Login protocol=ManageSieve ip=[192.0.2.7] user=[anna]
dovecot: submission-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<x>
  Login protocol=Submission ip=[192.0.2.7] user=[anna] session=[x]
dovecot: imap-login: proxy(anna): started proxying to 192.0.2.20:143: user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS, session=<x>
  Login protocol=Imap tls=1 ip=[192.0.2.7] user=[anna] session=[x]
dovecot: pop3-login: Started proxying to <192.0.2.20> (0.012 secs): user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<x>
  Login protocol=Pop3 ip=[192.0.2.7] user=[anna] session=[x]
dovecot: imap-login: proxy(anna): disconnecting 192.0.2.7 (Disconnected by client(10s idle, in=1, out=2))
  Logout protocol=Imap number=-1 ip=[192.0.2.7] user=[anna]
dovecot: imap-login: Login aborted: Logged out (auth failed, 1 attempts in 2 secs) (auth_failed): user=<anna>, rip=203.0.113.1, lip=192.0.2.1, TLS, session=<x>>, method=PLAIN, rip=192.0.2.66, lip=192.0.2.1, TLS, session=<real>
  -
dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<anna>, method=PLAIN, rip=192.0.2.7
  -
dovecot: imap(anna@example.org)<811><sess>: Disconnected: Logged out in=112 out=893 deleted=0
  Logout protocol=Imap number=-1 user=[anna@example.org] session=[sess]
dovecot: imap(anna@example.org)<811><>: Disconnected for inactivity in=112 out=893
  Logout protocol=Imap number=-1 user=[anna@example.org] session=[811]
dovecot: imap(anna): Connection closed (IDLE running for 12.3 + waiting input for 0.1 secs, 2 B in + 10 B out, state=wait-input) in=12 out=24
  Logout protocol=Imap number=-1 user=[anna]
dovecot: IMAP(anna): Disconnected: Logged out bytes=12/345
  Logout protocol=Imap number=-1 user=[anna]
dovecot[77]: POP3(anna): Disconnected: Logged out top=0/0, retr=1/5021, del=1/4, size=99887
  Logout protocol=Pop3 number=-1 user=[anna]
dovecot: imap-hibernate(anna)<811><sess>: Connection closed in=1 out=2
  Logout protocol=Imap number=-1 user=[anna] session=[sess]
dovecot: imap(anna): copy from INBOX: box=Trash, uid=1, msgid=x, size=2
  -
dovecot: lmtp(anna)<5><x>: msgid=<a@example.org>: saved mail to INBOX
  Fate status=Sent user=[anna] session=[x] mid=[a@example.org]
dovecot: auth-worker(123): sql(anna,192.0.2.7): Password mismatch (given password: x)
  -
""";
}
