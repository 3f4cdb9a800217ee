"""What happens: every mail, every refusal, every session, each with the records it must give."""

import functools
import itertools
import json
import time

from sessions import Sessions
from wire import Smtp

LOCAL = ("example.org", "kontor.example.org", "tickets.example.org", "mx1.example.org",
         "mx2.example.org")


def local(address):
    return address.rpartition("@")[2] in LOCAL


class Scenario(Sessions):
    def __init__(self, hosts, rng):
        self.hosts = hosts
        self.random = rng
        self.truth = []
        self.serial = itertools.count(1)
        self.open = []

    # ---- building blocks -------------------------------------------------------------------

    def text(self, sender, subject="words", name="message"):
        """A message of varying size; its message-id is the key by which it is found again."""
        domain = sender.rpartition("@")[2] or "mailer.example.net"
        mid = "%s.%04d.%08x@%s" % (name, next(self.serial), self.random.getrandbits(32), domain)
        body = "".join("%s\r\n" % ("lorem ipsum " * self.random.randint(1, 6))
                       for _ in range(self.random.randint(1, 60)))
        head = "From: <%s>\r\nTo: undisclosed:;\r\nSubject: %s\r\nMessage-ID: <%s>\r\n\r\n"
        return mid, head % (sender, subject, mid) + body

    def row(self, host, mid, recipient, status="sent", sender="", **more):
        """One mail record that must come out. `ours`: authenticated, submitted here, loopback.
        `takes`: the recipient is ours because of the agent although its domain may not be."""
        ours, takes = more.pop("ours", False), more.pop("takes", None)
        to_us = local(recipient) if takes is None else takes
        kind = {(True, True): "internal", (True, False): "sent",
                (False, True): "received", (False, False): "relayed"}[ours, to_us]
        self.truth.append(dict(what="mail", host=host, message_id=mid, recipient=recipient,
                               status=status, sender=sender, kind=kind, **more))

    def notice(self, host, mid, recipient, link, status="sent", **more):
        """The mail system's own mail about the mail `mid`."""
        kind = "internal" if local(recipient) else "sent"
        self.truth.append(dict(what="mail", host=host, about=mid, link=link, kind=kind, sender="",
                               recipient=recipient, status=status, flags=["notification"],
                               **more))

    def refused(self, host, ip, reply, dsn, sender, recipient, **more):
        self.truth.append(dict(what="reject", host=host, ip=ip, reply=reply, dsn=dsn,
                               sender=sender, recipient=recipient, **more))

    def expect_reply(self, replies, *codes):
        got = [r[:3] for r in replies]
        if got != list(codes):
            raise AssertionError("replies %s, expected %s" % (replies, codes))

    # ---- mail from elsewhere ---------------------------------------------------------------

    def inbound(self, host, ip, sender, rows, helo="mail.example.net", port=25, subject="words",
                sent_to=None, flags=(), options=""):
        """`rows`: (recipient of the record, as addressed or None, further fields)."""
        mid, text = self.text(sender, subject)
        recipients = sent_to or [orig or to for to, orig, _ in rows]
        smtp = Smtp(host, port, ip, helo)
        self.expect_reply(smtp.message(sender, recipients, text, options),
                          "250", *["250"] * (len(recipients) + 1))
        smtp.quit()
        for to, orig, more in rows:
            more = dict(more)
            all_flags = list(flags) + more.pop("flags", [])
            self.row(host, mid, to, sender=more.pop("sender", sender), orig_to=orig, ip=ip,
                     flags=all_flags, **more)
        return mid

    def inbound_mail(self):
        """Plain mail from outside to every kind of mailbox."""
        tasks = []

        def add(*args, **more):
            tasks.append(functools.partial(self.inbound, *args, **more))

        outside = ["news@example.com", "kim@example.net", "lee@v6.example.com", ""]
        for n in range(8):
            box = ["anna", "ben", "carla"][n % 3] + "@example.org"
            add("mx1", "192.0.2.%d" % (40 + n), outside[n % 4], [(box, None, {})])
        add("mx1", "2001:db8:25::25", "lee@v6.example.com", [("anna+lists@example.org", None, {})])
        add("mx1", "2001:db8:a::9", "kim@example.net",
            [("ben@example.org", None, {}), ("carla@example.org", None, {})])
        add("mx1", "192.0.2.39", "liar@example.com", [("carla@example.org", None, {})])
        # Virtual aliases: one address becomes two, or another one.
        add("mx1", "192.0.2.30", "news@example.com",
            [("anna@example.org", "info@example.org", {}),
             ("ben@example.org", "info@example.org", {})], sent_to=["info@example.org"])
        add("mx1", "203.0.113.25", "kim@example.com",
            [("anna@example.org", "old.anna@example.org", {}), ("carla@example.org", None, {})])
        add("mx1", "203.0.113.25", "kim@example.com",
            [("partner@example.com", "sales@example.org", {})])
        # Delivered to a command by local(8), to a Maildir by local(8), by pipe(8).
        add("mx1", "192.0.2.48", "kim@example.net",
            [("eva@mx1.example.org", "eva@example.org", {})])
        add("mx1", "192.0.2.49", "kim@example.net",
            [("frank@mx1.example.org", "frank@example.org", {})])
        add("mx1", "192.0.2.50", "kim@example.net", [("case17@tickets.example.org", None, {})])
        # A .forward file that leads to the other host, which logs a mail of its own.
        tasks.append(self.forwarded_to_mx2)
        # Sieve throws one away after LMTP has taken it, and passes one on.
        add("mx1", "192.0.2.51", "kim@example.net",
            [("carla@example.org", None, dict(status="discarded"))], subject="throwaway")
        tasks.append(self.sieve_redirect)
        # A header check that only remarks.
        add("mx1", "192.0.2.52", "kim@example.net", [("anna@example.org", None, {})],
            subject="warn-me")
        for n in range(8):
            box = ["dana", "emil", "fritz", "ina"][n % 4] + "@kontor.example.org"
            add("mx2", "192.0.2.%d" % (140 + n), outside[n % 4], [(box, None, {})])
        add("mx2", "2001:db8:a::11", "kim@example.net", [("ina@kontor.example.org", None, {})])
        add("mx2", "192.0.2.31", "relay@example.com",
            [("gus@mx2.example.org", "gus@kontor.example.org", {})])
        add("mx2", "192.0.2.31", "relay@example.com",
            [(b + "@kontor.example.org", "alle@kontor.example.org", {})
             for b in ("dana", "emil", "fritz")]
            + [("gus@mx2.example.org", "alle@kontor.example.org", {})],
            sent_to=["alle@kontor.example.org"])
        add("mx2", "192.0.2.32", "kim@example.net",
            [("hanna.home@example.net", "hanna@kontor.example.org", dict(flags=["forwarded"]))])
        add("mx2", "192.0.2.33", "j\u00fcrgen@example.net",
            [("emil@kontor.example.org", None, {})], options=" SMTPUTF8")
        tasks.append(self.chef)
        return tasks

    def forwarded_to_mx2(self):
        sender = "kim@example.net"
        mid = self.inbound("mx1", "192.0.2.54", sender,
                           [("dana@kontor.example.org", "dana@example.org",
                             dict(flags=["forwarded"]))])
        self.row("mx2", mid, "dana@kontor.example.org", sender=sender, ip="203.0.113.1")

    def sieve_redirect(self):
        sender = "kim@example.net"
        mid = self.inbound("mx1", "192.0.2.53", sender,
                           [("carla@example.org", None, dict(status="redirected"))],
                           subject="pass-on")
        self.row("mx1", mid, "partner@example.com", sender=sender, uid=5000, ours=True,
                 flags=["local_submission"])

    def chef(self):
        """A virtual alias of mx2 that leads to a mailbox of mx1."""
        sender = "kim@example.net"
        mid = self.inbound("mx2", "192.0.2.34", sender,
                           [("anna@example.org", "chef@kontor.example.org", {})])
        self.row("mx1", mid, "anna@example.org", sender=sender, ip="203.0.113.2")

    def filtered_mail(self):
        """Through a content filter that hands the mail back: two queue ids, one mail."""
        tasks = []

        def add(*args, **more):
            tasks.append(functools.partial(self.inbound, *args, flags=["filtered"], **more))

        for n in range(5):
            add("mx1", "192.0.2.%d" % (1 + n), "kim@example.net", [("anna@example.org", None, {})])
            # This hand-over tells the filter nothing: the second hop's client is localhost.
            add("mx1", "192.0.2.%d" % (70 + n), "lee@example.com", [("ben@example.org", None, {})])
            add("mx2", "198.51.100.%d" % (200 + n), "lee@example.com",
                [("fritz@kontor.example.org", None, {})])
        both = [("anna@example.org", "info@example.org", {}),
                ("ben@example.org", "info@example.org", {}), ("carla@example.org", None, {})]
        for ip, port in (("192.0.2.9", 25), ("192.0.2.79", 25), ("192.0.2.60", 26)):
            add("mx1", ip, "news@example.com", both, port=port,
                sent_to=["info@example.org", "carla@example.org"])
        add("mx1", "192.0.2.10", "", [("eva@mx1.example.org", "eva@example.org", {})])
        tasks.append(self.filtered_and_forwarded)
        return tasks

    def filtered_and_forwarded(self):
        """Three queue ids: smtpd, filter, .forward. The second smtpd(8) sees the rewritten
        address only, so the last hop's orig_to is that one and not the one first written."""
        sender, rewritten = "kim@example.net", "dana@mx1.example.org"
        mid = self.inbound("mx1", "192.0.2.11", sender,
                           [("dana@kontor.example.org", rewritten,
                             dict(flags=["filtered", "forwarded"]))],
                           sent_to=["dana@example.org"])
        self.row("mx2", mid, "dana@kontor.example.org", sender=sender, ip="203.0.113.1")

    # ---- mail of ours ----------------------------------------------------------------------

    def submit(self, host, ip, user, rows, sender=None, tls=False):
        """Submission with authentication. `rows` as for inbound."""
        sender = user if sender is None else sender
        mid, text = self.text(sender, name="mua")
        smtp = Smtp(host, 587, ip, "[%s]" % ip if "." in ip else "[IPv6:%s]" % ip, tls)
        self.expect_reply([smtp.login(user, "secret-" + user.split("@")[0])], "235")
        recipients = list(dict.fromkeys(orig or to for to, orig, m in rows if not m.get("bcc")))
        self.expect_reply(smtp.message(sender, recipients, text),
                          "250", *["250"] * (len(recipients) + 1))
        smtp.quit()
        for to, orig, more in rows:
            more = {k: v for k, v in more.items() if k != "bcc"}
            arrives = more.pop("arrives", None)
            notices = more.pop("notices", [])
            self.row(host, mid, to, sender=sender, orig_to=orig, ip=ip, sasl=user, ours=True,
                     flags=[], **more)
            if arrives:
                self.row(arrives, mid, to, sender=sender,
                         ip={"mx1": "203.0.113.1", "mx2": "203.0.113.2"}[host])
            for link in notices:
                self.notice(host, mid, sender, link)
        return mid

    def submitted_mail(self):
        tasks = []

        def add(*args, **more):
            tasks.append(functools.partial(self.submit, *args, **more))

        anna, ben, carla = "anna@example.org", "ben@example.org", "carla@example.org"
        emil = "emil@kontor.example.org"
        to_mx2 = dict(arrives="mx2")
        for n in range(4):
            add("mx1", "192.0.2.%d" % (100 + n), [anna, carla][n % 2],
                [("partner@example.com", None, {})], tls=n % 2 == 0)
            add("mx2", "192.0.2.%d" % (160 + n), emil, [("friend%d@example.net" % n, None, {})])
        add("mx1", "2001:db8:a::1", anna, [("lee@v6.example.com", None, {})], tls=True)
        add("mx1", "192.0.2.105", anna,
            [(carla, None, {}), (emil, None, to_mx2), ("kim@example.net", None, {}),
             ("kim@example.com", None, {})])
        # Sends as an alias; a blind copy is kept of everything ben sends.
        add("mx1", "192.0.2.106", anna, [("kim@example.net", None, {})],
            sender="info@example.org")
        add("mx1", "192.0.2.107", ben,
            [("kim@example.com", None, {}), ("archive@example.org", None, dict(bcc=True))])
        add("mx1", "192.0.2.108", carla, [(anna, "old.anna@example.org", {})], tls=True)
        add("mx1", "192.0.2.109", carla, [('"strange, name> relay=x"@example.net', None, {})])
        add("mx2", "192.0.2.166", emil,
            [("ina@kontor.example.org", None, {}),
             ("anna@example.org", None, dict(arrives="mx1"))])
        add("mx2", "2001:db8:a::2", emil, [("lee@v6.example.com", None, {})])
        # Refused by the next hop, at RCPT, after the data, or for want of a host.
        refused = dict(status="bounced", notices=["non-delivery"])
        add("mx1", "192.0.2.110", anna, [("gone.kim@example.net", None, refused)])
        add("mx1", "192.0.2.111", carla, [("late.kim@example.net", None, refused)])
        add("mx1", "192.0.2.112", anna, [("kim@nosuch.example.com", None, refused)])
        add("mx2", "192.0.2.170", emil, [("gone.lee@example.com", None, refused),
                                         ("kim@example.net", None, {})])
        add("mx1", "192.0.2.116", anna, [("nobody@example.org", None, refused)])
        add("mx2", "192.0.2.173", emil, [("nobody@kontor.example.org", None, refused)])
        add("mx2", "192.0.2.171", emil, [("x@closed.example.com", None, refused)])
        add("mx1", "192.0.2.113", carla, [("broken@tickets.example.org", None, refused)])
        # Put off once or twice, then taken.
        add("mx1", "192.0.2.114", anna, [("busy1.kim@example.net", None, dict(attempts=2)),
                                         ("kim@example.net", None, dict(attempts=1))])
        add("mx1", "192.0.2.115", carla, [("busy2.lee@example.com", None, dict(attempts=3))])
        add("mx2", "192.0.2.172", emil, [("busy2.kim@example.net", None, dict(attempts=3))])
        return tasks

    def hopeless_mail(self):
        """Deferred until the queue's patience ends."""
        tasks = []

        def add(*args, **more):
            tasks.append(functools.partial(self.submit, *args, **more))

        late = dict(status="expired", notices=["delay", "non-delivery"])
        anna, emil = "anna@example.org", "emil@kontor.example.org"
        add("mx1", "192.0.2.120", anna, [("full.kim@example.net", None, late)])
        add("mx1", "192.0.2.121", anna, [("kim@down.example.net", None, late)])
        add("mx1", "192.0.2.122", "carla@example.org", [("later@tickets.example.org", None, late)])
        late = dict(status="expired", notices=["non-delivery"])
        add("mx2", "192.0.2.180", emil, [("full.lee@example.com", None, late),
                                         ("ina@kontor.example.org", None, {})])
        add("mx2", "192.0.2.181", emil, [("kim@away.example.net", None, late)])
        add("mx2", "192.0.2.182", emil, [("slam@v6.example.com", None, late)])
        add("mx2", "192.0.2.183", emil, [("x@paused.example.com", None, late)])
        return tasks

    def sendmail(self, host, uid, sender, recipients, rows, option=()):
        """Submitted on the host itself."""
        mid, text = self.text(sender, name="cron")
        self.hosts.run(host, "sendmail", "-i", *option, "--", *recipients, uid=uid,
                       text=text.replace("\r", ""))
        for to, orig, more in rows:
            more = dict(more)
            flags = ["local_submission"] + more.pop("flags", [])
            self.row(host, mid, to, sender=sender, orig_to=orig, uid=uid, ours=True, flags=flags,
                     **more)
        return mid

    def local_mail(self):
        def cron_bounce():
            mid = self.sendmail("mx1", 33, "www-data@example.org", ["gone.web@example.net"],
                                [("gone.web@example.net", None, dict(status="bounced"))])
            # Its own notice finds no mailbox, and there the matter ends.
            self.notice("mx1", mid, "www-data@example.org", "non-delivery", status="bounced")

        alias = dict(flags=["forwarded"])
        send = self.sendmail
        return [
            functools.partial(send, "mx1", 33, "www-data@example.org", ["kim@example.net"],
                              [("kim@example.net", None, {})]),
            functools.partial(send, "mx1", 0, "root@example.org", ["root"],
                              [("anna@example.org", "root", alias)]),
            functools.partial(send, "mx1", 1001, "dana@example.org", ["carla@example.org", "eva"],
                              [("carla@example.org", None, {}),
                               ("eva@mx1.example.org", "eva", {})]),
            functools.partial(send, "mx1", 33, "anna@example.org", ["kim@example.com"],
                              [("kim@example.com", None, {})], option=("-fanna@example.org",)),
            functools.partial(send, "mx2", 0, "root@mx2.example.org", ["root"],
                              [("emil@kontor.example.org", "root", alias)]),
            functools.partial(send, "mx2", 1001, "gus@mx2.example.org", ["gus", "kim@example.net"],
                              [("gus@mx2.example.org", "gus", {}), ("kim@example.net", None, {})]),
            functools.partial(send, "mx2", 33, "www-data@mx2.example.org",
                              ["ina@kontor.example.org"], [("ina@kontor.example.org", None, {})]),
            cron_bounce,
        ]

    def returned_mail(self):
        """From elsewhere, to an address here that leads nowhere: the sender is told."""
        def agency(ip, sender, notice_status):
            mid = self.inbound("mx1", ip, sender,
                               [("gone.agency@example.net", "agency@example.org",
                                 dict(status="bounced"))])
            if sender:
                self.notice("mx1", mid, sender, "non-delivery", status=notice_status)

        return [functools.partial(agency, "192.0.2.35", "kim@example.net", "sent"),
                functools.partial(agency, "192.0.2.36", "gone.spammer@example.com", "bounced"),
                functools.partial(agency, "192.0.2.37", "", None)]

    # ---- refusals and clients that give up --------------------------------------------------

    def attempt(self, host, ip, code, dsn, sender, recipient, helo="mail.example.net", port=25,
                told=""):
        """`told`: the recipient that the refusal names, if not the one that was tried."""
        smtp = Smtp(host, port, ip, helo)
        replies = smtp.message(sender, [recipient], "")
        if not replies[-1].startswith(code):
            raise AssertionError("%s for %s: %s" % (ip, recipient, replies))
        smtp.quit()
        self.refused(host, ip, code, dsn, sender, recipient if told == "" else told)

    def refusals(self):
        tasks = []

        def add(*args, **more):
            tasks.append(functools.partial(self.attempt, *args, **more))

        anna = "anna@example.org"
        for n in range(4):
            add("mx1", "192.0.2.%d" % (200 + n), "554", "5.7.1", "x%d@example.net" % n,
                "kim@example.com", helo="dsl-%d.example.net" % n)
            add("mx1", "192.0.2.%d" % (206 + n), "550", "5.1.1", "kim@example.net",
                "nobody%d@example.org" % n)
            add("mx2", "192.0.2.%d" % (212 + n), "550", "5.1.1", "kim@example.net",
                "nobody%d@kontor.example.org" % n)
        add("mx1", "2001:db8:a::20", "554", "5.7.1", "x@example.net", "kim@example.com")
        add("mx1", "192.0.2.250", "554", "5.7.1", "kim@example.net", anna)
        add("mx1", "192.0.2.220", "554", "5.7.1", "kim@example.com", anna,
            helo="spam.example.com")
        add("mx1", "192.0.2.221", "450", "4.1.8", "kim@nosuch.example.com", anna)
        add("mx1", "192.0.2.222", "450", "4.7.1", "kim@example.net", "grey@example.org")
        add("mx1", "192.0.2.223", "554", "5.7.1", "", "closed@example.org")
        add("mx1", "192.0.2.224", "554", "5.7.1", anna, "kim@example.com", port=587)
        add("mx2", "192.0.2.225", "450", "4.1.8", "kim@nosuch.example.com",
            "emil@kontor.example.org", told=None)
        add("mx2", "2001:db8:a::21", "554", "5.7.1", "x@example.net", "kim@example.com")
        tasks += [self.refused_at_connect, self.refused_subject, self.discarded_subject,
                  self.one_of_two, self.gives_up, self.falls_silent, self.wrong_password]
        return tasks

    def refused_at_connect(self):
        Smtp("mx2", 25, "198.51.100.220", "mail.example.net").close()
        self.refused("mx2", "198.51.100.220", "554", "5.7.1", None, None)

    def refused_subject(self):
        """cleanup(8) refuses what smtpd(8) had begun to take: the line names a queue id."""
        _, text = self.text("kim@example.net", "refuse-me, from=<x@example.org>")
        smtp = Smtp("mx1", 25, "192.0.2.226", "mail.example.net")
        self.expect_reply(smtp.message("kim@example.net", ["anna@example.org"], text),
                          "250", "250", "550")
        smtp.quit()
        self.refused("mx1", "192.0.2.226", None, "5.7.1", "kim@example.net", "anna@example.org",
                     queued=True)

    def discarded_subject(self):
        """Taken and thrown away before it was in the queue: no record."""
        _, text = self.text("kim@example.net", "discard-me")
        smtp = Smtp("mx1", 25, "192.0.2.227", "mail.example.net")
        self.expect_reply(smtp.message("kim@example.net", ["anna@example.org"], text),
                          "250", "250", "250")
        smtp.quit()

    def one_of_two(self):
        """The second recipient is refused when the mail already has its queue id."""
        sender = "kim@example.net"
        mid, text = self.text(sender)
        smtp = Smtp("mx1", 25, "192.0.2.228", "mail.example.net")
        self.expect_reply(smtp.message(sender, ["anna@example.org", "kim@example.com"], text),
                          "250", "250", "554", "250")
        smtp.quit()
        self.row("mx1", mid, "anna@example.org", sender=sender, ip="192.0.2.228")
        self.refused("mx1", "192.0.2.228", "554", "5.7.1", sender, "kim@example.com", queued=True)

    def gives_up(self):
        """Quits after RCPT: a client= line and nothing after it."""
        for host, recipient in (("mx1", "anna@example.org"), ("mx2", "ina@kontor.example.org")):
            smtp = Smtp(host, 25, "192.0.2.229", "mail.example.net")
            smtp.say("MAIL FROM:<kim@example.net>")
            smtp.say("RCPT TO:<%s>" % recipient)
            smtp.quit()

    def falls_silent(self):
        """The connection breaks in the middle of the data."""
        smtp = Smtp("mx1", 25, "192.0.2.230", "mail.example.net")
        smtp.say("MAIL FROM:<kim@example.net>")
        smtp.say("RCPT TO:<anna@example.org>")
        smtp.say("DATA")
        smtp.send("Subject: half a mess")
        smtp.close()

    def wrong_password(self):
        smtp = Smtp("mx1", 587, "192.0.2.231", "[192.0.2.231]")
        for guess in ("123456", "password"):
            self.expect_reply([smtp.login("anna@example.org", guess)], "535")
        smtp.quit()

    # ---- the administrator ------------------------------------------------------------------

    def queue_id(self, host, recipient):
        """Waits until the mail for `recipient` lies deferred or held, and gives its id."""
        for _ in range(60):
            for line in self.hosts.run(host, "postqueue", "-j").splitlines():
                mail = json.loads(line)
                if (mail["queue_name"] in ("deferred", "hold")
                        and recipient in [r["address"] for r in mail["recipients"]]):
                    return mail["queue_id"]
            time.sleep(0.3)
        raise AssertionError("nothing queued for " + recipient)

    def administration(self):
        def deleted(host, ip, user, recipient):
            self.submit(host, ip, user, [(recipient, None, dict(status="deleted"))])
            self.hosts.run(host, "postsuper", "-d", self.queue_id(host, recipient))

        def held():
            self.inbound("mx1", "192.0.2.56", "kim@example.net", [("ben@example.org", None, {})],
                         subject="hold-me")
            mine = self.queue_id("mx1", "ben@example.org")
            self.hosts.run("mx1", "postsuper", "-H", mine)

        return [functools.partial(deleted, "mx1", "192.0.2.130", "anna@example.org",
                                  "full.delete@example.net"),
                functools.partial(deleted, "mx2", "192.0.2.190", "emil@kontor.example.org",
                                  "full.delete@example.com"),
                functools.partial(self.requeue, "mx1", "192.0.2.131", "anna@example.org",
                                  "busy2.requeue@example.net", "kim@example.com"),
                functools.partial(self.requeue, "mx2", "192.0.2.191", "emil@kontor.example.org",
                                  "busy2.requeue@example.com", "kim@example.net"),
                held]

    def requeue(self, host, ip, user, recipient, other):
        """Put off, put back into the queue under a new id, put off again, taken. The other
        recipient was served under the old id."""
        mid, text = self.text(user, name="mua")
        smtp = Smtp(host, 587, ip, "[%s]" % ip)
        smtp.login(user, "secret-" + user.split("@")[0])
        self.expect_reply(smtp.message(user, [other, recipient], text),
                          "250", "250", "250", "250")
        smtp.quit()
        self.row(host, mid, other, sender=user, ip=ip, sasl=user, ours=True)
        self.row(host, mid, recipient, sender=user, ip=ip, sasl=user, ours=True,
                 flags=["requeued"])
        self.hosts.run(host, "postsuper", "-r", self.queue_id(host, recipient))

    # ---- order -------------------------------------------------------------------------------

    def parts(self):
        """Three parts, one log file each; what is deferred in one is settled in the next."""
        inbound, submitted = self.inbound_mail(), self.submitted_mail()
        refusals = self.refusals()
        return [
            inbound[0::2] + submitted[0::2] + self.hopeless_mail() + self.sessions(0)
            + refusals[0::2],
            self.filtered_mail() + self.local_mail() + self.sessions(1) + refusals[1::2]
            + self.returned_mail(),
            inbound[1::2] + submitted[1::2] + self.administration() + self.sessions(2),
        ]

    def finish(self):
        """Waits for the queues; then two things that are not over when the log ends."""
        for _ in range(180):
            queues = [self.hosts.run(h, "postqueue", "-j") for h in ("mx1", "mx2")]
            if not any(queues):
                break
            time.sleep(1)
        else:
            raise AssertionError("still queued: %s" % queues)
        self.submit("mx1", "192.0.2.132", "anna@example.org",
                    [("full.still@example.net", None, dict(status="deferred", open=True))])
        self.imap("mx1", "192.0.2.133", "ben@example.org", end="open")
