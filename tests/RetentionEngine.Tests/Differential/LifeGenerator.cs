#pragma warning disable MA0006 // == on strings is ordinal, and plainness is the point here.
using System.Globalization;
using System.Text;

namespace RetentionEngine.Tests.Differential;

/// <summary>Small logs of mails and sessions that interleave; the same seed gives the same log.</summary>
internal sealed class LifeGenerator(int seed)
{
    private const string Alphabet = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxy";

    private readonly Random _random = new(seed);

    // Its own, so that the other lives of a seed stay as they were.
    private readonly Random _web = new(seed + 1_000_003);
    private readonly List<(long Second, string Text)> _lines = [];
    private readonly List<string> _oldIds = [];
    private readonly double _loss = seed % 3 == 0 ? 0.04 : 0;
    private int _ids;

    /// <param name="lives">How many mails and sessions.</param>
    /// <param name="endDays">Days until the last line, which brings every waiting time to its end.</param>
    public byte[] Make(int lives, double endDays)
    {
        for (int i = 0; i < lives; i++)
        {
            Life(_random.Next(86_400), $"mx{_random.Next(1, 3)}");
        }
        for (int i = _web.Next(4); i > 0; i--)
        {
            Browsed(_web.Next(86_400), $"mx{_web.Next(1, 3)}");
        }
        long last = (long)(endDays * 86_400) + _lines.Max(l => l.Second);
        foreach (string host in (string[])["mx1", "mx2"])
        {
            _lines.Add((last, $"{host} postfix/smtpd[1]: NOQUEUE: reject: CONNECT from x[192.0.2.99]: "
                + "421 4.3.2 no; proto=SMTP"));
        }
        var log = new StringBuilder();
        foreach ((long second, string text) in _lines.OrderBy(l => l.Second))
        {
            log.Append(DateTime.UnixEpoch.AddSeconds(1_751_612_701 + second)
                .ToString("yyyy-MM-ddTHH:mm:ssZ ", CultureInfo.InvariantCulture)).Append(text).Append('\n');
        }
        return Encoding.Latin1.GetBytes(log.ToString());
    }

    private void Life(long at, string host)
    {
        switch (_random.Next(18))
        {
            case 14 or 15:
                Boxed(at, host);
                break;
            case 16 or 17:
                Couriers(at, host);
                break;
            case 0 or 1 or 2:
                Mail(at, host, Id(), Client(), "local");
                break;
            case 3:
                Mail(at, host, Id(), Client() + ", sasl_method=PLAIN, sasl_username=anna@example.org", "smtp");
                break;
            case 4:
                Mail(at, host, Id(), null, "smtp");
                break;
            case 5 or 6:
                Filtered(at, host);
                break;
            case 7:
                Forwarded(at, host);
                break;
            case 8:
                Bounced(at, host);
                break;
            case 9:
                Requeued(at, host);
                break;
            case 10:
                GivenUp(at, host);
                break;
            case 11:
                Add(at, host, "postfix/smtpd", "NOQUEUE: reject: RCPT from x[192.0.2.9]: 554 5.7.1 no; "
                    + "from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<x>");
                break;
            default:
                Session(at, host);
                break;
        }
    }

    private string Id()
    {
        // A short id may come back; its first life is long over by then or its end was lost.
        if (_oldIds.Count > 0 && _random.Next(20) == 0)
        {
            return _oldIds[_random.Next(_oldIds.Count)];
        }
        _ids++;
        string id = _random.Next(2) == 0
            ? $"{_random.Next(100_000, 999_999):X5}{_ids:X4}"
            : $"4c7PYK22b3z{Alphabet[_ids / 51 % 51]}{Alphabet[_ids % 51]}{Alphabet[_random.Next(51)]}";
        _oldIds.Add(id);
        return id;
    }

    private (string A, string B) TwoIds()
    {
        string a = Id();
        string b = Id();
        return a == b ? TwoIds() : (a, b);
    }

