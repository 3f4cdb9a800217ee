"""What happens at the mailboxes: sessions over IMAP, POP3 and ManageSieve, and failed logins."""

import base64
import functools
import time

from wire import Wire


class Sessions:
    """The part of the scenario that reads mail; Scenario brings `truth`, `random` and `open`."""

    def session(self, host, protocol, user, wire, tls=False, status="session"):
        self.truth.append(dict(what="session", host=host, protocol=protocol, recipient=user,
                               ip=wire.ip, port=wire.port, tls=tls, status=status))

    def imap(self, host, ip, user, tls=None, rest=0.0, end="logout", idle=False):
        wire = Wire(host, 993 if tls == "wrapped" else 143, ip, tls == "wrapped")
        wire.line()
        if tls == "starttls":
            wire.send("s STARTTLS")
            wire.until("s ")
            wire.encrypt()
        wire.send('a LOGIN %s secret-%s' % (user, user.split("@")[0]))
        if not wire.until("a ").startswith("a OK"):
            raise AssertionError("no login for " + user)
        for command in ("SELECT INBOX", "UID FETCH 1:* (FLAGS)", "STATUS INBOX (MESSAGES)"):
            wire.send("b " + command)
            if not wire.until("b ").startswith("b OK"):
                raise AssertionError("%s failed for %s" % (command, user))
        if idle:
            wire.send("i IDLE")
            wire.until("+")
        time.sleep(rest)
        if idle and end == "logout":
            wire.send("DONE")
            wire.until("i ")
        if end == "open":
            self.open.append(wire)
            self.session(host, "imap", user, wire, tls is not None, "login")
            return
        if end == "logout":
            wire.send("z LOGOUT")
            wire.until("z ")
        wire.close()
        self.session(host, "imap", user, wire, tls is not None)

    def pop3(self, host, ip, user, tls=None, rest=0.0, end="quit"):
        wire = Wire(host, 995 if tls == "wrapped" else 110, ip, tls == "wrapped")
        wire.line()
        if tls == "starttls":
            wire.send("STLS")
            wire.line()
            wire.encrypt()
        for command in ("USER " + user, "PASS secret-" + user.split("@")[0], "STAT"):
            wire.send(command)
            if not wire.until("+", "-").startswith("+"):
                raise AssertionError("%s refused" % command)
        wire.send("LIST")
        wire.until(".")
        time.sleep(rest)
        if end == "quit":
            wire.send("QUIT")
            wire.line()
        wire.close()
        self.session(host, "pop3", user, wire, tls is not None)

    def sieve(self, ip, user):
        wire = Wire("mx1", 4190, ip)
        wire.until("OK")
        token = base64.b64encode(("\0%s\0secret-%s" % (user, user.split("@")[0])).encode())
        wire.send('AUTHENTICATE "PLAIN" "%s"' % token.decode())
        wire.until("OK")
        wire.send("LISTSCRIPTS")
        wire.until("OK")
        wire.send("LOGOUT")
        wire.until("OK")
        wire.close()
        self.session("mx1", "managesieve", user, wire)

    def failed(self, host, protocol, ip, user):
        """A wrong password: no access, no record."""
        wire = Wire(host, 143 if protocol == "imap" else 110, ip)
        wire.line()
        if protocol == "imap":
            wire.send("a LOGIN %s wrong" % user)
            wire.until("a ")
            wire.send("z LOGOUT")
            wire.until("z ")
        else:
            wire.send("USER " + user)
            wire.line()
            wire.send("PASS wrong")
            wire.line()
            wire.send("QUIT")
            wire.line()
        wire.close()

    def sessions(self, part):
        """About a third of all sessions; `part` keeps the addresses of the parts apart."""
        tasks = []

        def add(do, *args, **more):
            tasks.append(functools.partial(do, *args, **more))

        ways = [None, "starttls", "wrapped"]
        users = {"mx1": ["anna@example.org", "ben@example.org", "carla@example.org"],
                 "mx2": ["emil@kontor.example.org", "ina@kontor.example.org",
                         "fritz@kontor.example.org"]}
        for n in range(12):
            for host in ("mx1", "mx2"):
                ip = "192.0.2.%d" % (100 + 12 * part + n)
                if n % 4 == 3:
                    ip = "2001:db8:a::%d" % (1 + 12 * part + n)
                tls = ways[n % 3] if host == "mx1" else None
                user = users[host][n % 3]
                rest = self.random.choice([0, 0.2, 1.1, 3.4])
                add(self.imap, host, ip, user, tls, rest, "close" if n % 5 == 4 else "logout",
                    n % 6 == 5)
                if n % 2:
                    add(self.pop3, host, ip, user, tls, rest / 3, "close" if n == 7 else "quit")
            if n % 4 == 1:
                add(self.sieve, "192.0.2.%d" % (100 + 12 * part + n), "carla@example.org")
        # Two clients of one mailbox at one address at the same time.
        for host in ("mx1", "mx2"):
            for rest in (2.0, 1.0, 0.5):
                add(self.imap, host, "192.0.2.%d" % (150 + part), users[host][0], None, rest)
            for protocol in ("imap", "pop3"):
                add(self.failed, host, protocol, "192.0.2.%d" % (240 + part), users[host][part])
                add(self.failed, host, protocol, "192.0.2.%d" % (240 + part),
                    "admin@example.org")
        return tasks