    private string Client() => _random.Next(4) switch
    {
        0 => "x.example.net[2001:db8::7]",
        1 => "unknown[10.0.0.7]",
        _ => $"mail.example.net[192.0.2.{_random.Next(1, 9)}]",
    };

    private void Add(long at, string host, string tag, string text)
    {
        if (_random.NextDouble() >= _loss)
        {
            _lines.Add((at, $"{host} {tag}[{_random.Next(100, 999)}]: {text}"));
        }
    }

    private void Head(long at, string host, string id, string? client, string sender, int nrcpt, string? mid = null)
    {
        Add(at, host, client is null ? "postfix/pickup" : "postfix/smtpd", client is null
            ? $"{id}: uid=33 from=<www-data>" : $"{id}: client={client}");
        Body(at, host, id, sender, nrcpt, mid);
    }

    private void Body(long at, string host, string id, string sender, int nrcpt, string? mid = null)
    {
        Add(at, host, "postfix/cleanup", $"{id}: message-id=<{mid ?? id}.{seed}@example.net>");
        Add(at + 1, host, "postfix/qmgr", $"{id}: from=<{sender}>, size={_random.Next(500, 9999)}, nrcpt={nrcpt} (queue active)");
    }

    private void Status(long at, string host, string agent, string id, string to, string status, string reason)
    {
        string relay = agent switch
        {
            "local" => "local",
            "filter" => "127.0.0.1[127.0.0.1]:10024",
            _ => "mx.example.com[198.51.100.8]:25",
        };
        string dsn = status switch { "sent" => "2.0.0", "deferred" => "4.4.1", _ => "5.1.1" };
        string program = agent == "filter" ? "smtp" : agent;
        Add(at, host, $"postfix/{program}",
            $"{id}: to=<{to}>, relay={relay}, delay=1, delays=0/0/0/1, dsn={dsn}, status={status} ({reason})");
    }

    private string Sender() => _random.Next(5) switch
    {
        0 => "",
        1 => "anna@example.org",
        _ => $"s{_random.Next(9)}@example.net",
    };

    private string Rcpt(int n)
    {
        string domain = _random.Next(2) == 0 ? "example.org" : "example.com";
        string orig = _random.Next(4) == 0 ? $">, orig_to=<alias{n}@example.org" : "";
        return $"r{n}.{_random.Next(99)}@{domain}{orig}";
    }

    private void Mail(long at, string host, string id, string? client, string agent)
    {
        int nrcpt = _random.Next(1, 4);
        string sender = Sender();
        Head(at, host, id, client, sender, nrcpt);
        long end = at + 2;
        for (int n = 0; n < nrcpt; n++)
        {
            string to = Rcpt(n);
            long when = at + 2;
            for (int retry = _random.Next(3) == 0 ? _random.Next(1, 20) : 0; retry > 0; retry--)
            {
                Status(when, host, agent, id, to, "deferred", "busy");
                when += 600;
                Add(when - 1, host, "postfix/qmgr", $"{id}: from=<{sender}>, size=700, nrcpt={nrcpt} (queue active)");
            }
            Status(when, host, agent, id, to, _random.Next(5) == 0 ? "bounced" : "sent", "250 ok");
            end = Math.Max(end, when);
        }
        Add(end, host, "postfix/qmgr", $"{id}: removed");
    }

    private void Filtered(long at, string host)
    {
        (string a, string b) = TwoIds();
        int nrcpt = _random.Next(1, 3);
        string[] to = [.. Enumerable.Range(0, nrcpt).Select(Rcpt)];
        Head(at, host, a, Client(), "s@example.net", nrcpt);
        string form = _random.Next(3) switch
        {
            0 => "localhost[127.0.0.1]",
            1 => "localhost[127.0.0.1], orig_client=mail.example.net[203.0.113.5]",
            _ => $"localhost[127.0.0.1], orig_queue_id={a}, orig_client=mail.example.net[203.0.113.5]",
        };
        bool isAmavis = _random.Next(2) == 0;
        Head(at + 3, host, b, form, "s@example.net", nrcpt, isAmavis ? a : null);
        long late = _random.Next(2) * 120;
        foreach (string one in to)
        {
            bool isHostile = _random.Next(20) == 0;
            Status(at + 4, host, isHostile ? "smtp" : "filter", a, one, "sent", isAmavis ? "250 2.5.0 Ok" : $"250 2.0.0 Ok: queued as {b}");
            Status(at + 4 + late, host, "local", b, one.Split('>')[0], "sent", "delivered to mailbox");
        }
        if (isAmavis)
        {
            Add(at + 4, host, "amavis", $"(9-01) Passed CLEAN, <x> -> <y>, Queue-ID: {a}, Message-ID: <z>, queued_as: {b}, 8 ms");
        }
        Add(at + 4, host, "postfix/qmgr", $"{a}: removed");
        Add(at + 4 + late, host, "postfix/qmgr", $"{b}: removed");
    }

    /// <summary>Handed to Dovecot, which logs what it did before the status line or behind it.</summary>
    private void Boxed(long at, string host)
    {
        string id = Id();
        string[] boxes = ["u1@example.org", "u2@example.org"];
        int count = _random.Next(1, 3);
        Head(at, host, id, Client(), Sender(), count);
        bool isLmtp = _random.Next(3) > 0;
        for (int n = 0; n < count; n++)
        {
            string session = $"S{seed}x{_ids++:D8}";
            string box = _random.Next(3) == 0 ? boxes[n].Split('@')[0] : boxes[n];
            string by = isLmtp ? $"lmtp({box})<8><{session}>" : $"lda({box})<8>";
            string[] done =
            [
                ": sieve: msgid=<%>: discard action: Marked message to be discarded if not explicitly delivered (discard action)",
                ": sieve: msgid=<%>: redirect action: forwarded to <x@example.com>",
                ": sieve: msgid=<%>: rejected message from <s@example.net> (reject)",
                ": sieve: msgid=<%>: stored mail into mailbox 'INBOX'",
                ": msgid=<%>: saved mail to INBOX",
            ];
            for (int lines = _random.Next(3); lines >= 0; lines--)
            {
                Add(at + _random.Next(-4, 20), host, "dovecot",
                    by + done[_random.Next(done.Length)].Replace("%", $"{id}.{seed}@example.net"));
            }
            Add(at + 3, host, isLmtp ? "postfix/lmtp" : "postfix/pipe",
                $"{id}: to=<{boxes[n]}>, relay={(isLmtp ? "mx[private/dovecot-lmtp]" : "dovecot")}, delay=1, delays=0/0/0/1, "
                + $"dsn=2.0.0, status=sent ({(isLmtp ? $"250 2.0.0 <{boxes[n]}> {session} Saved" : "delivered via dovecot service")})");
        }
        Add(at + 3, host, "postfix/qmgr", $"{id}: removed");
    }

    private void Couriers(long at, string host)
    {
        string id = $"{_ids++:X16}.{at:X16}.{_random.Next(100, 99_999):X8}";
        bool isLocal = _random.Next(3) == 0;
        Add(at, host, "courierd", $"newmsg,id={id}: dns; x ({(isLocal ? "localhost [127.0.0.1" : "x [::ffff:192.0.2.7")}])");
        int count = _random.Next(1, 3);
        var open = Enumerable.Range(0, count).ToList();
        for (int round = 0; open.Count > 0 && round < 3; round++, at += 300)
        {
            foreach (int n in open)
            {
                Add(at, host, "courierd", $"started,id={id},from=<s@example.net>,module=esmtp,host=h,addr=<r{n}@example.org>");
            }
            foreach (int n in open.ToList())
            {
                string who = $"id={id},from=<s@example.net>,addr=<r{n}@example.org>";
                int fate = _random.Next(4);
                long late = _random.Next(10) == 0 ? 3 : 1;
                string text = fate switch
                {
                    0 => ",status: deferred",
                    1 => ",status: failure",
                    _ => ",size=77,success: delivered: mx.example.com [198.51.100.8]",
                };
                Add(at + late, host, "courieresmtp", who + text);
                if (fate > 1)
                {
                    Add(at + late, host, "courieresmtp", who + ",size=77,status: success");
                }
                _ = fate != 0 && open.Remove(n);
            }
            Add(at + 2, host, "courierd", $"completed,id={id}");
        }
        if (_random.Next(2) == 0)
        {
            Add(at, host, "courierd", $"started,id={id},from=<>,module=dsn,host=,addr=<s@example.net>");
            Add(at + 1, host, "courierd", $"completed,id={id}");
        }
    }

    private void Forwarded(long at, string host)
    {
        (string a, string b) = TwoIds();
        Head(at, host, a, Client(), "s@example.net", 1);
        Body(at + 2, host, b, "s@example.net", 1);
        Status(at + 2, host, "local", a, "list@example.org", "sent", $"forwarded as {b}");
        Add(at + 2, host, "postfix/qmgr", $"{a}: removed");
        Status(at + 3, host, "smtp", b, "far@example.com", "sent", "250 ok");
        Add(at + 3, host, "postfix/qmgr", $"{b}: removed");
    }

    private void Bounced(long at, string host)
    {
        (string a, string b) = TwoIds();
        Head(at, host, a, Client(), "s@example.net", 1);
        Status(at + 2, host, "smtp", a, "no@example.com", "bounced", "unknown user");
        bool isNew = _random.Next(2) == 0;
        string link = $"{a}: sender non-delivery notification: {b}";
        if (isNew)
        {
            Add(at + 2, host, "postfix/bounce", link);
        }
        Body(at + 2, host, b, "", 1);
        if (!isNew)
        {
            Add(at + 3, host, "postfix/bounce", link);
        }
        Add(at + 3, host, "postfix/qmgr", $"{a}: removed");
        Status(at + 4, host, "smtp", b, "s@example.net", "sent", "250 ok");
        Add(at + 4, host, "postfix/qmgr", $"{b}: removed");
    }

    private void Requeued(long at, string host)
    {
        (string a, string b) = TwoIds();
        Head(at, host, a, Client(), "s@example.net", 2);
        Status(at + 2, host, "smtp", a, "x@example.com", "sent", "250 ok");
        Status(at + 2, host, "smtp", a, "y@example.com", "deferred", "busy");
        Add(at + 900, host, "postfix/pickup", $"{b}: uid=0 from=<s@example.net> orig_id={a}");
        Body(at + 900, host, b, "s@example.net", 1);
        Status(at + 902, host, "smtp", b, "y@example.com", "sent", "250 ok");
        Add(at + 902, host, "postfix/qmgr", $"{b}: removed");
    }

    private void GivenUp(long at, string host)
    {
        string id = Id();
        switch (_random.Next(5))
        {
            case 0:
                Add(at, host, "postfix/smtpd", $"{id}: client={Client()}");
                break;
            case 1:
                Add(at, host, "postfix/smtpd", $"{id}: client={Client()}");
                Add(at, host, "postfix/cleanup", $"{id}: milter-reject: END-OF-MESSAGE from x[192.0.2.7]: "
                    + "5.7.1 no; from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<x>");
                break;
            case 2:
                Head(at, host, id, Client(), "s@example.net", 1);
                Add(at + 50, host, "postfix/postsuper", $"{id}: removed");
                break;
            case 3:
                Head(at, host, id, Client(), "s@example.net", 2);
                Status(at + 2, host, "smtp", id, "x@example.com", "sent", "250 ok");
                Status(at + 2, host, "smtp", id, "y@example.com", "deferred", "busy");
                Add(at + 432_000, host, "postfix/qmgr", $"{id}: from=<s@example.net>, status=expired, returned to sender");
                Add(at + 432_000, host, "postfix/qmgr", $"{id}: removed");
                break;
            default:
                Head(at, host, id, Client(), "s@example.net", 2);
                Status(at + 2, host, "smtp", id, "y@example.com", "deferred", "busy");
                Add(at + 2, host, "postfix/postsuper", $"{id}: removed");
                break;
        }
    }

    private void Session(long at, string host)
    {
        string user = $"u{_random.Next(4)}@example.org";
        int length = _random.Next(1, 5000);
        int port = _random.Next(40_000, 40_004);
        switch (_random.Next(4))
        {
            case 0:
                string id = $"S{_ids++}x{seed % 97}";
                Add(at, host, "dovecot", $"imap-login: Login: user=<{user}>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=8, TLS, session=<{id}>");
                Add(at + length, host, "dovecot", $"imap({user})<8><{id}>: Disconnected: Logged out in=1 out=2");
                break;
            case 1:
                Add(at, host, "dovecot", $"imap-login: Login: user=<{user}>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1");
                Add(at + length, host, "dovecot", $"imap({user}): Logged out in=1 out=2");
                break;
            case 2:
                _lines.Add((at, $"{host} pop3d: LOGIN, user={user}, ip=[::ffff:192.0.2.7], port=[{port}]"));
                _lines.Add((at + length, $"{host} pop3d: LOGOUT, user={user}, ip=[::ffff:192.0.2.7], port=[{port}], top=0, retr=0, rcvd=12, sent=39, time={length}"));
                break;
            default:
                _lines.Add((at, $"{host} imapd: LOGIN, user={user}, ip=[::ffff:192.0.2.7], protocol=IMAP"));
                _lines.Add((at + length, $"{host} imapd: LOGOUT, user={user}, ip=[::ffff:192.0.2.7], headers=0, body=0, rcvd=46, sent=347, time={length}"));
                break;
        }
    }

    /// <summary>Web logins, and sessions from the host itself and from elsewhere around them.</summary>
    private void Browsed(long at, string host)
    {
        for (int i = _web.Next(2, 9); i > 0; i--)
        {
            at += _web.Next(30) == 0 ? _web.Next(100_000) : _web.Next(40);
            string user = $"{(_web.Next(5) == 0 ? "U" : "u")}{_web.Next(2)}@example.org";
            string ip = $"198.51.100.{_web.Next(4) / 3}";
            int length = _web.Next(1, 30);
            switch (_web.Next(6))
            {
                case 0:
                    _lines.Add((at, $"{host} sogod[9]: SOGoRootPage successful login from '{ip}' for user '{user}' - expire = -1  grace = -1"));
                    break;
                case 1:
                    _lines.Add((at, $"{host} HORDE: [imp] Login success for {user} ({ip}) to {{imap://localhost/}}"));
                    break;
                case 2:
                    _lines.Add((at, $"{host} roundcube: <a1> Successful login for {user} (ID: 7) from {ip} in session a1b2"));
                    break;
                case 3:
                    string port = $"port=[{_web.Next(40_000, 40_004)}]";
                    _lines.Add((at, $"{host} pop3d: LOGIN, user={user}, ip=[::ffff:127.0.0.1], {port}"));
                    _lines.Add((at + length, $"{host} pop3d: LOGOUT, user={user}, ip=[::ffff:127.0.0.1], {port}, top=0, retr=0, rcvd=12, sent=39, time={length}"));
                    break;
                default:
                    string id = $"W{_ids++}x{seed % 97}";
                    string rip = _web.Next(5) == 0 ? "192.0.2.7" : "::1";
                    user = user.ToLowerInvariant();
                    _lines.Add((at + _web.Next(2), $"{host} dovecot: imap-login: Login: user=<{user}>, method=PLAIN, rip={rip}, lip=::1, mpid=8, secured, session=<{id}>"));
                    _lines.Add((at + _web.Next(length), $"{host} dovecot: imap({user})<8><{id}>: Disconnected: Logged out in=1 out=2"));
                    break;
            }
        }
    }
}
